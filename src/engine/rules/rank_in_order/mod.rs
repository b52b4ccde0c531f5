//! `row_number`, `rank` and `dense_rank` of rows that come in order.
//!
//! DataFusion's windows hold a buffer, a state and a function for each
//! partition, which is microseconds a user where users are the partitions. Of
//! rows in the order of the window it takes no more than to know where a
//! partition begins, and where what is equal to the row before ends.
//! [`RankInOrder`] has such windows numbered by [`RankRows`].

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::arrow::compute::partition;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_expr_common::sort_expr::{OrderingRequirements, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, InputOrderMode,
    PlanProperties,
};
use futures::StreamExt;

use crate::engine::rules::common_subplan::identity::over_a_window;
use crate::engine::support::each::Replace;
use crate::engine::support::operator::{Identity, Operator};

/// Windows of nothing but ranks, over rows in their order, become [`RankRows`].
#[derive(Debug)]
pub(in crate::engine) struct RankInOrder;

impl Replace for RankInOrder {
    const NAME: &'static str = "rank_in_order";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let window = plan.downcast_ref::<BoundedWindowAggExec>();
        let ranks = window.and_then(RankRows::of);
        Ok(ranks.map(|ranks| Arc::new(ranks) as _))
    }
}

/// How a row is numbered within its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// By the rows up to it.
    Row,
    /// By the rows before those equal to it.
    Place,
    /// By the different rows up to it.
    Dense,
}

impl Rank {
    fn of(window: &dyn WindowExpr) -> Option<Self> {
        let window = window.as_any().downcast_ref::<StandardWindowExpr>()?;
        let function = window.get_standard_func_expr().as_any();
        match function.downcast_ref::<WindowUDFExpr>()?.fun().name() {
            "row_number" => Some(Self::Row),
            "rank" => Some(Self::Place),
            "dense_rank" => Some(Self::Dense),
            _ => None,
        }
    }
}

/// Numbers rows that come in the order of a window.
#[derive(Debug)]
pub(in crate::engine) struct RankRows {
    /// The same by DataFusion.
    window: Arc<BoundedWindowAggExec>,
    ranks: Vec<Rank>,
    metrics: ExecutionPlanMetricsSet,
}

