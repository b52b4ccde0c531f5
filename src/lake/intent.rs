//! The intent: a publish as it is written down before anything happens, so
//! that whoever takes the lease next can carry it through.

use deltalake_core::kernel::StructType;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::delta::stored_schema;
use super::files::table_folder;
use super::snapshot::FORMAT;
use super::{DataFile, Lake, Lease, Publication, Restatement, Snapshot, TableEntry, store_error};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::name::TableName;

const INTENT: &str = "_intent.json";

/// The publication as it is written down before anything happens.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    format: u32,
    pub(super) snapshot: Snapshot,
    pub(super) changes: Vec<IntendedChange>,
    #[serde(default)]
    pub(super) restatements: Vec<Restatement>,
}

/// What is to become of a table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IntendedChange {
    pub(super) name: TableName,
    /// The Delta version that `adds` and `removes` start from.
    pub(super) base: Option<u64>,
    pub(super) schema: StructType,
    pub(super) schema_changed: bool,
    pub(super) partition_by: Option<String>,
    pub(super) adds: Vec<DataFile>,
    pub(super) removes: Vec<DataFile>,
    #[serde(default)]
    pub(super) same_rows: bool,
}

impl Lake {
    /// Writes an intent down, once the files that it names are synced.
    pub(super) async fn write_intent(&self, lease: &Lease, intent: &Intent) -> Result<()> {
        self.sync().await?;
        let bytes = serde_json::to_vec(intent)
            .map_err(|e| Error::data("could not write the intent").because(e))?;
        lease.still_holds()?;
        let path = Path::from(INTENT);
        let written = self.store.put(&path, PutPayload::from(bytes)).await;
        written.map_err(|e| store_error("could not write the intent", e))?;
        self.sync().await
    }

    /// The intent of a run that died.
    pub(super) async fn read_intent(&self) -> Result<Option<Intent>> {
        let failed = |e| store_error("could not read the intent", e);
        let got = match self.store.get(&Path::from(INTENT)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            other => other.map_err(failed)?,
        };
        let bytes = got.bytes().await.map_err(failed)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Error::data("the intent of a run that died is damaged")
                .file(INTENT)
                .because(e)
                .hint("nothing of that run is visible; delete the file and run again")
        })
    }

    /// The paths of all files that such an intent adds.
    pub(super) async fn intended_files(&self) -> Result<Vec<String>> {
        let changes = self.read_intent().await?.map_or(Vec::new(), |i| i.changes);
        let paths = changes.iter().flat_map(|change| {
            let folder = table_folder(&change.name);
            let path = move |file: &DataFile| format!("{folder}/{}", file.path);
            change.adds.iter().map(path)
        });
        Ok(paths.collect())
    }

    /// Refuses to commit files that are not there.
    pub(super) async fn require_intended(&self, change: &IntendedChange) -> Result<()> {
        let table = table_folder(&change.name);
        for file in &change.adds {
            let path = Path::from(format!("{table}/{}", file.path));
            if self.missing(path, file.size).await?.is_some() {
                return Err(Error::data(format!(
                    "a run that died was to publish `{table}/{}`, which is missing or cut short",
                    file.path
                ))
                .file(INTENT)
                .hint("nothing of that run is visible; delete the file and run again"));
            }
        }
        Ok(())
    }

    /// Whether a run that died left a publish to be carried through; the
    /// number of its snapshot.
    ///
    /// # Errors
    /// When the intent cannot be read.
    pub(super) async fn intended(&self) -> Result<Option<u64>> {
        Ok(self.read_intent().await?.map(|intent| intent.snapshot.id))
    }

    /// Deletes the intent; the next sync makes it last.
    pub(super) async fn forget_intent(&self) -> Result<()> {
        self.store.mark_unsynced(&Path::from(INTENT));
        match self.store.delete(&Path::from(INTENT)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(store_error("could not delete the intent", e)),
        }
    }
}

/// What publishing `publication` does.
pub(super) fn intend(publication: Publication, clock: &dyn Clock) -> Result<Intent> {
    let mut changes = Vec::new();
    for change in publication.changes {
        let before = publication
            .base
            .as_ref()
            .and_then(|b| b.tables.get(&change.name));
        let base = before.and_then(TableEntry::version);
        let after = publication.tables.get(&change.name);
        let columns =
            |entry: Option<&TableEntry>| entry.map(|e| (e.columns.clone(), e.partition_by.clone()));
        let schema_changed = base.is_none() || columns(before) != columns(after);
        changes.push(IntendedChange {
            schema: stored_schema(&change.name, &change.layout.schema)?,
            name: change.name,
            base,
            schema_changed,
            partition_by: change.layout.partition_by,
            adds: change.adds,
            removes: change.removes,
            same_rows: change.same_rows,
        });
    }
    Ok(Intent {
        format: FORMAT,
        changes,
        restatements: publication.restatements,
        snapshot: Snapshot {
            format: FORMAT,
            id: publication.id,
            branch: None,
            run: publication.run,
            command: publication.command,
            published_at: clock.now(),
            tables: publication.tables,
            checks: publication.checks,
        },
    })
}
