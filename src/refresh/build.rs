//! Builds one model: its query's rows, staged as files.

mod by_rows;
mod swap;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::by_rows::ByRows;
use self::swap::{Swap, same_layout};
use super::delta::Deltas;
use super::plan::{Extent, Reason, Step, build_fingerprint, is_as_of, stored_inputs};
use super::stage::{Provenance, Stage};
use crate::clock::Clock;
use crate::engine::{self, Answer, Condition, Engine, Scope, Strategy, is_short_of_memory};
use crate::error::{Error, Result};
use crate::lake::{DataFile, PartitionValue, TableEntry, TableLayout, TableWriter, days_of};
use crate::model::{Materialized, Model, TableName};

/// What building a model gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// Rows that its query answered.
    pub rows: u64,
    /// Whether they differ from the published ones.
    pub changed: bool,
    /// Whether it took more than one attempt, since memory was short.
    pub again: bool,
    /// Of the rows, those that were built: where changed inputs reach only some.
    pub anew: Option<u64>,
}

/// A model to be built, and all that building it needs of the run: others can
/// be staged meanwhile.
pub(super) struct Build {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    scope: Scope,
    model: Model,
    sql: String,
    extent: Extent,
    reason: Reason,
    before: Option<TableEntry>,
    /// Columns by which its rows may be told from others that inputs reach.
    keys: Vec<String>,
    deltas: Deltas,
}

/// What a model's query answered.
pub(super) enum Answered {
    /// A table's rows, written as files in place of some of those published.
    Files {
        written: Written,
        published: Vec<DataFile>,
        extent: Extent,
    },
    /// Some of a table's rows.
    Rows(Box<ByRows>),
    /// A view's rows, which are counted and not kept.
    Counts(BTreeMap<PartitionValue, u64>),
}

/// Files of a table.
pub(super) struct Written {
    layout: TableLayout,
    files: Vec<DataFile>,
    /// Whether it took more than one attempt.
    again: bool,
}

impl Build {
    /// The build of `model` as far as `step` wants it, on what is staged so
    /// far.
    pub(super) fn new(stage: &Stage<'_>, model: &Model, step: &Step, as_of: Option<&str>) -> Self {
        let replaced = as_of
            .filter(|_| is_as_of(&model.name))
            .map(|date| format!("select cast('{date}' as date) as as_of"));
        let base = stage.base.as_ref();
        Self {
            engine: Arc::clone(&stage.workspace.engine),
            clock: Arc::clone(&stage.workspace.clock),
            scope: stage.scope().clone(),
            model: model.clone(),
            sql: replaced.unwrap_or_else(|| model.sql.clone()),
            extent: step.extent.clone(),
            reason: step.reason.clone(),
            keys: keys(stage, model, &step.reason),
            deltas: stage.deltas().clone(),
            before: base.and_then(|b| b.tables.get(&model.name)).cloned(),
        }
    }

    /// Runs the query when it is its turn.
    ///
    /// # Errors
    /// When the query fails, with the model's file.
    pub(super) async fn run(&self, turns: &Turns) -> Result<Answered> {
        let answered = match self.model.header.materialized {
            Materialized::View => {
                let _turn = turns.one().await;
                self.counted().await.map(Answered::Counts)
            }
            _ => self.written(turns).await,
        };
        answered.map_err(|e| match e.place() {
            Some(_) => e,
            None => e.file(&self.model.path),
        })
    }

    /// Stages what the query answered.
    pub(super) async fn stage(
        self,
        stage: &mut Stage<'_>,
        answered: Answered,
        as_of: Option<&str>,
    ) -> Built {
        let name = &self.model.name;
        let provenance = provenance(stage, &self.model, as_of);
        let (written, published, extent) = match answered {
            Answered::Counts(counted) => {
                stage.view(&self.model, &self.sql, &self.extent, &counted, provenance);
                return Built {
                    rows: counted.values().sum(),
                    changed: true,
                    again: false,
                    anew: None,
                };
            }
            Answered::Rows(by_rows) => {
                let ByRows {
                    layout,
                    swap,
                    delta,
                    answered,
                } = *by_rows;
                stage.deltas().know(name, delta);
                return Built {
                    rows: swap.kept.iter().chain(&swap.adds).map(|f| f.rows).sum(),
                    changed: self.exchange(stage, layout, swap, provenance),
                    again: false,
                    anew: Some(answered),
                };
            }
            Answered::Files {
                written,
                published,
                extent,
            } => (written, published, extent),
        };
        let Written {
            layout,
            files,
            again,
        } = written;
        let rows = files.iter().map(|f| f.rows).sum();
        let swap = Swap::new(self.before.as_ref(), &layout, &extent, published, files);
        let lake = stage.workspace.lake();
        lake.delete_staged(name, &swap.needless).await;
        Built {
            rows,
            changed: self.exchange(stage, layout, swap, provenance),
            again,
            anew: None,
        }
    }

