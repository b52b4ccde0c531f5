//! What only the held side of a join decides, computed before the join.
//!
//! The month in which its user joined, of each of ten million sessions: what is
//! computed of the join's rows is the same for all sessions of a user, and the
//! join holds two hundred thousand users. [`ComputeAhead`] has it computed of
//! those, and the join hands it on as a column.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result};
use datafusion::physical_expr::expressions::{CaseExpr, Column};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, PhysicalGroupBy};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{HashJoinExec, HashJoinExecBuilder, PartitionMode};
use datafusion::physical_plan::projection::{ProjectionExec, try_embed_projection};

use crate::engine::rules::fallible::never_fails;
use crate::engine::support::exprs::replaced;

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// Moves computations below joins, to the side that is held.
#[derive(Debug)]
pub(in crate::engine) struct ComputeAhead;

impl PhysicalOptimizerRule for ComputeAhead {
    fn optimize(&self, plan: Plan, _: &ConfigOptions) -> Result<Plan> {
        ahead(plan)
    }

    fn name(&self) -> &'static str {
        "early_projection"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn ahead(plan: Plan) -> Result<Plan> {
    let earlier = if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        projected(projection)?
    } else if let Some(grouping) = plan.downcast_ref::<AggregateExec>() {
        grouped(grouping)?
    } else {
        None
    };
    let plan = earlier.unwrap_or(plan);
    let inputs = plan.children().into_iter().cloned();
    let inputs = inputs.map(ahead).collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(plan, inputs)
}

