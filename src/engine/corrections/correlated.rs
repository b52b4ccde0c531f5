//! Subqueries that refer to the row beside them, and are planned wrongly.
//!
//! DataFusion takes the condition that refers to the row out of the subquery, and
//! up through whatever stands above it. Windows, `distinct` and the outer side of
//! a join then see the rows of all outer rows at once (their answers are wrong
//! without a word). [`RefuseCorrelated`] refuses what it would plan so.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinType, Result, plan_err};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::plans::{each_part, each_plan};

/// Refuses correlated subqueries whose condition cannot be taken out of them.
#[derive(Debug)]
pub(in crate::engine) struct RefuseCorrelated;

impl AnalyzerRule for RefuseCorrelated {
    fn name(&self) -> &'static str {
        "refuse_correlated"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        each_plan(&plan, &mut |node| {
            if let LogicalPlan::Subquery(query) = node {
                look(&query.subquery, Passed::default())?;
            }
            for expr in node.expressions() {
                each_part(&expr, &mut |part| {
                    let query = match part {
                        Expr::Exists(of) => &of.subquery,
                        Expr::InSubquery(of) => &of.subquery,
                        Expr::SetComparison(of) => &of.subquery,
                        Expr::ScalarSubquery(of) => of,
                        _ => return Ok(TreeNodeRecursion::Continue),
                    };
                    look(&query.subquery, Passed::default())?;
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }
}

/// What stands above a part of a subquery.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    window: bool,
    distinct: bool,
    aggregates: usize,
    outer_side: bool,
}

fn look(plan: &Arc<LogicalPlan>, passed: Passed) -> Result<()> {
    let mut below = passed;
    match plan.as_ref() {
        LogicalPlan::Subquery(_) => return Ok(()),
        LogicalPlan::Filter(filter) => condition(&filter.predicate, passed)?,
        LogicalPlan::Window(_) => below.window = true,
        LogicalPlan::Distinct(Distinct::All(_) | Distinct::On(_)) => below.distinct = true,
        LogicalPlan::Aggregate(aggregate) => {
            below.aggregates += 1;
            below.distinct |= aggregate.aggr_expr.is_empty();
        }
        LogicalPlan::Join(join) => {
            let (left, right) = match join.join_type {
                JoinType::Inner => (false, false),
                JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                    (false, true)
                }
                JoinType::Right
                | JoinType::RightSemi
                | JoinType::RightAnti
                | JoinType::RightMark => (true, false),
                JoinType::Full => (true, true),
            };
            for (side, outer) in [(&join.left, left), (&join.right, right)] {
                let mut below = passed;
                below.outer_side |= outer;
                look(side, below)?;
            }
            return Ok(());
        }
        _ => {}
    }
    for input in plan.inputs() {
        look(&Arc::new(input.clone()), below)?;
    }
    Ok(())
}

fn condition(predicate: &Expr, passed: Passed) -> Result<()> {
    for part in split_conjunction(predicate) {
        if !part.contains_outer() {
            continue;
        }
        let what = if passed.window {
            "a window function"
        } else if passed.outer_side {
            "the outer side of a join"
        } else if passed.aggregates > 1 {
            "groups of groups"
        } else if passed.distinct && !is_equality(part) {
            "`distinct`, and a condition other than `=`,"
        } else {
            continue;
        };
        return plan_err!(
            "{what} in a subquery that refers to the row beside it is not possible: \
             compute it in a `with` query for all rows, and join that"
        );
    }
    Ok(())
}

/// Whether a condition is that a column equals one of the row beside.
fn is_equality(part: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = part
    else {
        return false;
    };
    left.contains_outer() != right.contains_outer()
}
