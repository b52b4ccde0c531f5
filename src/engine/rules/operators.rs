//! The operators of ours, and what each declares.
//!
//! A new operator is added to the list below; `tests/it/layers.rs` says so when
//! it is forgotten.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::common_subplan::Once;
use super::fence::Fence;
use super::held_rows::Unshared;
use super::interval_join::IntervalJoin;
use super::partition_wise::{Constant, InTurns};
use super::perfect_hash::PerfectAggregate;
use super::rank_in_order::RankRows;
use super::settle_sessions::{SettleSessions, UniteSessions};
use super::window_top_n::FirstRows;
use crate::engine::support::operator::Operator;
use crate::engine::support::over::Over;

/// What the operator of a plan declares; none where it is DataFusion's.
pub(in crate::engine) fn declared(plan: &Arc<dyn ExecutionPlan>) -> Option<&dyn Operator> {
    macro_rules! one_of {
        ($($operator:ty),+ $(,)?) => {
            $(if let Some(own) = plan.downcast_ref::<$operator>() {
                return Some(own);
            })+
        };
    }
    one_of![
        IntervalJoin,
        PerfectAggregate,
        RankRows,
        Over<Constant>,
        Over<Fence>,
        Over<FirstRows>,
        Over<InTurns>,
        Over<Once>,
        Over<SettleSessions>,
        Over<UniteSessions>,
        Over<Unshared>,
    ];
    None
}
