//! Brings the models up to date: decides how much of each to build, builds it,
//! and checks what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::{JoinError, JoinSet};

use super::audit::{CheckOutcome, check_query, make_checks};
use super::build::{Build, Turns};
use super::due::due;
use super::plan::{Extent, PlanInput, Reason, Step, Verdict, compare, narrow, referred, selection};
use super::progress::{Event, Observer};
use super::queue::Queue;
use super::run::{Outcome, RefreshOptions};
use super::stage::Stage;
use super::workspace::{Workspace, fingerprint};
use crate::engine::{Session, Strategy};
use crate::error::{Error, Result};
use crate::lake::{Audit, TableEntry, failpoint};
use crate::model::{Model, Project, TableName};

/// Rows of a published table that a plan may build aside.
const SMALL: u64 = 1000;

impl Workspace {
    /// Builds what `options` ask for and what changed, each model after its
    /// inputs and several at once. They are told of in the order in which
    /// they would be built one by one.
    ///
    /// # Errors
    /// When a model cannot be built: those that are being built are awaited,
    /// so that no file of theirs appears later.
    pub(super) async fn build_models(
        &self,
        stage: &mut Stage<'_>,
        options: &RefreshOptions,
        outcome: &mut Outcome,
        observer: &dyn Observer,
    ) -> Result<()> {
        let input = self.plan_input(options);
        let count = self.at_most(stage, &input)?;
        let turns = Turns::new(self.engine.at_once());
        let mut queue = Queue::new(&self.project, &selection(&self.project, input.select)?);
        let mut running = JoinSet::new();
        let mut begun = 0;
        loop {
            while running.len() < turns.at_once()
                && let Some((at, model)) = queue.ready(|t| stage.entry(t).map_or(0, |e| e.bytes))
            {
                let decided = {
                    let now = |table: &TableName| stage.entry(table);
                    let session = || stage.session(Strategy::Fastest);
                    let published = stage.base.as_ref().and_then(|b| b.tables.get(&model.name));
                    decide(&self.project, model, published, &now, &session, &input).await
                };
                let step = match decided {
                    Ok(Some(step)) => step,
                    other => {
                        queue.settle(at, other.map(|_| None));
                        continue;
                    }
                };
                begun += 1;
                observer.event(Event::Building(&step, begun, count));
                queue.begin(at);
                let build = Build::new(stage, model, &step, input.as_of);
                let turns = turns.clone();
                running.spawn(async move {
                    let started = Instant::now();
                    let answered = build.run(&turns).await;
                    (at, step, build, answered, started.elapsed())
                });
            }
            let Some(done) = running.join_next().await else {
                break;
            };
            let (at, step, build, answered, took) = done.map_err(stopped)?;
            let built = match answered {
                Ok(answered) => {
                    let built = build.stage(stage, answered, input.as_of).await;
                    failpoint("build.model").map(|()| Some((step, built, took)))
                }
                Err(e) => Err(e),
            };
            queue.settle(at, built);
            tell(&mut queue, outcome, observer);
        }
        // Those after which the rest was found up to date.
        tell(&mut queue, outcome, observer);
        queue.finish()
    }

