//! Null-safe joins beside others.
//!
//! DataFusion's `eliminate_cross_join` puts the keys of all inner joins into one
//! pot, and has all of them compared as those of the uppermost join: with a join
//! on `is not distinct from` among them, nulls are equal everywhere, or nowhere.
//! [`KeepNullSafe`] leaves plans with such a join alone.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::{Join, LogicalPlan};
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::engine::support::plans::each_plan;

/// `eliminate_cross_join` for plans without null-safe joins.
#[derive(Debug, Default)]
pub(in crate::engine) struct KeepNullSafe(EliminateCrossJoin);

impl OptimizerRule for KeepNullSafe {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match has_null_safe(&plan)? {
            true => Ok(Transformed::no(plan)),
            false => self.0.rewrite(plan, config),
        }
    }
}

fn has_null_safe(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    each_plan(plan, &mut |plan| {
        if let LogicalPlan::Join(Join {
            join_type: JoinType::Inner,
            null_equality: NullEquality::NullEqualsNull,
            ..
        }) = plan
        {
            found = true;
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
