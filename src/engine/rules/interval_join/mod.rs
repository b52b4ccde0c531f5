//! Strategy by when: of each row, what was valid at its time.
//!
//! DataFusion joins rows by what is equal, and asks of every pair whether the
//! rest holds: `price.valid_from <= sale.day and sale.day < price.valid_to` is
//! asked of all prices of a currency, for each sale. [`JoinIntervals`] finds
//! conditions that say that a time lies within an interval of the held side, and
//! has [`IntervalJoin`] look for the intervals by their order
//! ([`cinelake_kernels::Intervals`]).

mod bounds;
mod groups;
mod join;
mod probe;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::engine::support::each::Replace;
use bounds::Bounds;
pub(in crate::engine) use join::IntervalJoin;

/// Has joins hold the side with the intervals, where its size is not known:
/// DataFusion holds the side that is named first then, which is that of the rows
/// that it is asked for. It comes before the rules that choose sides.
#[derive(Debug)]
pub(in crate::engine) struct HoldIntervals;

impl Replace for HoldIntervals {
    const NAME: &'static str = "hold_intervals";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let hash = plan.downcast_ref::<HashJoinExec>();
        let all = plan.downcast_ref::<NestedLoopJoinExec>();
        let filter = hash
            .and_then(HashJoinExec::filter)
            .or_else(|| all.and_then(NestedLoopJoinExec::filter));
        let bounds = filter.map(Bounds::of).transpose()?.flatten();
        let are_of_right = bounds.is_some_and(|bounds| bounds.are_of_right());
        if !are_of_right || has_known_rows(plan.children()[1])? {
            return Ok(None);
        }
        match (hash, all) {
            (Some(hash), _) if hash.join_type().supports_swap() && !hash.null_aware => {
                // Or else the side whose size is known would be held.
                hash.swap_inputs(PartitionMode::CollectLeft).map(Some)
            }
            (_, Some(all)) if all.join_type().supports_swap() => all.swap_inputs().map(Some),
            _ => Ok(None),
        }
    }
}

/// Whether it is known about how many rows there are.
fn has_known_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
    Ok(statistics.num_rows != Precision::Absent)
}

/// Puts [`IntervalJoin`] in the place of joins by equal keys, or by none, whose
/// condition tells when.
#[derive(Debug)]
pub(in crate::engine) struct JoinIntervals {
    /// Where a row has fewer than so many in its group, on average, each pair is
    /// asked after all.
    few: usize,
}

impl Default for JoinIntervals {
    fn default() -> Self {
        Self { few: 32 }
    }
}

impl Replace for JoinIntervals {
    const NAME: &'static str = "interval_join";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let join = IntervalJoin::of(plan, self.few)?;
        Ok(join.map(|join| Arc::new(join) as _))
    }
}

#[cfg(test)]
mod tests;
