//! What can be said of expressions, and made of them.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;

type Expr = Arc<dyn PhysicalExpr>;

/// Whether an operator compares two values.
pub(in crate::engine) fn compares(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// The expression with other columns; none where there is none for one.
pub(in crate::engine) fn replaced(
    expression: &Expr,
    column: impl Fn(&Column) -> Option<Expr>,
) -> Result<Option<Expr>> {
    let mut all = true;
    let replaced = Arc::clone(expression)
        .transform_down(|part| {
            let Some(known) = part.downcast_ref::<Column>() else {
                return Ok(Transformed::no(part));
            };
            Ok(match column(known) {
                // What was put in is not looked at again.
                Some(other) => Transformed::new(other, true, TreeNodeRecursion::Jump),
                None => {
                    all = false;
                    Transformed::no(part)
                }
            })
        })
        .data()?;
    Ok(all.then_some(replaced))
}