    /// The steps of a refresh, as far as they can be told before building: a
    /// table that is built is taken to change wherever it is built. Only small
    /// tables that split tables read are built on `stage`, which lies aside,
    /// since a day that did not change keeps all months from being built.
    pub(super) async fn foresee(
        &self,
        stage: &mut Stage<'_>,
        options: &RefreshOptions,
    ) -> Result<Vec<Step>> {
        let input = self.plan_input(options);
        let selected = selection(&self.project, input.select)?;
        let id = stage.snapshot_id();
        let base = stage.base.clone();
        let base = base.as_deref();
        let mut foreseen: BTreeMap<TableName, TableEntry> = BTreeMap::new();
        let mut steps = Vec::new();
        for name in &self.project.build_order {
            let Some(model) = self
                .project
                .models
                .get(name)
                .filter(|_| selected.contains(name))
            else {
                continue;
            };
            let published = base.and_then(|b| b.tables.get(name));
            let step = {
                let now = |table: &TableName| foreseen.get(table).or_else(|| stage.entry(table));
                let session = || stage.session(Strategy::Fastest);
                decide(&self.project, model, published, &now, &session, &input).await?
            };
            let (Some(step), entry) = (step, published) else {
                continue;
            };
            let mut inputs = model.statement.inputs.iter();
            let is_certain = inputs.all(|i| !foreseen.contains_key(&i.table));
            match entry {
                Some(entry) if is_certain && entry.rows <= SMALL && self.is_split_by(name) => {
                    let build = Build::new(stage, model, &step, input.as_of);
                    let answered = build.run(&Turns::new(1)).await?;
                    build.stage(stage, answered, input.as_of).await;
                }
                Some(entry) => {
                    foreseen.insert(name.clone(), after_step(entry, &step, id));
                }
                None => {}
            }
            steps.push(step);
        }
        Ok(steps)
    }

    /// Whether a split table is built from `table`, be it by way of others
    /// that are not split.
    fn is_split_by(&self, table: &TableName) -> bool {
        self.project
            .readers(table)
            .any(|reader| reader.header.partition_by.is_some() || self.is_split_by(&reader.name))
    }

    /// At most so many models are built.
    fn at_most(&self, stage: &Stage<'_>, input: &PlanInput<'_>) -> Result<usize> {
        let selected = selection(&self.project, input.select)?;
        let base = stage.base.as_deref();
        let now = |table: &TableName| stage.entry(table);
        let mut changing: BTreeSet<&TableName> = BTreeSet::new();
        for name in &self.project.build_order {
            let Some(model) = self
                .project
                .models
                .get(name)
                .filter(|_| selected.contains(name))
            else {
                continue;
            };
            let published = base.and_then(|b| b.tables.get(name));
            let mut inputs = model.statement.inputs.iter();
            if inputs.any(|i| changing.contains(&i.table))
                || compare(&self.project, model, published, &now, input) != Verdict::UpToDate
            {
                changing.insert(name);
            }
        }
        Ok(changing.len())
    }

    fn plan_input<'a>(&self, options: &'a RefreshOptions) -> PlanInput<'a> {
        PlanInput {
            full: options.full,
            select: &options.select,
            as_of: options.as_of.as_deref(),
            zone: self.config.zone,
        }
    }

    /// Checks the tables that changed, those whose checks changed, and those
    /// that refer to a table that changed; then the queries of
    /// `queries/checks/` whose text or inputs changed. `passed` are the
    /// queries' states, see [`Snapshot::checks`](crate::lake::Snapshot).
    pub(super) async fn audit_models(
        &self,
        stage: &mut Stage<'_>,
        outcome: &mut Outcome,
        passed: &mut BTreeMap<String, String>,
        observer: &dyn Observer,
    ) -> Result<()> {
        let session = Arc::new(stage.session(Strategy::Fastest)?);
        let at_once = self.engine.at_once();
        let mut audits = Vec::new();
        for model in self.project.models.values() {
            let Some(entry) = stage.entry(&model.name) else {
                continue;
            };
            let checks = fingerprint(&model.audit_text());
            let now = stage.versions(&referred(model));
            let due = due(stage, &session, model, &entry.audit, &checks, &now)?;
            if !due.is_empty() || entry.audit.checks != checks || entry.audit.referred != now {
                audits.push((model, due, checks, now));
            }
        }
        let making = audits.iter().map(|(model, due, ..)| {
            observer.event(Event::Checking(&model.name));
            let (model, due) = ((*model).clone(), due.clone());
            async move { make_checks(&model, &due).await }
        });
        let all_reports = in_order(making, at_once).await?;
        for ((model, due, checks, now), reports) in audits.into_iter().zip(all_reports) {
            let Some(entry) = stage.entry_mut(&model.name) else {
                continue;
            };
            let made: BTreeSet<String> = due.iter().map(|d| d.check.kind.to_string()).collect();
            let before = entry.audit.warned.iter().filter(|w| !made.contains(*w));
            let warned = reports.iter().filter(|r| r.outcome != CheckOutcome::Passed);
            let warned: Vec<String> = before
                .cloned()
                .chain(warned.map(|r| r.check.clone()))
                .collect();
            entry.audit = Audit {
                checks,
                passed: (model.header.checks.len() as u64).saturating_sub(warned.len() as u64),
                warned,
                referred: now,
            };
            outcome.checks.extend(reports);
        }
        let mut queries = Vec::new();
        for query in self.project.checks.values() {
            let inputs = query.statement.inputs.iter().map(|i| i.table.clone());
            let versions = stage.versions(&inputs.collect());
            let state = fingerprint(&format!("{}{versions:?}", query.statement.canonical));
            if passed.get(&query.name) != Some(&state) {
                queries.push(query);
                passed.insert(query.name.clone(), state);
            }
        }
        let making = queries.into_iter().map(|query| {
            let (session, query) = (Arc::clone(&session), query.clone());
            async move { check_query(&session, &query).await }
        });
        outcome.checks.extend(in_order(making, at_once).await?);
        passed.retain(|name, _| self.project.checks.contains_key(name));
        failpoint("audit.done")?;
        Ok(())
    }
}

