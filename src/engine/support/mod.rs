//! What several wings use: operators of one input, rules that go operator by
//! operator, values as numbers, aggregates that can be stored. Knows no wing.

pub(in crate::engine) mod aggregates;
pub(in crate::engine) mod each;
pub(in crate::engine) mod estimates;
pub(in crate::engine) mod exprs;
pub(in crate::engine) mod numbers;
pub(in crate::engine) mod operator;
pub(in crate::engine) mod over;
pub(in crate::engine) mod plans;
pub(in crate::engine) mod projections;
pub(in crate::engine) mod summaries;
pub(in crate::engine) mod types;
