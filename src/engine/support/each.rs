//! Rules that replace operators one by one.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// What a rule makes of an operator whose inputs it has been through.
pub(in crate::engine) trait Replace: fmt::Debug + Send + Sync + 'static {
    /// The rule's name.
    const NAME: &'static str;

    /// What stands in the operator's place; none where it stays.
    ///
    /// # Errors
    /// When no plan can be made of what is known to be one.
    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>>;
}

/// A rule that goes through a plan from the bottom up.
#[derive(Debug, Default)]
pub(in crate::engine) struct Each<R>(pub(in crate::engine) R);

impl<R: Replace> PhysicalOptimizerRule for Each<R> {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(match self.0.replaced(&plan, config)? {
                Some(other) => Transformed::yes(other),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        R::NAME
    }

    fn schema_check(&self) -> bool {
        true
    }
}
