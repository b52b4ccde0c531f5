//! One walk through what is written: the parser's is generic, and as large as
//! SQL is, so that it is compiled once, for [`Walk`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, TableFactor, VisitMut, VisitorMut};

/// What a walk does on its way; breaks where it is to end.
pub(super) trait Steps {
    fn query(&mut self, _: &mut Query) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn after_query(&mut self) {}

    fn select(&mut self, _: &mut Select) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn table(&mut self, _: &mut TableFactor) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn before_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Walks through `part` with `steps`.
pub(super) fn walk(part: &mut impl VisitMut, steps: &mut dyn Steps) {
    let _ = part.visit(&mut Walk(steps));
}

struct Walk<'a>(&'a mut dyn Steps);

impl VisitorMut for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.0.query(query)
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.0.after_query();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.0.select(select)
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        self.0.table(table)
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.0.before_expr(expr)
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.0.expr(expr)
    }
}
