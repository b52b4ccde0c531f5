//! Which rows of a query's inputs stand behind some rows of its answer.
//!
//! [`Session::trace`] walks a model's plan from its answer down to its scans.
//! On the way it carries a selection: conditions on the rows of the step it
//! stands at. Each step says what that selection means for its inputs: a
//! filter adds its condition, a group-by selects the rows whose keys belong to
//! selected groups, a join the rows that pair in selected pairs. Nothing of
//! the plan is changed, so what it computes is what the model computes.
//!
//! Rows are told apart by their values: where two rows of a step agree in
//! everything that the step looks at, both are selected. Start reading at
//! `walk.rs`.

mod flow;
mod join;
mod selection;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{Column, Result as PlanResult};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion::optimizer::{Optimizer, OptimizerContext};
use datafusion::prelude::DataFrame;

use crate::engine::session::Session;
use crate::engine::session::wording::Wording;
use crate::error::Result;
use crate::name::TableName;
use flow::Flow;
use selection::{Among, Selection};
use walk::Walk;

/// Rows of a table, told by the values of some of its columns.
#[derive(Debug, Clone)]
pub struct Picked {
    /// The columns that tell the rows.
    pub schema: SchemaRef,
    /// Their values, each combination once.
    pub batches: Vec<RecordBatch>,
}

impl Picked {
    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows as a table to be joined with.
    fn plan(&self, name: &str) -> PlanResult<LogicalPlan> {
        let table = MemTable::try_new(Arc::clone(&self.schema), vec![self.batches.clone()])?;
        LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.build()
    }
}

/// What the rows of a table have to do with a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The value is computed from them.
    Value {
        /// The columns from which it is computed.
        columns: BTreeSet<String>,
        /// Whether it counts the rows themselves.
        counted: bool,
    },
    /// They decide which rows count.
    Filter,
}

/// What cannot be followed exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// A window function compares rows.
    Window,
    /// Only the first rows of an order are taken.
    Limit,
    /// Rows count because these tables hold none that match.
    Absent(BTreeSet<TableName>),
    /// A step that cannot be followed, and the tables behind it.
    Step(String, BTreeSet<TableName>),
}

/// A scan of an input, and the rows of it that were selected.
#[derive(Debug)]
pub struct TracedInput {
    /// The table scanned.
    pub table: TableName,
    /// What its rows have to do with the value.
    pub role: Role,
    /// Whether the selected rows leave no row of it out: every row that the
    /// query reads at all has a say.
    pub whole: bool,
    /// What on the way to it is not followed exactly.
    pub gaps: Vec<Gap>,
    rows: LogicalPlan,
}

/// What stands behind some rows of an answer.
#[derive(Debug)]
pub struct Trace {
    /// Every scan of the query that is reached.
    pub inputs: Vec<TracedInput>,
    /// What cannot be followed at all.
    pub gaps: BTreeSet<Gap>,
}

impl Session {
    /// The rows of `table` that meet `condition` (all without one), told by
    /// `columns`; one more than `most` where there are more.
    ///
    /// # Errors
    /// A usage error when the condition is none.
    pub async fn pick(
        &self,
        table: &TableName,
        columns: &[String],
        condition: Option<&str>,
        most: usize,
    ) -> Result<Picked> {
        let columns: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
        let condition = condition.map(|c| format!("where (\n{c}\n)"));
        let sql = format!(
            "select distinct {} from {}.{} {} limit {}",
            columns.join(", "),
            quoted(&table.layer),
            quoted(&table.table),
            condition.unwrap_or_default(),
            most.saturating_add(1)
        );
        let rows = self.query(&sql, &[]).await?.stream().await?;
        collected(rows).await
    }

