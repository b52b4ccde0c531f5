//! `not in (select …)` where either side may be null.
//!
//! `null not in (1)` and `2 not in (1, null)` are neither true nor false, and a
//! filter leaves such rows out. DataFusion makes a join of a subquery that says
//! found or not found, which loses the third answer wherever the condition is
//! negated beside `or`, inside another expression, of an expression rather than
//! a column, or of a subquery that refers to the row. [`NotIn`] says the third
//! answer in words that the joins keep:
//!
//! - a subquery of its own is asked once whether it is empty and whether it has
//!   a null;
//! - one that refers to the row becomes `not exists`, of the rows whose
//!   comparison is not false.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue, plan_err};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Filter, JoinType, Limit, LogicalPlan, LogicalPlanBuilder, Operator,
    Projection, exists, in_subquery, lit, not, not_exists, not_in_subquery, scalar_subquery, when,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// What a subquery's only column holds, as its scalar subquery tells it.
const EMPTY: i64 = 0;
const NO_NULLS: i64 = 1;
const A_NULL: i64 = 2;

/// Keeps the third answer of `in (select …)`.
#[derive(Debug)]
pub(in crate::engine) struct NotIn;

impl OptimizerRule for NotIn {
    fn name(&self) -> &'static str {
        "not_in"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        for expr in plan.expressions() {
            refuse(&expr)?;
        }
        let LogicalPlan::Filter(filter) = plan else {
            return Ok(Transformed::no(plan));
        };
        if !has_set(&filter.predicate) {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        }
        let row = Row(filter.input.schema());
        let conditions = split_conjunction_owned(filter.predicate.clone())
            .into_iter()
            .map(|condition| row.condition(condition))
            .collect::<Result<Vec<Expr>>>()?;
        let predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
        if predicate == filter.predicate {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        }
        let filter = Filter::try_new(predicate, filter.input)?;
        Ok(Transformed::yes(LogicalPlan::Filter(filter)))
    }
}

