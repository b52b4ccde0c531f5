//! Columns that an outer join merges.
//!
//! `a full join b using (k)` has one `k`: that of the row that is there.
//! DataFusion takes the left one, which is null where there is no left row
//! (apache/datafusion#22881), and of `*` the one whose table has the lesser name.
//! Here such a join gets its condition written out, and `k` is
//! `coalesce(a.k, b.k)` wherever the `select` names it alone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::common::{Result, plan_datafusion_err, plan_err};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor,
    TableWithJoins, Value, WildcardAdditionalOptions,
};

use super::dialect::call;
use super::walk::{Steps, walk};

/// What the merged columns are.
type Merged = BTreeMap<String, Expr>;

/// Writes out the merged columns of one `select`, and of the order of its rows.
pub(super) fn write_out(query: &mut Query) -> Result<()> {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Ok(());
    };
    let (mut merged, mut tables) = (Merged::new(), Vec::new());
    for joined in &mut select.from {
        merge(joined, &mut merged, &mut tables)?;
    }
    if merged.is_empty() {
        return Ok(());
    }
    in_select(select, &merged, &tables)?;
    if let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(keys) = &mut order.kind
    {
        for key in keys {
            by_place(&mut key.expr, &select.projection, &merged);
        }
    }
    Ok(())
}

/// Has rows ordered by a merged column of the answer, which goes by its place, as
/// the name would be that of three columns; or by what the column is.
fn by_place(by: &mut Expr, items: &[SelectItem], merged: &Merged) {
    if let Expr::Identifier(name) = by {
        let name = key(name);
        for (at, item) in items.iter().enumerate() {
            match item {
                SelectItem::ExprWithAlias { alias, .. } if key(alias) == name => {
                    if merged.contains_key(&name) {
                        *by = Expr::value(Value::Number((at + 1).to_string(), false));
                    }
                    return;
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => break,
                _ => {}
            }
        }
    }
    walk(by, &mut Written(merged.clone(), 0));
}

/// A table's name, and those of its columns that are merged.
type Table = (Option<Ident>, Vec<Ident>);

/// Gives the joins of one list of tables their conditions; nothing where none of
/// them merges columns of rows that may not be there.
fn merge(joined: &mut TableWithJoins, merged: &mut Merged, all: &mut Vec<Table>) -> Result<()> {
    let mut left = vec![(name_of(&joined.relation), Vec::new())];
    if !joined
        .joins
        .iter()
        .any(|join| is_outer(join) && is_merging(join))
    {
        let others = joined
            .joins
            .iter()
            .map(|join| (name_of(&join.relation), Vec::new()));
        left.extend(others);
        all.append(&mut left);
        return Ok(());
    }
    for join in &mut joined.joins {
        let mut right = (name_of(&join.relation), Vec::new());
        let outer = outer(&join.join_operator);
        if let Some(constraint) = constraint(&mut join.join_operator) {
            match constraint {
                JoinConstraint::Using(columns) => {
                    let columns = std::mem::take(columns);
                    *constraint = condition(&columns, &mut left, &mut right, outer, merged)?;
                }
                JoinConstraint::Natural => {
                    return plan_err!(
                        "`natural` beside an outer join is not possible: name the columns, `using (…)`"
                    );
                }
                _ => {}
            }
        }
        left.push(right);
    }
    all.append(&mut left);
    Ok(())
}

/// `using (…)` as a condition.
fn condition(
    columns: &[ObjectName],
    left: &mut [Table],
    right: &mut Table,
    outer: Option<Outer>,
    merged: &mut Merged,
) -> Result<JoinConstraint> {
    let mut all: Option<Expr> = None;
    for column in columns {
        let Some(column) = column.0.last().and_then(|part| part.as_ident()) else {
            return plan_err!("`using` takes names of columns");
        };
        let name = key(column);
        let unknown = || {
            plan_datafusion_err!(
                "it cannot be told which table's `{column}` is meant: write `on` instead of `using`, \
                 and give each table a name"
            )
        };
        let of_left = match (merged.get(&name), &mut *left) {
            (Some(known), _) => known.clone(),
            (None, [(Some(only), columns)]) => {
                columns.push(column.clone());
                Expr::CompoundIdentifier(vec![only.clone(), column.clone()])
            }
            _ => return Err(unknown()),
        };
        let (Some(table), columns) = right else {
            return Err(unknown());
        };
        columns.push(column.clone());
        let of_right = Expr::CompoundIdentifier(vec![table.clone(), column.clone()]);
        let value = match outer {
            None | Some(Outer::Left) => of_left.clone(),
            Some(Outer::Right) => of_right.clone(),
            Some(Outer::Full) => call("coalesce", vec![of_left.clone(), of_right.clone()]),
        };
        merged.insert(name, value);
        let equal = both(of_left, BinaryOperator::Eq, of_right);
        all = Some(match all {
            Some(others) => both(others, BinaryOperator::And, equal),
            None => equal,
        });
    }
    all.map(JoinConstraint::On)
        .ok_or_else(|| plan_datafusion_err!("`using ()` names no column"))
}

fn both(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

/// A join of which a side may not be there.
#[derive(Clone, Copy, PartialEq)]
enum Outer {
    Left,
    Right,
    Full,
}

fn outer(operator: &JoinOperator) -> Option<Outer> {
    match operator {
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => Some(Outer::Left),
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Some(Outer::Right),
        JoinOperator::FullOuter(_) => Some(Outer::Full),
        _ => None,
    }
}

fn is_outer(join: &Join) -> bool {
    outer(&join.join_operator).is_some()
}

fn is_merging(join: &Join) -> bool {
    let mut operator = join.join_operator.clone();
    matches!(
        constraint(&mut operator),
        Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
    )
}

fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(of)
        | JoinOperator::Inner(of)
        | JoinOperator::Left(of)
        | JoinOperator::LeftOuter(of)
        | JoinOperator::Right(of)
        | JoinOperator::RightOuter(of)
        | JoinOperator::FullOuter(of)
        | JoinOperator::CrossJoin(of)
        | JoinOperator::Semi(of)
        | JoinOperator::LeftSemi(of)
        | JoinOperator::RightSemi(of)
        | JoinOperator::Anti(of)
        | JoinOperator::LeftAnti(of)
        | JoinOperator::RightAnti(of) => Some(of),
        _ => None,
    }
}

