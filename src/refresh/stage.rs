//! What a run has staged so far: files, and how readers see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::delta::Deltas;
use super::plan::Extent;
use super::workspace::Workspace;
use crate::engine::{Scope, Session, Staged, Strategy};
use crate::error::Result;
use crate::lake::{
    DataFile, EntryKind, PartitionValue, Partitions, Snapshot, TableChange, TableEntry, TableFiles,
    TableLayout,
};
use crate::model::Model;
use crate::name::TableName;

/// The tables that change in a run, and their files.
pub(super) struct Stage<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) base: Option<Arc<Snapshot>>,
    id: u64,
    scope: Scope,
    entries: BTreeMap<TableName, TableEntry>,
    changes: BTreeMap<TableName, TableChange>,
    deltas: Deltas,
}

/// What a staged table's entry says besides its files.
#[derive(Default)]
pub(super) struct Provenance {
    pub(super) fingerprint: String,
    pub(super) inputs: BTreeSet<TableName>,
}

/// A staged table's parts.
pub(super) struct StagedTable {
    pub(super) layout: TableLayout,
    pub(super) kept: Vec<DataFile>,
    pub(super) adds: Vec<DataFile>,
    pub(super) removes: Vec<DataFile>,
}

impl<'a> Stage<'a> {
    /// Nothing staged yet, on top of `base`; `id` is the number of the
    /// snapshot that it becomes.
    pub(super) fn new(workspace: &'a Workspace, base: Option<Arc<Snapshot>>, id: u64) -> Self {
        Self {
            workspace,
            id,
            scope: Scope {
                snapshot: base.clone(),
                ..Scope::default()
            },
            base,
            entries: BTreeMap::new(),
            changes: BTreeMap::new(),
            deltas: Deltas::default(),
        }
    }

    /// What differs of each table, as far as it was asked for.
    pub(super) fn deltas(&self) -> &Deltas {
        &self.deltas
    }

    /// A session that sees what is staged in front of what is published.
    pub(super) fn session(&self, strategy: Strategy) -> Result<Session> {
        self.workspace.engine.session(self.scope.clone(), strategy)
    }

    /// What is staged in front of what is published.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The number of the snapshot that this run publishes.
    pub(super) fn snapshot_id(&self) -> u64 {
        self.id
    }

    /// A session that also sees some files of the table `of` under names of
    /// their own.
    pub(super) fn session_with(
        &self,
        of: &TableName,
        layout: &TableLayout,
        parts: &[(TableName, &[DataFile])],
    ) -> Result<Session> {
        let mut scope = self.scope.clone();
        for (name, files) in parts {
            let files = TableFiles {
                name: of.clone(),
                schema: Arc::clone(&layout.schema),
                partition_by: layout.partition_by.clone(),
                order_by: layout.order_by.clone(),
                files: files.to_vec(),
            };
            scope
                .staged
                .insert(name.clone(), Staged::Files(Arc::new(files)));
        }
        self.workspace.engine.session(scope, Strategy::Fastest)
    }

    /// The parts of a staged table.
    pub(super) fn staged(&self, name: &TableName) -> Option<StagedTable> {
        let change = self.changes.get(name)?;
        let Some(Staged::Files(all)) = self.scope.staged.get(name) else {
            return None;
        };
        let added: BTreeSet<&str> = change.adds.iter().map(|f| f.path.as_str()).collect();
        let kept = all
            .files
            .iter()
            .filter(|f| !added.contains(f.path.as_str()));
        Some(StagedTable {
            layout: change.layout.clone(),
            kept: kept.cloned().collect(),
            adds: change.adds.clone(),
            removes: change.removes.clone(),
        })
    }

    /// The published files of `name`; none when it is not published.
    pub(super) async fn published(&self, name: &TableName) -> Result<Vec<DataFile>> {
        let entry = self.base.as_ref().and_then(|base| base.tables.get(name));
        match entry.filter(|entry| entry.is_stored()) {
            Some(entry) => Ok(self
                .workspace
                .engine
                .files(name, entry)
                .await?
                .files
                .clone()),
            None => Ok(Vec::new()),
        }
    }

