//! Which columns a value flows through, step by step.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, Case, WindowFunction};
use datafusion::logical_expr::{Distinct, Expr, Join, JoinType, LogicalPlan, lit};
use datafusion::scalar::ScalarValue;

use super::Role;
use super::selection::indices;
use crate::name::TableName;

/// The columns of a step from which the value is computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Their places.
    pub(super) columns: BTreeSet<usize>,
    /// Whether the step's rows themselves are counted.
    pub(super) counted: bool,
}

impl Flow {
    /// The flow that `role` asks for; `None` where rows only decide which
    /// others count.
    pub(super) fn of(role: &Role, schema: &DFSchema) -> Option<Self> {
        match role {
            Role::Filter => None,
            Role::Value { columns, counted } => Some(Self {
                columns: (0..schema.fields().len())
                    .filter(|i| columns.contains(schema.field(*i).name()))
                    .collect(),
                counted: *counted,
            }),
        }
    }

    /// The flow as a role of the rows of `schema`.
    pub(super) fn role(flow: Option<&Self>, schema: &DFSchema) -> Role {
        match flow {
            None => Role::Filter,
            Some(flow) => Role::Value {
                columns: flow
                    .columns
                    .iter()
                    .map(|i| schema.field(*i).name().clone())
                    .collect(),
                counted: flow.counted,
            },
        }
    }

    /// This flow, unless nothing flows.
    pub(super) fn unless_empty(self) -> Option<Self> {
        (self.counted || !self.columns.is_empty()).then_some(self)
    }

    /// The flow before a step that computes the column at each place from
    /// `sources` of its input. A value that no column flows into, such as
    /// `count(*)`, counts rows.
    pub(super) fn before(
        &self,
        sources: impl Fn(usize) -> Result<BTreeSet<usize>>,
    ) -> Result<Self> {
        let mut columns = BTreeSet::new();
        for i in &self.columns {
            columns.extend(sources(*i)?);
        }
        Ok(Self {
            counted: self.counted || (columns.is_empty() && !self.columns.is_empty()),
            columns,
        })
    }
}

/// The columns from which `expr` takes its value. Of a `case` these are the
/// results, not the conditions, unless all results are constants.
pub(super) fn sources(expr: &Expr, schema: &DFSchema) -> Result<BTreeSet<usize>> {
    match expr {
        Expr::Alias(alias) => sources(&alias.expr, schema),
        Expr::Cast(cast) => sources(&cast.expr, schema),
        Expr::Case(case) => {
            let mut found = BTreeSet::new();
            for result in results(case) {
                found.extend(sources(result, schema)?);
            }
            match found.is_empty() {
                true => indices([expr], schema),
                false => Ok(found),
            }
        }
        Expr::AggregateFunction(function) => {
            let mut found = BTreeSet::new();
            for argument in &function.params.args {
                found.extend(sources(argument, schema)?);
            }
            Ok(found)
        }
        Expr::WindowFunction(function) => window_sources(function, schema),
        other => indices([other], schema),
    }
}

fn results(case: &Case) -> impl Iterator<Item = &Expr> {
    let results = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
    results.chain(case.else_expr.as_deref())
}

fn window_sources(function: &WindowFunction, schema: &DFSchema) -> Result<BTreeSet<usize>> {
    let found = indices(&function.params.args, schema)?;
    match found.is_empty() {
        true => indices(function.params.order_by.iter().map(|s| &s.expr), schema),
        false => Ok(found),
    }
}

/// The aggregates that leave out nulls.
const SKIP_NULLS: [&str; 8] = [
    "sum", "avg", "count", "min", "max", "median", "bool_and", "bool_or",
];

/// The condition under which a row counts in the aggregate `expr`; `None` when
/// every row does.
pub(super) fn counts_when(expr: &Expr) -> Option<Expr> {
    let function = match expr {
        Expr::Alias(alias) => return counts_when(&alias.expr),
        Expr::Cast(cast) => return counts_when(&cast.expr),
        Expr::AggregateFunction(function) => function,
        _ => return None,
    };
    let mut conditions: Vec<Expr> = function.params.filter.iter().map(|f| *f.clone()).collect();
    conditions.extend(not_left_out(function));
    conditions.into_iter().reduce(Expr::and)
}

fn not_left_out(function: &AggregateFunction) -> Option<Expr> {
    let name = function.func.name();
    let [argument] = &function.params.args[..] else {
        return None;
    };
    if !SKIP_NULLS.contains(&name) || !argument.any_column_refs() {
        return None;
    }
    Some(match name {
        "sum" => without_zero(argument).is_not_null(),
        _ => argument.clone().is_not_null(),
    })
}

