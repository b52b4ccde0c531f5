//! Estimates that add up: how many different values, and quantiles.
//!
//! `hll_agg(value)` makes a sketch of a group's different values, `hll_merge`
//! unites sketches, `hll_count` estimates how many there are: within 1.6 % in
//! two of three cases, exactly up to a few. `ddsketch_agg(number)` makes a
//! sketch of a distribution, `ddsketch_merge` unites them,
//! `ddsketch_quantile(sketch, 0.95)` gives a value within 1 % of the quantile,
//! `ddsketch_count` how many values there are, exactly.
//!
//! The same values give the same bytes, in whatever order and parts they come,
//! so that tables which keep sketches are the same however they were built.
//! t-digests and samples are not: that is why there are none.

mod ddsketch;
mod hll;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use self::ddsketch::DdSketch;
use self::hll::Hll;
use crate::engine::support::summaries;

/// The aggregates.
pub(in crate::engine) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let hll = summaries::aggregates::<Hll>();
    hll.into_iter()
        .chain(summaries::aggregates::<DdSketch>())
        .collect()
}

/// The functions of one sketch.
pub(in crate::engine) fn functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions = vec![hll::count()];
    functions.extend(ddsketch::functions());
    functions
}
