//! What an equality on one side of a join says of the other side.
//!
//! The optimizer carries a filter from the kept side of an outer join to the
//! other only after it has tried it on a null, which it cannot with a
//! parameter. For an equality it need not be tried: rows of the other side with
//! another value match none of the kept side's.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Distinct, Expr, Filter, Join, LogicalPlan};

use super::has_the_value;

/// Adds to the inputs of `plan`'s joins what equalities of their other inputs
/// with `any` value imply.
pub(super) fn carried_across(plan: LogicalPlan, any: &Expr) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up(|node| {
        let LogicalPlan::Join(join) = node else {
            return Ok(Transformed::no(node));
        };
        let (to_right, to_left) = carried(&join);
        if to_right.is_empty() && to_left.is_empty() {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        let mut join = join;
        for column in to_right {
            join.right = filtered(join.right, column, any)?.into();
        }
        for column in to_left {
            join.left = filtered(join.left, column, any)?.into();
        }
        Ok(Transformed::yes(LogicalPlan::Join(join)))
    })
}

fn filtered(plan: std::sync::Arc<LogicalPlan>, column: Column, any: &Expr) -> Result<LogicalPlan> {
    let equality = Expr::Column(column).eq(any.clone());
    Ok(LogicalPlan::Filter(Filter::try_new(equality, plan)?))
}

/// The columns of the right and of the left side that have the value wherever
/// they can match.
fn carried(join: &Join) -> (Vec<Column>, Vec<Column>) {
    use JoinType as J;
    let (mut to_right, mut to_left) = (Vec::new(), Vec::new());
    for (left, right) in &join.on {
        let (Expr::Column(left), Expr::Column(right)) = (left, right) else {
            continue;
        };
        let (has_left, has_right) = (holds(&join.left, left), holds(&join.right, right));
        match join.join_type {
            J::Inner | J::Left | J::LeftSemi if has_left && !has_right => {
                to_right.push(right.clone());
            }
            J::Inner | J::Right | J::RightSemi if has_right && !has_left => {
                to_left.push(left.clone());
            }
            _ => {}
        }
    }
    (to_right, to_left)
}

/// Whether `column` has the value in every row of `plan`.
fn holds(plan: &LogicalPlan, column: &Column) -> bool {
    use JoinType as J;
    let place = || plan.schema().maybe_index_of_column(column);
    let at = |input: &LogicalPlan, place: usize| {
        let column = input.schema().columns().get(place).cloned();
        column.is_some_and(|column| holds(input, &column))
    };
    match plan {
        LogicalPlan::TableScan(scan) => {
            let mut filters = scan.filters.iter().flat_map(split_conjunction);
            scan.projected_schema.has_column(column)
                && filters.any(|f| has_the_value(f).is_some_and(|c| c.name == column.name))
        }
        LogicalPlan::Filter(filter) => {
            let equal = |f: &Expr| has_the_value(f) == Some(column);
            split_conjunction(&filter.predicate).into_iter().any(equal)
                || holds(&filter.input, column)
        }
        LogicalPlan::Projection(projection) => {
            let expression = place().and_then(|place| projection.expr.get(place));
            let input = expression.and_then(plain_column);
            input.is_some_and(|input| holds(&projection.input, input))
        }
        LogicalPlan::SubqueryAlias(alias) => place().is_some_and(|place| at(&alias.input, place)),
        LogicalPlan::Union(union) => {
            let inputs = &union.inputs;
            place().is_some_and(|place| inputs.iter().all(|input| at(input, place)))
        }
        LogicalPlan::Aggregate(aggregate) => {
            let group = place().and_then(|place| aggregate.group_expr.get(place));
            let input = group.and_then(plain_column);
            input.is_some_and(|input| holds(&aggregate.input, input))
        }
        LogicalPlan::Window(window) => holds(&window.input, column),
        LogicalPlan::Sort(sort) => holds(&sort.input, column),
        LogicalPlan::Limit(limit) => holds(&limit.input, column),
        LogicalPlan::Distinct(Distinct::All(input)) => holds(input, column),
        LogicalPlan::Join(join) => {
            let is_left = join.left.schema().has_column(column);
            match (join.join_type, is_left) {
                (J::Inner | J::Left | J::LeftSemi | J::LeftAnti | J::LeftMark, true) => {
                    holds(&join.left, column)
                }
                (J::Inner | J::Right | J::RightSemi | J::RightAnti | J::RightMark, false) => {
                    holds(&join.right, column)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

fn plain_column(expression: &Expr) -> Option<&Column> {
    match expression {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => plain_column(&alias.expr),
        _ => None,
    }
}
