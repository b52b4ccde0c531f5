//! Rules that have an aggregate computed by another one.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{ExprSchema, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

/// The plan with aggregates for which there is an `other` computed by that,
/// under their names.
pub(in crate::engine) fn replaced(
    plan: LogicalPlan,
    other: impl Fn(&AggregateFunction, &dyn ExprSchema) -> Option<AggregateFunction>,
) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    let LogicalPlan::Aggregate(mut aggregate) = plan else {
        return Ok(Transformed::no(plan));
    };
    let mut any = false;
    for expr in &mut aggregate.aggr_expr {
        let Expr::AggregateFunction(function) = &*expr else {
            continue;
        };
        if let Some(other) = other(function, aggregate.input.schema()) {
            *expr = names.save(expr).restore(Expr::AggregateFunction(other));
            any = true;
        }
    }
    if !any {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let Aggregate {
        input,
        group_expr,
        aggr_expr,
        schema,
        ..
    } = aggregate;
    let aggregate = Aggregate::try_new_with_schema(input, group_expr, aggr_expr, schema)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
}
