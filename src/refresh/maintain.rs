//! Maintenance: puts small files together, shortens what a reader has to read
//! of a log, drops old snapshots, removes files that nobody needs. Rows and
//! numbers stay what they are, so nothing is built after it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::compact::Compacted;
use super::plan::matches;
use super::progress::{Event, Observer};
use super::record::Run;
use super::workspace::Workspace;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::lake::{Lease, Publication, Removable, Snapshot, failpoint};
use crate::name::TableName;

/// What to maintain.
#[derive(Debug, Clone, Default)]
pub struct MaintainOptions {
    /// Only these tables (`bronze.payments`, `gold.*`), and no snapshots; all
    /// where empty.
    pub tables: Vec<String>,
}

/// What maintenance did, or would do.
#[derive(Debug, Default)]
pub struct Maintained {
    /// The files put together.
    pub compacted: Vec<Compacted>,
    /// The tables whose logs got a checkpoint, and at which version.
    pub checkpoints: Vec<(TableName, u64)>,
    /// The snapshots dropped, oldest first.
    pub dropped: Vec<Snapshot>,
    /// The files removed.
    pub removed: Vec<Removable>,
    /// The snapshot published; `None` when no files were put together.
    pub snapshot: Option<Arc<Snapshot>>,
}

impl Maintained {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.compacted.is_empty()
            && self.checkpoints.is_empty()
            && self.dropped.is_empty()
            && self.removed.is_empty()
    }
}

impl Workspace {
    /// Maintains the lake, as the project's settings say.
    ///
    /// # Errors
    /// When nothing is published, a selection matches nothing, the lake is
    /// held by another run, or something cannot be read or written. Readers
    /// see the same rows before, after and meanwhile.
    pub async fn maintain(
        &self,
        options: &MaintainOptions,
        observer: &dyn Observer,
    ) -> Result<Maintained> {
        self.lake().require_latest().await?;
        let (lease, run) = self.begin("maintain", observer).await?;
        let mut maintained = Maintained::default();
        let result = self
            .do_maintain(&run, &lease, options, &mut maintained, observer)
            .await;
        self.keep_maintain_record(&run, &maintained, result.as_ref().err())
            .await?;
        result.map(|()| maintained)
    }

    /// What [`Workspace::maintain`] would do now; writes nothing and holds up
    /// nobody.
    ///
    /// # Errors
    /// As it, but for the lake's holder.
    pub async fn plan_maintain(&self, options: &MaintainOptions) -> Result<Maintained> {
        let snapshot = self.lake().require_latest().await?;
        let names = selected(&snapshot, &options.tables)?;
        let mut planned = Maintained {
            checkpoints: self.lake().due_checkpoints(&snapshot, &names).await?,
            removed: self.removable(options, &names).await?,
            ..Maintained::default()
        };
        for name in &names {
            let entry = &snapshot.tables[name];
            if entry.is_stored() {
                let table = self.engine.files(name, entry).await?;
                planned.compacted.extend(self.plan_compaction(&table));
            }
        }
        if options.tables.is_empty() {
            let settings = &self.config.maintain;
            planned.dropped = self.lake().unkept(settings, self.clock.now()).await?;
        }
        Ok(planned)
    }

    async fn do_maintain(
        &self,
        run: &Run,
        lease: &Lease,
        options: &MaintainOptions,
        maintained: &mut Maintained,
        observer: &dyn Observer,
    ) -> Result<()> {
        let lake = self.lake();
        let base = lake.require_latest().await?;
        let names = selected(&base, &options.tables)?;
        self.compact_tables(run, lease, &base, &names, maintained, observer)
            .await?;
        let newest = maintained.snapshot.as_deref().unwrap_or(&base);
        for (name, version) in lake.due_checkpoints(newest, &names).await? {
            lake.write_checkpoint(lease, &name, version).await?;
            maintained.checkpoints.push((name, version));
        }
        if options.tables.is_empty() {
            let unkept = lake.unkept(&self.config.maintain, self.clock.now()).await?;
            lake.drop_snapshots(lease, &unkept).await?;
            maintained.dropped = unkept;
        }
        // What was dropped first: who comes from now on does not find
        // snapshots whose files go.
        let removable = self.removable(options, &names).await?;
        lake.remove(lease, &removable).await?;
        maintained.removed = removable;
        if options.tables.is_empty() {
            lake.forget_dropped(lease, self.safe()).await?;
        }
        Ok(())
    }

