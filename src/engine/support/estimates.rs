//! How many rows operators give, where DataFusion does not say: a join holds the
//! side that it takes for the smaller one.

use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::common::{JoinType, Result, Statistics};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::operator_statistics::{
    ExtendedStatistics, StatisticsProvider, StatisticsRegistry, StatisticsResult,
};
use datafusion::physical_plan::unnest::UnnestExec;

/// The values that a list is taken to have.
const VALUES_OF_A_LIST: usize = 3;

/// What is known of all operators.
pub(in crate::engine) fn estimates() -> StatisticsRegistry {
    let mut registry = StatisticsRegistry::default_with_builtin_providers();
    registry.register(Arc::new(Lists));
    registry.register(Arc::new(Pairs));
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
        let rows = input.base().num_rows.get_value();
        Ok(about(
            plan,
            rows.map(|rows| rows.saturating_mul(VALUES_OF_A_LIST)),
        ))
    }
}

/// A join on a comparison, most often with a table of one row, gives at most
/// all pairs: without a number, a cross join with another such table would go
/// through its rows one batch each.
#[derive(Debug)]
struct Pairs;

impl StatisticsProvider for Pairs {
    fn compute_statistics(
        &self,
        plan: &dyn ExecutionPlan,
        inputs: &[ExtendedStatistics],
    ) -> Result<StatisticsResult> {
        let (Some(join), [left, right]) = (plan.downcast_ref::<NestedLoopJoinExec>(), inputs)
        else {
            return Ok(StatisticsResult::Delegate);
        };
        let rows = |side: &ExtendedStatistics| side.base().num_rows.get_value().copied();
        let all = match (rows(left), rows(right)) {
            (Some(left), Some(right)) => Some(left.saturating_mul(right)),
            _ => None,
        };
        match join.join_type() {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                Ok(about(plan, all))
            }
            _ => Ok(StatisticsResult::Delegate),
        }
    }
}

/// That `plan` gives about so many rows.
fn about(plan: &dyn ExecutionPlan, rows: Option<usize>) -> StatisticsResult {
    let mut statistics = Statistics::new_unknown(&plan.schema());
    if let Some(rows) = rows {
        statistics.num_rows = Precision::Inexact(rows);
    }
    StatisticsResult::Computed(ExtendedStatistics::new(statistics))
}
