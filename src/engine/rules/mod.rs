//! What plans get that DataFusion does not do by itself: one file or folder a
//! rule, with its operator.
//!
//! The rules' order stands in `session/order.rs`; what operators declare of
//! themselves in [`operators`]. Each rule can be turned off by its name, which is
//! that of its file, and the answer stays the same.

pub(in crate::engine) mod common_subplan;
pub(in crate::engine) mod distinct_ids;
pub(in crate::engine) mod eager_aggregation;
pub(in crate::engine) mod early_projection;
pub(in crate::engine) mod fallible;
pub(in crate::engine) mod fence;
pub(in crate::engine) mod first_last;
pub(in crate::engine) mod held_rows;
pub(in crate::engine) mod interval_join;
pub(in crate::engine) mod operators;
pub(in crate::engine) mod partition_wise;
pub(in crate::engine) mod perfect_hash;
pub(in crate::engine) mod plain_anti_join;
pub(in crate::engine) mod rank_in_order;
pub(in crate::engine) mod row_group_scan;
pub(in crate::engine) mod settle_sessions;
pub(in crate::engine) mod sort_merge_join;
pub(in crate::engine) mod window_top_n;
