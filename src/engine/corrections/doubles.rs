//! Doubles that meet decimals stay doubles.
//!
//! `completion_rate > 0.427` compares a double with a decimal, as literals are.
//! DataFusion makes decimals of 15 places of both: it fails of doubles of 10^15
//! and more, of infinities and NaN, takes 0.42700000000000005 for 0.427, and
//! `coalesce(completion_rate, 0.0)` keeps 15 places of each. SQL says that an
//! exact number that meets an approximate one becomes approximate. [`Doubles`]
//! says so, wherever values have to be of one type, before the engine does.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, RecursiveQuery, Subquery, Union,
    cast,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::exprs::compares;

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
pub(in crate::engine) struct Doubles;

impl AnalyzerRule for Doubles {
    fn name(&self) -> &'static str {
        "doubles"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        of_plan(plan, &[])
    }
}

/// The plan with its inputs and subqueries; `outside` are the rows that it may
/// refer to, the innermost last.
fn of_plan(plan: LogicalPlan, outside: &[DFSchemaRef]) -> Result<LogicalPlan> {
    if let LogicalPlan::RecursiveQuery(query) = plan {
        return of_recursion(query, outside);
    }
    // A lateral join's second input refers to the first.
    let mut known = outside.to_vec();
    let plan = plan.map_children(|input| {
        let input = of_plan(input, &known)?;
        known.push(Arc::clone(input.schema()));
        Ok(Transformed::yes(input))
    })?;
    let plan = match plan.data {
        LogicalPlan::Union(union) => return of_union(union),
        LogicalPlan::Join(join) => LogicalPlan::Join(of_join(join)),
        plan => plan,
    };
    let rows = match &plan {
        LogicalPlan::TableScan(scan) => {
            let table = scan.table_name.clone();
            DFSchema::try_from_qualified_schema(table, &scan.source.schema())?
        }
        plan => merge_schema(&plan.inputs()),
    };
    let rows = Arc::new(rows);
    let mut inside = outside.to_vec();
    inside.push(Arc::clone(&rows));
    let plan = plan.map_subqueries(|query| of_plan(query, &inside).map(Transformed::yes))?;
    let names = NamePreserver::new(&plan.data);
    let plan = plan.data.map_expressions(|expr| {
        let literals = match expr {
            // A set's columns are known by their names, which a cast does not change.
            Expr::GroupingSet(_) => Literals::Cast,
            _ => Literals::Exact,
        };
        let name = (literals == Literals::Exact).then(|| names.save(&expr));
        let doubled = expr.transform_up(|expr| match expr {
            Expr::OuterReferenceColumn(field, column) => Ok(outer(field, column, outside)),
            expr => expression(expr, &rows, literals),
        })?;
        Ok(match name {
            Some(name) => doubled.update_data(|expr| name.restore(expr)),
            None => doubled,
        })
    })?;
    // What is read of an input may be another type by now.
    match plan.data {
        LogicalPlan::Subquery(mut query) => {
            let references = std::mem::take(&mut query.outer_ref_columns).into_iter();
            let references = references.map(|reference| match reference {
                Expr::OuterReferenceColumn(field, column) => outer(field, column, outside).data,
                other => other,
            });
            query.outer_ref_columns = references.collect();
            Ok(LogicalPlan::Subquery(query))
        }
        plan => plan.recompute_schema(),
    }
}

/// A reference to rows outside, of the type that the column has by now.
fn outer(field: FieldRef, column: Column, outside: &[DFSchemaRef]) -> Transformed<Expr> {
    let mut outside = outside.iter().rev();
    let now = outside.find_map(|rows| rows.field_from_column(&column).ok());
    match now {
        Some(now) if now.data_type() != field.data_type() => {
            let field = field
                .as_ref()
                .clone()
                .with_data_type(now.data_type().clone());
            Transformed::yes(Expr::OuterReferenceColumn(Arc::new(field), column))
        }
        _ => Transformed::no(Expr::OuterReferenceColumn(field, column)),
    }
}

/// A recursion, whose rows keep the types that they were planned with: its
/// second part has been planned to read them.
fn of_recursion(query: RecursiveQuery, outside: &[DFSchemaRef]) -> Result<LogicalPlan> {
    let part = |plan: Arc<LogicalPlan>| -> Result<Arc<LogicalPlan>> {
        let planned = Arc::clone(plan.schema());
        let plan = of_plan(Arc::unwrap_or_clone(plan), outside)?;
        let kept = plan.schema().iter().zip(planned.fields());
        let kept = kept.map(|((table, field), planned)| {
            let column = Expr::from((table, field));
            match field.data_type() == planned.data_type() {
                true => column,
                false => cast(column, planned.data_type().clone())
                    .alias_qualified(table.cloned(), field.name()),
            }
        });
        let kept = kept.collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::from(plan).project(kept)?.build()?;
        Ok(Arc::new(plan))
    };
    Ok(LogicalPlan::RecursiveQuery(RecursiveQuery {
        static_term: part(query.static_term)?,
        recursive_term: part(query.recursive_term)?,
        ..query
    }))
}

