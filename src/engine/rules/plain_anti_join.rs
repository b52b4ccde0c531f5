//! `not in (select …)` where neither side has a null.
//!
//! A join that minds nulls holds the rows that are asked about, whatever their
//! number. Where what is known of the files says that there is no null,
//! [`PlainNotIn`] makes it a join like any other, which holds the smaller side.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{JoinType, Result};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::engine::support::each::Replace;

/// Has joins of `not in` mind nulls only where there can be some. It comes before
/// the rules that choose sides.
#[derive(Debug)]
pub(in crate::engine) struct PlainNotIn;

impl Replace for PlainNotIn {
    const NAME: &'static str = "plain_anti_join";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(join) = plan
            .downcast_ref::<HashJoinExec>()
            .filter(|join| join.null_aware && has_none(join))
        else {
            return Ok(None);
        };
        let mode = match config.execution.target_partitions {
            1 => PartitionMode::CollectLeft,
            _ => PartitionMode::Auto,
        };
        let plain = join.builder().with_null_aware(false);
        plain.with_partition_mode(mode).build_exec().map(Some)
    }
}

/// Whether no key of either side is null.
fn has_none(join: &HashJoinExec) -> bool {
    join.on().iter().all(|(left, right)| {
        is_never_null(left.as_ref(), join.left()) && is_never_null(right.as_ref(), join.right())
    })
}

/// Whether an expression of the rows of `plan` has a value in all of them.
fn is_never_null(expr: &dyn PhysicalExpr, plan: &Arc<dyn ExecutionPlan>) -> bool {
    if expr
        .nullable(&plan.schema())
        .is_ok_and(|nullable| !nullable)
    {
        return true;
    }
    // What cannot be cast is an error.
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return is_never_null(cast.expr().as_ref(), plan);
    }
    let Some(column) = expr.downcast_ref::<Column>().map(Column::index) else {
        return false;
    };
    if plan.is::<DataSourceExec>() {
        let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
        return known.is_ok_and(|known| {
            let column = known.column_statistics.get(column);
            column.is_some_and(|column| column.null_count == Precision::Exact(0))
        });
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let input = projection.input();
        let expr = projection.expr().get(column);
        return expr.is_some_and(|of| is_never_null(of.expr.as_ref(), input));
    }
    if let Some(grouping) = plan.downcast_ref::<AggregateExec>() {
        let by = grouping.group_expr();
        let key = by.expr().get(column).filter(|_| by.is_single());
        return key.is_some_and(|(key, _)| is_never_null(key.as_ref(), grouping.input()));
    }
    let (input, column) = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        (
            filter.input(),
            through(filter.projection().as_deref(), column),
        )
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let column = through(join.projection.as_deref(), column);
        let lefts = join.left().schema().fields().len();
        match (join.join_type(), column) {
            (JoinType::LeftSemi | JoinType::LeftAnti, column) => (join.left(), column),
            (JoinType::Inner | JoinType::Left, Some(at)) if at < lefts => (join.left(), column),
            (JoinType::Inner | JoinType::Right, Some(at)) if at >= lefts => {
                (join.right(), Some(at - lefts))
            }
            _ => return false,
        }
    } else if let Some(coalesce) = plan.downcast_ref::<CoalescePartitionsExec>() {
        (coalesce.input(), Some(column))
    } else if let Some(repartition) = plan.downcast_ref::<RepartitionExec>() {
        (repartition.input(), Some(column))
    } else {
        return false;
    };
    column.is_some_and(|at| {
        let schema = input.schema();
        is_never_null(&Column::new(schema.field(at).name(), at), input)
    })
}

/// The column that stands in the place `column` after a projection.
fn through(projection: Option<&[usize]>, column: usize) -> Option<usize> {
    match projection {
        Some(columns) => columns.get(column).copied(),
        None => Some(column),
    }
}