    /// Stages the table with other files; whether its rows differ.
    fn exchange(
        &self,
        stage: &mut Stage<'_>,
        layout: TableLayout,
        swap: Swap,
        provenance: Provenance,
    ) -> bool {
        let name = &self.model.name;
        let before = self.before.as_ref();
        let changed = !swap.adds.is_empty()
            || !swap.removes.is_empty()
            || !before.is_some_and(|b| same_layout(b, &layout));
        if changed {
            let Swap {
                kept,
                adds,
                removes,
                ..
            } = swap;
            stage.table(name, layout, kept, adds, removes, provenance);
        } else {
            stage.same_rows(name, provenance);
        }
        changed
    }

    async fn written(&self, turns: &Turns) -> Result<Answered> {
        {
            let _turn = turns.one().await;
            let budget = self.engine.write_budget() / turns.at_once();
            match self.by_rows(budget).await {
                Ok(Some(by_rows)) => return Ok(Answered::Rows(Box::new(by_rows))),
                Err(e) if !is_short_of_memory(&e) => return Err(e),
                Ok(None) | Err(_) => {}
            }
        }
        let mut extent = self.extent.clone();
        let written = loop {
            let written = self.write(&extent, turns).await?;
            let before = self.before.as_ref();
            if extent == Extent::Whole || before.is_some_and(|b| same_layout(b, &written.layout)) {
                break written;
            }
            // Partitions of other columns cannot stand beside the published ones.
            let lake = self.engine.lake();
            lake.delete_staged(&self.model.name, &written.files).await;
            extent = Extent::Whole;
        };
        let published = match self.before.as_ref().filter(|before| before.is_stored()) {
            Some(before) => {
                let files = self.engine.files(&self.model.name, before).await?;
                files.files.clone()
            }
            None => Vec::new(),
        };
        Ok(Answered::Files {
            written,
            published,
            extent,
        })
    }

    /// Writes the rows within `extent`. Where memory is short beside other
    /// builds it is tried again alone, then with joins that spill.
    async fn write(&self, extent: &Extent, turns: &Turns) -> Result<Written> {
        let budget = self.engine.write_budget() / turns.at_once();
        let is_short = |written: &Result<Written>| written.as_ref().is_err_and(is_short_of_memory);
        let turn = turns.one().await;
        let mut written = self.write_by(extent, Strategy::Fastest, budget).await;
        if !is_short(&written) {
            return written;
        }
        drop(turn);
        let _alone = turns.all().await;
        if turns.at_once() > 1 {
            self.engine.memory_is_free().await;
            written = self.write_by(extent, Strategy::Fastest, budget).await;
        }
        if is_short(&written) {
            self.engine.memory_is_free().await;
            written = self.write_by(extent, Strategy::Spilling, budget).await;
        }
        written.map(|written| Written {
            again: true,
            ..written
        })
    }

    async fn write_by(
        &self,
        extent: &Extent,
        strategy: Strategy,
        budget: usize,
    ) -> Result<Written> {
        let mut answers = self.answers(extent, strategy).await?.into_iter();
        let Some(first) = answers.next() else {
            return Err(Error::usage("a build needs a query").file(&self.model.path));
        };
        let rows = first.stream().await?;
        let layout = self.layout(&rows.schema());
        let mut writer = self.writer(&layout, budget)?;
        pour(rows, &mut writer).await?;
        for answer in answers {
            pour(answer.stream().await?, &mut writer).await?;
        }
        let files = writer.finish().await?;
        Ok(Written {
            layout,
            files,
            again: false,
        })
    }

    /// Runs a view's query to its end, as its readers will, and counts its
    /// rows by partition.
    async fn counted(&self) -> Result<BTreeMap<PartitionValue, u64>> {
        let mut counted = BTreeMap::new();
        for answer in self.answers(&self.extent, Strategy::Fastest).await? {
            let mut rows = answer.stream().await?;
            while let Some(batch) = rows.next().await? {
                match &self.model.header.partition_by {
                    Some(column) => {
                        for day in days_of(&batch, column)? {
                            *counted.entry(day).or_default() += 1;
                        }
                    }
                    None => *counted.entry(None).or_default() += batch.num_rows() as u64,
                }
            }
        }
        Ok(counted)
    }

