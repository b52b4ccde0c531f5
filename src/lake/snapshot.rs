//! A snapshot: one published state of every table, as one small file.
//!
//! `_snapshots/<n>.json` is created with put-if-absent and never changed.
//! Readers take the highest one, or the one asked for. Those of branches lie
//! elsewhere (`branch.rs`) and share the numbers: none is given twice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};

use super::branch::{Branch, BranchName, FOLDER, FileSet, number};
use super::{Lake, Partitions, store_error};
use crate::error::{Error, Kind, Result};
use crate::name::TableName;

/// The version of what this binary writes; it refuses newer lakes.
pub(super) const FORMAT: u32 = 1;

/// One published state of every table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The layout of this file.
    pub format: u32,
    /// Its number; each publish takes the next that is free.
    pub id: u64,
    /// The branch that it is of; `None` for main.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// The run that published it.
    pub run: String,
    /// The command that published it, such as `refresh`.
    pub command: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// Every table, by name.
    pub tables: BTreeMap<TableName, TableEntry>,
    /// The queries of `queries/checks/` that passed or warned: hashes of
    /// their texts, by name.
    pub checks: BTreeMap<String, String>,
}

/// A table in a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Stored rows, or a query.
    pub kind: EntryKind,
    /// The snapshot that held its rows (or its query) first. With the table's
    /// name it stands for them, also where a rollback brings them back.
    pub changed_in: u64,
    /// The snapshot in which its columns or its partition column changed last:
    /// what was built from it before is built whole.
    pub shaped_in: u64,
    /// Its partitions; a table that is not split has one.
    pub partitions: Partitions,
    /// Rows; of a view 0.
    pub rows: u64,
    /// Data files.
    pub files: u64,
    /// Bytes of data files.
    pub bytes: u64,
    /// Hash of the columns' names and types.
    pub columns: String,
    /// The date column by which files are split.
    pub partition_by: Option<String>,
    /// The order of rows within each file.
    pub order_by: Vec<String>,
    /// Hash of the text that built it.
    pub fingerprint: String,
    /// The checks it passed.
    pub audit: Audit,
    /// The tables it was built from, and the snapshot in which each had
    /// changed last.
    pub inputs: BTreeMap<TableName, u64>,
}

/// How a table of one snapshot becomes as it is in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// It holds other rows, or is another query.
    Other,
    /// It is there, and was not.
    There,
    /// It is gone.
    Gone,
}

/// How a table was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Hash of the checks' texts; empty before the first audit.
    pub checks: String,
    /// Those that hold.
    pub passed: u64,
    /// Those that warned, as the header writes them.
    pub warned: Vec<String>,
    /// The tables that the checks refer to, and the snapshot in which each had
    /// changed last.
    pub referred: BTreeMap<TableName, u64>,
}

/// What a reader finds behind a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A Delta table at this version.
    Table {
        /// The Delta version.
        version: u64,
    },
    /// Stored rows of a branch, of which the table's Delta log knows nothing.
    Files(FileSet),
    /// A query over the same snapshot.
    View {
        /// Its SQL.
        sql: String,
    },
}

impl Snapshot {
    /// How people call it: `snapshot 7`, or `snapshot 7 of branch dev`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.branch {
            None => format!("snapshot {}", self.id),
            Some(branch) => format!("snapshot {} of branch `{}`", self.id, branch.name),
        }
    }

    /// The tables that differ between it and `other`, by name, and how each
    /// becomes as it is there.
    #[must_use]
    pub fn changed_to(&self, other: &Self) -> Vec<(TableName, Becomes)> {
        let names: BTreeSet<&TableName> = self.tables.keys().chain(other.tables.keys()).collect();
        let becomes = |name: &TableName| match (self.tables.get(name), other.tables.get(name)) {
            (Some(_), None) => Some(Becomes::Gone),
            (None, Some(_)) => Some(Becomes::There),
            (Some(here), Some(there)) if here.changed_in != there.changed_in => {
                Some(Becomes::Other)
            }
            _ => None,
        };
        let changed = names.into_iter();
        changed
            .filter_map(|name| Some((name.clone(), becomes(name)?)))
            .collect()
    }

    /// Its file.
    pub(super) fn path(&self) -> Path {
        path_of(self.branch.as_ref().map(|branch| &branch.name), self.id)
    }
}

impl TableEntry {
    /// The Delta version of a stored table; none of a view, and of what only a
    /// branch holds.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        match self.kind {
            EntryKind::Table { version } => Some(version),
            EntryKind::Files(_) | EntryKind::View { .. } => None,
        }
    }

    /// Whether its columns and its split are those of `other`.
    #[must_use]
    pub fn has_shape_of(&self, other: &Self) -> bool {
        self.columns == other.columns && self.partition_by == other.partition_by
    }

    /// Whether it stores rows, rather than a query.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        !matches!(self.kind, EntryKind::View { .. })
    }
}

