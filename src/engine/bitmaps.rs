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

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err};
use roaring::RoaringTreemap;

pub(super) use aggregates::aggregates;
pub(super) use functions::functions;

fn to_bytes(set: &RoaringTreemap) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes)
        .map_err(|e| exec_datafusion_err!("a set of ids cannot be written: {e}"))?;
    Ok(bytes)
}

fn from_bytes(bytes: &[u8]) -> Result<RoaringTreemap> {
    RoaringTreemap::deserialize_from(bytes)
        .map_err(|e| exec_datafusion_err!("this is no set of ids: {e}"))
}

/// A set as DataFusion's types say it, however it was stored.
fn is_set(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::BinaryView | DataType::Binary | DataType::LargeBinary | DataType::Null
    )
}
