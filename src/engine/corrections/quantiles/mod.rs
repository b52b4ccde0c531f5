//! Exact quantiles by counting values.
//!
//! DataFusion keeps every value of a group to find `percentile_cont`, once for
//! each quantile that is asked for, more than its pool sees, and interpolates
//! to six digits. Lengths and prices repeat: [`CountValues`] has the values of a column counted once
//! for all its quantiles, in memory bound to the different ones
//! ([`Tally`](cinelake_kernels::Tally)). The answers are those of the sorted
//! values, interpolated as SQL says.

mod aggregate;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, ExprSchema, Result, ScalarValue, plan_err};
use datafusion::functions::core::expr_ext::FieldAccessor;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Expr, ExprSchemable, LogicalPlan, Projection,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use self::aggregate::{NAME, Quantile, Quantiles, field_name};

/// Counts values for their quantiles.
#[derive(Debug)]
pub(in crate::engine) struct CountValues;

/// A quantile that is asked for: of which values, and which.
struct Asked {
    values: Expr,
    filter: Option<Box<Expr>>,
    /// Of each value once.
    distinct: bool,
    quantile: Quantile,
}

/// The quantile that `expr` is; none where it is another aggregate.
fn asked(expr: &Expr, schema: &dyn ExprSchema) -> Option<Asked> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else {
        return None;
    };
    if params.null_treatment.is_some() {
        return None;
    }
    let (values, share, descending) = match (func.name(), params.args.as_slice()) {
        ("percentile_cont", [values, Expr::Literal(quantile, _)]) => {
            let ScalarValue::Float64(Some(share)) = quantile else {
                return None;
            };
            match params.order_by.as_slice() {
                [] => (values, *share, false),
                [order] => (values, *share, !order.asc),
                _ => return None,
            }
        }
        ("median", [values]) if params.order_by.is_empty() => (values, 0.5, false),
        _ => return None,
    };
    let counted =
        (0.0..=1.0).contains(&share) && values.get_type(schema).ok()? == DataType::Float64;
    counted.then(|| Asked {
        values: values.clone(),
        filter: params.filter.clone(),
        distinct: params.distinct,
        quantile: Quantile { share, descending },
    })
}

impl OptimizerRule for CountValues {
    fn name(&self) -> &'static str {
        "count_values"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if let LogicalPlan::Window(window) = &plan {
            refuse(&window.window_expr)?;
        }
        let LogicalPlan::Aggregate(aggregate) = plan else {
            return Ok(Transformed::no(plan));
        };
        let found: Vec<Option<Asked>> = aggregate
            .aggr_expr
            .iter()
            .map(|expr| asked(without_name(expr), aggregate.input.schema()))
            .collect();
        if found.iter().all(Option::is_none) {
            return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
        }
        counted(aggregate, &found).map(Transformed::yes)
    }
}

/// Refuses what would be interpolated to six digits only.
fn refuse(windows: &[Expr]) -> Result<()> {
    let of_window = |expr: &Expr| match without_name(expr) {
        Expr::WindowFunction(function) => function.fun.name() == "percentile_cont",
        _ => false,
    };
    match windows.iter().any(of_window) {
        true => plan_err!(
            "`percentile_cont` of a window is not supported: group by what it is partitioned by, and join"
        ),
        false => Ok(()),
    }
}

fn without_name(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_name(&alias.expr),
        expr => expr,
    }
}

/// The aggregate with one count of values for all quantiles of the same ones,
/// and over it the columns that it had.
fn counted(aggregate: Aggregate, found: &[Option<Asked>]) -> Result<LogicalPlan> {
    let columns = aggregate.schema.columns();
    let (keys, answers) = columns.split_at(columns.len() - found.len());
    let mut aggregates: Vec<Expr> = Vec::new();
    // Of each count the values and the quantiles, and its name.
    let mut counts: Vec<(&Asked, Vec<Quantile>, String)> = Vec::new();
    let mut shown: Vec<Expr> = keys.iter().cloned().map(Expr::Column).collect();
    for ((asked, expr), answer) in found.iter().zip(&aggregate.aggr_expr).zip(answers) {
        let Some(asked) = asked else {
            aggregates.push(expr.clone());
            shown.push(Expr::Column(answer.clone()));
            continue;
        };
        let same = |(other, ..): &(&Asked, Vec<Quantile>, String)| {
            other.values == asked.values
                && other.filter == asked.filter
                && other.distinct == asked.distinct
        };
        let at = counts.iter().position(same).unwrap_or_else(|| {
            let name = format!("__{NAME}_{}", counts.len());
            counts.push((asked, Vec::new(), name));
            counts.len() - 1
        });
        let (_, quantiles, name) = &mut counts[at];
        let field = quantiles.len();
        quantiles.push(asked.quantile);
        let quantile =
            Expr::Column(Column::new_unqualified(name.as_str())).field(field_name(field));
        let alias = quantile.alias_qualified(answer.relation.clone(), &answer.name);
        shown.push(alias);
    }
    for (asked, quantiles, name) in counts {
        let function = AggregateFunction {
            func: Arc::new(AggregateUDF::from(Quantiles::new(
                &quantiles,
                asked.distinct,
            ))),
            params: AggregateFunctionParams {
                args: vec![asked.values.clone()],
                distinct: false,
                filter: asked.filter.clone(),
                order_by: Vec::new(),
                null_treatment: None,
            },
        };
        aggregates.push(Expr::AggregateFunction(function).alias(name));
    }
    let counted = Aggregate::try_new(aggregate.input, aggregate.group_expr, aggregates)?;
    let counted = Arc::new(LogicalPlan::Aggregate(counted));
    Ok(LogicalPlan::Projection(Projection::try_new(
        shown, counted,
    )?))
}
