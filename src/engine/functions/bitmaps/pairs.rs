//! Two columns of sets, row by row. A join pairs each set with many others,
//! so each is read once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use cinelake_kernels::Bits;
use datafusion::arrow::array::{Array, BinaryViewArray};
use datafusion::common::Result;
use roaring::RoaringTreemap;
use twox_hash::XxHash3_128;

use super::{from_bytes, read};

/// Sets that are kept within a batch.
const KNOWN: usize = 1024;
/// Bytes of sets that are kept from batch to batch.
const KEPT: usize = 64 << 20;
/// Possible ids for each one that is there, up to which bits are laid out.
const SPREAD: u64 = 256;

/// What `combine` makes of each pair of sets; null where one is.
pub(super) fn combined<T>(
    left: &BinaryViewArray,
    right: &BinaryViewArray,
    combine: impl Fn(&RoaringTreemap, &RoaringTreemap) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    pairs(left, right, from_bytes, combine)
}

/// Counts what two sets share; keeps the sets that it has read, by a hash of
/// their bytes, from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Overlaps {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    sets: HashMap<u128, Arc<Ids>>,
    bytes: usize,
}

impl Overlaps {
    /// The number of ids that each pair of sets shares; null where one is.
    pub(super) fn count(
        &self,
        left: &BinaryViewArray,
        right: &BinaryViewArray,
    ) -> Result<Vec<Option<u64>>> {
        let keep = |left: &Arc<Ids>, right: &Arc<Ids>| Ok((Arc::clone(left), Arc::clone(right)));
        let sets = pairs(left, right, |bytes| self.read(bytes), keep)?;
        Ok(overlaps(&sets))
    }

    fn read(&self, bytes: &[u8]) -> Result<Arc<Ids>> {
        let hash = XxHash3_128::oneshot(bytes);
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().sets.get(&hash) {
            return Ok(Arc::clone(known));
        }
        let ids = Arc::new(Ids::read(bytes)?);
        let mut kept = kept();
        if kept.bytes > KEPT {
            *kept = Kept::default();
        }
        kept.bytes += ids.size();
        kept.sets.insert(hash, Arc::clone(&ids));
        Ok(ids)
    }
}

fn pairs<S, T>(
    left: &BinaryViewArray,
    right: &BinaryViewArray,
    read: impl Fn(&[u8]) -> Result<S>,
    combine: impl Fn(&S, &S) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    let (mut known_left, mut known_right) = (Known::default(), Known::default());
    let mut results = Vec::with_capacity(left.len());
    for (l, r) in left.iter().zip(right) {
        results.push(match (l, r) {
            (Some(l), Some(r)) => {
                let (l, r) = (known_left.get(l, &read)?, known_right.get(r, &read)?);
                Some(combine(l, r)?)
            }
            _ => None,
        });
    }
    Ok(results)
}

/// Sets of one batch that were read already, by their place in memory.
struct Known<S> {
    sets: HashMap<(usize, usize), S>,
}

impl<S> Default for Known<S> {
    fn default() -> Self {
        Self {
            sets: HashMap::new(),
        }
    }
}

impl<S> Known<S> {
    fn get(&mut self, bytes: &[u8], read: &impl Fn(&[u8]) -> Result<S>) -> Result<&S> {
        if self.sets.len() >= KNOWN {
            self.sets.clear();
        }
        Ok(
            match self.sets.entry((bytes.as_ptr().addr(), bytes.len())) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(read(bytes)?),
            },
        )
    }
}

/// A set to be compared. Bits that are laid out are compared many at a time,
/// without the branches of a merge, which nobody can predict.
#[derive(Debug)]
enum Ids {
    Dense(Bits),
    /// Too far apart for that.
    Sparse(RoaringTreemap),
}

impl Ids {
    fn read(bytes: &[u8]) -> Result<Self> {
        let set = read(bytes)?;
        let bits = match set.bounds() {
            Some((min, max)) if (max - min) / SPREAD < set.count() => Bits::with_room(min, max),
            _ => None,
        };
        let Some(mut bits) = bits else {
            return from_bytes(bytes).map(Self::Sparse);
        };
        set.each(|id| bits.insert(id));
        Ok(Self::Dense(bits))
    }

    /// About the bytes it takes.
    fn size(&self) -> usize {
        match self {
            Self::Dense(bits) => bits.bytes(),
            Self::Sparse(set) => set.serialized_size(),
        }
    }
}

/// The number of ids that each pair shares.
fn overlaps(pairs: &[Option<(Arc<Ids>, Arc<Ids>)>]) -> Vec<Option<u64>> {
    let dense = pairs
        .iter()
        .flatten()
        .filter_map(|(l, r)| match (&**l, &**r) {
            (Ids::Dense(l), Ids::Dense(r)) => Some((l, r)),
            _ => None,
        });
    let dense: Vec<_> = dense.collect();
    let mut shared = Bits::shared(&dense).into_iter();
    let overlap = |pair: &Option<(Arc<Ids>, Arc<Ids>)>| {
        let (left, right) = pair.as_ref()?;
        match (&**left, &**right) {
            (Ids::Dense(_), Ids::Dense(_)) => shared.next(),
            (Ids::Sparse(a), Ids::Sparse(b)) => Some(a.intersection_len(b)),
            (Ids::Sparse(set), Ids::Dense(bits)) | (Ids::Dense(bits), Ids::Sparse(set)) => {
                Some(set.iter().filter(|id| bits.has(*id)).count() as u64)
            }
        }
    };
    pairs.iter().map(overlap).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::to_bytes;
    use super::*;

    /// Ids that lie close together, and some that lie far off.
    fn ids() -> impl Strategy<Value = Vec<u64>> {
        let close = prop::collection::vec(3_u64..70_000, 0..4000);
        let far = prop::collection::vec(any::<u64>(), 0..3);
        (close, far).prop_map(|(close, far)| [close, far].concat())
    }

    proptest! {
        #[test]
        fn an_overlap_is_the_size_of_what_both_hold(left in ids(), right in ids()) {
            let sets = [left, right].map(|ids| ids.into_iter().collect::<RoaringTreemap>());
            let array = |set| BinaryViewArray::from_iter_values([to_bytes(set).unwrap()]);
            let overlaps = Overlaps::default();
            for _ in 0..2 {
                let counted = overlaps.count(&array(&sets[0]), &array(&sets[1])).unwrap();
                prop_assert_eq!(counted, vec![Some((&sets[0] & &sets[1]).len())]);
            }
        }
    }
}