    /// The queries whose rows are those within `extent`: beside the partitions
    /// the rows without a value, of which no input's partition tells anything.
    async fn answers(&self, extent: &Extent, strategy: Strategy) -> Result<Vec<Answer>> {
        let session = self.engine.session(self.scope.clone(), strategy)?;
        let all = session.model(&self.sql).await?;
        match extent {
            Extent::Partitions { column, days, .. } => {
                let rest = session.model(&self.sql).await?;
                Ok(vec![
                    all.only(&[Condition::days(column, days)])?,
                    rest.only(&[Condition::Missing(column.clone())])?,
                ])
            }
            Extent::Whole => Ok(vec![all]),
        }
    }

    fn layout(&self, schema: &SchemaRef) -> TableLayout {
        TableLayout {
            schema: nullable(schema),
            partition_by: self.model.header.partition_by.clone(),
            order_by: self.model.header.order_by.clone(),
        }
    }

    fn writer(&self, layout: &TableLayout, budget: usize) -> Result<TableWriter> {
        TableWriter::new(
            self.engine.lake(),
            Arc::clone(&self.clock),
            &self.model.name,
            layout.clone(),
            budget,
            self.engine.threads(),
        )
    }
}

/// The columns by which inputs that changed may reach some rows of `model`:
/// those that tell its rows apart, and those that tell theirs.
fn keys(stage: &Stage<'_>, model: &Model, reason: &Reason) -> Vec<String> {
    let Reason::InputsChanged(inputs) = reason else {
        return Vec::new();
    };
    let workspace = stage.workspace;
    let grain = |table: &TableName| {
        let model = workspace.project.models.get(table);
        let contract = || {
            workspace
                .contracts
                .iter()
                .find(|c| TableName::bronze(&c.name) == *table)
        };
        match model {
            Some(model) => model.header.grain.clone(),
            None => contract().map(|c| c.key.clone()).unwrap_or_default(),
        }
    };
    let theirs = inputs.aligned.iter().chain(&inputs.whole).flat_map(grain);
    let mut keys: Vec<String> = Vec::new();
    for key in model.header.grain.iter().cloned().chain(theirs) {
        if Some(&key) != model.header.partition_by.as_ref() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// So many builds run at once, and share the memory.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    at_once: u32,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        let at_once = u32::try_from(at_once).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(at_once as usize)),
            at_once,
        }
    }

    pub(super) fn at_once(&self) -> usize {
        self.at_once as usize
    }

    /// Waits for a turn. It lasts until what is returned is dropped.
    async fn one(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.free.acquire().await.ok()
    }

    /// Waits until nothing else is built, and keeps others from beginning.
    async fn all(&self) -> Option<SemaphorePermit<'_>> {
        self.free.acquire_many(self.at_once).await.ok()
    }
}

/// What is recorded of a build.
fn provenance(stage: &Stage<'_>, model: &Model, as_of: Option<&str>) -> Provenance {
    let workspace = stage.workspace;
    let project = &workspace.project;
    let named = model.statement.inputs.iter().map(|i| i.table.clone());
    Provenance {
        fingerprint: build_fingerprint(project, model, as_of, workspace.config.zone),
        inputs: named.chain(stored_inputs(project, model)).collect(),
    }
}

/// The columns, all of them nullable: what a query's plan says of nulls may
/// change without its names and types.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter();
    let fields: Vec<Field> = fields
        .map(|f| Field::new(f.name(), f.data_type().clone(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// Writes a query's rows as files of the table `name`, holding back at most
/// `budget` bytes.
pub(super) async fn write_rows(
    engine: &Engine,
    clock: &Arc<dyn Clock>,
    name: &TableName,
    layout: &TableLayout,
    budget: usize,
    rows: engine::Rows,
) -> Result<Vec<DataFile>> {
    let mut writer = TableWriter::new(
        engine.lake(),
        Arc::clone(clock),
        name,
        layout.clone(),
        budget,
        engine.threads(),
    )?;
    pour(rows, &mut writer).await?;
    writer.finish().await
}

async fn pour(mut rows: engine::Rows, writer: &mut TableWriter) -> Result<()> {
    while let Some(batch) = rows.next().await? {
        writer.write(batch).await?;
    }
    Ok(())
}
