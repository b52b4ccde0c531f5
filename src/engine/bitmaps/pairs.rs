//! Two columns of sets, row by row. A join pairs each set with many others,
//! so each is read once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, BinaryViewArray, BooleanBufferBuilder};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::common::Result;
use roaring::RoaringTreemap;
use twox_hash::XxHash3_128;

use super::from_bytes;

/// Sets that are kept within a batch.
const KNOWN: usize = 1024;
/// Bytes of sets that are kept from batch to batch.
const KEPT: usize = 64 << 20;
/// Possible ids for each one that is there, up to which bits are laid out.
const SPREAD: u64 = 256;
/// Bits compared at a time: what both have then takes memory that is at hand.
const PART: u64 = 1 << 15;

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
        pairs(
            left,
            right,
            |bytes| self.read(bytes),
            |l, r| Ok(l.overlap(r)),
        )
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

/// The ids from `base` on, as bits.
#[derive(Debug)]
struct Bits {
    /// A multiple of eight: bits of two sets then lie in bytes alike.
    base: u64,
    bits: BooleanBuffer,
}

impl Ids {
    fn read(bytes: &[u8]) -> Result<Self> {
        let set = from_bytes(bytes)?;
        let (Some(min), Some(max)) = (set.min(), set.max()) else {
            return Ok(Self::Sparse(set));
        };
        match (max - min) / SPREAD < set.len() {
            true => Ok(Self::Dense(Bits::of(&set, min, max))),
            false => Ok(Self::Sparse(set)),
        }
    }

    /// About the bytes it takes.
    fn size(&self) -> usize {
        match self {
            Self::Dense(bits) => bits.bits.len() / 8,
            Self::Sparse(set) => set.serialized_size(),
        }
    }

    fn overlap(&self, other: &Self) -> u64 {
        match (self, other) {
            (Self::Sparse(a), Self::Sparse(b)) => a.intersection_len(b),
            (Self::Sparse(set), Self::Dense(bits)) | (Self::Dense(bits), Self::Sparse(set)) => {
                bits.held(set)
            }
            (Self::Dense(a), Self::Dense(b)) => a.shared(b),
        }
    }
}

impl Bits {
    fn of(set: &RoaringTreemap, min: u64, max: u64) -> Self {
        let base = min & !7;
        let mut bits = BooleanBufferBuilder::new(0);
        bits.append_n(at(max - base) + 1, false);
        for id in set {
            bits.set_bit(at(id - base), true);
        }
        Self {
            base,
            bits: bits.finish(),
        }
    }

    /// The first number after those that have a bit.
    fn end(&self) -> u64 {
        self.base + self.bits.len() as u64
    }

    /// Ids of `set` that are here.
    fn held(&self, set: &RoaringTreemap) -> u64 {
        let here = set.iter().skip_while(|id| *id < self.base);
        let here = here.take_while(|id| *id < self.end());
        here.filter(|id| self.bits.value(at(id - self.base)))
            .count() as u64
    }

    fn shared(&self, other: &Self) -> u64 {
        let (from, to) = (self.base.max(other.base), self.end().min(other.end()));
        if from >= to {
            return 0;
        }
        let mut count = 0;
        let mut begin = from;
        while begin < to {
            let bits = at(PART.min(to - begin));
            let part = |ids: &Self| ids.bits.slice(at(begin - ids.base), bits);
            count += (&part(self) & &part(other)).count_set_bits() as u64;
            begin += PART;
        }
        count
    }
}

/// A distance that [`SPREAD`] keeps small enough for memory.
fn at(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
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

        #[test]
        fn every_way_to_count_gives_the_same(
            left in prop::collection::btree_set(1000_u64..90_000, 1..4000),
            right in prop::collection::btree_set(0_u64..200_000, 1..4000),
        ) {
            let sets = [left, right].map(|ids| ids.into_iter().collect::<RoaringTreemap>());
            let want = sets[0].intersection_len(&sets[1]);
            let bits = |set: &RoaringTreemap| Bits::of(set, set.min().unwrap(), set.max().unwrap());
            let dense = [bits(&sets[0]), bits(&sets[1])];
            prop_assert_eq!(dense[0].shared(&dense[1]), want);
            prop_assert_eq!(dense[1].shared(&dense[0]), want);
            prop_assert_eq!(dense[0].held(&sets[1]), want);
            prop_assert_eq!(dense[1].held(&sets[0]), want);
        }
    }
}
