//! The operators beneath: sessions that are settled, and those that are not.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::kernels::aggregate;
use datafusion::arrow::compute::{filter_record_batch, not};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::execution_plan::{EmissionType, SchedulingType};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::held::{Held, Keyed};
use crate::engine::functions::sessionize::numbers;
use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};

/// From when to when the events of a partition are, and how many there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) rows: usize,
}

/// Gives sessions with their keys and whether they are settled: whether no event
/// of another output can belong to them. Each output is a span of time, of
/// partitions that follow each other.
#[derive(Debug, Clone)]
pub(in crate::engine) struct SettleSessions {
    pub(super) keys: Vec<PhysicalExprRef>,
    /// The column of times, and their type.
    pub(super) at: usize,
    pub(super) kind: DataType,
    pub(super) gap: i64,
    /// Of each partition of the input, in the order of `first`.
    pub(super) spans: Arc<[Span]>,
    pub(super) outputs: usize,
    /// The keys, the session and whether it is settled.
    pub(super) schema: SchemaRef,
}

impl SettleSessions {
    pub(super) fn over(self, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&self.schema)),
            Partitioning::UnknownPartitioning(self.outputs),
            EmissionType::Incremental,
            input.boundedness(),
        )
        .with_evaluation_type(input.properties().evaluation_type)
        .with_scheduling_type(SchedulingType::Cooperative);
        Over::new(self, input, Arc::new(properties))
    }

    /// The partitions of an output: about as many rows as those of another.
    fn part(&self, output: usize) -> Range<usize> {
        let all: usize = self.spans.iter().map(|span| span.rows).sum();
        let outputs = self.spans.iter().scan(0, |before, span| {
            let middle = *before + span.rows / 2;
            *before += span.rows;
            Some((middle * self.outputs / all.max(1)).min(self.outputs - 1))
        });
        let below = |output: usize| outputs.clone().filter(|of| *of < output).count();
        below(output)..below(output + 1)
    }
}

impl Step for SettleSessions {
    const NAME: &'static str = "SettleSessions";
    const KEEPS: Keeps = Keeps::Nothing;

    fn identity(&self) -> Option<Identity> {
        let spans = self.spans.iter().map(|of| format!("{of:?}"));
        let all = Identity::of(Self::NAME)
            .exprs(&self.keys)
            .number(self.at)
            .text(format!("{:?} {}", self.kind, self.gap))
            .number(self.outputs);
        Some(spans.fold(all, Identity::text))
    }

    fn repeats(&self) -> bool {
        false
    }

    fn computes(&self) -> bool {
        true
    }

    fn about(&self, _: &Over<Self>) -> Option<String> {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let (keys, parts) = (keys.join(", "), self.spans.len());
        let Self { at, gap, .. } = self;
        Some(format!(
            "by [{keys}], times in column {at}, pauses up to {gap}, {parts} partitions in time"
        ))
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        self.clone().over(input)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        output: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        if input.output_partitioning().partition_count() != self.spans.len() {
            return internal_err!("each partition has a span");
        }
        let part = self.part(output);
        let before = self.spans[..part.start].iter().map(|span| span.last).max();
        let settling = Settling {
            held: Held::new(&self.schema, self.gap, &context)?,
            step: self.clone(),
            before,
            after: self.spans.get(part.end).map(|span| span.first),
            input: Arc::clone(input),
            part,
            context,
        };
        Ok(flattened(stream::try_unfold(
            Some(settling),
            Settling::next,
        )))
    }
}

fn flattened(batches: impl Stream<Item = Result<Vec<RecordBatch>>> + Send + 'static) -> Rows {
    let batches = batches.map_ok(|batches| stream::iter(batches).map(Ok));
    batches.try_flatten().boxed()
}

/// One output on its way through its partitions.
struct Settling {
    step: SettleSessions,
    held: Held,
    /// The last time of what other outputs read that comes before, and the first
    /// of what comes after.
    before: Option<i64>,
    after: Option<i64>,
    input: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    /// The partitions that are left.
    part: Range<usize>,
}

impl Settling {
    /// What is settled by the next partition; nothing after the last.
    async fn next(settling: Option<Self>) -> Result<Option<(Vec<RecordBatch>, Option<Self>)>> {
        let Some(mut of) = settling else {
            return Ok(None);
        };
        if let Some(next) = of.part.next() {
            let mut rows = of.input.execute(next, Arc::clone(&of.context))?;
            while let Some(batch) = rows.next().await.transpose()? {
                of.add(&batch, of.step.spans[next])?;
            }
        }
        if of.part.is_empty() {
            let all = of.held.all();
            return Ok(Some((of.batches(&all)?, None)));
        }
        let watermark = of.step.spans[of.part.start].first;
        let settled = of.held.settled(watermark);
        Ok(Some((of.batches(&settled)?, Some(of))))
    }

