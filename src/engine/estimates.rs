//! How many rows operators give, where DataFusion does not say: a join holds the
//! side that it takes for the smaller one.

use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::common::{Result, Statistics};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::operator_statistics::{
    ExtendedStatistics, StatisticsProvider, StatisticsRegistry, StatisticsResult,
};
use datafusion::physical_plan::unnest::UnnestExec;

/// The values that a list is taken to have.
const VALUES_OF_A_LIST: usize = 3;

/// What is known of all operators.
pub(super) fn estimates() -> StatisticsRegistry {
    let mut registry = StatisticsRegistry::default_with_builtin_providers();
    registry.register(Arc::new(Lists));
    registry
}

/// A list gives some rows: without a number, a join would hold millions of
/// sessions rather than the genres of a few titles.
#[derive(Debug)]
struct Lists;

impl StatisticsProvider for Lists {
    fn compute_statistics(
        &self,
        plan: &dyn ExecutionPlan,
        inputs: &[ExtendedStatistics],
    ) -> Result<StatisticsResult> {
        let (Some(_), [input]) = (plan.downcast_ref::<UnnestExec>(), inputs) else {
            return Ok(StatisticsResult::Delegate);
        };
        let mut statistics = Statistics::new_unknown(&plan.schema());
        if let Some(rows) = input.base().num_rows.get_value() {
            statistics.num_rows = Precision::Inexact(rows.saturating_mul(VALUES_OF_A_LIST));
        }
        Ok(StatisticsResult::Computed(ExtendedStatistics::new(
            statistics,
        )))
    }
}
