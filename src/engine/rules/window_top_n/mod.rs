//! The first rows of each partition of a window, without sorting the others.
//!
//! `row_number() over (partition by user_id order by started_at desc) = 1` sorts
//! all rows to keep one of each user. [`FirstOfEach`] has rows that cannot be
//! among the first so many left out before the sort, by [`FirstRows`]: it knows
//! the first rows of each partition so far by the first thing that the window is
//! ordered by. Rows that are equal in it stay, and the sort decides.
//!
//! What is left out comes after the first so many rows of its partition, and
//! those stay. So they are numbered as before, and what else stays has a greater
//! number than they have: any condition that holds for those rows only is
//! answered as before.

mod sift;

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;

use crate::engine::rules::rank_in_order::RankRows;
use crate::engine::support::each::Replace;
use crate::engine::support::numbers::is_numbered;
use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};
use crate::engine::support::projections::{below_names, named_below, with_names};
use sift::sifted;

/// The most rows of a partition that are looked for.
const MOST: usize = 64;

/// Puts [`FirstRows`] below sorts of which only the first rows of each partition
/// are asked for.
#[derive(Debug)]
pub(in crate::engine) struct FirstOfEach;

impl Replace for FirstOfEach {
    const NAME: &'static str = "window_top_n";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(filter) = plan.downcast_ref::<FilterExec>() else {
            return Ok(None);
        };
        let input = asked(filter, filter.input())?;
        input
            .map(|input| replace_children_if_necessary(Arc::clone(plan), vec![input]))
            .transpose()
    }
}

/// `input` with a [`FirstRows`] in it, where `filter` asks for first rows only.
fn asked(
    filter: &FilterExec,
    input: &Arc<dyn ExecutionPlan>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (named, window) = below_names(input);
    let Some(ranks) = window.downcast_ref::<RankRows>() else {
        return Ok(None);
    };
    let conditions = split_conjunction(filter.predicate()).into_iter();
    let most = conditions.filter_map(|condition| {
        let (column, most) = up_to(condition)?;
        let column = named_below(column, &named)?;
        let column = column.downcast_ref::<Column>()?.index();
        ranks.counts_rows(column, most).then_some(most)
    });
    let Some(most) = most.min().filter(|most| *most <= MOST) else {
        return Ok(None);
    };
    let (named, sorted) = below_names(ranks.input());
    let Some(sort) = sorted.downcast_ref::<SortExec>() else {
        return Ok(None);
    };
    let Some(step) = FirstRows::of(ranks, &named, sort, most)? else {
        return Ok(None);
    };
    let properties = Arc::clone(sort.input().properties());
    let firsts = Arc::new(Over::new(step, Arc::clone(sort.input()), properties));
    let sort = replace_children_if_necessary(Arc::clone(sorted), vec![firsts])?;
    let rows = with_names(ranks.input(), sort)?;
    let ranks = replace_children_if_necessary(Arc::clone(window), vec![rows])?;
    with_names(input, ranks).map(Some)
}

/// The column that `condition` bounds, and the greatest number for which it
/// holds.
fn up_to(condition: &PhysicalExprRef) -> Option<(usize, usize)> {
    let binary = condition.downcast_ref::<BinaryExpr>()?;
    let (column, op, number) = match (column(binary.left()), number(binary.right())) {
        (Some(column), Some(number)) => (column, *binary.op(), number),
        _ => (
            column(binary.right())?,
            binary.op().swap()?,
            number(binary.left())?,
        ),
    };
    let most = match op {
        Operator::Eq | Operator::LtEq => number,
        Operator::Lt => number.checked_sub(1)?,
        _ => return None,
    };
    // No row has a number below 1; that is not worth a plan of its own.
    Some((column, usize::try_from(most).ok()?.max(1)))
}

fn column(expr: &PhysicalExprRef) -> Option<usize> {
    let expr = match expr.downcast_ref::<CastExpr>() {
        Some(cast) if cast.cast_type().is_integer() => cast.expr(),
        _ => expr,
    };
    Some(expr.downcast_ref::<Column>()?.index())
}

fn number(expr: &PhysicalExprRef) -> Option<u64> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::UInt64(number) => *number,
        ScalarValue::Int64(number) => u64::try_from((*number)?).ok(),
        _ => None,
    }
}

/// Leaves out rows that are not among the first of their partition.
#[derive(Debug, Clone)]
pub(in crate::engine) struct FirstRows {
    most: usize,
    partition_by: Vec<PhysicalExprRef>,
    /// What rows are ordered by first, and how.
    order_by: PhysicalExprRef,
    options: SortOptions,
}

impl FirstRows {
    /// The first `most` rows of `ranks`, whose columns are `named` so above
    /// `sort`; none where `sort` does other work, or the order is of what has no
    /// number, or where partitions are of doubles: zeros of either sign are two
    /// partitions and one group.
    fn of(
        ranks: &RankRows,
        named: &[&ProjectionExec],
        sort: &SortExec,
        most: usize,
    ) -> Result<Option<Self>> {
        let schema = sort.input().schema();
        let below = |key: &PhysicalExprRef| match named {
            [] => Some(Arc::clone(key)),
            named => named_below(key.downcast_ref::<Column>()?.index(), named),
        };
        let (partition_by, order_by) = ranks.keys();
        let partition_by = partition_by.iter().map(below).collect::<Option<Vec<_>>>();
        let Some((partition_by, first)) = partition_by.zip(order_by.first()) else {
            return Ok(None);
        };
        let Some(order_by) = below(&first.expr) else {
            return Ok(None);
        };
        let numbered = is_numbered(&order_by.data_type(&schema)?);
        let mut kinds = partition_by.iter().map(|key| key.data_type(&schema));
        let grouped = kinds.all(|kind| kind.is_ok_and(|kind| !kind.is_floating()));
        let sorts_all = sort.fetch().is_none() && !partition_by.is_empty();
        Ok((numbered && grouped && sorts_all).then(|| Self {
            most,
            partition_by,
            order_by,
            options: first.options,
        }))
    }
}

impl Step for FirstRows {
    const NAME: &'static str = "FirstRows";
    const KEEPS: Keeps = Keeps::Some;

    fn identity(&self) -> Option<Identity> {
        let options =
            usize::from(self.options.descending) * 2 + usize::from(self.options.nulls_first);
        Some(
            Identity::of(Self::NAME)
                .number(self.most)
                .exprs(&self.partition_by)
                .exprs([&self.order_by])
                .number(options),
        )
    }

    fn repeats(&self) -> bool {
        true
    }

    fn about(&self, _: &Over<Self>) -> Option<String> {
        let keys = self.partition_by.iter().map(ToString::to_string);
        let keys: Vec<String> = keys.collect();
        Some(format!("{} of each {}", self.most, keys.join(", ")))
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        let properties = Arc::clone(input.properties());
        Over::new(self.clone(), input, properties)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        sifted(self.clone(), input, partition, &context)
    }
}

#[cfg(test)]
mod tests;
