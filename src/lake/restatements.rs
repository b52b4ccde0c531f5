//! What publishes said anew: numbers of months that were over already.
//!
//! `_restatements/<snapshot>.json`, written with the publish that they belong
//! to, before its snapshot is visible, and never changed. They outlive the
//! snapshots, whose retention is shorter than a company's memory.

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::{Lake, Snapshot, store_error};
use crate::error::{Error, Result};
use crate::name::TableName;

const FOLDER: &str = "_restatements";

/// A number of a closed month that a publish changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restatement {
    /// The table.
    pub table: TableName,
    /// The month's first day, `YYYY-MM-DD`.
    pub month: String,
    /// The other columns of the table's grain, as a JSON object; `None` where
    /// the month is all of it.
    pub row: Option<String>,
    /// The metric; `None` where only the number of changed rows is told.
    pub metric: Option<String>,
    /// Its value before, as text; `None` for null and for a row that was not
    /// there.
    pub before: Option<String>,
    /// Its value after, likewise.
    pub after: Option<String>,
    /// Rows of the month that changed.
    pub rows: u64,
    /// The files, with their lines, and the changed models from which the
    /// table is built.
    pub causes: Vec<String>,
}

/// The restatements of one publish.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restated {
    /// The snapshot.
    pub snapshot: u64,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// What it changed.
    pub restatements: Vec<Restatement>,
}

impl Lake {
    /// Keeps what `snapshot` restates; nothing where that is nothing.
    pub(super) async fn keep_restatements(
        &self,
        snapshot: &Snapshot,
        restatements: &[Restatement],
    ) -> Result<()> {
        let path = Path::from(format!("{FOLDER}/{}.json", snapshot.id));
        // One may lie there whose publish was given up: its intent was deleted.
        if restatements.is_empty() && !self.is_there(&path).await? {
            return Ok(());
        }
        let restated = Restated {
            snapshot: snapshot.id,
            published_at: snapshot.published_at,
            restatements: restatements.to_vec(),
        };
        let bytes = serde_json::to_vec_pretty(&restated)
            .map_err(|e| Error::data("could not write the restatements").because(e))?;
        let written = self.store.put(&path, PutPayload::from(bytes)).await;
        written.map_err(|e| store_error("could not write the restatements", e))?;
        Ok(())
    }

    async fn is_there(&self, path: &Path) -> Result<bool> {
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(store_error(format!("could not look at `{path}`"), e)),
        }
    }

    /// What was restated up to the snapshot `seen`, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn restatements(&self, seen: u64) -> Result<Vec<Restated>> {
        let id =
            |path: &Path| -> Option<u64> { path.filename()?.strip_suffix(".json")?.parse().ok() };
        let listed = self.list(FOLDER).await?;
        let mut paths: Vec<(u64, Path)> = listed
            .into_iter()
            .filter_map(|meta| Some((id(&meta.location)?, meta.location)))
            // Those of a publish that is not visible yet are not there.
            .filter(|(id, _)| *id <= seen)
            .collect();
        paths.sort_unstable();
        stream::iter(paths)
            .map(|(_, path)| async move {
                let failed = |e| store_error("could not read the restatements", e);
                let got = self.store.get(&path).await.map_err(failed)?;
                let bytes = got.bytes().await.map_err(failed)?;
                serde_json::from_slice(&bytes).map_err(|e| {
                    Error::data("the record of restatements is damaged")
                        .file(path.as_ref())
                        .because(e)
                })
            })
            .buffered(16)
            .try_collect()
            .await
    }
}
