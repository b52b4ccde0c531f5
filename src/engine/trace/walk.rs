//! From a query's answer down to its scans, one rule a step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias,
    Union, Unnest, Window, lit,
};

use super::flow::{Flow, counts_when, sources};
use super::selection::{Among, Selection, has_subquery};
use super::{Gap, Trace, TracedInput, column};
use crate::name::TableName;

/// What was reached so far.
pub(super) struct Walk<'a> {
    /// The columns that tell the rows of a table apart.
    pub(super) grains: &'a BTreeMap<TableName, Vec<String>>,
    inputs: Vec<TracedInput>,
    gaps: BTreeSet<Gap>,
    /// Those on the way to the step that the walk stands at.
    on_the_way: Vec<Gap>,
    names: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(grains: &'a BTreeMap<TableName, Vec<String>>) -> Self {
        Self {
            grains,
            inputs: Vec::new(),
            gaps: BTreeSet::new(),
            on_the_way: Vec::new(),
            names: 0,
        }
    }

    pub(super) fn into_trace(self) -> Trace {
        Trace {
            inputs: self.inputs,
            gaps: self.gaps,
        }
    }

    /// A name that no other set of rows has.
    pub(super) fn next_name(&mut self) -> String {
        self.names += 1;
        format!("__why_{}", self.names)
    }

    /// Follows the selected rows of `plan` to its inputs. `flow` is `None`
    /// where they only decide which other rows count.
    pub(super) fn step(
        &mut self,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        if selection.excludes_all() {
            return Ok(());
        }
        match plan {
            LogicalPlan::TableScan(scan) => {
                self.inputs.push(TracedInput {
                    table: name_of(&scan.table_name),
                    role: Flow::role(flow.as_ref(), plan.schema()),
                    whole: !selection.narrows(),
                    gaps: self.on_the_way.clone(),
                    rows: selection.apply(plan.clone())?,
                });
                Ok(())
            }
            LogicalPlan::Filter(filter) => self.filter(filter, selection, flow),
            LogicalPlan::Projection(projection) => self.projection(projection, selection, flow),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias, selection, flow),
            LogicalPlan::Sort(sort) => self.step(&sort.input, selection, flow),
            LogicalPlan::Repartition(step) => self.step(&step.input, selection, flow),
            LogicalPlan::Subquery(query) => self.step(&query.subquery, selection, flow),
            LogicalPlan::Distinct(Distinct::All(input)) => self.step(input, selection, flow),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, plan, selection, flow),
            LogicalPlan::Join(join) => self.join(join, plan, selection, flow),
            LogicalPlan::Union(union) => self.union(union, &selection, flow.as_ref()),
            LogicalPlan::Window(window) => self.window(window, plan, selection, flow),
            LogicalPlan::Unnest(unnest) => self.unnest(unnest, plan, selection, flow),
            LogicalPlan::Limit(limit) => {
                let (input, all) = (&limit.input, limit.input.schema().fields().len());
                let rows = self.rows_of(plan, &selection, input, 0..all)?;
                self.step_past(Some(Gap::Limit), input, rows, flow)
            }
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(()),
            other => self.give_up(step_name(other), other),
        }
    }

    /// Says that what lies behind `plan` is not followed.
    pub(super) fn give_up(&mut self, what: &str, plan: &LogicalPlan) -> Result<()> {
        let tables = tables_of(plan)?;
        if !tables.is_empty() {
            self.gaps.insert(Gap::Step(what.to_owned(), tables));
        }
        Ok(())
    }

    /// Follows the rows of `plan` past a `gap`.
    pub(super) fn step_past(
        &mut self,
        gap: Option<Gap>,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let before = self.on_the_way.len();
        self.on_the_way.extend(gap);
        let stepped = self.step(plan, selection, flow);
        self.on_the_way.truncate(before);
        stepped
    }

    fn filter(
        &mut self,
        filter: &Filter,
        mut selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        if has_subquery(&filter.predicate) {
            return self.give_up("a condition with a query in it", &filter.input);
        }
        selection.conditions.push(filter.predicate.clone());
        self.step(&filter.input, selection, flow)
    }

    fn projection(
        &mut self,
        projection: &Projection,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let (schema, input) = (&projection.schema, &projection.input);
        let looked_at = selection.looks_at(schema)?;
        if looked_at.iter().any(|i| has_subquery(&projection.expr[*i])) {
            return self.give_up("a column with a query in it", input);
        }
        let selection = selection.rebased(schema, |i| projection.expr[i].clone().unalias())?;
        let flow = flow
            .map(|f| f.before(|i| sources(&projection.expr[i], input.schema())))
            .transpose()?;
        self.step(input, selection, flow)
    }

    fn alias(
        &mut self,
        alias: &SubqueryAlias,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let selection = selection.rebased(&alias.schema, |i| column(&alias.input, i))?;
        self.step(&alias.input, selection, flow)
    }

    fn union(&mut self, union: &Union, selection: &Selection, flow: Option<&Flow>) -> Result<()> {
        for input in &union.inputs {
            let selection = selection.rebased(&union.schema, |i| column(input, i))?;
            self.step(input, selection, flow.cloned())?;
        }
        Ok(())
    }

    /// The rows whose keys are those of selected groups; asked about some
    /// aggregates only, of these the rows that count in one of them.
    fn aggregate(
        &mut self,
        aggregate: &Aggregate,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let Aggregate {
            input, group_expr, ..
        } = aggregate;
        if group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
            return self.give_up("several groupings at once", input);
        }
        let keys = group_expr.len();
        let (by_key, mixed) = selection.clone().split(plan.schema(), |i| i < keys)?;
        let mut below = by_key.rebased(plan.schema(), |i| group_expr[i].clone().unalias())?;
        if !mixed.is_empty() {
            let exprs = match keys {
                0 => vec![lit(1_i64)],
                _ => group_expr.iter().map(|e| e.clone().unalias()).collect(),
            };
            let groups = match keys {
                0 => vec![lit(1_i64)],
                _ => (0..keys).map(|i| column(plan, i)).collect(),
            };
            let set = self.set(exprs, plan, &selection, groups)?;
            below = below.light().and(Selection::among(set));
        }
        let computed = |i: usize| match i < keys {
            true => &group_expr[i],
            false => &aggregate.aggr_expr[i - keys],
        };
        if let Some(flow) = &flow
            && !flow.counted
            && flow.columns.iter().all(|i| *i >= keys)
        {
            let conditions = flow.columns.iter().map(|i| counts_when(computed(*i)));
            if let Some(conditions) = conditions.collect::<Option<Vec<Expr>>>() {
                below
                    .conditions
                    .extend(conditions.into_iter().reduce(Expr::or));
            }
        }
        let flow = flow
            .map(|f| aggregate_flow(&f, keys, &computed, input.schema()))
            .transpose()?;
        self.step(input, below, flow)
    }

    /// The selected rows themselves. Others of their windows have a say too.
    fn window(
        &mut self,
        window: &Window,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let input = &window.input;
        let own = input.schema().fields().len();
        let (plain, mixed) = selection.clone().split(plan.schema(), |i| i < own)?;
        let asked = flow
            .as_ref()
            .is_some_and(|f| f.columns.iter().any(|i| *i >= own));
        let gap = (asked || !mixed.is_empty()).then_some(Gap::Window);
        let mut below = plain.rebased(plan.schema(), |i| column(input, i))?;
        if !mixed.is_empty() {
            let set = self.rows_of(plan, &selection, input, 0..own)?;
            below = below.light().and(set);
        }
        let flow = flow
            .map(|f| {
                f.before(|i| match i < own {
                    true => Ok(BTreeSet::from([i])),
                    false => sources(&window.window_expr[i - own], input.schema()),
                })
            })
            .transpose()?;
        self.step_past(gap, input, below, flow)
    }

    fn unnest(
        &mut self,
        unnest: &Unnest,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let input = &unnest.input;
        let opened: BTreeSet<usize> = unnest
            .list_type_columns
            .iter()
            .map(|(i, _)| *i)
            .chain(unnest.struct_type_columns.iter().copied())
            .collect();
        let from = &unnest.dependency_indices;
        let kept = |i: usize| !opened.contains(&from[i]);
        let (plain, mixed) = selection.clone().split(plan.schema(), kept)?;
        let mut below = plain.rebased(plan.schema(), |i| column(input, from[i]))?;
        if !mixed.is_empty() {
            let kept: Vec<usize> = (0..from.len()).filter(|i| kept(*i)).collect();
            let kept = telling(plan.schema(), kept);
            let inside = kept.iter().map(|i| column(input, from[*i])).collect();
            let outside = kept.iter().map(|i| column(plan, *i)).collect();
            let set = self.set(inside, plan, &selection, outside)?;
            below = below.light().and(Selection::among(set));
        }
        let flow = flow
            .map(|f| f.before(|i| Ok(BTreeSet::from([from[i]]))))
            .transpose()?;
        self.step(input, below, flow)
    }

    /// The rows of `input` that are still there among the selected rows of
    /// `plan`, whose columns `places` are those of `input` in their order.
    fn rows_of(
        &mut self,
        plan: &LogicalPlan,
        selection: &Selection,
        input: &LogicalPlan,
        places: std::ops::Range<usize>,
    ) -> Result<Selection> {
        let places = telling(plan.schema(), places.collect());
        let inside = places.iter().map(|i| column(input, *i)).collect();
        let outside = places.iter().map(|i| column(plan, *i)).collect();
        let set = self.set(inside, plan, selection, outside)?;
        Ok(Selection::among(set))
    }

    /// The set of rows whose `exprs` equal `columns` of a selected row of `plan`.
    pub(super) fn set(
        &mut self,
        exprs: Vec<Expr>,
        plan: &LogicalPlan,
        selection: &Selection,
        columns: Vec<Expr>,
    ) -> Result<Among> {
        let (exprs, columns) = match exprs.is_empty() {
            true => (vec![lit(1_i64)], vec![lit(1_i64)]),
            false => (exprs, columns),
        };
        let named = columns.into_iter().enumerate();
        let named = named.map(|(i, c)| c.alias(format!("c{i}")));
        let rows = LogicalPlanBuilder::from(selection.apply(plan.clone())?)
            .project(named.collect::<Vec<_>>())?
            .build()?;
        Among::new(exprs, rows, self.next_name())
    }
}

