//! Makes staged files visible: all tables at once, or none, across crashes.
//!
//! Publishing is one idea: make each table's Delta head hold exactly the file
//! set that was audited. The steps, each durable before the next:
//!
//! 1. the data files (staged before),
//! 2. `_intent.json`, which holds everything the following steps do,
//! 3. one Delta commit a table, and what the publish restates,
//! 4. the snapshot's file, which is what readers look at,
//! 5. the intent is deleted.
//!
//! Whoever takes the lease next and finds an intent carries it through
//! ([`Lake::recover`]): its audit passed and its files are there. A head that
//! someone else moved is the same case: what is missing is added, what is too
//! much is removed.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;

use super::delta::{Commit, DeltaVersion, Outcome, SchemaChange, reading_schema};
use super::files::table_folder;
use super::intent::{IntendedChange, Intent, intend};
use super::{
    DataFile, EntryKind, Lake, Lease, Restatement, Snapshot, TableEntry, TableLayout, failpoint,
};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::name::TableName;

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
    /// The number of the snapshot that it becomes, see [`Lake::next_id`].
    pub id: u64,
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
    /// Numbers of closed months that change, kept beside the snapshot.
    pub restatements: Vec<Restatement>,
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
        let base = publication.base.as_ref().map(|base| base.id);
        let intent = intend(publication, clock)?;
        failpoint("publish.staged")?;
        if let Err(e) = self.require_newest(base).await {
            self.discard_staged().await;
            return Err(e);
        }
        if let Err(e) = self.write_intent(lease, &intent).await {
            self.withdraw(lease).await;
            return Err(e);
        }
        // From here on they are the intent's.
        self.store.staged().clear();
        failpoint("publish.intended")?;
        self.carry_out(intent, clock).await
    }

    /// Makes sure that nobody published since the snapshot `base`: numbers have
    /// gaps, so that the next one may be free although another run took one.
    async fn require_newest(&self, base: Option<u64>) -> Result<()> {
        let newest = self.snapshot_ids().await?.last().copied();
        match newest {
            Some(theirs) if base < newest => Err(Error::new(
                Kind::Busy,
                format!("another run published snapshot {theirs} first"),
            )
            .hint("nothing of this run is visible; run it again")),
            _ => Ok(()),
        }
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
        self.keep_restatements(&snapshot, &intent.restatements)
            .await?;
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
}