    /// Stages `name` as `files`, of which `adds` are new, without `removes`.
    pub(super) fn table(
        &mut self,
        name: &TableName,
        layout: TableLayout,
        kept: Vec<DataFile>,
        adds: Vec<DataFile>,
        removes: Vec<DataFile>,
        provenance: Provenance,
    ) {
        let files = Arc::new(TableFiles {
            name: name.clone(),
            schema: Arc::clone(&layout.schema),
            partition_by: layout.partition_by.clone(),
            order_by: layout.order_by.clone(),
            files: kept.iter().chain(&adds).cloned().collect(),
        });
        let columns = layout.columns_hash();
        let id = self.snapshot_id();
        let before = self.base.as_ref().and_then(|base| base.tables.get(name));
        let known = before.map(|b| b.partitions.clone()).unwrap_or_default();
        let same_shape = |b: &&TableEntry| {
            b.is_stored() && b.columns == columns && b.partition_by == layout.partition_by
        };
        let (shaped_in, partitions) = match before.filter(same_shape) {
            Some(before) => (
                before.shaped_in,
                Partitions::after(&known, id, &kept, &adds, &removes),
            ),
            None => {
                let unknown = Partitions::default();
                let all = Partitions::after(&unknown, id, &[], &files.files, &[]);
                (id, all.all_changed(&known, id))
            }
        };
        let entry = TableEntry {
            // The Delta version is known once it is published.
            kind: EntryKind::Table { version: 0 },
            changed_in: match before {
                Some(before) if shaped_in != id && adds.is_empty() && removes.is_empty() => {
                    before.changed_in
                }
                _ => id,
            },
            shaped_in,
            partitions,
            rows: files.rows(),
            files: files.files.len() as u64,
            bytes: files.bytes(),
            columns,
            partition_by: layout.partition_by.clone(),
            order_by: layout.order_by.clone(),
            inputs: self.versions(&provenance.inputs),
            fingerprint: provenance.fingerprint,
            audit: before.map(|b| b.audit.clone()).unwrap_or_default(),
        };
        self.entries.insert(name.clone(), entry);
        self.scope.staged.insert(name.clone(), Staged::Files(files));
        let change = TableChange {
            name: name.clone(),
            layout,
            adds,
            removes,
            same_rows: false,
        };
        self.changes.insert(name.clone(), change);
    }

    /// The parts of a staged table that is published in the same shape.
    pub(super) fn grown(&self, name: &TableName) -> Option<StagedTable> {
        let entry = self.entries.get(name)?;
        let is_new = entry.shaped_in == self.snapshot_id();
        self.staged(name).filter(|_| !is_new)
    }

    /// Keeps the published rows of `name`, which were built again and are the
    /// same.
    pub(super) fn same_rows(&mut self, name: &TableName, provenance: Provenance) {
        let inputs = self.versions(&provenance.inputs);
        if let Some(entry) = self.entry_mut(name) {
            entry.fingerprint = provenance.fingerprint;
            entry.inputs = inputs;
        }
    }

    /// Which partitions of `name` this run changes; `None` when the table is
    /// new, is not split or looks otherwise than before.
    pub(super) fn changed_partitions(&self, name: &TableName) -> Option<Vec<PartitionValue>> {
        let Some(entry) = self.entries.get(name) else {
            return Some(Vec::new());
        };
        let id = self.snapshot_id();
        let by_partition = entry.partition_by.is_some() && entry.shaped_in != id;
        if entry.changed_in != id {
            return Some(Vec::new());
        }
        by_partition.then(|| entry.partitions.changed_after(id - 1).collect())
    }

