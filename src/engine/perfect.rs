//! Groups by one whole number or day, found by the number itself.
//!
//! Where the bounds of a column are known and lie no further apart than there
//! are rows, its values need no hash table: a group is found by its distance from
//! the lower bound, and rows in the order of their keys go through the groups in
//! order. The field calls it perfect hashing. [`GroupByPlace`] finds such
//! groupings, [`PerfectAggregate`] computes them, with DataFusion's own
//! accumulators.

mod aggregate;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue};
use datafusion::datasource::physical_plan::{FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

pub(super) use self::aggregate::PerfectAggregate;
use super::calendar::{first_day, first_day_of};

/// Groups that have a place of their own, at most.
const MOST: usize = 1 << 22;
/// Groupings by a number whose bounds are known, and no more than there are
/// rows to group, become a [`PerfectAggregate`].
#[derive(Debug)]
pub(super) struct GroupByPlace;

impl PhysicalOptimizerRule for GroupByPlace {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let statistics = StatisticsContext::new();
        // What is known is kept by address: the plan stays until all of it is.
        by_place(Arc::clone(&plan), &statistics)
    }

    fn name(&self) -> &'static str {
        "group_by_place"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn by_place(
    plan: Arc<dyn ExecutionPlan>,
    statistics: &StatisticsContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    let bounds = match plan.downcast_ref::<AggregateExec>() {
        Some(grouping) if is_plain(grouping) => bounds(grouping, statistics)?,
        _ => None,
    };
    let inputs = plan.children().into_iter().cloned();
    let inputs = inputs
        .map(|input| by_place(input, statistics))
        .collect::<Result<Vec<_>>>()?;
    let plan = replace_children_if_necessary(plan, inputs)?;
    Ok(match (bounds, plan.downcast_ref::<AggregateExec>()) {
        (Some(bounds), Some(grouping)) => Arc::new(PerfectAggregate::new(grouping.clone(), bounds)),
        _ => plan,
    })
}

/// Whether a grouping is by one column, of raw rows in no order, and each group's
/// state is a few numbers.
fn is_plain(grouping: &AggregateExec) -> bool {
    let by = grouping.group_expr();
    by.is_single()
        && by.expr().len() == 1
        && grouping.mode().input_mode() == AggregateInputMode::Raw
        && *grouping.input_order_mode() == InputOrderMode::Linear
        && grouping.limit_options().is_none()
        && grouping.aggr_expr().iter().all(|aggregate| {
            let states = aggregate.state_fields();
            aggregate.groups_accumulator_supported()
                && aggregate.order_bys().is_empty()
                && states.is_ok_and(|all| all.iter().all(|state| state.data_type().is_primitive()))
        })
}

/// What is known of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    min: i64,
    /// Numbers from the smallest to the greatest key.
    count: usize,
}

fn bounds(grouping: &AggregateExec, statistics: &StatisticsContext) -> Result<Option<Bounds>> {
    let (key, _) = &grouping.group_expr().expr()[0];
    let input = grouping.input();
    let known = statistics.compute(input.as_ref(), &StatisticsArgs::new())?;
    let columns = &known.column_statistics;
    let range = match key.downcast_ref::<Column>() {
        Some(column) => columns
            .get(column.index())
            .and_then(range)
            .or_else(|| computed(input, column.index(), statistics)),
        None => range_of_periods(key, columns),
    };
    let (Some((min, count)), Some(rows)) = (range, known.num_rows.get_value()) else {
        return Ok(None);
    };
    let rows = rows / input.output_partitioning().partition_count().max(1);
    Ok((count <= MOST.min(rows)).then_some(Bounds { min, count }))
}

/// The range of a column that a plan or its scan computes.
fn computed(
    plan: &Arc<dyn ExecutionPlan>,
    column: usize,
    statistics: &StatisticsContext,
) -> Option<(i64, usize)> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let expr = &projection.expr().get(column)?.expr;
        let input = projection.input();
        return match expr.downcast_ref::<Column>() {
            Some(column) => computed(input, column.index(), statistics),
            None => {
                let known = statistics.compute(input.as_ref(), &StatisticsArgs::new());
                range_of_periods(expr, &known.ok()?.column_statistics)
            }
        };
    }
    let scan = plan.downcast_ref::<DataSourceExec>()?;
    let (config, source) = scan.downcast_to_file_source::<ParquetSource>()?;
    let expr = &source.projection()?.as_ref().get(column)?.expr;
    range_of_periods(expr, &config.statistics().column_statistics)
}

/// The range of the first days of a column's periods.
fn range_of_periods(
    expr: &Arc<dyn PhysicalExpr>,
    known: &[ColumnStatistics],
) -> Option<(i64, usize)> {
    let (period, column) = first_day_of(expr)?;
    let first = |bound: &Precision<ScalarValue>| first_day(period, bound.get_value()?);
    let known = known.get(column)?;
    between(first(&known.min_value)?, first(&known.max_value)?)
}

/// The smallest number of a column of whole numbers or days, and how many there
/// are up to the greatest.
pub(super) fn range(column: &ColumnStatistics) -> Option<(i64, usize)> {
    let bound = |bound: &Precision<ScalarValue>| bound.get_value().and_then(number);
    between(bound(&column.min_value)?, bound(&column.max_value)?)
}

fn between(min: i64, max: i64) -> Option<(i64, usize)> {
    let distance = usize::try_from(max.checked_sub(min)?).ok()?;
    Some((min, distance.checked_add(1)?))
}

fn number(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int8(value) => value.map(i64::from),
        ScalarValue::Int16(value) => value.map(i64::from),
        ScalarValue::Int32(value) | ScalarValue::Date32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    }
}
