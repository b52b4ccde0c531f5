//! Sets of ids as values: distinct counts that add up.
//!
//! A count of different users of a day cannot be added to that of the next
//! day; the sets can be united. `bitmap_agg(id)` makes the set of a group's
//! ids, `bitmap_merge(set)` unites sets, `bitmap_count(set)` counts exactly.
//! `bitmap_and`, `bitmap_or` and `bitmap_and_not` combine two sets, and
//! `bitmap_overlap` counts what two share without making it. `bitmap_values`
//! gives a set's ids as a list, in ascending order, for `unnest`;
//! `bitmap_histogram(set)` the ids of all sets, each with the number of sets
//! that have it, without a row for each id of each set.
//!
//! A set is stored as a serialized [`RoaringTreemap`] in its portable format:
//! the same ids give the same bytes, in whatever order they came.

mod aggregates;
mod functions;
mod histogram;
mod pairs;

use datafusion::common::{Result, exec_datafusion_err};
use roaring::RoaringTreemap;

use super::summaries::Summary;

pub(super) use aggregates::aggregates;
pub(super) use functions::functions;

fn to_bytes(set: &RoaringTreemap) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    set.write(&mut bytes)?;
    Ok(bytes)
}

fn from_bytes(bytes: &[u8]) -> Result<RoaringTreemap> {
    RoaringTreemap::deserialize_from(bytes)
        .map_err(|e| exec_datafusion_err!("this is no set of ids: {e}"))
}