/// The name by which the columns of a table are told; none where it has none.
fn name_of(table: &TableFactor) -> Option<Ident> {
    match table {
        TableFactor::Table { alias, name, .. } => match alias {
            Some(alias) => Some(alias.name.clone()),
            None => name.0.last()?.as_ident().cloned(),
        },
        TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. } => Some(alias.as_ref()?.name.clone()),
        _ => None,
    }
}

/// Writes the merged columns into all parts of a `select` that can name them.
fn in_select(select: &mut Select, merged: &Merged, tables: &[Table]) -> Result<()> {
    let mut items = Vec::new();
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) => {
                let others = without(&options, tables)?;
                items.extend(
                    merged
                        .iter()
                        .map(|(name, value)| SelectItem::ExprWithAlias {
                            expr: value.clone(),
                            alias: Ident::with_quote('"', name),
                        }),
                );
                items.extend(others);
            }
            SelectItem::UnnamedExpr(Expr::Identifier(name)) if merged.contains_key(&key(&name)) => {
                items.push(SelectItem::ExprWithAlias {
                    expr: merged[&key(&name)].clone(),
                    alias: name,
                });
            }
            other => items.push(other),
        }
    }
    select.projection = items;
    let mut written = Written(merged.clone(), 0);
    walk(&mut select.projection, &mut written);
    walk(&mut select.selection, &mut written);
    walk(&mut select.group_by, &mut written);
    walk(&mut select.having, &mut written);
    walk(&mut select.qualify, &mut written);
    walk(&mut select.named_window, &mut written);
    walk(&mut select.distinct, &mut written);
    for tables in &mut select.from {
        for join in &mut tables.joins {
            walk(&mut join.join_operator, &mut written);
        }
    }
    Ok(())
}

/// `*` without the columns that are written out, table by table.
fn without(options: &WildcardAdditionalOptions, tables: &[Table]) -> Result<Vec<SelectItem>> {
    let plain = WildcardAdditionalOptions {
        wildcard_token: options.wildcard_token.clone(),
        ..WildcardAdditionalOptions::default()
    };
    if *options != plain {
        return plan_err!(
            "`*` with some columns left out or replaced is not possible beside an outer join \
             `using (…)`: name the columns"
        );
    }
    let of_table = |(name, merged): &Table| {
        let Some(name) = name else {
            return plan_err!(
                "give each table of a join with `using (…)` a name, or name the columns"
            );
        };
        let mut options = plain.clone();
        if !merged.is_empty() {
            let names = merged
                .iter()
                .map(|name| ObjectName::from(vec![name.clone()]));
            options.opt_exclude = Some(ExcludeSelectItem::Multiple(names.collect()));
        }
        let name = ObjectName::from(vec![name.clone()]);
        let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
        Ok(SelectItem::QualifiedWildcard(kind, options))
    };
    tables.iter().map(of_table).collect()
}

fn key(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// Puts what merged columns are in the place of their names; queries within have
/// names of their own.
struct Written(Merged, usize);

impl Steps for Written {
    fn query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.1 += 1;
        ControlFlow::Continue(())
    }

    fn after_query(&mut self) {
        self.1 -= 1;
    }

    fn expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.1 == 0
            && let Expr::Identifier(name) = expr
            && let Some(value) = self.0.get(&key(name))
        {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    }
}
