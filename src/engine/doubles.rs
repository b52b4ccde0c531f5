//! Doubles that meet decimals stay doubles.
//!
//! `completion_rate > 0.427` compares a double with a decimal, as literals are.
//! DataFusion makes decimals of 15 places of both: it fails of doubles of 10^15
//! and more, of infinities and NaN, takes 0.42700000000000005 for 0.427, and
//! `coalesce(completion_rate, 0.0)` keeps 15 places of each. SQL says that an
//! exact number that meets an approximate one becomes approximate. [`Doubles`]
//! says so, wherever values have to be of one type, before the engine does.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, Union, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;

/// Functions whose value is one of their arguments, and from which on.
const PICKING: [(&str, usize); 6] = [
    ("coalesce", 0),
    ("greatest", 0),
    ("least", 0),
    ("nullif", 0),
    ("nvl", 0),
    ("nvl2", 1),
];

/// How a decimal that stands in the text becomes a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Literals {
    /// By its digits, which changes the expression's name.
    Exact,
    /// By a cast, which may miss the last bit of more than 15 digits.
    Cast,
}

/// Makes doubles of decimals that meet doubles.
#[derive(Debug)]
pub(super) struct Doubles;

impl AnalyzerRule for Doubles {
    fn name(&self) -> &'static str {
        "doubles"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(node).data()
    }
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let plan = match plan {
        LogicalPlan::Union(union) => return of_union(union),
        LogicalPlan::Join(mut join) => {
            for (left, right) in &mut join.on {
                let kinds = [
                    left.get_type(join.left.schema()),
                    right.get_type(join.right.schema()),
                ];
                if are_mixed(kinds.iter().flatten()) {
                    for (side, kind) in [left, right].into_iter().zip(kinds) {
                        double(side, kind.as_ref().ok(), Literals::Exact);
                    }
                }
            }
            LogicalPlan::Join(join)
        }
        plan => plan,
    };
    let rows = match &plan {
        LogicalPlan::TableScan(scan) => {
            let table = scan.table_name.clone();
            DFSchema::try_from_qualified_schema(table, &scan.source.schema())?
        }
        plan => merge_schema(&plan.inputs()),
    };
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        // A set's columns are known by their names, which a cast does not change.
        if matches!(expr, Expr::GroupingSet(_)) {
            return expr.transform_up(|expr| expression(expr, &rows, Literals::Cast));
        }
        let name = names.save(&expr);
        let doubled = expr.transform_up(|expr| expression(expr, &rows, Literals::Exact))?;
        Ok(doubled.update_data(|expr| name.restore(expr)))
    })?;
    // What is read of an input may be another type by now.
    plan.map_data(LogicalPlan::recompute_schema)
}

fn expression(mut expr: Expr, rows: &DFSchema, literals: Literals) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(binary) if compares(binary.op) => {
            together(&mut [&mut binary.left, &mut binary.right], rows, literals)
        }
        Expr::Between(between) => together(
            &mut [&mut between.expr, &mut between.low, &mut between.high],
            rows,
            literals,
        ),
        Expr::InList(set) => {
            let values = set.list.iter_mut().chain([set.expr.as_mut()]);
            together(&mut values.collect::<Vec<_>>(), rows, literals)
        }
        Expr::Case(Case {
            expr,
            when_then_expr,
            else_expr,
        }) => {
            let (mut asked, mut answers): (Vec<&mut Expr>, Vec<&mut Expr>) = when_then_expr
                .iter_mut()
                .map(|(when, then)| (when.as_mut(), then.as_mut()))
                .unzip();
            answers.extend(else_expr.as_deref_mut());
            let asked = match expr.as_deref_mut() {
                Some(expr) => {
                    asked.push(expr);
                    together(&mut asked, rows, literals)
                }
                None => false,
            };
            together(&mut answers, rows, literals) | asked
        }
        Expr::ScalarFunction(function) => {
            let name = function.func.name();
            let from = PICKING.iter().find(|(picking, _)| *picking == name);
            let values = from.and_then(|(_, from)| function.args.get_mut(*from..));
            let mut values = values.into_iter().flatten().collect::<Vec<_>>();
            together(&mut values, rows, literals)
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            with_subquery(expr, subquery, rows, literals)?
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, changed))
}

