//! Named windows that are extended: `over (w order by id)`.
//!
//! DataFusion forgets the name and takes what is written beside it for the whole
//! window. Here the definition is written out in its place.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::common::{Result, plan_datafusion_err};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowExpr, Query, Select, SetExpr, WindowSpec, WindowType,
};

use super::walk::{Steps, walk};

/// The windows that a `select` names.
type Named = BTreeMap<String, WindowSpec>;

/// Writes out the windows of one `select`, and of the order of its rows.
pub(super) fn write_out(query: &mut Query) -> Result<()> {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Ok(());
    };
    let named = definitions(select)?;
    let mut extended = Extended {
        named: &named,
        depth: 0,
        wrong: None,
    };
    walk(&mut select.projection, &mut extended);
    walk(&mut select.qualify, &mut extended);
    walk(&mut query.order_by, &mut extended);
    match extended.wrong {
        Some(wrong) => Err(wrong),
        None => Ok(()),
    }
}

/// The definitions of the `window` clause, each whole.
fn definitions(select: &mut Select) -> Result<Named> {
    let mut named = Named::new();
    for definition in &mut select.named_window {
        let NamedWindowExpr::WindowSpec(spec) = &mut definition.1 else {
            continue;
        };
        whole(spec, &named)?;
        named.insert(key(&definition.0), spec.clone());
    }
    Ok(named)
}

/// Makes a window whole that begins with the name of another.
fn whole(spec: &mut WindowSpec, named: &Named) -> Result<()> {
    let Some(name) = spec.window_name.take() else {
        return Ok(());
    };
    let base = named
        .get(&key(&name))
        .ok_or_else(|| plan_datafusion_err!("no window is called `{name}`"))?;
    if !spec.partition_by.is_empty() {
        return Err(plan_datafusion_err!(
            "a window that begins with `{name}` cannot have a `partition by` of its own"
        ));
    }
    if !spec.order_by.is_empty() && !base.order_by.is_empty() {
        return Err(plan_datafusion_err!(
            "the window `{name}` has an order already"
        ));
    }
    if base.window_frame.is_some() {
        return Err(plan_datafusion_err!(
            "the window `{name}` has a frame, so it cannot be extended: write it out"
        ));
    }
    spec.partition_by.clone_from(&base.partition_by);
    if spec.order_by.is_empty() {
        spec.order_by.clone_from(&base.order_by);
    }
    Ok(())
}

fn key(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

struct Extended<'a> {
    named: &'a Named,
    /// Queries within have windows of their own.
    depth: usize,
    wrong: Option<datafusion::common::DataFusionError>,
}

impl Steps for Extended<'_> {
    fn query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn after_query(&mut self) {
        self.depth -= 1;
    }

    fn before_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Function(function) = expr
            && let Some(WindowType::WindowSpec(spec)) = &mut function.over
            && let Err(wrong) = whole(spec, self.named)
        {
            self.wrong = Some(wrong);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