/// `case … else 0 end` as `case … end`: what adds nothing to a sum.
fn without_zero(expr: &Expr) -> Expr {
    match expr {
        Expr::Alias(alias) => without_zero(&alias.expr),
        Expr::Cast(cast) => without_zero(&cast.expr),
        Expr::Case(case) => {
            let mut case = case.clone();
            case.else_expr = case.else_expr.filter(|e| !is_zero(e));
            for (_, then) in &mut case.when_then_expr {
                if is_zero(then) {
                    **then = lit(ScalarValue::Null);
                }
            }
            Expr::Case(case)
        }
        other => other.clone(),
    }
}

fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Cast(cast) => is_zero(&cast.expr),
        Expr::Literal(value, _) => {
            ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value)
        }
        _ => false,
    }
}

/// Which sides of a join count rows when the join's rows are counted: not one
/// of which each row of the other side meets one at most.
pub(super) fn counted_sides(
    join: &Join,
    grains: &BTreeMap<TableName, Vec<String>>,
) -> Result<(bool, bool)> {
    let (left, right) = (&join.left, &join.right);
    let left_keys = indices(join.on.iter().map(|(l, _)| l), left.schema())?;
    let right_keys = indices(join.on.iter().map(|(_, r)| r), right.schema())?;
    let right_is_looked_up = tells_apart(right, &right_keys, grains)?;
    if right_is_looked_up {
        return Ok((true, false));
    }
    let left_is_looked_up = tells_apart(left, &left_keys, grains)?;
    let keeps_left = matches!(join.join_type, JoinType::Left | JoinType::Full);
    Ok((keeps_left || !left_is_looked_up, true))
}

/// Whether the right side of a left join is only looked things up in: each row
/// of the left side meets one of it at most, so that it neither adds rows nor
/// takes any away.
pub(super) fn is_looked_up(join: &Join, grains: &BTreeMap<TableName, Vec<String>>) -> Result<bool> {
    let keys = indices(join.on.iter().map(|(_, r)| r), join.right.schema())?;
    Ok(join.join_type == JoinType::Left && tells_apart(&join.right, &keys, grains)?)
}

/// Whether no two rows of `plan` agree in `columns`, as far as can be seen.
fn tells_apart(
    plan: &LogicalPlan,
    columns: &BTreeSet<usize>,
    grains: &BTreeMap<TableName, Vec<String>>,
) -> Result<bool> {
    let all = |n: usize| (0..n).all(|i| columns.contains(&i));
    Ok(match plan {
        LogicalPlan::TableScan(scan) => {
            let name = super::walk::name_of(&scan.table_name);
            let schema = plan.schema();
            let named = |column: &String| columns.iter().any(|i| schema.field(*i).name() == column);
            grains
                .get(&name)
                .is_some_and(|grain| grain.iter().all(named))
        }
        LogicalPlan::Aggregate(aggregate) => all(aggregate.group_expr.len()),
        LogicalPlan::Projection(projection) => {
            let mut inside = BTreeSet::new();
            for i in columns {
                if let Expr::Column(column) = projection.expr[*i].clone().unalias() {
                    inside.insert(projection.input.schema().index_of_column(&column)?);
                }
            }
            tells_apart(&projection.input, &inside, grains)?
        }
        LogicalPlan::Filter(filter) => tells_apart(&filter.input, columns, grains)?,
        LogicalPlan::Sort(sort) => tells_apart(&sort.input, columns, grains)?,
        LogicalPlan::SubqueryAlias(alias) => tells_apart(&alias.input, columns, grains)?,
        LogicalPlan::Distinct(Distinct::All(input)) => {
            all(input.schema().fields().len()) || tells_apart(input, columns, grains)?
        }
        LogicalPlan::Window(window) => {
            let n = window.input.schema().fields().len();
            let inside = columns.iter().copied().filter(|i| *i < n).collect();
            tells_apart(&window.input, &inside, grains)?
        }
        LogicalPlan::Join(join) if matches!(join.join_type, JoinType::Inner | JoinType::Left) => {
            let n = join.left.schema().fields().len();
            let inside = columns.iter().copied().filter(|i| *i < n).collect();
            let right_keys = indices(join.on.iter().map(|(_, r)| r), join.right.schema())?;
            tells_apart(&join.left, &inside, grains)?
                && tells_apart(&join.right, &right_keys, grains)?
        }
        LogicalPlan::Join(join)
            if matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti) =>
        {
            tells_apart(&join.left, columns, grains)?
        }
        _ => false,
    })
}
