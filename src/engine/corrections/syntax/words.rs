//! Single expressions that mean something else, and syntax that is read and
//! then forgotten.

use std::ops::ControlFlow;

use datafusion::common::{DataFusionError, plan_datafusion_err};
use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, SetExpr, TableFactor, TableVersion, UnaryOperator,
};

use super::dialect::call;
use super::walk::Steps;
use super::{formats, joins, literals, windows};

/// Corrects a statement as it is walked through; stops at what is refused.
#[derive(Default)]
pub(super) struct Corrected {
    pub(super) refused: Option<DataFusionError>,
}

impl Corrected {
    fn refuse(&mut self, what: &str) -> ControlFlow<()> {
        self.refused = Some(plan_datafusion_err!("{what}"));
        ControlFlow::Break(())
    }
}

impl Steps for Corrected {
    fn query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(what) = forgotten_of_query(query) {
            return self.refuse(what);
        }
        if let Some(with) = &mut query.with
            && with.recursive
        {
            for table in &mut with.cte_tables {
                say_casts_twice(&mut table.query);
            }
        }
        for write_out in [windows::write_out, joins::write_out] {
            if let Err(refused) = write_out(query) {
                self.refused = Some(refused);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn select(&mut self, select: &mut Select) -> ControlFlow<()> {
        match forgotten_of_select(select) {
            Some(what) => self.refuse(what),
            None => ControlFlow::Continue(()),
        }
    }

    fn table(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        match forgotten_of_table(table) {
            Some(what) => self.refuse(what),
            None => ControlFlow::Continue(()),
        }
    }

    fn expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        literals::in_microseconds(expr);
        if let Err(refused) = literals::check(expr).and_then(|()| formats::write_out(expr)) {
            self.refused = Some(refused);
            return ControlFlow::Break(());
        }
        match expr {
            Expr::SimilarTo {
                negated,
                expr: text,
                pattern,
                escape_char,
            } => {
                let mut arguments = vec![text.as_ref().clone(), pattern.as_ref().clone()];
                arguments.extend(escape_char.clone().map(Expr::Value));
                let similar = call("similar_to", arguments);
                *expr = match negated {
                    true => Expr::UnaryOp {
                        op: UnaryOperator::Not,
                        expr: Box::new(similar),
                    },
                    false => similar,
                };
            }
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let arguments = vec![timestamp.as_ref().clone(), time_zone.as_ref().clone()];
                *expr = call("at_time_zone", arguments);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Casts of the later rows of a recursion twice: DataFusion casts them to the
/// types of the first rows by itself, which would look the same.
fn say_casts_twice(query: &mut Query) {
    let SetExpr::SetOperation { right, .. } = query.body.as_mut() else {
        return;
    };
    let SetExpr::Select(later) = right.as_mut() else {
        return;
    };
    for item in &mut later.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        let said = expr.clone();
        if let Expr::Cast { expr: inner, .. } = expr {
            **inner = said;
        }
    }
}

/// What DataFusion's planner reads of a query and forgets.
fn forgotten_of_query(query: &Query) -> Option<&'static str> {
    if query
        .fetch
        .as_ref()
        .is_some_and(|fetch| fetch.with_ties || fetch.percent)
    {
        return Some(
            "`fetch … with ties` or `percent` is not possible: use `rank()` and a condition",
        );
    }
    if !query.locks.is_empty() {
        return Some("`for update` is not possible: statements here only read");
    }
    if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
        return Some(
            "`for`, `settings` and `format` are not possible: `--format` says how rows are shown",
        );
    }
    None
}

fn forgotten_of_select(select: &Select) -> Option<&'static str> {
    let rare = !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.value_table_mode.is_some()
        || select.exclude.is_some();
    if rare {
        return Some(
            "`lateral view`, `prewhere`, `connect by`, `cluster by`, `distribute by`, `sort by` and \
             `as struct` are not possible",
        );
    }
    if select
        .top
        .as_ref()
        .is_some_and(|top| top.with_ties || top.percent)
    {
        return Some(
            "`top … with ties` or `percent` is not possible: use `rank()` and a condition",
        );
    }
    None
}

fn forgotten_of_table(table: &TableFactor) -> Option<&'static str> {
    const SAMPLE: &str = "`tablesample` is not possible: a random part of the rows would give another \
         answer each time; write a condition, such as `where id % 100 = 0`";
    match table {
        TableFactor::Table {
            sample: Some(_), ..
        }
        | TableFactor::Derived {
            sample: Some(_), ..
        } => Some(SAMPLE),
        TableFactor::Table {
            version: Some(TableVersion::ForSystemTimeAsOf(_)),
            ..
        } => Some("`for system_time as of` is not possible: `--at` reads an earlier snapshot"),
        TableFactor::Table {
            version: Some(_), ..
        } => Some("a table's version is not possible: `--at` reads an earlier snapshot"),
        TableFactor::Table {
            with_hints,
            partitions,
            index_hints,
            json_path,
            ..
        } if !with_hints.is_empty()
            || !partitions.is_empty()
            || !index_hints.is_empty()
            || json_path.is_some() =>
        {
            Some("hints, partitions and paths after a table's name are not possible")
        }
        _ => None,
    }
}