/// Refuses subqueries that the engine makes wrong joins of: their reference to
/// the row outside lies below what has to see all rows of one row's answer.
fn refuse(expr: &Expr) -> Result<()> {
    expr.apply(|e| {
        let (subquery, kind) = match e {
            Expr::Exists(exists) => (&exists.subquery, Kind::Exists),
            Expr::InSubquery(set) => (&set.subquery, Kind::In),
            Expr::ScalarSubquery(subquery) => (subquery, Kind::Value),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        subquery.subquery.apply(|node| match above_rows(node, kind) {
            Some(what) => plan_err!(
                "a subquery that refers to the row outside cannot have {what}: write it as a join"
            ),
            None => Ok(TreeNodeRecursion::Continue),
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// What a subquery is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exists,
    In,
    Value,
}

/// What of `node` stands above a reference to the row outside and does not
/// survive that its condition becomes a join's; none where it does.
fn above_rows(node: &LogicalPlan, kind: Kind) -> Option<&'static str> {
    let of = |input: &LogicalPlan| is_correlated(input);
    match node {
        // Whether there is a row does not depend on how many are wanted.
        LogicalPlan::Limit(limit) if kind == Kind::Exists && takes_the_first(limit) => None,
        LogicalPlan::Limit(limit) => of(&limit.input).then_some("`limit`"),
        LogicalPlan::Window(window) => of(&window.input).then_some("a window"),
        LogicalPlan::Aggregate(group) if group.group_expr.is_empty() && kind != Kind::Value => {
            of(&group.input).then_some("an aggregate of all its rows")
        }
        LogicalPlan::Join(join) => {
            let outer = match join.join_type {
                JoinType::Left => of(&join.right),
                JoinType::Right => of(&join.left),
                JoinType::Full => of(&join.left) || of(&join.right),
                _ => false,
            };
            outer.then_some("an outer join")
        }
        _ => None,
    }
}

/// Whether a limit leaves a row wherever there is one.
fn takes_the_first(limit: &Limit) -> bool {
    let fetch = limit.fetch.as_deref();
    let some = |e: &Expr| matches!(e, Expr::Literal(ScalarValue::Int64(Some(1..)), _));
    limit.skip.is_none() && fetch.is_some_and(some)
}

fn has_set(expr: &Expr) -> bool {
    expr.exists(|e| Ok(matches!(e, Expr::InSubquery(_))))
        .unwrap_or(true)
}

/// The row that a filter looks at.
struct Row<'a>(&'a DFSchema);

impl Row<'_> {
    /// One of the conditions that all have to hold.
    fn condition(&self, condition: Expr) -> Result<Expr> {
        match condition {
            // A join of its own keeps it.
            Expr::InSubquery(set) if set.negated && is_plain(&set) => Ok(Expr::InSubquery(set)),
            Expr::Not(inner) => match *inner {
                Expr::InSubquery(set) => self.condition(Expr::InSubquery(InSubquery {
                    negated: !set.negated,
                    ..set
                })),
                inner => self.holds(inner, false),
            },
            condition => self.holds(condition, true),
        }
    }

    /// What is true exactly where `expr` is `wanted`, and false or null elsewhere.
    fn holds(&self, expr: Expr, wanted: bool) -> Result<Expr> {
        if !has_set(&expr) {
            return Ok(if wanted { expr } else { not(expr) });
        }
        match expr {
            Expr::Not(inner) => self.holds(*inner, !wanted),
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if matches!(op, Operator::And | Operator::Or) =>
            {
                let (left, right) = (self.holds(*left, wanted)?, self.holds(*right, wanted)?);
                Ok(match (op == Operator::And) == wanted {
                    true => left.and(right),
                    false => left.or(right),
                })
            }
            Expr::InSubquery(set) if set.negated != wanted => {
                Ok(in_subquery(*set.expr, named(set.subquery.subquery)?))
            }
            Expr::InSubquery(set) => self.misses(set),
            other => {
                let value = other.transform_up(|e| match e {
                    Expr::InSubquery(set) => self.answer(set).map(Transformed::yes),
                    other => Ok(Transformed::no(other)),
                })?;
                Ok(if wanted { value.data } else { not(value.data) })
            }
        }
    }

    /// What is true where the set has neither the value nor a null, nor the
    /// value is null and the set has anything.
    fn misses(&self, set: InSubquery) -> Result<Expr> {
        let subquery = named(set.subquery.subquery)?;
        if is_correlated(&subquery) {
            let equal = self.equal(*set.expr, &subquery)?;
            return Ok(not_exists(only(
                &subquery,
                Expr::IsNotFalse(Box::new(equal)),
            )?));
        }
        let holds = holds_what(&subquery)?;
        let other = (*set.expr).clone().is_not_null();
        let other = other.and(not_in_subquery(*set.expr, subquery));
        let no_nulls = holds.clone().eq(lit(NO_NULLS));
        Ok(holds.eq(lit(EMPTY)).or(no_nulls.and(other)))
    }

    /// Whether the set has the value: true, false, or null.
    fn answer(&self, set: InSubquery) -> Result<Expr> {
        let subquery = named(set.subquery.subquery)?;
        let unknown = lit(ScalarValue::Boolean(None));
        let found = if is_correlated(&subquery) {
            let equal = self.equal(*set.expr, &subquery)?;
            let may_be = exists(only(&subquery, Expr::IsUnknown(Box::new(equal.clone())))?);
            when(exists(only(&subquery, equal)?), lit(true))
                .when(may_be, unknown)
                .otherwise(lit(false))?
        } else {
            let holds = holds_what(&subquery)?;
            let value_is_null = (*set.expr).clone().is_null();
            let a_null = holds.clone().eq(lit(A_NULL));
            when(in_subquery(*set.expr, subquery), lit(true))
                .when(holds.eq(lit(EMPTY)), lit(false))
                .when(value_is_null.or(a_null), unknown)
                .otherwise(lit(false))?
        };
        Ok(if set.negated { not(found) } else { found })
    }

    /// The comparison of the row's `value` with a subquery's, inside it.
    fn equal(&self, value: Expr, subquery: &LogicalPlan) -> Result<Expr> {
        let value = value.transform(|e| match e {
            Expr::Column(column) => {
                let field = Arc::clone(self.0.field_from_column(&column)?);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            Expr::OuterReferenceColumn(..) => plan_err!(
                "`in (select …)` cannot compare a column of two queries further out: write it with `exists`"
            ),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(value.data.eq(first_column(subquery)))
    }
}

/// Whether a null-aware join answers it: a column's value against a subquery
/// that does not refer to the row.
fn is_plain(set: &InSubquery) -> bool {
    matches!(set.expr.as_ref(), Expr::Column(_)) && !is_correlated(&set.subquery.subquery)
}

fn is_correlated(subquery: &LogicalPlan) -> bool {
    !subquery.all_out_ref_exprs().is_empty()
}

/// The subquery with a name of its own for its only column: pulling its
/// conditions out adds their columns, and a cast is named as what it casts.
fn named(subquery: Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    let LogicalPlan::Projection(projection) = subquery.as_ref() else {
        return Ok(subquery);
    };
    let value = projection.expr.iter().cloned();
    let value = value.map(|e| e.unalias().alias("__in_value"));
    let projection = Projection::try_new(value.collect(), Arc::clone(&projection.input))?;
    Ok(Arc::new(LogicalPlan::Projection(projection)))
}

fn first_column(subquery: &LogicalPlan) -> Expr {
    Expr::Column(subquery.schema().columns().swap_remove(0))
}

fn only(subquery: &Arc<LogicalPlan>, condition: Expr) -> Result<Arc<LogicalPlan>> {
    let filter = Filter::try_new(condition, Arc::clone(subquery))?;
    Ok(Arc::new(LogicalPlan::Filter(filter)))
}

/// A scalar subquery: whether `subquery` is empty, and whether it has a null.
fn holds_what(subquery: &Arc<LogicalPlan>) -> Result<Expr> {
    let (rows, values) = ("rows", "values");
    let counts = vec![
        count(lit(1)).alias(rows),
        count(first_column(subquery)).alias(values),
    ];
    let nothing: Vec<Expr> = Vec::new();
    let counted = LogicalPlanBuilder::from(Arc::clone(subquery)).aggregate(nothing, counts)?;
    let [rows, values] = [rows, values].map(datafusion::logical_expr::ident);
    let holds = when(rows.clone().eq(lit(0_i64)), lit(EMPTY))
        .when(values.eq(rows), lit(NO_NULLS))
        .otherwise(lit(A_NULL))?;
    let told = counted.project(vec![holds.alias("holds")])?.build()?;
    Ok(scalar_subquery(Arc::new(told)))
}
