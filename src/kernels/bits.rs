//! Sets of numbers that are compared with many others.

/// Words of two sets that are compared before the next two sets are: a tile of
/// a thousand sets stays in the cache beside the processor.
const TILE: usize = 256;
/// Words that are counted together.
const LANES: usize = 4;

/// Numbers that lie close together, a bit for each possible one.
#[derive(Debug, Clone, Default)]
pub struct Bits {
    /// The number of the first word: that of `id` is `id / 64`.
    first: u64,
    words: Vec<u64>,
}

impl Bits {
    /// No numbers, with room for those from `min` to `max`; none where that is
    /// more than memory has addresses.
    #[must_use]
    pub fn with_room(min: u64, max: u64) -> Option<Self> {
        let first = min / 64;
        let words = usize::try_from((max / 64).checked_sub(first)?).ok()? + 1;
        Some(Self {
            first,
            words: vec![0; words],
        })
    }

    /// Adds `id`; it is left out where there is no room for it.
    pub fn insert(&mut self, id: u64) {
        if let Some(word) = self.at(id).and_then(|at| self.words.get_mut(at)) {
            *word |= 1 << (id % 64);
        }
    }

    /// Whether `id` is there.
    #[must_use]
    pub fn has(&self, id: u64) -> bool {
        let word = self.at(id).and_then(|at| self.words.get(at));
        word.is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// Bytes of memory beside the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    /// How many numbers each pair has in common.
    ///
    /// All pairs are compared tile by tile: sets that occur in many pairs are
    /// then read from memory once, and not once a pair.
    #[must_use]
    pub fn shared(pairs: &[(&Self, &Self)]) -> Vec<u64> {
        let both: Vec<Both> = pairs.iter().map(|(a, b)| Both::of(a, b)).collect();
        let mut counts = vec![0; pairs.len()];
        let begin = both
            .iter()
            .filter(|both| both.len > 0)
            .map(|both| both.first)
            .min();
        let end = both.iter().map(Both::end).max();
        let (Some(begin), Some(end)) = (begin, end) else {
            return counts;
        };
        let words: u64 = both.iter().map(|both| both.len as u64).sum();
        // Sets that lie far from each other have few tiles in common.
        let tiles = (end - begin).div_ceil(TILE as u64);
        if tiles.saturating_mul(both.len() as u64) > words / 8 + 8 * both.len() as u64 {
            let each = counts.iter_mut().zip(&both);
            each.for_each(|(count, both)| *count = both.shared(both.first, both.end()));
            return counts;
        }
        let mut tile = begin;
        while tile < end {
            let next = tile + TILE as u64;
            let each = counts.iter_mut().zip(&both);
            each.for_each(|(count, both)| *count += both.shared(tile, next));
            tile = next;
        }
        counts
    }

    fn at(&self, id: u64) -> Option<usize> {
        usize::try_from((id / 64).checked_sub(self.first)?).ok()
    }
}

/// Where two sets both have words.
struct Both<'a> {
    /// The number of the first of them.
    first: u64,
    len: usize,
    a: &'a [u64],
    b: &'a [u64],
}

impl<'a> Both<'a> {
    fn of(a: &'a Bits, b: &'a Bits) -> Self {
        let first = a.first.max(b.first);
        let from = |set: &'a Bits| {
            let skipped = usize::try_from(first - set.first).ok();
            skipped
                .and_then(|skipped| set.words.get(skipped..))
                .unwrap_or_default()
        };
        let (a, b) = (from(a), from(b));
        let len = a.len().min(b.len());
        Self { first, len, a, b }
    }

    fn end(&self) -> u64 {
        self.first + self.len as u64
    }

    /// What both have in the words numbered `from` to `to`.
    fn shared(&self, from: u64, to: u64) -> u64 {
        let at = |number: u64| {
            let number = number.clamp(self.first, self.end()) - self.first;
            usize::try_from(number).unwrap_or(self.len)
        };
        let words = at(from)..at(to);
        match (self.a.get(words.clone()), self.b.get(words)) {
            (Some(a), Some(b)) => count_both(a, b),
            _ => 0,
        }
    }
}

type Lanes = [u64; LANES];