fn compares(operator: Operator) -> bool {
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

/// Makes doubles of the decimals among values of one type, if one is a double.
fn together(values: &mut [&mut Expr], rows: &dyn ExprSchema, literals: Literals) -> bool {
    let kinds = values.iter().map(|value| value.get_type(rows).ok());
    let kinds = kinds.collect::<Vec<_>>();
    let is_needed = are_mixed(kinds.iter().flatten());
    if is_needed {
        for (value, kind) in values.iter_mut().zip(kinds) {
            double(value, kind.as_ref(), literals);
        }
    }
    is_needed
}

fn with_subquery(
    expr: &mut Expr,
    subquery: &mut Subquery,
    rows: &DFSchema,
    literals: Literals,
) -> Result<bool> {
    let inner = subquery.subquery.schema();
    let (Ok(kind), [column]) = (expr.get_type(rows), inner.fields().as_ref()) else {
        return Ok(false);
    };
    let is_needed = are_mixed([&kind, column.data_type()].into_iter());
    if is_needed {
        double(expr, Some(&kind), literals);
        let doubled = doubled(&subquery.subquery, &[true])?;
        *subquery = subquery.with_plan(Arc::new(doubled));
    }
    Ok(is_needed)
}

/// A union whose inputs have doubles where one of them has.
fn of_union(union: Union) -> Result<Transformed<LogicalPlan>> {
    let columns = union.schema.fields().len();
    let mixed = (0..columns).map(|at| {
        let kinds = union.inputs.iter().filter_map(|input| {
            let field = input.schema().fields().get(at)?;
            Some(field.data_type())
        });
        are_mixed(kinds)
    });
    let mixed = mixed.collect::<Vec<_>>();
    let inputs = match mixed.contains(&true) {
        true => {
            let inputs = union.inputs.iter();
            let inputs = inputs.map(|input| Ok(Arc::new(doubled(input, &mixed)?)));
            inputs.collect::<Result<Vec<_>>>()?
        }
        false => union.inputs,
    };
    let union = Union::try_new_with_loose_types(inputs)?;
    Ok(Transformed::yes(LogicalPlan::Union(union)))
}

/// The plan whose decimals are doubles, of the columns that `which` tells.
fn doubled(plan: &LogicalPlan, which: &[bool]) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().zip(which);
    let columns = columns.map(|((table, field), which)| {
        let column = Expr::from((table, field));
        match *which && field.data_type().is_decimal() {
            true => cast(column, DataType::Float64).alias_qualified(table.cloned(), field.name()),
            false => column,
        }
    });
    LogicalPlanBuilder::from(plan.clone())
        .project(columns)?
        .build()
}

fn are_mixed<'a>(kinds: impl Iterator<Item = &'a DataType>) -> bool {
    let (mut double, mut decimal) = (false, false);
    for kind in kinds {
        double |= kind.is_floating();
        decimal |= kind.is_decimal();
    }
    double && decimal
}

fn double(value: &mut Expr, kind: Option<&DataType>, literals: Literals) {
    if !kind.is_some_and(DataType::is_decimal) {
        return;
    }
    let digits = match value {
        Expr::Literal(literal, _) if literals == Literals::Exact => exact(literal),
        _ => None,
    };
    *value = match digits {
        Some(number) => lit(number),
        None => cast(std::mem::take(value), DataType::Float64),
    };
}

/// The double next to a decimal's digits, which a division would miss.
fn exact(literal: &ScalarValue) -> Option<f64> {
    let digits = literal.cast_to(&DataType::Utf8).ok()?;
    digits.try_as_str()??.parse().ok()
}
