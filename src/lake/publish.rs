//! Makes staged files visible: all tables at once, or none, across crashes.
//!
//! Publishing is one idea: make each table's Delta head hold exactly the file
//! set that was audited. The steps, each durable before the next:
//!
//! 1. the data files (staged before),
//! 2. `_intent.json`, which holds everything the following steps do,
//! 3. one Delta commit a table,
//! 4. the snapshot's file, which is what readers look at,
//! 5. the intent is deleted.
//!
//! Whoever takes the lease next and finds an intent carries it through
//! ([`Lake::recover`]): its audit passed and its files are there. A head that
//! someone else moved is the same case: what is missing is added, what is too
//! much is removed.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use deltalake_core::kernel::StructType;

use super::delta::{Commit, DeltaVersion, Outcome, SchemaChange, reading_schema, stored_schema};
use super::files::table_folder;
use super::snapshot::FORMAT;
use super::{
    DataFile, EntryKind, Lake, Lease, Snapshot, TableEntry, TableLayout, failpoint, store_error,
};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::name::TableName;

const INTENT: &str = "_intent.json";

/// What one table becomes.
#[derive(Debug, Clone)]
pub struct TableChange {
    /// The table.
    pub name: TableName,
    /// Its columns, partition and order.
    pub layout: TableLayout,
    /// Files to add.
    pub adds: Vec<DataFile>,
    /// Files to remove.
    pub removes: Vec<DataFile>,
    /// Whether the rows stay the same rows in other files, which tells other
    /// readers of the log that there is nothing new.
    pub same_rows: bool,
}

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The run that publishes.
    pub run: String,
    /// The command that publishes, such as `refresh`.
    pub command: String,
    /// The snapshot it builds on; `None` for the first.
    pub base: Option<Snapshot>,
    /// Every table of the new snapshot. The Delta versions of changed tables
    /// are filled in while publishing.
    pub tables: BTreeMap<TableName, TableEntry>,
    /// The check queries that it passed, as in [`Snapshot::checks`].
    pub checks: BTreeMap<String, String>,
    /// The tables whose files change.
    pub changes: Vec<TableChange>,
}

/// The publication as it is written down before anything happens.
#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    format: u32,
    snapshot: Snapshot,
    changes: Vec<IntendedChange>,
}

#[derive(Debug, Serialize, Deserialize)]
struct IntendedChange {
    name: TableName,
    /// The Delta version that `adds` and `removes` start from.
    base: Option<u64>,
    schema: StructType,
    schema_changed: bool,
    partition_by: Option<String>,
    adds: Vec<DataFile>,
    removes: Vec<DataFile>,
    #[serde(default)]
    same_rows: bool,
}

impl Publication {
    /// The number of the snapshot it becomes.
    #[must_use]
    pub fn snapshot_id(&self) -> u64 {
        self.base.as_ref().map_or(1, |base| base.id + 1)
    }
}

impl Lake {
    /// Publishes, and returns the new snapshot.
    ///
    /// # Errors
    /// When something cannot be written. Then either nothing is visible, or
    /// the next [`Lake::recover`] makes all of it visible.
    pub async fn publish(
        &self,
        lease: &Lease,
        publication: Publication,
        clock: &dyn Clock,
    ) -> Result<Snapshot> {
        let intent = intend(publication, clock)?;
        failpoint("publish.staged")?;
        if let Err(e) = self.write_intent(lease, &intent).await {
            self.withdraw(lease).await;
            return Err(e);
        }
        // From here on they are the intent's.
        self.store.staged().clear();
        failpoint("publish.intended")?;
        self.carry_out(intent, clock).await
    }

    async fn write_intent(&self, lease: &Lease, intent: &Intent) -> Result<()> {
        self.sync().await?;
        let bytes = serde_json::to_vec(intent)
            .map_err(|e| Error::data("could not write the intent").because(e))?;
        lease.still_holds()?;
        let path = Path::from(INTENT);
        let written = self.store.put(&path, PutPayload::from(bytes)).await;
        written.map_err(|e| store_error("could not write the intent", e))?;
        self.sync().await
    }

    /// Deletes the files of a publish that did not begin, as far as possible.
    /// As long as its intent might come back, its files stay.
    async fn withdraw(&self, lease: &Lease) {
        if lease.still_holds().is_ok()
            && self.forget_intent().await.is_ok()
            && self.sync().await.is_ok()
        {
            self.discard_staged().await;
        }
    }

    /// Carries through what a run that died had begun to publish.
    ///
    /// Returns the snapshot that became visible by it.
    ///
    /// # Errors
    /// When the lake cannot be read or written.
    pub async fn recover(&self, lease: &Lease, clock: &dyn Clock) -> Result<Option<Snapshot>> {
        let Some(intent) = self.read_intent().await? else {
            return Ok(None);
        };
        failpoint("recover.begun")?;
        lease.still_holds()?;
        let id = intent.snapshot.id;
        if self.snapshot_ids().await?.contains(&id) {
            // Readable, so whole; but perhaps not synced by who wrote it.
            self.snapshot(id).await?;
            self.store
                .mark_unsynced(&Path::from(format!("_snapshots/{id}.json")));
            self.sync().await?;
            self.forget_intent().await?;
            return Ok(None);
        }
        for change in &intent.changes {
            self.require_intended(change).await?;
        }
        self.carry_out(intent, clock).await.map(Some)
    }

