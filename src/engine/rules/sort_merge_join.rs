//! Strategy by sorting, for what does not fit into memory.
//!
//! A hash join holds one side; sorted rows can wait on the disk. DataFusion
//! plans joins by sorting on several threads only, and a query that is asked
//! again because memory was short has one thread, so that each step has all of
//! it. [`JoinBySorting`] makes them of the hash joins that were planned.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{JoinSide, JoinType, Result};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};

use crate::engine::support::each::Replace;
use crate::engine::support::exprs::replaced;

/// Replaces hash joins. It comes before the rules that bring the rows into the
/// order that they need.
#[derive(Debug)]
pub(in crate::engine) struct JoinBySorting;

impl Replace for JoinBySorting {
    const NAME: &'static str = "sort_merge_join";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        match plan.downcast_ref::<HashJoinExec>() {
            Some(join) => by_sorting(join),
            None => Ok(None),
        }
    }
}

/// The join by sorting; none where DataFusion's would answer wrongly or fail.
///
/// A condition beside the keys is read from the wrong columns once a projection
/// goes below the join (`try_swapping_with_projection`), and fails of rows
/// without a partner: it becomes a filter above an inner join, and others stay.
/// Of floats it takes -0.0 and 0.0 for one while rows are sorted as two. Strategy
/// that only look whether there is a partner do not know all types.
fn by_sorting(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (left, right) = (join.left(), join.right());
    let is_known = match join.join_type() {
        JoinType::Inner => true,
        JoinType::Left | JoinType::Right | JoinType::Full => join.filter().is_none(),
        _ => false,
    };
    let rows = left.schema();
    let has_order = |(key, _): &(PhysicalExprRef, PhysicalExprRef)| {
        let kind = key.data_type(&rows).unwrap_or(DataType::Null);
        kind.is_integer()
            || kind.is_string()
            || kind.is_temporal()
            || matches!(kind, DataType::Boolean | DataType::Decimal128(_, _))
    };
    let on = join.on().to_vec();
    if !is_known
        || !on.iter().all(has_order)
        || join.null_aware
        || join.projection.is_some()
        || join.fetch().is_some()
    {
        return Ok(None);
    }
    let order = vec![SortOptions::default(); on.len()];
    let sorted = SortMergeJoinExec::try_new(
        Arc::clone(left),
        Arc::clone(right),
        on,
        None,
        *join.join_type(),
        order,
        join.null_equality(),
    )?;
    let sorted: Arc<dyn ExecutionPlan> = Arc::new(sorted);
    let Some(filter) = join.filter() else {
        return Ok(Some(sorted));
    };
    let lefts = rows.fields().len();
    let sources = filter.column_indices();
    let condition = replaced(filter.expression(), |column| {
        let source = sources.get(column.index())?;
        let at = match source.side {
            JoinSide::Left => source.index,
            JoinSide::Right => source.index + lefts,
            JoinSide::None => return None,
        };
        Some(Arc::new(Column::new(column.name(), at)))
    })?;
    match condition {
        Some(condition) => Ok(Some(Arc::new(FilterExec::try_new(condition, sorted)?))),
        None => Ok(None),
    }
}