fn tell(queue: &mut Queue<'_>, outcome: &mut Outcome, observer: &dyn Observer) {
    for (step, built, took) in queue.tell() {
        observer.event(Event::Built(&step, built, took));
        outcome.built.push(step);
    }
}

/// Does `at_once` of these at the same time; what they give in their order.
pub(super) async fn in_order<T: Send + 'static>(
    work: impl Iterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
    at_once: usize,
) -> Result<Vec<T>> {
    let begun = work.map(|one| async { tokio::spawn(one).await.map_err(stopped)? });
    stream::iter(begun).buffered(at_once).try_collect().await
}

/// Work that panicked or was stopped with the process.
fn stopped(e: JoinError) -> Error {
    Error::io("the work stopped").because(e)
}

/// What has to be done with a model; nothing when it is up to date.
async fn decide<'a>(
    project: &Project,
    model: &Model,
    published: Option<&TableEntry>,
    now: &dyn Fn(&TableName) -> Option<&'a TableEntry>,
    session: &dyn Fn() -> Result<Session>,
    input: &PlanInput<'_>,
) -> Result<Option<Step>> {
    let whole = |reason| Step {
        table: model.name.clone(),
        extent: Extent::Whole,
        reason,
    };
    let changed = match compare(project, model, published, now, input) {
        Verdict::UpToDate => return Ok(None),
        Verdict::Whole(reason) => return Ok(Some(whole(reason))),
        Verdict::Changed(changed) => changed,
    };
    let column = model.header.partition_by.as_deref();
    let (Some(column), Some(published)) = (column, published) else {
        return Ok(Some(whole(Reason::inputs_changed(changed))));
    };
    let at_model = |e: Error| match e.place() {
        Some(_) => e,
        None => e.file(&model.path),
    };
    let session = session()?;
    let reach = session.reach(&model.sql, column).await;
    let mut reach = reach.map_err(at_model)?;
    // What no partition reads, rows without a partition may.
    if changed.iter().any(|table| !reach.reads(table)) {
        let read = session.reads(&model.sql).await.map_err(at_model)?;
        let others = read.into_iter().filter(|table| !reach.reads(table));
        let others: BTreeSet<TableName> = others.collect();
        reach.whole.extend(others);
    }
    Ok(narrow(model, published, changed, &reach, now))
}

/// What a plan takes a table to be after `step` in snapshot `id`.
fn after_step(entry: &TableEntry, step: &Step, id: u64) -> TableEntry {
    let mut after = entry.clone();
    after.changed_in = id;
    match &step.extent {
        Extent::Partitions { days, .. } => {
            for day in days {
                after.partitions.foresee(Some(*day), id);
            }
        }
        Extent::Whole => {
            for partition in entry.partitions.iter() {
                after.partitions.foresee(partition.value, id);
            }
        }
    }
    after
}