fn of_join(mut join: Join) -> Join {
    for (left, right) in &mut join.on {
        let kinds = [
            left.get_type(join.left.schema()).ok(),
            right.get_type(join.right.schema()).ok(),
        ];
        if let Some(double) = wanted(kinds.iter().flatten()) {
            for (side, kind) in [left, right].into_iter().zip(&kinds) {
                make(side, kind.as_ref(), &double, Literals::Exact);
            }
        }
    }
    join
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
            let picking = PICKING.iter().find(|(picking, _)| *picking == name);
            let from = match picking {
                Some((_, from)) => Some(*from),
                // What is looked for in a list is like its values.
                None => name.starts_with("array_").then_some(0),
            };
            let values = from.and_then(|from| function.args.get_mut(from..));
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

/// Makes doubles of the decimals among values of one type, if one is a double.
fn together(values: &mut [&mut Expr], rows: &dyn ExprSchema, literals: Literals) -> bool {
    let kinds = values.iter().map(|value| value.get_type(rows).ok());
    let kinds = kinds.collect::<Vec<_>>();
    let Some(double) = wanted(kinds.iter().flatten()) else {
        return false;
    };
    for (value, kind) in values.iter_mut().zip(&kinds) {
        make(value, kind.as_ref(), &double, literals);
    }
    true
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
    let Some(double) = wanted([&kind, column.data_type()].into_iter()) else {
        return Ok(false);
    };
    make(expr, Some(&kind), &double, literals);
    let doubled = doubled(&subquery.subquery, &[Some(double)])?;
    *subquery = subquery.with_plan(Arc::new(doubled));
    Ok(true)
}

/// A union whose inputs have doubles where one of them has.
fn of_union(union: Union) -> Result<LogicalPlan> {
    let columns = union.schema.fields().len();
    let wanted = (0..columns).map(|at| {
        let kinds = union.inputs.iter().filter_map(|input| {
            let field = input.schema().fields().get(at)?;
            Some(field.data_type())
        });
        wanted(kinds)
    });
    let wanted = wanted.collect::<Vec<_>>();
    let inputs = match wanted.iter().any(Option::is_some) {
        true => {
            let inputs = union.inputs.iter();
            let inputs = inputs.map(|input| Ok(Arc::new(doubled(input, &wanted)?)));
            inputs.collect::<Result<Vec<_>>>()?
        }
        false => union.inputs,
    };
    let union = Union::try_new_with_loose_types(inputs)?;
    Ok(LogicalPlan::Union(union))
}

/// The plan whose decimals are doubles, of the columns that are wanted so.
fn doubled(plan: &LogicalPlan, wanted: &[Option<DataType>]) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().zip(wanted);
    let columns = columns.map(|((table, field), wanted)| {
        let column = Expr::from((table, field));
        match wanted {
            Some(double) if field.data_type().is_decimal() => {
                cast(column, double.clone()).alias_qualified(table.cloned(), field.name())
            }
            _ => column,
        }
    });
    LogicalPlanBuilder::from(plan.clone())
        .project(columns)?
        .build()
}

/// The doubles that decimals among these become; none where there are not both.
fn wanted<'a>(kinds: impl Iterator<Item = &'a DataType>) -> Option<DataType> {
    let (mut double, mut decimal) = (None, false);
    for kind in kinds {
        let kind = element(kind);
        decimal |= kind.is_decimal();
        // Beside singles only, a decimal becomes one.
        if kind.is_floating() && double != Some(&DataType::Float64) {
            double = Some(kind);
        }
    }
    double.filter(|_| decimal).cloned()
}

/// The type itself, or that of a list's values.
fn element(kind: &DataType) -> &DataType {
    match kind {
        DataType::List(field) => field.data_type(),
        kind => kind,
    }
}

fn make(value: &mut Expr, kind: Option<&DataType>, double: &DataType, literals: Literals) {
    let Some(kind) = kind.filter(|kind| element(kind).is_decimal()) else {
        return;
    };
    let kind = match kind {
        DataType::List(field) => DataType::List(Arc::new(
            field.as_ref().clone().with_data_type(double.clone()),
        )),
        _ => double.clone(),
    };
    let digits = match value {
        Expr::Literal(literal, _) if literals == Literals::Exact => exact(literal, &kind),
        _ => None,
    };
    *value = match digits {
        Some(number) => Expr::Literal(number, None),
        None => cast(std::mem::take(value), kind),
    };
}

/// The double next to a decimal's digits, which a division would miss.
fn exact(literal: &ScalarValue, kind: &DataType) -> Option<ScalarValue> {
    let digits = literal.cast_to(&DataType::Utf8).ok()?;
    digits.cast_to(kind).ok()
}
