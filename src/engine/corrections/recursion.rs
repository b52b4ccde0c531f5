//! Recursive queries whose types change.
//!
//! The first part of a recursive query settles the types of its columns.
//! DataFusion casts what comes later to them (apache/datafusion#9794):
//! `select 100 union all select n * 0.9 from t` counts 90, 81, 72.
//! [`RefuseNarrowing`] refuses casts that lose something.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, RecursiveQuery};
use datafusion::optimizer::AnalyzerRule;

use super::casts::loses;
use crate::engine::support::plans::each_plan;
use crate::engine::support::types::sql_type;

/// Refuses recursions whose later rows do not fit the types of the first. It comes
/// before all rules that know of casts.
#[derive(Debug)]
pub(in crate::engine) struct RefuseNarrowing;

impl AnalyzerRule for RefuseNarrowing {
    fn name(&self) -> &'static str {
        "refuse_narrowing"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        each_plan(&plan, &mut |node| {
            if let LogicalPlan::RecursiveQuery(query) = node {
                fits(query)?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }
}

fn fits(query: &RecursiveQuery) -> Result<()> {
    let LogicalPlan::Projection(later) = query.recursive_term.as_ref() else {
        return Ok(());
    };
    let columns = query.static_term.schema().fields();
    for (expr, column) in later.expr.iter().zip(columns) {
        let expr = match expr {
            Expr::Alias(alias) => alias.expr.as_ref(),
            expr => expr,
        };
        // A cast of the text's own is put there just so; with it, the query says it.
        let Expr::Cast(Cast { expr, field }) = expr else {
            continue;
        };
        let from = expr.get_type(later.input.schema())?;
        if is_cut(&from, field.data_type()) {
            return plan_err!(
                "column `{}` of a recursive query is {} in its first part and {} later: cast it in \
                 the first part, to double for instance",
                column.name(),
                sql_type(field.data_type()),
                sql_type(&from)
            );
        }
    }
    Ok(())
}

fn is_cut(from: &DataType, to: &DataType) -> bool {
    let digits = match (from, to) {
        // What has too many digits in front of the point is an error by itself.
        (DataType::Decimal128(_, scale), DataType::Decimal128(_, to)) => to < scale,
        _ => loses(from, to),
    };
    digits
        || (from.is_floating() && to.is_decimal())
        || (matches!(from, DataType::Timestamp(..)) && matches!(to, DataType::Date32))
        || (from.is_string() && !to.is_string())
}
