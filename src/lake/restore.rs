//! How the tables of another snapshot, an older one or a branch's, become those
//! of a new one.
//!
//! Nothing is rewritten: data files are immutable, so any state is a choice of
//! files that are still there. What this plans is published like anything else
//! ([`Lake::publish`]).

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::files::table_folder;
use super::{
    DataFile, EntryKind, Lake, Snapshot, TableChange, TableEntry, TableLayout, store_error,
};
use crate::error::{Error, Result};
use crate::name::TableName;

/// Files that are named in an error.
const NAMED: usize = 5;

/// The tables of a snapshot, ready to be published on top of another.
#[derive(Debug, Clone)]
pub struct Restoration {
    /// Every table of the snapshot. Their `changed_in` and `inputs` are
    /// as they were: a table and a `changed_in` always mean the same rows.
    pub tables: BTreeMap<TableName, TableEntry>,
    /// The tables whose Delta heads must hold other files.
    pub changes: Vec<TableChange>,
}

impl Lake {
    /// Plans to publish the tables of `to` on top of `from`.
    ///
    /// # Errors
    /// When a log cannot be read, or files of `to` are no longer there.
    pub async fn restoration(&self, from: &Snapshot, to: &Snapshot) -> Result<Restoration> {
        let mut tables = to.tables.clone();
        let mut changes = Vec::new();
        for (name, entry) in &mut tables {
            if !entry.is_stored() {
                continue;
            }
            let now = from.tables.get(name).filter(|e| e.is_stored());
            match (self.change_to(name, now, entry).await?, now) {
                (Some(change), _) => {
                    // The Delta version is known once it is published.
                    entry.kind = EntryKind::Table { version: 0 };
                    changes.push(change);
                }
                // The same files under the version that is the head now.
                (None, Some(now)) => entry.kind = now.kind.clone(),
                (None, None) => {}
            }
        }
        self.require_files(to, &changes).await?;
        Ok(Restoration { tables, changes })
    }

    /// What makes the files of `now` those of `then`; `None` when they are.
    async fn change_to(
        &self,
        name: &TableName,
        now: Option<&TableEntry>,
        then: &TableEntry,
    ) -> Result<Option<TableChange>> {
        if now.is_some_and(|now| now.kind == then.kind) {
            return Ok(None);
        }
        let wanted = self.files(name, then).await?;
        let held = match now {
            Some(now) => self.files(name, now).await?.files,
            None => Vec::new(),
        };
        let adds = without(&wanted.files, &held);
        let removes = without(&held, &wanted.files);
        let same_columns = now.is_some_and(|now| now.has_shape_of(then));
        if adds.is_empty() && removes.is_empty() && same_columns {
            return Ok(None);
        }
        let layout = TableLayout {
            schema: wanted.schema,
            partition_by: wanted.partition_by,
            order_by: wanted.order_by,
        };
        Ok(Some(TableChange {
            name: name.clone(),
            layout,
            adds,
            removes,
            same_rows: false,
        }))
    }

    async fn require_files(&self, snapshot: &Snapshot, changes: &[TableChange]) -> Result<()> {
        let files: Vec<(Path, u64)> = changes
            .iter()
            .flat_map(|change| change.adds.iter().map(|file| (&change.name, file)))
            .map(|(name, file)| {
                let path = format!("{}/{}", table_folder(name), file.path);
                (Path::from(path), file.size)
            })
            .collect();
        let count = files.len();
        let missing: Vec<Option<String>> = stream::iter(files)
            .map(|(path, size)| self.missing(path, size))
            .buffered(16)
            .try_collect()
            .await?;
        let missing: Vec<String> = missing.into_iter().flatten().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let more = match missing.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let named = missing[..missing.len().min(NAMED)].join(", ");
        let are = if missing.len() == 1 { "is" } else { "are" };
        let (label, count_missing) = (snapshot.label(), missing.len());
        Err(match &snapshot.branch {
            None => Error::io(format!(
                "{label} cannot come back: {count_missing} of {count} files to bring back {are} \
                 missing: {named}{more}"
            ))
            .hint(
                "bring them back from a backup, or go back to another snapshot: \
                 `cinelake snapshots` lists them",
            ),
            Some(branch) => Error::io(format!(
                "{label} cannot be published: {count_missing} of {count} files to publish {are} \
                 missing: {named}{more}"
            ))
            .hint(format!(
                "`cinelake branches --drop {0}` and `cinelake refresh --branch {0}` build it again",
                branch.name
            )),
        })
    }

    /// The path, where no file of that size lies there.
    pub(super) async fn missing(&self, path: Path, size: u64) -> Result<Option<String>> {
        match self.store.head(&path).await {
            Ok(meta) if meta.size == size => Ok(None),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(Some(path.to_string())),
            Err(e) => Err(store_error(format!("could not look at `{path}`"), e)),
        }
    }
}

/// Those of `files` that `others` lacks.
pub(super) fn without(files: &[DataFile], others: &[DataFile]) -> Vec<DataFile> {
    let others: BTreeSet<&str> = others.iter().map(|f| f.path.as_str()).collect();
    let kept = files.iter().filter(|f| !others.contains(f.path.as_str()));
    kept.cloned().collect()
}