    /// Stages a view as the query `sql`, which was read within `extent` and
    /// had so many rows by partition.
    pub(super) fn view(
        &mut self,
        model: &Model,
        sql: &str,
        extent: &Extent,
        rows: &BTreeMap<PartitionValue, u64>,
        provenance: Provenance,
    ) {
        let name = &model.name;
        let id = self.snapshot_id();
        let before = self.base.as_ref().and_then(|base| base.tables.get(name));
        let known = before.map(|b| b.partitions.clone()).unwrap_or_default();
        let (shaped_in, partitions) = match extent {
            Extent::Partitions { days, .. } => {
                // A view's rows without a value may be others, as many as before.
                let without = known.get(None).filter(|p| p.rows > 0).map(|p| p.value);
                let read = days.iter().map(|day| Some(*day)).chain(without);
                let partitions = Partitions::of_view(&known, id, read, rows);
                (before.map_or(id, |b| b.shaped_in), partitions)
            }
            Extent::Whole => {
                let read = known.iter().map(|p| p.value);
                (id, Partitions::of_view(&known, id, read, rows))
            }
        };
        let entry = TableEntry {
            kind: EntryKind::View {
                sql: sql.to_owned(),
            },
            changed_in: id,
            shaped_in,
            partitions,
            rows: 0,
            files: 0,
            bytes: 0,
            columns: String::new(),
            partition_by: model.header.partition_by.clone(),
            order_by: Vec::new(),
            inputs: self.versions(&provenance.inputs),
            fingerprint: provenance.fingerprint,
            audit: before.map(|b| b.audit.clone()).unwrap_or_default(),
        };
        self.entries.insert(name.clone(), entry);
        self.scope
            .staged
            .insert(name.clone(), Staged::View(sql.to_owned()));
    }

    /// The tables whose rows or query change, by name.
    pub(super) fn changed(&self) -> BTreeSet<TableName> {
        self.scope.staged.keys().cloned().collect()
    }

    /// The staged entry of `name`, or the published one.
    pub(super) fn entry(&self, name: &TableName) -> Option<&TableEntry> {
        let published = || self.base.as_ref()?.tables.get(name);
        self.entries.get(name).or_else(published)
    }

    /// The staged entry of `name`, or the published one, to be changed.
    pub(super) fn entry_mut(&mut self, name: &TableName) -> Option<&mut TableEntry> {
        if !self.entries.contains_key(name) {
            let published = self.base.as_ref()?.tables.get(name)?.clone();
            self.entries.insert(name.clone(), published);
        }
        self.entries.get_mut(name)
    }

    /// Deletes the new files: nothing of this run is published.
    ///
    /// What cannot be deleted belongs to no table and harms nobody.
    pub(super) async fn discard(self) {
        self.workspace.lake().discard_staged().await;
    }

    /// Every table after this run, without those that it drops.
    pub(super) fn tables(&self, dropped: &[TableName]) -> BTreeMap<TableName, TableEntry> {
        let base = self.base.as_ref();
        let mut tables = base.map(|base| base.tables.clone()).unwrap_or_default();
        tables.extend(self.entries.clone());
        tables.retain(|name, _| !dropped.contains(name));
        tables
    }

    /// Everything a publication needs: all entries and the changed files.
    pub(super) fn into_parts(
        self,
        dropped: &[TableName],
    ) -> (BTreeMap<TableName, TableEntry>, Vec<TableChange>) {
        let tables = self.tables(dropped);
        (tables, self.changes.into_values().collect())
    }

    /// In which snapshot each of `inputs` changed last, as this run sees it.
    pub(super) fn versions(&self, inputs: &BTreeSet<TableName>) -> BTreeMap<TableName, u64> {
        let version = |name: &TableName| {
            let staged = self.entries.get(name);
            let published = self.base.as_ref().and_then(|base| base.tables.get(name));
            staged
                .or(published)
                .map(|entry| (name.clone(), entry.changed_in))
        };
        inputs.iter().filter_map(version).collect()
    }
}
