//! Logical plans and expressions, walked through and replaced.
//!
//! What is done at each place is given as `dyn`: DataFusion's walks are generic,
//! and each kind of closure would be compiled into a walk of its own.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// What becomes of a part of an expression of some rows.
type OfPart<'a> = &'a mut dyn FnMut(Expr, &DFSchema) -> Result<Transformed<Expr>>;

/// The rows that a plan's expressions are about.
pub(in crate::engine) fn rows_of(plan: &LogicalPlan) -> Result<Arc<DFSchema>> {
    Ok(Arc::new(match plan {
        LogicalPlan::TableScan(scan) => {
            let table = scan.table_name.clone();
            DFSchema::try_from_qualified_schema(table, &scan.source.schema())?
        }
        plan => merge_schema(&plan.inputs()),
    }))
}

/// The plan with expressions replaced, part by part from the inside out, those of
/// subqueries too; columns keep their names.
pub(in crate::engine) fn with_parts(
    plan: LogicalPlan,
    replaced: OfPart<'_>,
) -> Result<LogicalPlan> {
    with_exprs(plan, &mut |expr, rows| {
        inside_out(expr, &mut |part| replaced(part, rows))
    })
}

/// The plan with each whole expression replaced, those of subqueries too, from
/// the bottom up; columns keep their names.
pub(in crate::engine) fn with_exprs(
    plan: LogicalPlan,
    replaced: OfPart<'_>,
) -> Result<LogicalPlan> {
    with_plans(plan, &mut |plan| {
        let rows = rows_of(&plan)?;
        let names = NamePreserver::new(&plan);
        let mut each = |expr: Expr| -> Result<Transformed<Expr>> {
            let name = names.save(&expr);
            let expr = replaced(expr, &rows)?;
            // A set's columns are known by their own names.
            let keeps_name = !expr.transformed || matches!(expr.data, Expr::GroupingSet(_));
            Ok(match keeps_name {
                true => expr,
                false => expr.update_data(|expr| name.restore(expr)),
            })
        };
        let each: &mut dyn FnMut(Expr) -> Result<Transformed<Expr>> = &mut each;
        let plan = plan.map_expressions(each)?;
        match plan.transformed {
            true => plan.map_data(LogicalPlan::recompute_schema),
            false => Ok(plan),
        }
    })
}

/// The plan with each step replaced, those of subqueries too, from the bottom up.
pub(in crate::engine) fn with_plans(
    plan: LogicalPlan,
    replaced: &mut dyn FnMut(LogicalPlan) -> Result<Transformed<LogicalPlan>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(replaced).data()
}

/// Looks at each step of a plan, those of subqueries too.
pub(in crate::engine) fn each_plan(
    plan: &LogicalPlan,
    look: &mut dyn FnMut(&LogicalPlan) -> Result<TreeNodeRecursion>,
) -> Result<()> {
    plan.apply_with_subqueries(look).map(|_| ())
}

/// The expression with parts replaced from the inside out.
pub(in crate::engine) fn inside_out(
    expr: Expr,
    replaced: &mut dyn FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<Expr>> {
    expr.transform_up(replaced)
}

/// The expression with parts replaced from the outside in.
pub(in crate::engine) fn outside_in(
    expr: Expr,
    replaced: &mut dyn FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<Expr>> {
    expr.transform_down(replaced)
}

/// Looks at each part of an expression.
pub(in crate::engine) fn each_part(
    expr: &Expr,
    look: &mut dyn FnMut(&Expr) -> Result<TreeNodeRecursion>,
) -> Result<()> {
    expr.apply(look).map(|_| ())
}
