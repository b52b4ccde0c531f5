//! What a condition guards fails of no row that the condition leaves out.
//!
//! `y <> 0 and x / y > 1` divides by zero: DataFusion puts cheap conditions last,
//! and asks each of all rows. Of a `case` that is true or false it makes `and` and
//! `or`. [`Guard`] writes down what the text says: what can fail is computed
//! where the conditions before it hold.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::plans::{each_part, outside_in, with_exprs};

/// Puts guards into what they guard. It comes after the types are settled, and
/// after what can fail has been put in.
#[derive(Debug)]
pub(in crate::engine) struct Guard;

impl AnalyzerRule for Guard {
    fn name(&self) -> &'static str {
        "guard"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_exprs(plan, &mut |expr, rows| {
            outside_in(expr, &mut |part| within(part, rows))
        })
    }
}

fn within(expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => {
            let guards = split_conjunction(&left).into_iter();
            let guards: Vec<Expr> = guards.map(|guard| guard.clone().is_not_false()).collect();
            let right = guarded(*right, &guards, rows)?;
            Ok(right.update_data(|right| left.as_ref().clone().and(right)))
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => {
            let guards = [left.as_ref().clone().is_not_true()];
            let right = guarded(*right, &guards, rows)?;
            Ok(right.update_data(|right| left.as_ref().clone().or(right)))
        }
        Expr::Case(case) => of_case(case, rows),
        other => Ok(Transformed::no(other)),
    }
}

/// A `case` of truths, which DataFusion turns into `and` and `or`.
fn of_case(case: Case, rows: &DFSchema) -> Result<Transformed<Expr>> {
    if case.expr.is_some() {
        return Ok(Transformed::no(Expr::Case(case)));
    }
    let mut any = false;
    let mut guards: Vec<Expr> = Vec::new();
    let mut branches = Vec::with_capacity(case.when_then_expr.len());
    for (when, then) in case.when_then_expr {
        let when = guarded(*when, &guards, rows)?;
        guards.push(when.data.clone().is_true());
        let then = guarded(*then, &guards, rows)?;
        any |= when.transformed || then.transformed;
        guards.pop();
        guards.push(when.data.clone().is_not_true());
        branches.push((Box::new(when.data), Box::new(then.data)));
    }
    let mut otherwise = None;
    if let Some(expr) = case.else_expr {
        let expr = guarded(*expr, &guards, rows)?;
        any |= expr.transformed;
        otherwise = Some(Box::new(expr.data));
    }
    let case = Expr::Case(Case::new(None, branches, otherwise));
    Ok(Transformed::new_transformed(case, any))
}

/// A condition whose parts that can fail are computed where all `guards` hold
/// that speak of the same columns; others would tie it to more tables.
fn guarded(expr: Expr, guards: &[Expr], rows: &DFSchema) -> Result<Transformed<Expr>> {
    if guards.is_empty() || expr.get_type(rows)? != DataType::Boolean {
        return Ok(Transformed::no(expr));
    }
    let own: HashSet<&Column> = expr.column_refs();
    let known = guards.iter().filter(|guard| {
        let columns = guard.column_refs();
        !columns.is_empty() && columns.is_subset(&own) && is_plain(guard, rows)
    });
    let Some(guard) = conjunction(known.cloned()) else {
        return Ok(Transformed::no(expr));
    };
    outside_in(expr, &mut |part| {
        if can_fail(&part, rows) {
            let when = vec![(Box::new(guard.clone()), Box::new(part))];
            let part = Expr::Case(Case::new(None, when, None));
            return Ok(Transformed::new(part, true, TreeNodeRecursion::Jump));
        }
        Ok(match part {
            // These are computed where they have to be, or of other rows.
            Expr::Case(_) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) => {
                Transformed::new(part, false, TreeNodeRecursion::Jump)
            }
            part => Transformed::no(part),
        })
    })
}

/// Whether a condition can be asked twice.
fn is_plain(expr: &Expr, rows: &DFSchema) -> bool {
    let mut odd = false;
    let looked = each_part(expr, &mut |part| {
        odd |= match part {
            Expr::ScalarFunction(function)
                if function.func.signature().volatility == Volatility::Volatile =>
            {
                true
            }
            Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_) => true,
            _ => can_fail(part, rows),
        };
        Ok(TreeNodeRecursion::Continue)
    });
    looked.is_ok() && !odd
}

/// Whether a part fails of some values.
fn can_fail(part: &Expr, rows: &DFSchema) -> bool {
    match part {
        Expr::BinaryExpr(BinaryExpr { op, right, .. }) => {
            matches!(op, Operator::Divide | Operator::Modulo) && !is_not_zero(right)
        }
        Expr::Cast(cast) => {
            let from = cast.expr.get_type(rows).unwrap_or(DataType::Null);
            from.is_string() && !cast.field.data_type().is_string()
        }
        Expr::ScalarFunction(function) => {
            let name = function.func.name();
            name.starts_with("checked_") || ["narrow", "divided"].contains(&name)
        }
        _ => false,
    }
}

fn is_not_zero(divisor: &Expr) -> bool {
    match divisor {
        Expr::Literal(value, _) => {
            let zero = ScalarValue::new_zero(&value.data_type());
            !value.is_null() && zero.is_ok_and(|zero| zero != *value)
        }
        _ => false,
    }
}
