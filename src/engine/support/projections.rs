//! What stands below projections.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;

/// What stands below projections, and they, from the top.
pub(in crate::engine) fn below_names(
    plan: &Arc<dyn ExecutionPlan>,
) -> (Vec<&ProjectionExec>, &Arc<dyn ExecutionPlan>) {
    let (mut named, mut below) = (Vec::new(), plan);
    while let Some(projection) = below.downcast_ref::<ProjectionExec>() {
        named.push(projection);
        below = projection.input();
    }
    (named, below)
}

/// `plan` with `rows` below its projections.
pub(in crate::engine) fn with_names(
    plan: &Arc<dyn ExecutionPlan>,
    rows: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => {
            let rows = with_names(projection.input(), rows)?;
            replace_children_if_necessary(Arc::clone(plan), vec![rows])
        }
        None => Ok(rows),
    }
}

/// What the column is below the projections.
pub(in crate::engine) fn named_below(
    column: usize,
    named: &[&ProjectionExec],
) -> Option<PhysicalExprRef> {
    let mut expr: PhysicalExprRef = Arc::new(Column::new("", column));
    for projection in named {
        let column = expr.downcast_ref::<Column>()?.index();
        expr = Arc::clone(&projection.expr().get(column)?.expr);
    }
    Some(expr)
}
