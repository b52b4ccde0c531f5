//! Groups before joins.
//!
//! Sessions by genre: every session would meet the genres of its title, and what
//! comes of it be grouped. But sessions of one title all meet the same genres,
//! so [`GroupBeforeJoin`] has them grouped by title first, and a thousand groups
//! meet the genres. The field calls it eager aggregation. It holds for all
//! aggregates, as their states can be merged: a group that meets three genres is
//! merged into each of them, as its sessions would have been counted.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{JoinType, Result, internal_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{HashJoinExec, HashJoinExecBuilder, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

use crate::engine::rules::fallible::never_fails;
use crate::engine::rules::perfect_hash::range;
use crate::engine::support::exprs::replaced;

/// Rows for each group that there may be before the join, at least.
const FEWER: usize = 8;

type Expr = Arc<dyn PhysicalExpr>;

/// Groups the larger side of a join by what the join and the groups above it
/// need, where that leaves far fewer rows.
#[derive(Debug)]
pub(in crate::engine) struct GroupBeforeJoin;

impl PhysicalOptimizerRule for GroupBeforeJoin {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        before_joins(plan)
    }

    fn name(&self) -> &'static str {
        "eager_aggregation"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn before_joins(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let earlier = match plan.downcast_ref::<AggregateExec>() {
        Some(grouping) => before_join(grouping)?,
        None => None,
    };
    let plan = earlier.unwrap_or(plan);
    let inputs = plan.children().into_iter().cloned();
    let inputs = inputs.map(before_joins).collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(plan, inputs)
}

/// The grouping with one below the join that it stands over.
fn before_join(grouping: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let by = grouping.group_expr();
    let merging = match grouping.mode() {
        AggregateMode::Partial => AggregateMode::PartialReduce,
        AggregateMode::Single => AggregateMode::Final,
        AggregateMode::SinglePartitioned => AggregateMode::FinalPartitioned,
        _ => return Ok(None),
    };
    let is_plain = by.is_single()
        && !by.is_empty()
        && *grouping.input_order_mode() == InputOrderMode::Linear
        && grouping.limit_options().is_none()
        && grouping.dynamic_expressions_produced().is_empty()
        && grouping
            .aggr_expr()
            .iter()
            .all(|a| a.order_bys().is_empty());
    let Some(joined) = Joined::below(grouping.input()).filter(|_| is_plain) else {
        return Ok(None);
    };

    let keys = by.expr().iter().map(|(key, _)| joined.expression(key));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    // Rows of one group may fall into different ones by chance.
    if keys.iter().any(is_volatile) {
        return Ok(None);
    }
    let Some((aggregates, filters)) = joined.aggregates(grouping)? else {
        return Ok(None);
    };
    let Some(first) = joined.keys(&keys) else {
        return Ok(None);
    };
    if !is_worth_it(joined.right(), &first)? {
        return Ok(None);
    }
    let named = |(at, key): (usize, &Expr)| (Arc::clone(key), format!("key_{at}"));
    let grouped = AggregateExec::try_new(
        AggregateMode::Partial,
        PhysicalGroupBy::new_single(first.iter().enumerate().map(named).collect()),
        aggregates,
        filters,
        Arc::clone(joined.right()),
        joined.right().schema(),
    )?;
    let join = joined.with(Arc::new(grouped), &first)?;

    // First the keys, then the states: so they are merged.
    let schema = join.schema();
    let left = joined.left_columns();
    let states = (left + first.len()..schema.fields().len()).map(|at| {
        let name = schema.field(at).name();
        let column: Expr = Arc::new(Column::new(name, at));
        ProjectionExpr::new(column, name.clone())
    });
    let moved = |key: &Expr| joined.moved(key, &first, &schema);
    let names = by.expr().iter().map(|(_, name)| name.clone());
    let keys = keys.iter().map(moved).collect::<Result<Vec<_>>>()?;
    let keys = keys.into_iter().zip(names);
    let columns = keys.map(|(key, name)| ProjectionExpr::new(key, name));
    let arranged = ProjectionExec::try_new(columns.chain(states).collect::<Vec<_>>(), join)?;
    let by = by.expr().iter().enumerate().map(|(at, (_, name))| {
        let column: Expr = Arc::new(Column::new(name, at));
        (column, name.clone())
    });
    let merged = AggregateExec::try_new(
        merging,
        PhysicalGroupBy::new_single(by.collect()),
        grouping.aggr_expr().to_vec(),
        vec![None; grouping.aggr_expr().len()],
        Arc::new(arranged),
        grouping.input_schema(),
    )?;
    let is_same = merged.schema() == grouping.schema();
    Ok(is_same.then(|| Arc::new(merged) as Arc<dyn ExecutionPlan>))
}

/// Whether grouping by these keys leaves far fewer rows.
fn is_worth_it(rows: &Arc<dyn ExecutionPlan>, keys: &[Expr]) -> Result<bool> {
    let known = StatisticsContext::new().compute(rows.as_ref(), &StatisticsArgs::new())?;
    let partitions = rows.output_partitioning().partition_count().max(1);
    let count = known.num_rows.get_value().map(|rows| rows / partitions);
    let groups = keys.iter().try_fold(1_usize, |groups, key| {
        let column = key.downcast_ref::<Column>()?.index();
        let (_, numbers) = range(known.column_statistics.get(column)?)?;
        groups.checked_mul(numbers)
    });
    Ok(match (count, groups) {
        (Some(count), Some(groups)) => groups.saturating_mul(FEWER) <= count,
        _ => false,
    })
}

