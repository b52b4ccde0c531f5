//! The join itself.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use cinelake_kernels::{Intervals, NO_GROUP};
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::{BatchCoalescer, concat_batches};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{
    DataFusionError, JoinSide, JoinType, NullEquality, Result, Statistics, internal_err,
};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::bounds::Bounds;
use super::groups::{Groups, has_groups};
use super::probe::Probe;
use crate::engine::rules::common_subplan::bytes;
use crate::engine::rules::common_subplan::identity::filtered;
use crate::engine::rules::held_rows::with_own_text;
use crate::engine::support::operator::{Identity, Operator};

/// A join that holds its left side's rows as intervals and looks for those that
/// each right row lies in.
#[derive(Debug)]
pub(in crate::engine) struct IntervalJoin {
    /// The same by DataFusion.
    join: Arc<dyn ExecutionPlan>,
    how: Arc<How>,
    /// What is held, for each partition of the left side.
    left: Arc<[OnceCell<Left>]>,
    metrics: ExecutionPlanMetricsSet,
}

/// What is joined, and what comes of it.
#[derive(Debug)]
pub(super) struct How {
    pub(super) kind: JoinType,
    /// Keys of the left side, and of the right.
    keys: [Vec<PhysicalExprRef>; 2],
    pub(super) filter: JoinFilter,
    pub(super) bounds: Bounds,
    /// Where a row has fewer than so many in its group, each pair is asked.
    few: usize,
    /// The columns of the answer.
    pub(super) columns: Vec<(JoinSide, usize)>,
}

/// The left side.
#[derive(Debug, Clone)]
enum Left {
    Held(Arc<Held>),
    /// Few rows have a key in common: DataFusion's join asks each pair sooner than
    /// one is found.
    Few(Arc<dyn ExecutionPlan>),
}

