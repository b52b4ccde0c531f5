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

use cinelake_kernels::Stored;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use roaring::RoaringTreemap;

pub(in crate::engine) use aggregates::aggregates;
pub(in crate::engine) use functions::functions;

/// The set in `bytes`, to be looked through once.
fn read(bytes: &[u8]) -> Result<Stored<'_>> {
    match Stored::read(bytes) {
        Some(set) => Ok(set),
        None => exec_err!("this is no set of ids"),
    }
}

/// The set in `bytes`, to be combined with others.
fn from_bytes(bytes: &[u8]) -> Result<RoaringTreemap> {
    RoaringTreemap::deserialize_from(bytes)
        .map_err(|e| exec_datafusion_err!("this is no set of ids: {e}"))
}

fn to_bytes(set: &RoaringTreemap) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes)
        .map_err(|e| exec_datafusion_err!("a set of ids cannot be written: {e}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::*;

    proptest! {
        #[test]
        fn sets_of_other_systems_are_read(
            runs in prop::collection::vec((0_u32..400_000, 1_u32..9000), 0..12),
            alone in prop::collection::vec(0_u32..400_000, 0..6000),
            upper in 0_u32..3,
        ) {
            let mut ids = RoaringBitmap::new();
            for (from, count) in runs {
                ids.insert_range(from..from + count);
            }
            ids.extend(alone);
            // With runs where they are shorter.
            ids.optimize();
            let set = RoaringTreemap::from_bitmaps([(upper, ids)]);
            let bytes = to_bytes(&set).unwrap();
            let stored = read(&bytes).unwrap();
            let mut found = Vec::new();
            stored.each(|id| found.push(id));
            prop_assert_eq!(stored.count(), set.len());
            prop_assert_eq!(stored.bounds(), set.min().zip(set.max()));
            prop_assert_eq!(found, set.iter().collect::<Vec<_>>());
            let mut united = cinelake_kernels::Ids::default();
            united.merge_stored(&stored);
            prop_assert_eq!(united.count(), set.len());
        }
    }
}