    async fn read_intent(&self) -> Result<Option<Intent>> {
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
    async fn require_intended(&self, change: &IntendedChange) -> Result<()> {
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

    async fn carry_out(&self, intent: Intent, clock: &dyn Clock) -> Result<Snapshot> {
        let id = intent.snapshot.id;
        self.carry_through(intent, clock).await.map_err(|e| {
            if e.kind() == Kind::Busy {
                return e;
            }
            let hint = e
                .hint_text()
                .map_or(String::new(), |hint| format!("{hint}; "));
            e.hint(format!(
                "{hint}the next run carries the publish of snapshot {id} through"
            ))
        })
    }

    async fn carry_through(&self, intent: Intent, clock: &dyn Clock) -> Result<Snapshot> {
        let mut snapshot = intent.snapshot;
        for change in &intent.changes {
            let version = self.settle(change, &snapshot, clock).await?;
            failpoint("publish.committed")?;
            if let Some(entry) = snapshot.tables.get_mut(&change.name) {
                entry.kind = EntryKind::Table { version };
            }
        }
        self.sync().await?;
        failpoint("publish.synced")?;
        self.create_snapshot(&snapshot).await?;
        self.sync().await?;
        failpoint("publish.visible")?;
        // It is published; who takes the lease next tries again.
        if let Err(error) = self.forget_intent().await {
            tracing::warn!(%error, "the intent stays");
        }
        failpoint("publish.forgotten")?;
        Ok(snapshot)
    }

    /// Makes the table's head hold the intended files; returns its version.
    async fn settle(
        &self,
        change: &IntendedChange,
        snapshot: &Snapshot,
        clock: &dyn Clock,
    ) -> Result<u64> {
        let mut next = change.base.map_or(0, |base| base + 1);
        let mut adds = change.adds.clone();
        let mut removes = change.removes.clone();
        let mut schema_changed = change.schema_changed;
        let mut same_rows = change.same_rows;
        let mut head: Option<DeltaVersion> = match (schema_changed, change.base) {
            (true, Some(base)) => self.delta_version(&change.name, Some(base)).await?,
            _ => None,
        };
        loop {
            let commit = Commit {
                run: &snapshot.run,
                publish: snapshot.id,
                schema: schema_changed.then_some(SchemaChange {
                    schema: &change.schema,
                    partition_by: change.partition_by.as_deref(),
                    before: head.as_ref(),
                }),
                partition_by: change.partition_by.as_deref(),
                adds: &adds,
                removes: &removes,
                same_rows,
                now: clock.now().timestamp_millis(),
            };
            match self.commit(&change.name, next, &commit).await? {
                Outcome::Committed => return Ok(next),
                Outcome::VersionTaken => {}
            }
            // Someone moved the head: this publish before a crash, or another
            // writer. Compare what it holds with what it should hold.
            let at = self
                .delta_version(&change.name, None)
                .await?
                .ok_or_else(|| {
                    Error::data(format!("the Delta log of `{}` is damaged", change.name))
                        .hint(super::doctor::HINT)
                })?;
            self.touch_log(&change.name, at.version);
            (adds, removes) = self.difference(change, &at).await?;
            same_rows = false;
            schema_changed = at.schema != reading_schema(&change.schema)?
                || at.partition_by() != change.partition_by.as_deref();
            if adds.is_empty() && removes.is_empty() && !schema_changed {
                return Ok(at.version);
            }
            next = at.version + 1;
            head = Some(at);
        }
    }

    /// What must be added to and removed from `head` to hold the intended set.
    async fn difference(
        &self,
        change: &IntendedChange,
        head: &DeltaVersion,
    ) -> Result<(Vec<DataFile>, Vec<DataFile>)> {
        let base = match change.base {
            Some(version) => self.delta_version(&change.name, Some(version)).await?,
            None => None,
        };
        let removed: BTreeSet<&str> = change.removes.iter().map(|f| f.path.as_str()).collect();
        let mut wanted: BTreeMap<&str, &DataFile> = BTreeMap::new();
        let kept = base.iter().flat_map(|b| &b.files);
        for file in kept
            .filter(|f| !removed.contains(f.path.as_str()))
            .chain(&change.adds)
        {
            wanted.insert(&file.path, file);
        }
        let held: BTreeSet<&str> = head.files.iter().map(|f| f.path.as_str()).collect();
        let adds = wanted.values().filter(|f| !held.contains(f.path.as_str()));
        let removes = head
            .files
            .iter()
            .filter(|f| !wanted.contains_key(f.path.as_str()));
        Ok((
            adds.map(|f| (*f).clone()).collect(),
            removes.cloned().collect(),
        ))
    }

    /// A commit that a dead process wrote may not be synced yet.
    fn touch_log(&self, name: &TableName, version: u64) {
        let path = format!("{}/_delta_log/{version:020}.json", table_folder(name));
        self.store.mark_unsynced(&Path::from(path));
    }

    async fn forget_intent(&self) -> Result<()> {
        self.store.mark_unsynced(&Path::from(INTENT));
        match self.store.delete(&Path::from(INTENT)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(store_error("could not delete the intent", e)),
        }
    }
}

fn intend(publication: Publication, clock: &dyn Clock) -> Result<Intent> {
    let id = publication.snapshot_id();
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
        snapshot: Snapshot {
            format: FORMAT,
            id,
            run: publication.run,
            command: publication.command,
            published_at: clock.now(),
            tables: publication.tables,
            checks: publication.checks,
        },
    })
}