fn aggregate_flow<'e>(
    flow: &Flow,
    keys: usize,
    computed: &impl Fn(usize) -> &'e Expr,
    schema: &Arc<DFSchema>,
) -> Result<Flow> {
    let mut below = Flow {
        counted: flow.counted,
        ..Flow::default()
    };
    for i in &flow.columns {
        let found = sources(computed(*i), schema)?;
        // `count(*)` counts rows.
        below.counted |= *i >= keys && found.is_empty();
        below.columns.extend(found);
    }
    Ok(below)
}

/// Those of `places` that tell rows apart: floats differ from run to run, and
/// lists cannot be compared.
pub(super) fn telling(schema: &DFSchema, places: Vec<usize>) -> Vec<usize> {
    let kind = |i: &usize| schema.field(*i).data_type();
    let flat: Vec<usize> = places
        .into_iter()
        .filter(|i| !kind(i).is_nested())
        .collect();
    let exact: Vec<usize> = flat
        .iter()
        .copied()
        .filter(|i| !kind(i).is_floating())
        .collect();
    if exact.is_empty() { flat } else { exact }
}

/// The tables that `plan` scans.
pub(super) fn tables_of(plan: &LogicalPlan) -> Result<BTreeSet<TableName>> {
    let mut tables = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.insert(name_of(&scan.table_name));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(tables)
}

pub(super) fn name_of(reference: &TableReference) -> TableName {
    TableName::new(reference.schema().unwrap_or("gold"), reference.table())
}

fn step_name(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Distinct(_) => "`distinct on`",
        LogicalPlan::RecursiveQuery(_) => "a recursive query",
        _ => "a step of its plan",
    }
}
