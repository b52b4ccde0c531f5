//! Groups by a few numbers, days and texts, found by these themselves.
//!
//! Where the bounds of a column are known and lie no further apart than there
//! are rows, about, its values need no hash table: a group is found by its
//! distance from the lower bound, and rows in the order of their keys go through
//! the groups in order. The field calls it perfect hashing. Several keys are the
//! digits of one number; a text is a digit, too, where there are few of them, and
//! so is the first day of a month.
//! [`GroupByPlace`] finds such groupings, [`PerfectAggregate`] computes them,
//! with DataFusion's own accumulators.

mod aggregate;
mod order;
mod rest;

use std::sync::Arc;

use cinelake_kernels::{Months, Span, Texts};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue};
use datafusion::datasource::physical_plan::{FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateInputMode, AggregateOutputMode,
};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

pub(in crate::engine) use self::aggregate::PerfectAggregate;
pub(in crate::engine) use self::order::ForgetOrder;
use crate::engine::functions::first_day::{first_day, first_day_of};
use crate::engine::rules::distinct_ids::counts_ids;

/// Places that there are, at most.
const MOST: usize = 1 << 24;
/// Places for each row, at most.
const SPARSE: usize = 4;
/// Places where it is not known how many rows there are: they cost nothing.
const FEW: usize = 1 << 16;
/// Partitions whose bounds are looked at one by one, at most.
const MOST_PARTITIONS: usize = 128;
/// Texts that a column is expected to have, from the most to the least; others
/// are found out while rows are grouped.
const TEXTS: [u32; 3] = [Texts::MOST, 32, 16];

/// Groupings by keys that may have a few times as many values as there are rows,
/// at most, become a [`PerfectAggregate`].
#[derive(Debug)]
pub(in crate::engine) struct GroupByPlace;

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
        "perfect_hash"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn by_place(
    plan: Arc<dyn ExecutionPlan>,
    statistics: &StatisticsContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    let keys = match plan.downcast_ref::<AggregateExec>() {
        Some(grouping) if is_unordered(grouping) && is_plain(grouping) => {
            keys(grouping, statistics)?
        }
        _ => None,
    };
    let inputs = plan.children().into_iter().cloned();
    let inputs = inputs
        .map(|input| by_place(input, statistics))
        .collect::<Result<Vec<_>>>()?;
    let plan = replace_children_if_necessary(plan, inputs)?;
    let keys = keys.or_else(|| keys_of_states(plan.as_ref()));
    Ok(match (keys, plan.downcast_ref::<AggregateExec>()) {
        (Some(keys), Some(grouping)) => Arc::new(PerfectAggregate::new(grouping.clone(), keys)),
        _ => plan,
    })
}

/// What is known of the keys of a grouping of states, which a grouping by place
/// hands on.
fn keys_of_states(plan: &dyn ExecutionPlan) -> Option<Vec<Vec<Key>>> {
    let grouping = plan.downcast_ref::<AggregateExec>()?;
    let takes_states = grouping.mode().input_mode() == AggregateInputMode::Partial;
    if !takes_states || !is_unordered(grouping) {
        return None;
    }
    let mut input = grouping.input();
    while input.is::<RepartitionExec>() || input.is::<CoalescePartitionsExec>() {
        input = input.children().pop()?;
    }
    Some(input.downcast_ref::<PerfectAggregate>()?.keys().to_vec())
}

fn is_unordered(grouping: &AggregateExec) -> bool {
    *grouping.input_order_mode() == InputOrderMode::Linear && grouping.limit_options().is_none()
}

/// Whether a grouping is of raw rows, and what it takes of a group is known.
fn is_plain(grouping: &AggregateExec) -> bool {
    let by = grouping.group_expr();
    by.is_single()
        && !by.expr().is_empty()
        && grouping.mode().input_mode() == AggregateInputMode::Raw
        && grouping.aggr_expr().iter().all(|aggregate| {
            aggregate.groups_accumulator_supported()
                && aggregate.order_bys().is_empty()
                && (has_numbers(aggregate) || counts_ids(aggregate))
        })
}

/// Whether each group's state is a few numbers.
fn has_numbers(aggregate: &AggregateFunctionExpr) -> bool {
    let states = aggregate.state_fields();
    states.is_ok_and(|all| all.iter().all(|state| state.data_type().is_primitive()))
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// It lies between bounds.
    Number(Span),
    /// It is the first day of one of the months between two, as the bounds are.
    Month { first: i32, last: i32 },
    /// There are so many different ones, at most.
    Text(u32),
}

