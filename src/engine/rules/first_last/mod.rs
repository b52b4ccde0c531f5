//! `first_value` and `last_value` of an order.
//!
//! DataFusion compares rows value by value and holds what it compares with as
//! boxed values, group by group and batch by batch: `last_value(plan order by
//! started_at)` of each user takes microseconds a row. Where the order is of
//! numbers, days or instants, [`ValuesByOrder`] has them compared by
//! [`Leaders`]; the values themselves are touched only when a row leads.

mod aggregate;

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{ExprSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, NullTreatment};
use datafusion::logical_expr::{AggregateUDF, ExprSchemable, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::engine::support::aggregates::replaced;
use crate::engine::support::numbers::has_its_own;
use aggregate::ValueOfFirst;

/// Has first and last values found by the numbers of what they are ordered by.
#[derive(Debug)]
pub(in crate::engine) struct ValuesByOrder;

impl OptimizerRule for ValuesByOrder {
    fn name(&self) -> &'static str {
        "first_last"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        replaced(plan, by_order)
    }
}

/// The first or last value that `function` is; none where it is another thing,
/// or where the order is of what has no numbers of its own.
fn by_order(function: &AggregateFunction, schema: &dyn ExprSchema) -> Option<AggregateFunction> {
    let AggregateFunction { func, params } = function;
    let last = match func.name() {
        "first_value" => false,
        "last_value" => true,
        _ => return None,
    };
    let [value] = params.args.as_slice() else {
        return None;
    };
    if params.distinct || params.order_by.is_empty() {
        return None;
    }
    let (mut args, mut order) = (vec![value.clone()], Vec::new());
    for key in &params.order_by {
        if !has_its_own(&key.expr.get_type(schema).ok()?) {
            return None;
        }
        args.push(key.expr.clone());
        // The last is the first of the order the other way round.
        order.push(SortOptions {
            descending: key.asc == last,
            nulls_first: key.nulls_first != last,
        });
    }
    let skips_nulls = params.null_treatment == Some(NullTreatment::IgnoreNulls);
    let first = ValueOfFirst::new(order, skips_nulls);
    Some(AggregateFunction {
        func: Arc::new(AggregateUDF::from(first)),
        params: AggregateFunctionParams {
            args,
            order_by: Vec::new(),
            null_treatment: None,
            ..params.clone()
        },
    })
}

#[cfg(test)]
mod tests;
