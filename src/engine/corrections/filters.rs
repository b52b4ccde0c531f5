//! Conditions that can fail are asked last.
//!
//! `select … from (select … where y <> 0) where x / y > 1`: DataFusion puts both
//! conditions into one filter, cheap ones last, and asks each of all rows.
//! [`FilterFirst`] has those that can fail asked of the rows that meet the others.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr, CastExpr, Literal};
use datafusion::physical_expr::utils::split_conjunction;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

use crate::engine::support::each::Replace;

/// Makes two filters of one in which some conditions can fail and some cannot.
#[derive(Debug)]
pub(in crate::engine) struct FilterFirst;

impl Replace for FilterFirst {
    const NAME: &'static str = "filter_first";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(filter) = plan.downcast_ref::<FilterExec>() else {
            return Ok(None);
        };
        let parts = split_conjunction(filter.predicate()).into_iter().cloned();
        let (last, first): (Vec<_>, Vec<_>) = parts.partition(can_fail);
        if first.is_empty() || last.is_empty() {
            return Ok(None);
        }
        let selectivity = filter.default_selectivity();
        let below = FilterExecBuilder::new(conjunction(first), Arc::clone(filter.input()))
            .with_default_selectivity(selectivity)
            .build()?;
        let projection = filter.projection().as_ref().map(|columns| columns.to_vec());
        let above = FilterExecBuilder::new(conjunction(last), Arc::new(below))
            .with_default_selectivity(selectivity)
            .apply_projection(projection)?
            .with_fetch(filter.fetch())
            .build()?;
        Ok(Some(Arc::new(above)))
    }
}

fn can_fail(condition: &Arc<dyn PhysicalExpr>) -> bool {
    let mut fails = false;
    let looked = condition.apply(|part| {
        if part.is::<CaseExpr>() {
            return Ok(TreeNodeRecursion::Jump);
        }
        let divides = part.downcast_ref::<BinaryExpr>().is_some_and(|part| {
            matches!(part.op(), Operator::Divide | Operator::Modulo)
                && !part.right().is::<Literal>()
        });
        let casts = part.downcast_ref::<CastExpr>().is_some_and(|cast| {
            // Of a text something else.
            !cast.cast_type().is_string() && cast.expr().is::<ScalarFunctionExpr>()
        });
        let computes = part.downcast_ref::<ScalarFunctionExpr>().is_some_and(|of| {
            of.name().starts_with("checked_") || ["narrow", "divided"].contains(&of.name())
        });
        fails |= divides || casts || computes;
        Ok(TreeNodeRecursion::Continue)
    });
    looked.is_err() || fails
}
