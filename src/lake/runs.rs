//! What each run did, kept beside the snapshots: also the runs that failed.
//!
//! `_runs/<run>.json`, one file a run, never changed.

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::{Lake, store_error};
use crate::error::{Error, Result};
use crate::name::TableName;

/// One run of a command that may change the lake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id; later runs have greater ids.
    pub run: String,
    /// The command, such as `refresh`.
    pub command: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// `published`, `failed`, or `done` where there was nothing to publish.
    pub status: String,
    /// The snapshot it published.
    pub snapshot: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// The most memory that the process held, in bytes; `None` where the
    /// system does not say.
    pub peak_memory: Option<u64>,
    /// Rows read from files, landed or rejected.
    pub rows_in: u64,
    /// Rows landed.
    pub rows_landed: u64,
    /// Rows rejected.
    pub rows_rejected: u64,
    /// Tables built.
    pub tables_built: Vec<TableName>,
    /// Every check that was made.
    pub checks: Vec<CheckRecord>,
}

/// One check's result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The table checked; `None` for a query of `queries/checks/`.
    pub table: Option<TableName>,
    /// What was checked, such as `not_null: user_id`.
    pub check: String,
    /// `error` or `warn`.
    pub severity: String,
    /// `passed` or `failed`.
    pub outcome: String,
    /// Rows that failed.
    pub failing_rows: u64,
    /// Up to a hundred of them, as JSON objects.
    pub samples: Vec<String>,
}

impl Lake {
    /// Keeps the record of a run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn record_run(&self, record: &RunRecord) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|e| Error::data("could not write the run's record").because(e))?;
        let path = Path::from(format!("_runs/{}.json", record.run));
        let written = self.store.put(&path, PutPayload::from(bytes)).await;
        written.map_err(|e| store_error("could not write the run's record", e))?;
        self.sync().await
    }

    /// The records of all runs, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn runs(&self) -> Result<Vec<RunRecord>> {
        let failed = |e| store_error("could not read the run history", e);
        let prefix = Path::from("_runs");
        let listed: Vec<_> = self
            .store
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(failed)?;
        stream::iter(listed)
            .map(|meta| async move {
                let got = self.store.get(&meta.location).await.map_err(failed)?;
                let bytes = got.bytes().await.map_err(failed)?;
                serde_json::from_slice(&bytes).map_err(|e| {
                    Error::data("a run's record is damaged")
                        .file(meta.location.as_ref())
                        .because(e)
                })
            })
            .buffered(16)
            .try_collect()
            .await
    }
}