/// The projection over an input that has computed part of it.
fn projected(projection: &ProjectionExec) -> Result<Option<Plan>> {
    let mut input = Input::new(projection.input());
    let columns = projection.expr().iter().map(|column| {
        let expr = input.column(&column.expr)?;
        Ok(ProjectionExpr::new(expr, column.alias.clone()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let Some(input) = input.computed() else {
        return Ok(None);
    };
    let projection = ProjectionExec::try_new(columns, Arc::clone(&input))?;
    // Columns that only it read need not come out of the join any more.
    let embedded = match input.downcast_ref::<HashJoinExec>() {
        Some(join) => try_embed_projection(&projection, join)?,
        None => None,
    };
    Ok(Some(embedded.unwrap_or_else(|| Arc::new(projection))))
}

/// The grouping over an input that has computed part of what it groups by.
fn grouped(grouping: &AggregateExec) -> Result<Option<Plan>> {
    let by = grouping.group_expr();
    if !by.is_single()
        || grouping.mode().input_mode() != AggregateInputMode::Raw
        || grouping.limit_options().is_some()
        || !grouping.dynamic_expressions_produced().is_empty()
    {
        return Ok(None);
    }
    let mut input = Input::new(grouping.input());
    let keys = by.expr().iter();
    let keys = keys.map(|(key, name)| Ok((input.column(key)?, name.clone())));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let Some(input) = input.computed() else {
        return Ok(None);
    };
    let schema = input.schema();
    let grouped = AggregateExec::try_new(
        *grouping.mode(),
        PhysicalGroupBy::new_single(keys),
        grouping.aggr_expr().to_vec(),
        grouping.filter_expr().to_vec(),
        input,
        schema,
    )?;
    let is_same = grouped.schema() == grouping.schema();
    Ok(is_same.then(|| Arc::new(grouped) as Plan))
}

/// Rows of a plan, and what has been added to them.
struct Input<'a> {
    plain: &'a Plan,
    /// The plan's columns, then those that it computes ahead.
    computing: Option<Plan>,
}

impl<'a> Input<'a> {
    fn new(plain: &'a Plan) -> Self {
        Self {
            plain,
            computing: None,
        }
    }

    /// The expression with as much as can be computed ahead.
    fn column(&mut self, expr: &Expr) -> Result<Expr> {
        let moved = Arc::clone(expr).transform_down(|part| {
            if !is_worth_it(&part)? {
                return Ok(Transformed::no(part));
            }
            let input = self.computing.as_ref().unwrap_or(self.plain);
            let Some(input) = with_column(input, &part)? else {
                return Ok(Transformed::no(part));
            };
            let column = last(&input);
            self.computing = Some(input);
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        });
        moved.data()
    }

    fn computed(self) -> Option<Plan> {
        self.computing
    }
}

fn last(plan: &Plan) -> Expr {
    let schema = plan.schema();
    let at = schema.fields().len() - 1;
    Arc::new(Column::new(schema.field(at).name(), at))
}

/// Whether an expression costs more than handing its value on.
fn is_worth_it(expr: &Expr) -> Result<bool> {
    let mut costs = false;
    expr.apply(|part| {
        // Arithmetic costs as much as a column.
        let called = part.downcast_ref::<ScalarFunctionExpr>();
        let costly = called.is_some_and(|called| !called.name().starts_with("checked_"));
        costs |= costly || part.is::<CaseExpr>();
        Ok(match costs {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(costs && !is_volatile(expr) && !collect_columns(expr).is_empty())
}

/// The plan with the expression as one more column, computed where a join below
/// holds rows; none where no join's held side decides it.
fn with_column(plan: &Plan, expr: &Expr) -> Result<Option<Plan>> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let columns = projection.expr();
        let below = replaced(expr, |column| {
            let below = columns.get(column.index());
            below.map(|below| Arc::clone(&below.expr))
        })?;
        let Some(below) = below else {
            return Ok(None);
        };
        let Some(input) = with_column(projection.input(), &below)? else {
            return Ok(None);
        };
        let added = last(&input);
        let name = input.schema().fields().last().map(|f| f.name().clone());
        let added = ProjectionExpr::new(added, name.unwrap_or_default());
        let columns = columns.iter().cloned().chain([added]);
        let projection = ProjectionExec::try_new(columns.collect::<Vec<_>>(), input)?;
        return Ok(Some(Arc::new(projection)));
    }
    match plan.downcast_ref::<HashJoinExec>() {
        Some(join) => joined(join, expr),
        None => Ok(None),
    }
}

/// The join with the expression as one more column, if one side decides it.
fn joined(join: &HashJoinExec, expr: &Expr) -> Result<Option<Plan>> {
    if *join.partition_mode() != PartitionMode::CollectLeft {
        return Ok(None);
    }
    let (left, right) = (join.left(), join.right());
    let lefts = left.schema().fields().len();
    let all = lefts + right.schema().fields().len();
    // A row without a partner has no values of the other side, and what is
    // computed of those may have one.
    let (keeps_left, keeps_right) = match join.join_type() {
        JoinType::Inner => (true, true),
        JoinType::Left => (true, false),
        JoinType::Right => (false, true),
        _ => return Ok(None),
    };
    let shown: Vec<usize> = match join.projection.as_deref() {
        Some(projection) => projection.to_vec(),
        None => (0..all).collect(),
    };
    let of = |side: std::ops::Range<usize>| {
        replaced(expr, |column| {
            let at = shown.get(column.index()).filter(|at| side.contains(at))?;
            Some(Arc::new(Column::new(column.name(), at - side.start)))
        })
    };
    let (left, right, shown) = match (of(0..lefts)?, of(lefts..all)?) {
        (Some(expr), _) if keeps_left && never_fails(&expr, &left.schema()) => {
            let left = match with_column(left, &expr)? {
                Some(left) => left,
                None => computing(left, &expr)?,
            };
            let moved = |at: &usize| at + usize::from(*at >= lefts);
            let shown = shown.iter().map(moved).chain([lefts]).collect();
            (left, Arc::clone(right), shown)
        }
        (_, Some(expr)) if keeps_right => {
            let Some(right) = with_column(right, &expr)? else {
                return Ok(None);
            };
            let shown = shown.into_iter().chain([all]).collect::<Vec<_>>();
            (Arc::clone(left), right, shown)
        }
        _ => return Ok(None),
    };
    HashJoinExecBuilder::new(left, right, join.on().to_vec(), *join.join_type())
        .with_filter(join.filter().cloned())
        .with_projection(Some(shown))
        .with_partition_mode(PartitionMode::CollectLeft)
        .with_null_equality(join.null_equality())
        .with_null_aware(join.null_aware)
        .with_fetch(join.fetch())
        .build_exec()
        .map(Some)
}

/// The rows with the expression as one more column.
fn computing(rows: &Plan, expr: &Expr) -> Result<Plan> {
    let schema = rows.schema();
    let known = schema.fields().iter().enumerate().map(|(at, field)| {
        let column: Expr = Arc::new(Column::new(field.name(), at));
        ProjectionExpr::new(column, field.name().clone())
    });
    let added = ProjectionExpr::new(Arc::clone(expr), format!("ahead_{}", schema.fields().len()));
    let columns = known.chain([added]).collect::<Vec<_>>();
    Ok(Arc::new(ProjectionExec::try_new(
        columns,
        Arc::clone(rows),
    )?))
}