/// Rows with keys and intervals.
pub(super) struct Held {
    pub(super) rows: RecordBatch,
    pub(super) groups: Groups,
    pub(super) intervals: Intervals,
    /// Whether rows within the intervals are within the bounds.
    pub(super) exact: bool,
    _memory: MemoryReservation,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl IntervalJoin {
    /// The same as `join`; none where it is none, or not of intervals.
    ///
    /// # Errors
    /// Where the condition has no type, which is a bug.
    pub(super) fn of(join: &Arc<dyn ExecutionPlan>, few: usize) -> Result<Option<Self>> {
        let (kind, filter, keys, projection, parts) = if let Some(hash) =
            join.downcast_ref::<HashJoinExec>()
        {
            let parts = match hash.partition_mode() {
                PartitionMode::CollectLeft => 1,
                PartitionMode::Partitioned => hash.left().output_partitioning().partition_count(),
                PartitionMode::Auto => return Ok(None),
            };
            if hash.null_equality() != NullEquality::NullEqualsNothing || hash.fetch().is_some() {
                return Ok(None);
            }
            let (lefts, rights) = (hash.left().schema(), hash.right().schema());
            for (left, right) in hash.on() {
                let kind = left.data_type(&lefts)?;
                if !has_groups(&kind) || right.data_type(&rights)? != kind {
                    return Ok(None);
                }
            }
            let keys = hash.on().iter().cloned().unzip();
            let projection = hash.projection.as_deref();
            (*hash.join_type(), hash.filter(), keys, projection, parts)
        } else if let Some(all) = join.downcast_ref::<NestedLoopJoinExec>() {
            let (keys, projection) = ((Vec::new(), Vec::new()), all.projection().as_deref());
            (*all.join_type(), all.filter(), keys, projection, 1)
        } else {
            return Ok(None);
        };
        // Of the others rows of the left side come last.
        let [left, right] = join.children()[..] else {
            return Ok(None);
        };
        let of = |side, input: &Arc<dyn ExecutionPlan>| {
            (0..input.schema().fields().len()).map(move |at| (side, at))
        };
        let all: Vec<(JoinSide, usize)> = match kind {
            JoinType::Inner | JoinType::Right => of(JoinSide::Left, left)
                .chain(of(JoinSide::Right, right))
                .collect(),
            JoinType::RightSemi | JoinType::RightAnti => of(JoinSide::Right, right).collect(),
            _ => return Ok(None),
        };
        let columns = match projection {
            Some(projection) => projection.iter().map(|at| all[*at]).collect(),
            None => all,
        };
        let Some(filter) = filter else {
            return Ok(None);
        };
        let Some(bounds) = Bounds::of(filter)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            join: Arc::clone(join),
            how: Arc::new(How {
                kind,
                keys: [keys.0, keys.1],
                filter: filter.clone(),
                bounds,
                few,
                columns,
            }),
            left: std::iter::repeat_with(OnceCell::new).take(parts).collect(),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}

impl Operator for IntervalJoin {
    fn identity(&self) -> Option<Identity> {
        let [left, right] = &self.how.keys;
        let all = Identity::of("interval join")
            .text(format!("{:?}", self.how.kind))
            .number(self.left.len())
            .exprs(left)
            .exprs(right);
        let columns = self.how.columns.iter();
        let all = columns.fold(all, |all, (side, at)| {
            all.text(format!("{side:?}")).number(*at)
        });
        Some(filtered(all, Some(&self.how.filter)))
    }

    fn repeats(&self) -> bool {
        // The held side is read once.
        false
    }

    fn computes(&self) -> bool {
        true
    }
}

impl DisplayAs for IntervalJoin {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.how.keys;
        write!(f, "IntervalJoin: {}", self.how.kind)?;
        for (left, right) in left.iter().zip(right) {
            write!(f, ", {left} = {right}")?;
        }
        write!(f, ", {}", self.how.filter)
    }
}

impl ExecutionPlan for IntervalJoin {
    fn name(&self) -> &'static str {
        "IntervalJoin"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.join.input_distribution_requirements()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.join.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.join.children()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.join.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let join = replace_children_if_necessary(Arc::clone(&self.join), children)?;
        match Self::of(&join, self.how.few)? {
            Some(join) => Ok(Arc::new(join)),
            None => internal_err!("rows that were joined by intervals are not any more"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let place = if self.left.len() == 1 { 0 } else { partition };
        let (all, join, how) = (
            Arc::clone(&self.left),
            Arc::clone(&self.join),
            Arc::clone(&self.how),
        );
        let (schema, metrics) = (
            self.schema(),
            BaselineMetrics::new(&self.metrics, partition),
        );
        let size = context.session_config().batch_size();
        let rows = async move {
            let left = all[place]
                .get_or_try_init(|| hold(&how, &join, place, Arc::clone(&context)))
                .await?;
            let held = match left {
                Left::Held(held) => Arc::clone(held),
                Left::Few(join) => return join.execute(partition, context),
            };
            let joined = Joined {
                held,
                how,
                size,
                values: join.children()[1].execute(partition, context)?,
                probe: None,
                batches: BatchCoalescer::new(Arc::clone(&schema), size)
                    .with_biggest_coalesce_batch_size(Some(size / 2)),
                metrics,
            };
            let rows = stream::try_unfold(joined, |mut joined| async move {
                Ok(joined.next().await?.map(|batch| (batch, joined)))
            });
            let rows: SendableRecordBatchStream =
                Box::pin(RecordBatchStreamAdapter::new(schema, rows));
            Ok::<_, DataFusionError>(rows)
        };
        let rows = stream::once(rows).try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.join.child_stats_requests(partition)
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.join.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.join.cardinality_effect()
    }
}

impl How {
    /// The groups that rows of the right side look into.
    pub(super) fn asked(&self, groups: &Groups, rows: &RecordBatch) -> Result<Vec<u32>> {
        groups.find(&evaluated(&self.keys[1], rows)?, rows.num_rows())
    }
}

fn evaluated(keys: &[PhysicalExprRef], rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let count = rows.num_rows();
    let keys = keys.iter().map(|key| key.evaluate(rows)?.into_array(count));
    keys.collect()
}

/// The rows with each column's text in one buffer. Otherwise it lies in those of
/// all batches, and whatever is taken of it keeps every one of them.
fn in_one_buffer(rows: &RecordBatch) -> Result<RecordBatch> {
    let columns = rows.columns().iter().cloned().map(with_own_text);
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        rows.schema(),
        columns.collect(),
        &options,
    )?)
}

