//! Joins by sorting, for what does not fit into memory.
//!
//! A hash join holds one side; sorted rows can wait on the disk. DataFusion
//! plans joins by sorting on several threads only, and a query that is asked
//! again because memory was short has one thread, so that each step has all of
//! it. [`JoinBySorting`] makes them of the hash joins that were planned.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};

/// DataFusion's rules; first joins are by sorting, so that the others bring the
/// rows into the order that they need.
pub(super) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(JoinBySorting));
    rules
}

/// Replaces hash joins.
#[derive(Debug)]
struct JoinBySorting;

impl PhysicalOptimizerRule for JoinBySorting {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| match plan.downcast_ref::<HashJoinExec>() {
            Some(join) => by_sorting(join).map(|sorted| match sorted {
                Some(sorted) => Transformed::yes(sorted),
                None => Transformed::no(plan),
            }),
            None => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "join_by_sorting"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn by_sorting(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    // `not in` of a set with a null has no partner-wise answer.
    if join.null_aware || join.projection.is_some() || join.fetch().is_some() {
        return Ok(None);
    }
    let on = join.on().to_vec();
    let order = vec![SortOptions::default(); on.len()];
    let sorted = SortMergeJoinExec::try_new(
        Arc::clone(join.left()),
        Arc::clone(join.right()),
        on,
        join.filter().cloned(),
        *join.join_type(),
        order,
        join.null_equality(),
    )?;
    Ok(Some(Arc::new(sorted)))
}