/// The bits that `a` and `b` both have.
///
/// Words are added up bit by bit before bits are counted (carry-save adders,
/// after Harley and Seal): of eight words one is counted, four times as heavy
/// for each of its bits.
fn count_both(a: &[u64], b: &[u64]) -> u64 {
    let (blocks_a, rest_a) = a.as_chunks::<LANES>();
    let (blocks_b, rest_b) = b.as_chunks::<LANES>();
    let (eights_a, few_a) = blocks_a.as_chunks::<8>();
    let (eights_b, few_b) = blocks_b.as_chunks::<8>();
    let (mut ones, mut twos, mut fours, mut eights) = ([0; LANES], [0; LANES], [0; LANES], 0);
    for (a, b) in eights_a.iter().zip(eights_b) {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = std::array::from_fn(|i| and(&a[i], &b[i]));
        let (sum, two_a) = add(ones, w0, w1);
        let (sum, two_b) = add(sum, w2, w3);
        let (sum, two_c) = add(sum, w4, w5);
        let (sum, two_d) = add(sum, w6, w7);
        ones = sum;
        let (sum, four_a) = add(twos, two_a, two_b);
        let (sum, four_b) = add(sum, two_c, two_d);
        twos = sum;
        let (sum, eight) = add(fours, four_a, four_b);
        fours = sum;
        eights += count(&eight);
    }
    let few = few_a.iter().zip(few_b);
    let few: u64 = few.map(|(a, b)| count(&and(a, b))).sum();
    let rest = rest_a.iter().zip(rest_b);
    let rest: u64 = rest.map(|(a, b)| u64::from((a & b).count_ones())).sum();
    8 * eights + 4 * count(&fours) + 2 * count(&twos) + count(&ones) + few + rest
}

#[inline(always)]
fn and(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] & b[i])
}

/// The sum of three bits in each place, and what is carried.
#[inline(always)]
fn add(a: Lanes, b: Lanes, c: Lanes) -> (Lanes, Lanes) {
    (
        std::array::from_fn(|i| a[i] ^ b[i] ^ c[i]),
        std::array::from_fn(|i| (a[i] & b[i]) | ((a[i] ^ b[i]) & c[i])),
    )
}

#[inline(always)]
fn count(lanes: &Lanes) -> u64 {
    lanes.iter().map(|word| u64::from(word.count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(ids: &BTreeSet<u64>) -> Bits {
        let (min, max) = (ids.first().unwrap(), ids.last().unwrap());
        let mut bits = Bits::with_room(*min, *max).unwrap();
        ids.iter().for_each(|id| bits.insert(*id));
        bits
    }

    fn ids() -> impl Strategy<Value = BTreeSet<u64>> {
        let from = prop_oneof![Just(0_u64), 0_u64..40_000, Just(u64::MAX - 70_000)];
        let width = prop_oneof![1_u64..200, 10_000_u64..70_000];
        (from, width).prop_flat_map(|(from, width)| {
            prop::collection::btree_set((0..width).prop_map(move |id| from + id), 1..3000)
        })
    }

    proptest! {
        #[test]
        fn what_sets_share_is_counted(sets in prop::collection::vec(ids(), 1..6)) {
            let laid_out: Vec<Bits> = sets.iter().map(bits).collect();
            let mut pairs = Vec::new();
            let mut want = Vec::new();
            for (a, left) in laid_out.iter().zip(&sets) {
                for (b, right) in laid_out.iter().zip(&sets) {
                    pairs.push((a, b));
                    want.push(left.intersection(right).count() as u64);
                }
            }
            prop_assert_eq!(Bits::shared(&pairs), want);
            for (bits, set) in laid_out.iter().zip(&sets) {
                prop_assert!(set.iter().all(|id| bits.has(*id)));
                prop_assert!(!bits.has(set.last().unwrap().wrapping_add(1)));
            }
        }
    }

    #[test]
    fn there_is_no_room_for_everything() {
        assert!(Bits::with_room(5, 4).is_some(), "one word");
        assert!(Bits::with_room(64, 0).is_none());
        let mut bits = Bits::with_room(64, 127).unwrap();
        bits.insert(128);
        bits.insert(0);
        assert!(!bits.has(128) && !bits.has(0));
    }
}