    async fn compact_tables(
        &self,
        run: &Run,
        lease: &Lease,
        base: &Snapshot,
        names: &[TableName],
        maintained: &mut Maintained,
        observer: &dyn Observer,
    ) -> Result<()> {
        let mut tables = base.tables.clone();
        let mut changes = Vec::new();
        let mut compacted = Vec::new();
        for name in names {
            let entry = &base.tables[name];
            if !entry.is_stored() {
                continue;
            }
            match self.compact(name, entry).await {
                Ok(None) => {}
                Ok(Some(table)) => {
                    tables.insert(name.clone(), table.entry);
                    changes.push(table.change);
                    compacted.extend(table.compacted);
                }
                Err(e) => {
                    for change in &changes {
                        self.lake().delete_staged(&change.name, &change.adds).await;
                    }
                    return Err(e);
                }
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        observer.event(Event::Publishing);
        failpoint("maintain.staged")?;
        let publication = Publication {
            id: self.lake().next_id().await?,
            run: run.id.clone(),
            command: run.command.clone(),
            base: Some(base.clone()),
            tables,
            checks: base.checks.clone(),
            changes,
            restatements: Vec::new(),
        };
        let published = self.lake().publish(lease, publication, self.clock.as_ref());
        maintained.snapshot = Some(Arc::new(published.await?));
        maintained.compacted = compacted;
        Ok(())
    }

    async fn removable(
        &self,
        options: &MaintainOptions,
        names: &[TableName],
    ) -> Result<Vec<Removable>> {
        let only = (!options.tables.is_empty()).then_some(names);
        self.lake().removable(self.safe(), only).await
    }

    /// What was written before this may go when nobody needs it.
    fn safe(&self) -> DateTime<Utc> {
        let hours = i64::try_from(self.config.maintain.safe_hours).unwrap_or(i64::MAX);
        let safe = TimeDelta::try_hours(hours).unwrap_or(TimeDelta::MAX);
        let now = self.clock.now();
        now.checked_sub_signed(safe)
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// Keeps the run's record, unless it changed nothing or could not begin.
    async fn keep_maintain_record(
        &self,
        run: &Run,
        maintained: &Maintained,
        error: Option<&Error>,
    ) -> Result<()> {
        let wrong_usage = error.is_some_and(|e| e.kind() == Kind::Usage);
        if wrong_usage || (error.is_none() && maintained.is_nothing()) {
            return Ok(());
        }
        let snapshot = maintained.snapshot.as_ref().map(|s| s.id);
        let record = run.record(self.clock.now(), snapshot, error);
        let kept = self.lake().record_run(&record).await;
        // The run's own error matters more than that of its record.
        if error.is_some() { Ok(()) } else { kept }
    }
}

/// The tables of `snapshot` that `patterns` mean; all where there are none.
fn selected(snapshot: &Snapshot, patterns: &[String]) -> Result<Vec<TableName>> {
    let names: Vec<String> = snapshot.tables.keys().map(ToString::to_string).collect();
    for pattern in patterns {
        if !names.iter().any(|name| matches(pattern, name)) {
            return Err(
                Error::usage(format!("`--table {pattern}` matches no table")).hint(
                    did_you_mean(pattern, names.iter().map(String::as_str))
                        .unwrap_or_else(|| "write `bronze.payments` or `gold.*`".to_owned()),
                ),
            );
        }
    }
    let is_selected = |name: &&TableName| {
        patterns.is_empty() || patterns.iter().any(|p| matches(p, &name.to_string()))
    };
    Ok(snapshot
        .tables
        .keys()
        .filter(is_selected)
        .cloned()
        .collect())
}