impl RankRows {
    /// The same as `window`; none where it is of anything else, or where values
    /// are compared in parts.
    fn of(window: &BoundedWindowAggExec) -> Option<Self> {
        let (all, rows) = (window.window_expr(), window.input().schema());
        let ranks: Vec<Rank> = all
            .iter()
            .map(|expr| Rank::of(expr.as_ref()))
            .collect::<Option<_>>()?;
        let first = all.first()?;
        let alike = all.iter().all(|other| {
            other.partition_by() == first.partition_by() && other.order_by() == first.order_by()
        });
        let order = first.order_by().iter().map(|sorted| &sorted.expr);
        let flat = first
            .partition_by()
            .iter()
            .chain(order)
            .all(|key| key.data_type(&rows).is_ok_and(|kind| !kind.is_nested()));
        let in_order = window.input_order_mode == InputOrderMode::Sorted;
        (alike && flat && in_order && window.state_observer().is_none()).then(|| Self {
            window: Arc::new(window.clone()),
            ranks,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl RankRows {
    /// The rows that are numbered.
    pub(in crate::engine) fn input(&self) -> &Arc<dyn ExecutionPlan> {
        self.window.input()
    }

    /// What the window is partitioned and ordered by.
    pub(in crate::engine) fn keys(&self) -> (&[PhysicalExprRef], &[PhysicalSortExpr]) {
        let first = &self.window.window_expr()[0];
        (first.partition_by(), first.order_by())
    }

    /// Whether no more rows of a partition have a number up to one in `column`
    /// than that, but for those that are equal: of different rows only the first.
    pub(in crate::engine) fn counts_rows(&self, column: usize, most: usize) -> bool {
        let columns = self.input().schema().fields().len();
        let rank = column
            .checked_sub(columns)
            .and_then(|at| self.ranks.get(at));
        match rank {
            Some(Rank::Row | Rank::Place) => true,
            Some(Rank::Dense) => most == 1,
            None => false,
        }
    }
}

impl Operator for RankRows {
    fn identity(&self) -> Option<Identity> {
        let windows = self.window.window_expr();
        let all = Identity::of("ranks").number(windows.len());
        let windows = windows.iter();
        windows
            .into_iter()
            .try_fold(all, |all, window| over_a_window(all, window.as_ref()))
    }

    fn repeats(&self) -> bool {
        true
    }

    fn computes(&self) -> bool {
        false
    }
}

impl DisplayAs for RankRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.window.window_expr().iter().map(|expr| expr.name());
        let names: Vec<&str> = names.collect();
        write!(f, "RankRows: {}", names.join(", "))
    }
}

impl ExecutionPlan for RankRows {
    fn name(&self) -> &'static str {
        "RankRows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.window.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.window.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.window.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.window.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.window.children()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.window.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let window: Arc<dyn ExecutionPlan> = Arc::clone(&self.window) as _;
        let window = replace_children_if_necessary(window, children)?;
        match window
            .downcast_ref::<BoundedWindowAggExec>()
            .and_then(Self::of)
        {
            Some(ranks) => Ok(Arc::new(ranks)),
            None => internal_err!("rows that were in order are not any more"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let first = &self.window.window_expr()[0];
        let order = first.order_by().iter().map(|sorted| &sorted.expr);
        let mut numbers = Numbers {
            schema: self.schema(),
            ranks: self.ranks.clone(),
            partition_by: first.partition_by().to_vec(),
            order_by: order.map(Arc::clone).collect(),
            before: None,
        };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let input = self.window.input().execute(partition, context)?;
        let rows = input.map(move |batch| {
            let _time = metrics.elapsed_compute().timer();
            numbers.beside(&batch?).record_output(&metrics)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.window.child_stats_requests(partition)
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.window.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

/// Numbers the rows of one stream, batch by batch.
struct Numbers {
    schema: SchemaRef,
    ranks: Vec<Rank>,
    partition_by: Vec<PhysicalExprRef>,
    order_by: Vec<PhysicalExprRef>,
    before: Option<Row>,
}

/// The last row of a batch.
struct Row {
    /// What it is in partitions and in order by, each of one row.
    partition_by: Vec<ArrayRef>,
    order_by: Vec<ArrayRef>,
    place: Place,
}

/// Where a row stands in its partition.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The rows up to it.
    row: i64,
    /// The rows before those equal to it, and one.
    place: i64,
    /// The different rows up to it.
    dense: i64,
}

impl Numbers {
    /// The rows of `batch`, with their numbers.
    fn beside(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut numbers: Vec<Vec<i64>> = vec![Vec::with_capacity(rows); self.ranks.len()];
        if rows > 0 {
            let evaluate = |keys: &[PhysicalExprRef]| {
                let arrays = keys.iter().map(|key| key.evaluate(batch)?.into_array(rows));
                arrays.collect::<Result<Vec<_>>>()
            };
            let (partition_by, order_by) =
                (evaluate(&self.partition_by)?, evaluate(&self.order_by)?);
            let goes_on = |keys: &[ArrayRef], before: &[ArrayRef]| {
                let mut pairs = keys.iter().zip(before);
                pairs.try_fold(true, |same, (key, before)| {
                    Ok::<_, datafusion::error::DataFusionError>(
                        same && !distinct(&key.slice(0, 1), before)?.value(0),
                    )
                })
            };
            let (same_partition, same_peers) = match &self.before {
                Some(before) => {
                    let same = goes_on(&partition_by, &before.partition_by)?;
                    (same, same && goes_on(&order_by, &before.order_by)?)
                }
                None => (false, false),
            };
            let mut place = match &self.before {
                Some(before) if same_partition => before.place,
                _ => Place::default(),
            };
            let partitions = begins(&partition_by, rows)?;
            let peers = match order_by.is_empty() {
                // Without an order all rows of a partition are equal.
                true => partitions.clone(),
                false => {
                    let keys: Vec<ArrayRef> =
                        partition_by.iter().chain(&order_by).cloned().collect();
                    begins(&keys, rows)?
                }
            };
            for row in 0..rows {
                if partitions[row] && (row > 0 || !same_partition) {
                    place = Place::default();
                }
                place.row += 1;
                if peers[row] && (row > 0 || !same_peers) {
                    place.place = place.row;
                    place.dense += 1;
                }
                for (rank, numbers) in self.ranks.iter().zip(&mut numbers) {
                    numbers.push(match rank {
                        Rank::Row => place.row,
                        Rank::Place => place.place,
                        Rank::Dense => place.dense,
                    });
                }
            }
            let last =
                |keys: Vec<ArrayRef>| keys.iter().map(|key| key.slice(rows - 1, 1)).collect();
            self.before = Some(Row {
                partition_by: last(partition_by),
                order_by: last(order_by),
                place,
            });
        }
        let numbers = numbers.into_iter().enumerate().map(|(at, all)| {
            let kind = self.schema.field(batch.num_columns() + at).data_type();
            cast(&Int64Array::from(all), kind)
        });
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        let columns = batch.columns().iter().cloned().chain(numbers).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Which rows differ from the row before; the first one does.
fn begins(keys: &[ArrayRef], rows: usize) -> Result<Vec<bool>> {
    let mut begins = vec![false; rows];
    if keys.is_empty() {
        begins[0] = true;
        return Ok(begins);
    }
    for range in partition(keys)?.ranges() {
        begins[range.start] = true;
    }
    Ok(begins)
}

#[cfg(test)]
mod tests;
