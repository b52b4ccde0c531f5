//! A run from its lease to its record.

use chrono::{DateTime, Utc};

use super::audit::{CheckOutcome, CheckReport};
use super::progress::{Event, Observer};
use super::run::{LandedFile, Outcome};
use super::workspace::Workspace;
use crate::error::{Error, Kind, Result};
use crate::lake::{Lease, RunRecord, failpoint, holder};
use crate::memory;

/// A run as its record names it.
pub(super) struct Run {
    pub(super) id: String,
    pub(super) command: String,
    pub(super) started_at: DateTime<Utc>,
}

impl Run {
    /// The record of a run that neither landed nor built anything.
    pub(super) fn record(
        &self,
        ended_at: DateTime<Utc>,
        snapshot: Option<u64>,
        error: Option<&Error>,
    ) -> RunRecord {
        let status = match (error, snapshot) {
            (Some(_), _) => "failed",
            (None, Some(_)) => "published",
            (None, None) => "done",
        };
        RunRecord {
            run: self.id.clone(),
            command: self.command.clone(),
            started_at: self.started_at,
            ended_at,
            status: status.to_owned(),
            snapshot,
            error: error.map(ToString::to_string),
            peak_memory: memory::peak(),
            rows_in: 0,
            rows_landed: 0,
            rows_rejected: 0,
            tables_built: Vec::new(),
            checks: Vec::new(),
        }
    }
}

impl Workspace {
    /// Takes the lease, and carries through what a run that died had begun.
    pub(super) async fn begin(
        &self,
        command: &str,
        observer: &dyn Observer,
    ) -> Result<(Lease, Run)> {
        let lease = self.lake().lease(&holder(command, self.clock.as_ref()))?;
        if let Some(snapshot) = self.lake().recover(&lease, self.clock.as_ref()).await? {
            observer.event(Event::Recovered(snapshot.id));
        }
        let run = Run {
            id: uuid::Uuid::now_v7().to_string(),
            command: command.to_owned(),
            started_at: self.clock.now(),
        };
        Ok((lease, run))
    }

    /// Keeps the run's record, unless it changed nothing or could not begin.
    pub(super) async fn keep_record(
        &self,
        run: &Run,
        outcome: &Outcome,
        error: Option<&Error>,
    ) -> Result<()> {
        let published = outcome.snapshot.as_ref().map(|s| s.id);
        let wrong_usage = error.is_some_and(|e| e.kind() == Kind::Usage);
        if wrong_usage || (error.is_none() && published.is_none() && !outcome.is_red()) {
            return Ok(());
        }
        let sum = |get: fn(&LandedFile) -> u64| outcome.landed.iter().map(get).sum();
        let failed = outcome
            .checks
            .iter()
            .find(|c| c.outcome == CheckOutcome::Failed);
        let status = match published {
            Some(_) => "published",
            None => "failed",
        };
        let record = RunRecord {
            status: status.to_owned(),
            error: error
                .map(ToString::to_string)
                .or_else(|| failed.map(|c| format!("check failed: {}", c.check))),
            rows_in: sum(|f| f.rows_in),
            rows_landed: sum(|f| f.rows_landed),
            rows_rejected: sum(|f| f.rows_rejected),
            tables_built: outcome.built.iter().map(|s| s.table.clone()).collect(),
            checks: outcome
                .checks
                .iter()
                .map(CheckReport::record)
                .collect::<Result<_>>()?,
            ..run.record(self.clock.now(), published, error)
        };
        let kept = self.lake().record_run(&record).await;
        failpoint("run.recorded")?;
        // The run's own error matters more than that of its record.
        match (error, published) {
            (Some(_), _) => Ok(()),
            (None, Some(id)) => kept.map_err(|e| {
                e.hint(format!(
                    "snapshot {id} is published all the same; its run is not listed"
                ))
            }),
            (None, None) => kept,
        }
    }
}
