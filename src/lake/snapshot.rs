//! A snapshot: one published state of every table, as one small file.
//!
//! `_snapshots/<n>.json` is created with put-if-absent and never changed.
//! Readers take the highest one, or the one asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};

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
    /// Its number; each publish takes the next.
    pub id: u64,
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
    /// A query over the same snapshot.
    View {
        /// Its SQL.
        sql: String,
    },
}

impl TableEntry {
    /// The Delta version of a stored table.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        match self.kind {
            EntryKind::Table { version } => Some(version),
            EntryKind::View { .. } => None,
        }
    }
}

impl Lake {
    /// The numbers of all snapshots, ascending.
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
        let id = |path: &Path| path.filename()?.strip_suffix(".json")?.parse().ok();
        let mut ids: Vec<u64> = listed.iter().filter_map(|m| id(&m.location)).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The newest snapshot; `None` when nothing was published yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn latest(&self) -> Result<Option<Snapshot>> {
        let mut missed = None;
        loop {
            let Some(id) = self.snapshot_ids().await?.last().copied() else {
                return Ok(None);
            };
            match self.snapshot(id).await {
                // A newer one came and maintenance dropped this: look again.
                Err(e) if e.kind() == Kind::Usage && missed < Some(id) => missed = Some(id),
                found => return found.map(Some),
            }
        }
    }

    /// The newest snapshot.
    ///
    /// # Errors
    /// When nothing was published yet, or it cannot be read.
    pub async fn require_latest(&self) -> Result<Snapshot> {
        self.latest().await?.ok_or_else(|| {
            Error::usage(format!("nothing is published in `{}` yet", self.location))
                .hint("`cinelake refresh` lands, builds and publishes")
        })
    }

    /// The snapshot `id`.
    ///
    /// # Errors
    /// When there is none, it is no longer kept, or a newer cinelake wrote it.
    pub async fn snapshot(&self, id: u64) -> Result<Snapshot> {
        let path = snapshot_path(id);
        let got = match self.store.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(self.no_snapshot(id).await),
            other => other.map_err(|e| store_error(format!("could not read snapshot {id}"), e))?,
        };
        let bytes = got
            .bytes()
            .await
            .map_err(|e| store_error(format!("could not read snapshot {id}"), e))?;
        let damaged = |e| Error::data(format!("snapshot {id} is damaged")).because(e);
        let format: Format = serde_json::from_slice(&bytes).map_err(damaged)?;
        if format.format > FORMAT {
            return Err(Error::usage(format!(
                "snapshot {id} was written by a newer cinelake (format {}, this one knows {FORMAT})",
                format.format
            ))
            .hint("use the newer version for this lake"));
        }
        serde_json::from_slice(&bytes).map_err(damaged)
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
        let path = snapshot_path(snapshot.id);
        match self
            .store
            .put_opts(&path, PutPayload::from(bytes), options)
            .await
        {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                let theirs = self.snapshot(snapshot.id).await?;
                if theirs.run == snapshot.run {
                    return Ok(());
                }
                Err(Error::new(
                    Kind::Busy,
                    format!(
                        "run {} published snapshot {} first",
                        theirs.run, snapshot.id
                    ),
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

fn snapshot_path(id: u64) -> Path {
    Path::from(format!("_snapshots/{id}.json"))
}
