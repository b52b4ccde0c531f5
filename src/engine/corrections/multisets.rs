//! `intersect all` and `except all`.
//!
//! DataFusion asks only whether a row is there on the other side: of
//! `(1, 1, 1) intersect all (1, 1)` three rows come, not two
//! (apache/datafusion#12955, #12956). [`number_copies`] numbers equal rows on
//! both sides, and has the numbers compared, too: the third 1 finds no partner.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Distinct, Expr, ExprFunctionExt, Join, LogicalPlan, LogicalPlanBuilder, WindowFrame,
    WindowFunctionDefinition, WindowUDF,
};

use crate::engine::support::plans::with_plans;

/// Numbers equal rows of multisets.
struct NumberCopies {
    row_number: Arc<WindowUDF>,
}

impl NumberCopies {
    fn new() -> Self {
        let all = super::windows::windows().into_iter();
        let mut named = all.filter(|window| window.name() == "row_number");
        let row_number = named.next();
        let row_number =
            row_number.unwrap_or_else(datafusion::functions_window::row_number::row_number_udwf);
        Self { row_number }
    }

    /// The rows with the number that each has among those equal to it.
    fn numbered(&self, rows: &LogicalPlan, keys: Vec<Expr>, name: &str) -> Result<LogicalPlan> {
        let function = WindowFunctionDefinition::WindowUDF(Arc::clone(&self.row_number));
        let number = Expr::from(WindowFunction::new(function, Vec::new()))
            .partition_by(keys)
            .window_frame(WindowFrame::new(None))
            .build()?;
        let columns = rows.schema().iter().map(Expr::from);
        let mut columns: Vec<Expr> = columns.collect();
        let counted = Expr::Column(Column::new_unqualified(number.schema_name().to_string()));
        columns.push(counted.alias(name));
        LogicalPlanBuilder::from(rows.clone())
            .window([number])?
            .project(columns)?
            .build()
    }

    fn counted(&self, join: &Join) -> Result<LogicalPlan> {
        let columns: Vec<Expr> = join.left.schema().iter().map(Expr::from).collect();
        let (left_keys, right_keys) = join.on.iter().cloned().unzip();
        let left = self.numbered(&join.left, left_keys, "left copy")?;
        let right = self.numbered(&join.right, right_keys, "right copy")?;
        let mut on = join.on.clone();
        on.push((
            Expr::Column(Column::new_unqualified("left copy")),
            Expr::Column(Column::new_unqualified("right copy")),
        ));
        let joined = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            None,
            join.join_type,
            join.join_constraint,
            join.null_equality,
            false,
        )?;
        LogicalPlanBuilder::from(LogicalPlan::Join(joined))
            .project(columns)?
            .build()
    }
}

/// The plan of a text with the copies of multisets numbered.
pub(in crate::engine) fn number_copies(plan: LogicalPlan) -> Result<LogicalPlan> {
    let copies = NumberCopies::new();
    with_plans(plan, &mut |plan| match &plan {
        LogicalPlan::Join(join) if is_multiset(join) => Ok(Transformed::yes(copies.counted(join)?)),
        _ => Ok(Transformed::no(plan)),
    })
}

/// Whether a join is what is planned for a set operation with `all`: of a text, no
/// other join is null-safe before any rule has been.
fn is_multiset(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.filter.is_none()
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(Distinct::All(_)))
}
