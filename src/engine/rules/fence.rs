//! Conditions above joins of which both sides have a column of one name.
//!
//! DataFusion hands a condition down to what it reads by the names of columns:
//! `where substr(x.u, 5) > y.t` above a join goes to the scan of `y`, if that has a
//! `u`, too, and asks for that. [`FenceFilters`] puts a [`Fence`] between them,
//! through which nothing is handed. What could be asked earlier was told from the
//! text before.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::projection::ProjectionExec;
use futures::StreamExt;

use crate::engine::support::each::Replace;
use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};

/// Fences conditions off from joins. It comes before the rules that hand filters
/// down.
#[derive(Debug)]
pub(in crate::engine) struct FenceFilters;

impl Replace for FenceFilters {
    const NAME: &'static str = "fence_filters";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(filter) = plan.downcast_ref::<FilterExec>() else {
            return Ok(None);
        };
        if !joins_one_name(filter.input()) {
            return Ok(None);
        }
        let fence: Arc<dyn ExecutionPlan> = Arc::new(Fence::over(filter.input()));
        replace_children_if_necessary(Arc::clone(plan), vec![fence]).map(Some)
    }
}

/// Whether a name is that of columns of both sides of a join, below projections.
fn joins_one_name(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut plan = plan;
    while let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        plan = projection.input();
    }
    let is_join = plan.is::<HashJoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.is::<CrossJoinExec>();
    let [left, right] = plan.children()[..] else {
        return false;
    };
    let (left, right) = (left.schema(), right.schema());
    let names: HashSet<&String> = left.fields().iter().map(|field| field.name()).collect();
    is_join
        && right
            .fields()
            .iter()
            .any(|field| names.contains(field.name()))
}

/// Hands rows on, and no condition down.
#[derive(Debug)]
pub(in crate::engine) struct Fence;

impl Fence {
    fn over(input: &Arc<dyn ExecutionPlan>) -> Over<Self> {
        let properties = Arc::clone(input.properties());
        Over::new(Self, Arc::clone(input), properties)
    }
}

impl Step for Fence {
    const NAME: &'static str = "Fence";
    const KEEPS: Keeps = Keeps::Places;

    fn identity(&self) -> Option<Identity> {
        Some(Identity::of(Self::NAME))
    }

    fn repeats(&self) -> bool {
        true
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        Self::over(&input)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        Ok(input.execute(partition, context)?.boxed())
    }
}