impl Key {
    /// A date whose bounds are first days of months may be one, too, of fewer.
    fn by_month(self) -> Self {
        let Self::Number(span) = self else {
            return self;
        };
        let day = |digit| span.number(digit).and_then(|day| i32::try_from(day).ok());
        match (day(1), day(span.digits() - 1)) {
            (Some(first), Some(last)) if Months::count(first, last).is_some() => {
                Self::Month { first, last }
            }
            _ => self,
        }
    }

    fn digits(self) -> usize {
        let values = match self {
            Self::Number(span) => span.digits(),
            Self::Month { first, last } => Months::count(first, last).map_or(1, |n| n + 1),
            Self::Text(most) => most + 1,
        };
        values as usize
    }
}

/// The places that keys may have.
fn places(keys: &[Key]) -> usize {
    keys.iter()
        .map(|key| key.digits())
        .fold(1, usize::saturating_mul)
}

/// What is known of the keys of a grouping, of all its partitions or of each;
/// none where that is not enough.
fn keys(grouping: &AggregateExec, statistics: &StatisticsContext) -> Result<Option<Vec<Vec<Key>>>> {
    let partitions = grouping.input().output_partitioning().partition_count();
    if let Some(keys) = keys_of(grouping, None, statistics)? {
        return Ok(Some(vec![keys]));
    }
    // Ids may grow from month to month.
    let whole = grouping.mode().output_mode() == AggregateOutputMode::Final;
    if !whole || !(2..=MOST_PARTITIONS).contains(&partitions) {
        return Ok(None);
    }
    let each = (0..partitions).map(|partition| keys_of(grouping, Some(partition), statistics));
    each.collect()
}

/// What is known of the keys in one partition, or in all together.
fn keys_of(
    grouping: &AggregateExec,
    partition: Option<usize>,
    statistics: &StatisticsContext,
) -> Result<Option<Vec<Key>>> {
    let input = grouping.input();
    let of = StatisticsArgs::new().with_partition(partition);
    let known = statistics.compute(input.as_ref(), &of)?;
    let parts = match partition {
        Some(_) => 1,
        None => input.output_partitioning().partition_count().max(1),
    };
    let most = match known.num_rows.get_value() {
        Some(rows) => MOST.min((rows / parts).saturating_mul(SPARSE)),
        None => FEW,
    };
    let expressions = grouping.group_expr().expr();
    let dates = [false, true].map(|monthly| TEXTS.map(|texts| (monthly, texts)));
    for (monthly, texts) in dates.into_iter().flatten() {
        let key = |key: &Arc<dyn PhysicalExpr>| {
            let known = known_key(key, texts, input, &known.column_statistics, statistics)?;
            let is_date = key.data_type(&input.schema()).ok()? == DataType::Date32;
            Some(if monthly && is_date {
                known.by_month()
            } else {
                known
            })
        };
        let keys: Option<Vec<Key>> = expressions.iter().map(|(expr, _)| key(expr)).collect();
        let Some(keys) = keys else {
            return Ok(None);
        };
        if places(&keys) <= most {
            return Ok(Some(keys));
        }
    }
    Ok(None)
}

fn known_key(
    key: &Arc<dyn PhysicalExpr>,
    texts: u32,
    input: &Arc<dyn ExecutionPlan>,
    known: &[ColumnStatistics],
    statistics: &StatisticsContext,
) -> Option<Key> {
    match key.data_type(&input.schema()).ok()? {
        DataType::Utf8View => return Some(Key::Text(texts)),
        DataType::Boolean => return Some(Key::Number(Span::new(0, 2))),
        _ => {}
    }
    let (min, count) = match key.downcast_ref::<Column>() {
        Some(column) => known
            .get(column.index())
            .and_then(range)
            .or_else(|| computed(input, column.index(), statistics))?,
        None => range_of_periods(key, known)?,
    };
    let count = u32::try_from(count)
        .ok()
        .filter(|count| *count < u32::MAX)?;
    Some(Key::Number(Span::new(min, count)))
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
pub(in crate::engine) fn range(column: &ColumnStatistics) -> Option<(i64, usize)> {
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