impl Lake {
    /// The numbers of all snapshots of main, ascending.
    ///
    /// # Errors
    /// When the lake cannot be listed.
    pub async fn snapshot_ids(&self) -> Result<Vec<u64>> {
        let prefix = Path::from("_snapshots");
        let listed: Vec<_> = self
            .store
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(|e| store_error("could not list the snapshots", e))?;
        let id = |path: &Path| number(path.filename()?);
        let mut ids: Vec<u64> = listed.iter().filter_map(|m| id(&m.location)).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The newest snapshot of main; `None` when nothing was published yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn latest(&self) -> Result<Option<Snapshot>> {
        self.newest_of(None).await
    }

    /// The newest snapshot of `branch`, or of main.
    pub(super) async fn newest_of(&self, branch: Option<&BranchName>) -> Result<Option<Snapshot>> {
        let mut missed = None;
        loop {
            let ids = match branch {
                None => self.snapshot_ids().await?,
                Some(name) => self.branch_ids().await?.remove(name).unwrap_or_default(),
            };
            let Some(id) = ids.last().copied() else {
                return Ok(None);
            };
            match self.read_snapshot(branch, id).await? {
                Some(found) => return Ok(Some(found)),
                // A newer one came and maintenance dropped this: look again.
                None if missed < Some(id) => missed = Some(id),
                None => return Err(self.no_snapshot(id).await),
            }
        }
    }

    /// The newest snapshot of main.
    ///
    /// # Errors
    /// When nothing was published yet, or it cannot be read.
    pub async fn require_latest(&self) -> Result<Snapshot> {
        self.latest().await?.ok_or_else(|| {
            Error::usage(format!("nothing is published in `{}` yet", self.location))
                .hint("`cinelake refresh` lands, builds and publishes")
        })
    }

    /// The snapshot `id`, of main or of a branch.
    ///
    /// # Errors
    /// When there is none, it is no longer kept, or a newer cinelake wrote it.
    pub async fn snapshot(&self, id: u64) -> Result<Snapshot> {
        if let Some(found) = self.read_snapshot(None, id).await? {
            return Ok(found);
        }
        for (name, ids) in self.branch_ids().await? {
            if ids.contains(&id)
                && let Some(found) = self.read_snapshot(Some(&name), id).await?
            {
                return Ok(found);
            }
        }
        Err(self.no_snapshot(id).await)
    }

    /// The snapshot `id` of `branch`, or of main; `None` where there is none.
    pub(super) async fn read_snapshot(
        &self,
        branch: Option<&BranchName>,
        id: u64,
    ) -> Result<Option<Snapshot>> {
        let failed = |e| store_error(format!("could not read snapshot {id}"), e);
        let got = match self.store.get(&path_of(branch, id)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            other => other.map_err(failed)?,
        };
        let bytes = got.bytes().await.map_err(failed)?;
        let damaged = |e| Error::data(format!("snapshot {id} is damaged")).because(e);
        let format: Format = serde_json::from_slice(&bytes).map_err(damaged)?;
        if format.format > FORMAT {
            return Err(Error::usage(format!(
                "snapshot {id} was written by a newer cinelake (format {}, this one knows {FORMAT})",
                format.format
            ))
            .hint("use the newer version for this lake"));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// Creates the snapshot's file, if no other took its number.
    ///
    /// # Errors
    /// [`Kind::Busy`] when another run published this number first.
    pub(super) async fn create_snapshot(&self, snapshot: &Snapshot) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(snapshot)
            .map_err(|e| Error::data("could not write the snapshot").because(e))?;
        let options = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        let path = snapshot.path();
        match self
            .store
            .put_opts(&path, PutPayload::from(bytes), options)
            .await
        {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                let branch = snapshot.branch.as_ref().map(|branch| &branch.name);
                let theirs = self.read_snapshot(branch, snapshot.id).await?;
                let theirs = theirs.map(|theirs| theirs.run).unwrap_or_default();
                if theirs == snapshot.run {
                    return Ok(());
                }
                Err(Error::new(
                    Kind::Busy,
                    format!("run {theirs} published snapshot {} first", snapshot.id),
                )
                .hint("nothing of this run is visible; run it again"))
            }
            Err(e) => Err(store_error("could not publish the snapshot", e)),
        }
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn path_of(branch: Option<&BranchName>, id: u64) -> Path {
    Path::from(match branch {
        None => format!("_snapshots/{id}.json"),
        Some(name) => format!("{FOLDER}/{name}/{id}.json"),
    })
}