/// A join of many rows with few that are held, and how what is above it names
/// their columns.
struct Joined<'a> {
    join: &'a HashJoinExec,
    /// The columns above, in those of both sides.
    columns: Vec<Expr>,
}

impl<'a> Joined<'a> {
    /// The join that `plan` is but for projections.
    fn below(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
            let below = Self::below(projection.input())?;
            let columns = projection.expr().iter();
            let columns = columns.map(|column| below.expression(&column.expr));
            let columns = columns.collect::<Result<Vec<_>>>().ok()?;
            return Some(Self { columns, ..below });
        }
        let join = plan.downcast_ref::<HashJoinExec>()?;
        let is_plain = *join.join_type() == JoinType::Inner
            && *join.partition_mode() == PartitionMode::CollectLeft
            && join.filter().is_none()
            && join.fetch().is_none();
        let schema = join.join_schema();
        let column = |at: usize| -> Expr { Arc::new(Column::new(schema.field(at).name(), at)) };
        let columns = match join.projection.as_deref() {
            Some(projection) => projection.iter().map(|at| column(*at)).collect(),
            None => (0..schema.fields().len()).map(column).collect(),
        };
        is_plain.then_some(Self { join, columns })
    }

    fn right(&self) -> &Arc<dyn ExecutionPlan> {
        self.join.right()
    }

    fn left_columns(&self) -> usize {
        self.join.left().schema().fields().len()
    }

    /// An expression of what is above, in columns of both sides.
    fn expression(&self, above: &Expr) -> Result<Expr> {
        replaced(above, |column| self.columns.get(column.index()).cloned())
            .map(|replaced| replaced.unwrap_or_else(|| Arc::clone(above)))
    }

    /// An expression in columns of both sides, in those of the right one; none
    /// where it needs the left one.
    fn of_right(&self, expression: &Expr) -> Result<Option<Expr>> {
        let left = self.left_columns();
        replaced(expression, |column| {
            let at = column.index().checked_sub(left)?;
            Some(Arc::new(Column::new(column.name(), at)))
        })
    }

    /// The aggregates with their filters, of rows of the right side alone.
    #[expect(clippy::type_complexity, reason = "as a grouping takes them")]
    fn aggregates(
        &self,
        grouping: &AggregateExec,
    ) -> Result<Option<(Vec<Arc<AggregateFunctionExpr>>, Vec<Option<Expr>>)>> {
        let rows = self.right().schema();
        let (mut aggregates, mut filters) = (Vec::new(), Vec::new());
        for (aggregate, filter) in grouping.aggr_expr().iter().zip(grouping.filter_expr()) {
            let mut arguments = Vec::new();
            for argument in aggregate.expressions() {
                match self.of_right(&self.expression(&argument)?)? {
                    Some(argument) if never_fails(&argument, &rows) => arguments.push(argument),
                    _ => return Ok(None),
                }
            }
            filters.push(match filter {
                None => None,
                Some(filter) => match self.of_right(&self.expression(filter)?)? {
                    Some(filter) if never_fails(&filter, &rows) => Some(filter),
                    _ => return Ok(None),
                },
            });
            let earlier = AggregateExprBuilder::new(Arc::new(aggregate.fun().clone()), arguments)
                .schema(self.right().schema())
                .alias(aggregate.name())
                .with_distinct(aggregate.is_distinct())
                .with_ignore_nulls(aggregate.ignore_nulls())
                .build()?;
            aggregates.push(Arc::new(earlier));
        }
        Ok(Some((aggregates, filters)))
    }

    /// What rows of the right side have to be grouped by: the columns that the
    /// join compares and those that `above` needs.
    fn keys(&self, above: &[Expr]) -> Option<Vec<Expr>> {
        let left = self.left_columns();
        let mut keys: Vec<Expr> = Vec::new();
        for (_, key) in self.join.on() {
            key.downcast_ref::<Column>()?;
            if !keys.contains(key) {
                keys.push(Arc::clone(key));
            }
        }
        let needed: BTreeSet<usize> = above
            .iter()
            .flat_map(collect_columns)
            .filter_map(|column| column.index().checked_sub(left))
            .collect();
        let schema = self.right().schema();
        for at in needed {
            let key: Expr = Arc::new(Column::new(schema.field(at).name(), at));
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Some(keys)
    }

    /// The join with `grouped` as its right side, whose first columns are `keys`.
    fn with(
        &self,
        grouped: Arc<dyn ExecutionPlan>,
        keys: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = grouped.schema();
        let on = self.join.on().iter().filter_map(|(left, right)| {
            let at = keys.iter().position(|key| key == right)?;
            let column: Expr = Arc::new(Column::new(schema.field(at).name(), at));
            Some((Arc::clone(left), column))
        });
        let on = on.collect();
        HashJoinExecBuilder::new(Arc::clone(self.join.left()), grouped, on, JoinType::Inner)
            .with_partition_mode(PartitionMode::CollectLeft)
            .with_null_equality(self.join.null_equality())
            .build_exec()
    }

    /// A key above the join of the grouped rows, whose keys are `grouped`.
    fn moved(&self, key: &Expr, grouped: &[Expr], schema: &Schema) -> Result<Expr> {
        let left = self.left_columns();
        let moved = replaced(key, |column| {
            let at = match column.index().checked_sub(left) {
                None => column.index(),
                Some(right) => {
                    let known = grouped.iter().position(|key| {
                        key.downcast_ref::<Column>()
                            .is_some_and(|key| key.index() == right)
                    });
                    left + known?
                }
            };
            Some(Arc::new(Column::new(schema.field(at).name(), at)))
        })?;
        moved.map_or_else(|| internal_err!("`{key}` is not grouped by"), Ok)
    }
}