    fn add(&mut self, batch: &RecordBatch, span: Span) -> Result<()> {
        let times = numbers(batch.column(self.step.at))?;
        let bounds = [aggregate::min(&times), aggregate::max(&times)];
        if !bounds
            .iter()
            .flatten()
            .all(|at| (span.first..=span.last).contains(at))
        {
            return exec_err!(
                "a file has times outside the bounds that the table tells of it: `cinelake doctor` looks for damaged files"
            );
        }
        let keys = self.step.keys.iter();
        let keys = keys.map(|key| key.evaluate(batch)?.into_array(batch.num_rows()));
        self.held.add_events(keys.collect::<Result<_>>()?, &times)
    }

    fn batches(&self, sessions: &[Keyed]) -> Result<Vec<RecordBatch>> {
        let gap = self.step.gap;
        let apart = |earlier: i64, later: i64| later.saturating_sub(earlier) > gap;
        let is_settled = |(_, session): &Keyed| {
            self.before
                .is_none_or(|before| apart(before, session.start))
                && self.after.is_none_or(|after| apart(session.end, after))
        };
        let size = self.context.session_config().batch_size();
        let batches = sessions.chunks(size).map(|sessions| {
            let settled: BooleanArray = sessions.iter().map(|of| Some(is_settled(of))).collect();
            let mut columns = self.held.columns(sessions, &self.step.kind)?;
            columns.push(Arc::new(settled));
            Ok(RecordBatch::try_new(
                Arc::clone(&self.step.schema),
                columns,
            )?)
        });
        batches.collect()
    }
}

/// Hands on what is settled, and unites the sessions of a key that are not.
#[derive(Debug, Clone)]
pub(in crate::engine) struct UniteSessions {
    pub(super) gap: i64,
    pub(super) kind: DataType,
    /// Of each column that it gives its place among the keys and the session.
    pub(super) columns: Vec<usize>,
    pub(super) properties: Arc<PlanProperties>,
}

impl UniteSessions {
    /// Over rows that [`SettleSessions`] gives.
    pub(super) fn over(self, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        let properties = Arc::clone(&self.properties);
        Over::new(self, input, properties)
    }
}

impl Step for UniteSessions {
    const NAME: &'static str = "UniteSessions";
    const KEEPS: Keeps = Keeps::Nothing;

    fn identity(&self) -> Option<Identity> {
        Some(
            Identity::of(Self::NAME)
                .text(format!("{:?} {}", self.kind, self.gap))
                .numbers(self.columns.iter().copied()),
        )
    }

    fn repeats(&self) -> bool {
        false
    }

    fn computes(&self) -> bool {
        true
    }

    fn about(&self, _: &Over<Self>) -> Option<String> {
        Some(format!("columns {:?}", self.columns))
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        self.clone().over(input)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        let uniting = Uniting {
            held: Held::new(&input.schema(), self.gap, &context)?,
            step: self.clone(),
            rows: input.execute(partition, Arc::clone(&context))?,
            batch_size: context.session_config().batch_size(),
        };
        Ok(flattened(stream::try_unfold(Some(uniting), Uniting::next)))
    }
}

/// One partition on its way.
struct Uniting {
    step: UniteSessions,
    held: Held,
    rows: SendableRecordBatchStream,
    batch_size: usize,
}

impl Uniting {
    /// What is settled of the next rows; after the last what is united.
    async fn next(uniting: Option<Self>) -> Result<Option<(Vec<RecordBatch>, Option<Self>)>> {
        let Some(mut of) = uniting else {
            return Ok(None);
        };
        let Some(batch) = of.rows.next().await.transpose()? else {
            let all = of.held.all();
            let batches = all.chunks(of.batch_size).map(|sessions| {
                let columns = of.held.columns(sessions, &of.step.kind)?;
                of.step.answer(&columns)
            });
            return Ok(Some((batches.collect::<Result<_>>()?, None)));
        };
        let (settled, open) = (
            settled(&batch),
            filter_record_batch(&batch, &not(settled(&batch))?)?,
        );
        if open.num_rows() > 0 {
            of.held.add_sessions(open.columns())?;
        }
        let settled = match open.num_rows() {
            0 => batch,
            _ => filter_record_batch(&batch, settled)?,
        };
        Ok(Some((vec![of.step.answer(settled.columns())?], Some(of))))
    }
}

fn settled(batch: &RecordBatch) -> &BooleanArray {
    batch.column(batch.num_columns() - 1).as_boolean()
}

impl UniteSessions {
    fn answer(&self, columns: &[ArrayRef]) -> Result<RecordBatch> {
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let columns = self
            .columns
            .iter()
            .map(|column| Arc::clone(&columns[*column]));
        Ok(RecordBatch::try_new(schema, columns.collect())?)
    }
}