    /// The rows of a traced input, told by `columns`; one more than `most`
    /// where there are more.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn pick_from(
        &self,
        input: &TracedInput,
        columns: &[String],
        most: usize,
    ) -> Result<Picked> {
        let plan = distinct_columns(&input.rows, columns, most.saturating_add(1));
        self.run(plan).await
    }

    /// All these rows, each once. The columns are those of the first.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn merged(&self, picked: &[Picked]) -> Result<Picked> {
        let [first, rest @ ..] = picked else {
            return self.run(LogicalPlanBuilder::empty(false).build()).await;
        };
        if rest.is_empty() {
            return Ok(first.clone());
        }
        let all = Picked {
            schema: Arc::clone(&first.schema),
            batches: picked.iter().flat_map(|p| p.batches.clone()).collect(),
        };
        let plan = all.plan("__why").and_then(|plan| {
            let distinct = LogicalPlanBuilder::from(plan).distinct()?;
            distinct.build()
        });
        self.run(plan).await
    }

    /// The rows of `table` that `picked` tells, all columns, in the order of
    /// the columns that tell them; the first `limit` of them.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn rows_among(
        &self,
        table: &TableName,
        picked: &Picked,
        limit: usize,
    ) -> Result<Picked> {
        let sql = format!(
            "select * from {}.{}",
            quoted(&table.layer),
            quoted(&table.table)
        );
        let answer = self.query(&sql, &[]).await?;
        let plan = rows_among(answer.logical_plan(), picked, limit);
        self.run(plan).await
    }

    /// Follows the rows `picked` of the answer of `sql` to the scans they come
    /// from. `role` says which of the answer's columns are asked about;
    /// `grains` names the columns that tell the rows of a table apart.
    ///
    /// # Errors
    /// When `sql` cannot be planned.
    pub async fn trace(
        &self,
        sql: &str,
        picked: &Picked,
        role: &Role,
        grains: &BTreeMap<TableName, Vec<String>>,
    ) -> Result<Trace> {
        let answer = self.model(sql).await?;
        let traced = self.walk(answer.logical_plan(), picked, role, grains);
        traced.map_err(|e| self.wording().error(e))
    }

    fn walk(
        &self,
        plan: &LogicalPlan,
        picked: &Picked,
        role: &Role,
        grains: &BTreeMap<TableName, Vec<String>>,
    ) -> PlanResult<Trace> {
        let plan = self.as_joins(plan)?;
        let mut walk = Walk::new(grains);
        let columns = picked.schema.fields().iter();
        let exprs = columns
            .map(|f| {
                Ok(column(
                    &plan,
                    plan.schema().index_of_column(&bare(f.name()))?,
                ))
            })
            .collect::<PlanResult<Vec<Expr>>>()?;
        let rows = picked.plan("__why")?;
        let mut among = Among::new(exprs, rows, walk.next_name())?;
        among.values = Some(Arc::new(picked.clone()));
        let flow = Flow::of(role, plan.schema());
        walk.step(&plan, Selection::among(among), flow)?;
        Ok(walk.into_trace())
    }

    /// The plan with its types settled and its subqueries written as joins.
    fn as_joins(&self, plan: &LogicalPlan) -> PlanResult<LogicalPlan> {
        let state = self.context.state();
        let options = state.config_options();
        let plan = state
            .analyzer()
            .execute_and_check(plan.clone(), options, |_, _| {})?;
        let mut options = options.as_ref().clone();
        options
            .optimizer
            .enable_physical_uncorrelated_scalar_subquery = false;
        let context = OptimizerContext::new_with_config_options(Arc::new(options));
        let rules = Optimizer::with_rules(vec![
            Arc::new(DecorrelatePredicateSubquery::new()),
            Arc::new(ScalarSubqueryToJoin::new()),
            Arc::new(ExtractEquijoinPredicate::new()),
        ]);
        rules.optimize(plan, &context, |_, _| {})
    }

    async fn run(&self, plan: PlanResult<LogicalPlan>) -> Result<Picked> {
        let wording = self.wording();
        let plan = plan.map_err(|e| wording.error(e))?;
        let mut state = self.context.state();
        // Semi-joins nested as deeply as here have waited for each other
        // without end when each was carried out in several partitions.
        state.config_mut().options_mut().execution.target_partitions = 1;
        let frame = DataFrame::new(state, plan);
        let answer = crate::engine::session::Answer { frame, wording };
        collected(answer.stream().await?).await
    }

    fn wording(&self) -> Wording {
        Wording::new(self.names.clone())
    }
}

async fn collected(mut rows: crate::engine::session::Rows) -> Result<Picked> {
    let schema = rows.schema();
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await? {
        batches.push(batch);
    }
    Ok(Picked { schema, batches })
}

fn distinct_columns(
    rows: &LogicalPlan,
    columns: &[String],
    most: usize,
) -> PlanResult<LogicalPlan> {
    let exprs = columns
        .iter()
        .map(|name| {
            let at = rows.schema().index_of_column(&bare(name))?;
            Ok(column(rows, at).alias(name))
        })
        .collect::<PlanResult<Vec<Expr>>>()?;
    LogicalPlanBuilder::from(rows.clone())
        .project(exprs)?
        .distinct()?
        .limit(0, Some(most))?
        .build()
}

fn rows_among(table: &LogicalPlan, picked: &Picked, limit: usize) -> PlanResult<LogicalPlan> {
    let columns = picked.schema.fields().iter();
    let exprs = columns
        .map(|f| {
            let at = table.schema().index_of_column(&bare(f.name()))?;
            Ok(column(table, at))
        })
        .collect::<PlanResult<Vec<Expr>>>()?;
    let among = Among::new(
        exprs.clone(),
        picked.plan("__why")?,
        "__why_rows".to_owned(),
    )?;
    let rows = Selection::among(among).apply(table.clone())?;
    LogicalPlanBuilder::from(rows)
        .sort(exprs.into_iter().map(|e| e.sort(true, false)))?
        .limit(0, Some(limit))?
        .build()
}

/// The column at `index` of what `plan` gives.
fn column(plan: &LogicalPlan, index: usize) -> Expr {
    Expr::Column(Column::from(plan.schema().qualified_field(index)))
}

fn bare(name: &str) -> Column {
    Column::new_unqualified(name)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