/// Takes in one partition of the left side.
async fn hold(
    how: &How,
    join: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
) -> Result<Left> {
    let [left, right] = join.children()[..] else {
        return internal_err!("IntervalJoin has two inputs");
    };
    let memory = MemoryConsumer::new("IntervalJoin").register(context.memory_pool());
    let mut rows = left.execute(partition, context)?;
    let (mut batches, mut counted) = (Vec::new(), HashSet::new());
    while let Some(batch) = rows.next().await.transpose()? {
        memory.try_grow(bytes(&batch, &mut counted))?;
        batches.push(batch);
    }
    // All of it twice, while it is put together.
    let parts = memory.size();
    memory.try_grow(parts)?;
    let rows = in_one_buffer(&concat_batches(&left.schema(), &batches)?)?;
    drop(batches);
    memory.shrink(parts);

    // Numbers, bounds and groups of each row, and what is made of them.
    let (count, number) = (rows.num_rows(), size_of::<i64>());
    memory.try_grow(count * (Intervals::ROW_BYTES + 4 * number))?;
    let (groups, mut numbers) = Groups::number(&evaluated(&how.keys[0], &rows)?, count)?;
    memory.try_grow(groups.bytes())?;
    if in_common(&numbers, groups.count()) < how.few {
        let mut parts = vec![Vec::new(); left.output_partitioning().partition_count()];
        let schema = left.schema();
        parts[partition] = vec![rows];
        let rows: Arc<dyn ExecutionPlan> = MemorySourceConfig::try_new_exec(&parts, schema, None)?;
        let join = Arc::clone(join);
        return replace_children_if_necessary(join, vec![rows, Arc::clone(right)]).map(Left::Few);
    }
    let (from, until) = (how.bounds.from.held(&rows), how.bounds.until.held(&rows));
    without(&mut numbers, from.never.as_deref());
    without(&mut numbers, until.never.as_deref());
    let intervals = Intervals::new(&numbers, groups.count(), &from.values, &until.values);
    memory.shrink(count * 4 * number);
    Ok(Left::Held(Arc::new(Held {
        rows,
        groups,
        intervals,
        exact: how.bounds.is_all && from.exact && until.exact,
        _memory: memory,
    })))
}

/// How many rows a row has its group in common with, on average.
fn in_common(groups: &[u32], count: usize) -> usize {
    let mut sizes = vec![0_usize; count];
    let mut rows = 0;
    for group in groups.iter().filter(|group| **group != NO_GROUP) {
        sizes[*group as usize] += 1;
        rows += 1;
    }
    sizes.iter().map(|size| size * size).sum::<usize>() / rows.max(1)
}

/// Takes rows of which a bound never holds out of their groups.
pub(super) fn without(groups: &mut [u32], never: Option<&[bool]>) {
    for (group, never) in groups.iter_mut().zip(never.unwrap_or_default()) {
        if *never {
            *group = NO_GROUP;
        }
    }
}

/// The rows of one partition.
struct Joined {
    held: Arc<Held>,
    how: Arc<How>,
    size: usize,
    values: SendableRecordBatchStream,
    probe: Option<Probe>,
    batches: BatchCoalescer,
    metrics: BaselineMetrics,
}

impl Joined {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.batches.next_completed_batch() {
                self.metrics.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
            if let Some(probe) = &mut self.probe {
                let _time = self.metrics.elapsed_compute().timer();
                match probe.next(&self.held, &self.how, &self.batches.schema(), self.size)? {
                    Some(batch) => self.batches.push_batch(batch)?,
                    None => self.probe = None,
                }
                continue;
            }
            match self.values.next().await.transpose()? {
                Some(batch) => {
                    let _time = self.metrics.elapsed_compute().timer();
                    self.probe = Some(Probe::of(batch, &self.held, &self.how)?);
                }
                None if self.batches.is_empty() => return Ok(None),
                None => self.batches.finish_buffered_batch()?,
            }
        }
    }
}
