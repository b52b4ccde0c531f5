//! How often each value occurs, and which value is at a rank.

/// So many values of a kind make counting them worth a slot.
const REPEATS: usize = 4;
/// As many values are kept as they come before they are looked through for
/// such that repeat; then four times as many, up to the second.
const FIRST_LOOK: usize = 256;
const LAST_LOOK: usize = 1 << 20;

/// Values with their counts, in memory bound to the different values where
/// they repeat, and of eight bytes a value where they do not.
///
/// Values are whole numbers; what has another order is to be mapped to them.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Values by hash: each with its count, or none.
    slots: Vec<(i64, u64)>,
    /// Slots that are taken.
    taken: usize,
    /// Values in slots, each as often as it was counted.
    counted: u64,
    /// Values that are in no slot, once for each time they came.
    single: Vec<i64>,
}

impl Tally {
    /// Counts `value` so many times; gives the bytes of memory that took.
    #[inline]
    pub fn add(&mut self, value: i64, times: u64) -> usize {
        if !self.slots.is_empty() {
            let at = slot_of(&self.slots, value);
            let slot = &mut self.slots[at];
            if slot.1 > 0 {
                slot.1 = slot.1.saturating_add(times);
                self.counted = self.counted.saturating_add(times);
                return 0;
            }
        }
        self.add_another(value, times)
    }

    /// Counts a value that is in no slot.
    fn add_another(&mut self, value: i64, times: u64) -> usize {
        let before = self.bytes();
        match times {
            0 => {}
            1 if self.slots.is_empty() => {
                self.single.push(value);
                self.look();
            }
            times => self.count(value, times),
        }
        self.bytes().saturating_sub(before)
    }

    /// Counts the values that came so far where they repeat.
    fn look(&mut self) {
        let came = self.single.len();
        let looks = came.is_power_of_two() && came.trailing_zeros().is_multiple_of(2);
        if !looks || !(FIRST_LOOK..=LAST_LOOK).contains(&came) {
            return;
        }
        self.single.sort_unstable();
        let different = 1 + self
            .single
            .windows(2)
            .filter(|pair| pair[0] != pair[1])
            .count();
        if different * REPEATS <= came {
            self.slots = vec![(0, 0); (2 * different).next_power_of_two()];
            for value in std::mem::take(&mut self.single) {
                self.count(value, 1);
            }
        }
    }

    fn count(&mut self, value: i64, times: u64) {
        if self.slots.is_empty() {
            self.slots = vec![(0, 0); 4];
        }
        let mut at = slot_of(&self.slots, value);
        if self.slots[at].1 == 0 {
            if self.taken * 2 >= self.slots.len() {
                if times == 1 && self.counted < (REPEATS * self.taken) as u64 {
                    self.single.push(value);
                    return;
                }
                self.grow();
                at = slot_of(&self.slots, value);
            }
            self.slots[at].0 = value;
            self.taken += 1;
        }
        self.slots[at].1 = self.slots[at].1.saturating_add(times);
        self.counted = self.counted.saturating_add(times);
    }

    fn grow(&mut self) {
        let mut slots = vec![(0, 0); self.slots.len() * 2];
        for (value, times) in self.slots.iter().filter(|slot| slot.1 > 0) {
            let at = slot_of(&slots, *value);
            slots[at] = (*value, *times);
        }
        self.slots = slots;
    }

    /// How many values there are, each as often as it came.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counted.saturating_add(self.single.len() as u64)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory beside the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<(i64, u64)>() + self.single.capacity() * size_of::<i64>()
    }

    /// The values that are counted with their counts, and those that came once,
    /// in no order. A value may be among both.
    pub fn parts(&self) -> (impl Iterator<Item = (i64, u64)> + '_, &[i64]) {
        let counted = self.slots.iter().filter(|slot| slot.1 > 0);
        (counted.copied(), &self.single)
    }

    /// Every value with its count, in ascending order.
    #[must_use]
    pub fn in_order(&self) -> Vec<(i64, u64)> {
        let (counted, single) = self.parts();
        let single = single.iter().map(|value| (*value, 1));
        let mut all: Vec<(i64, u64)> = counted.chain(single).collect();
        all.sort_unstable_by_key(|(value, _)| *value);
        all.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = earlier.1.saturating_add(later.1);
            }
            same
        });
        all
    }

    /// The different values, each once.
    #[must_use]
    pub fn distinct(&self) -> Self {
        let mut once = Self::default();
        for (value, _) in self.in_order() {
            once.add(value, 1);
        }
        once
    }

    /// To look values up by rank.
    #[must_use]
    pub fn into_ranks(self) -> Ranks {
        let mut before = 0;
        let (counted, _) = self.parts();
        let mut counted: Vec<(i64, u64)> = counted.collect();
        counted.sort_unstable_by_key(|(value, _)| *value);
        for (_, times) in &mut counted {
            let up_to = std::mem::replace(times, before);
            before = before.saturating_add(up_to);
        }
        Ranks {
            counted,
            all: before,
            single: self.single,
        }
    }
}

/// The slot that has `value`, or the free one where it belongs.
fn slot_of(slots: &[(i64, u64)], value: i64) -> usize {
    // The upper bits of a product by 2^64 / the golden ratio; doubles that are
    // whole numbers differ in their upper half only.
    let mixed = value.cast_unsigned() ^ (value.cast_unsigned() >> 32);
    let hash = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mask = slots.len() - 1;
    let mut at = (hash >> (64 - slots.len().trailing_zeros())) as usize;
    while slots[at].1 > 0 && slots[at].0 != value {
        at = (at + 1) & mask;
    }
    at
}

/// Values by rank: 0 is the least.
#[derive(Debug)]
pub struct Ranks {
    /// Ascending, each with how many counted values come before.
    counted: Vec<(i64, u64)>,
    /// How many were counted.
    all: u64,
    single: Vec<i64>,
}

impl Ranks {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.all.saturating_add(self.single.len() as u64)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `rank`; `None` where there are not as many.
    pub fn at(&mut self, rank: u64) -> Option<i64> {
        if rank >= self.len() {
            return None;
        }
        // Singles before `low` are before the rank, those from `high` on behind it.
        let (mut low, mut high) = (0, self.single.len());
        while low < high {
            let middle = low.midpoint(high);
            let (_, value, _) = self.single[low..high].select_nth_unstable(middle - low);
            let value = *value;
            let place = middle as u64 + self.counted_up_to(value);
            match place.cmp(&rank) {
                std::cmp::Ordering::Equal => return Some(value),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        let rank = rank - low as u64;
        let at = self.counted.partition_point(|(_, before)| *before <= rank);
        self.counted
            .get(at.checked_sub(1)?)
            .map(|(value, _)| *value)
    }

    /// How many counted values are no greater than `value`.
    fn counted_up_to(&self, value: i64) -> u64 {
        let at = self
            .counted
            .partition_point(|(counted, _)| *counted <= value);
        self.counted.get(at).map_or(self.all, |(_, before)| *before)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Vec<i64>> {
        prop_oneof![
            prop::collection::vec(-5_i64..5, 0..2000),
            prop::collection::vec(any::<i64>(), 0..2000),
            prop::collection::vec(prop_oneof![0_i64..300, any::<i64>()], 0..40_000),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn ranks_are_those_of_a_sorted_list(mut values in values(), cut in 0_usize..40_000) {
            let cut = cut.min(values.len());
            let mut parts = [Tally::default(), Tally::default()];
            for (i, value) in values.iter().enumerate() {
                parts[usize::from(i >= cut)].add(*value, 1);
            }
            let [mut tally, other] = parts;
            let (counted, single) = other.parts();
            counted.for_each(|(value, times)| {
                tally.add(value, times);
            });
            single.iter().for_each(|value| {
                tally.add(*value, 1);
            });
            values.sort_unstable();
            let listed: Vec<i64> = tally
                .in_order()
                .into_iter()
                .flat_map(|(value, times)| std::iter::repeat_n(value, times as usize))
                .collect();
            prop_assert_eq!(&listed, &values);
            prop_assert_eq!(tally.len(), values.len() as u64);
            let mut ranks = tally.into_ranks();
            for rank in (0..=values.len()).step_by(1 + values.len() / 50) {
                prop_assert_eq!(ranks.at(rank as u64), values.get(rank).copied());
            }
        }
    }

    #[test]
    fn memory_is_bound_to_what_repeats() {
        let mut few = Tally::default();
        let few_bytes: usize = (0..1_000_000).map(|i| few.add(i % 10_000, 1)).sum();
        assert!(few_bytes >= few.bytes());
        assert!(few.bytes() < 1 << 20, "{}", few.bytes());
        let mut many = Tally::default();
        (0..1_000_000).for_each(|i| {
            many.add(i, 1);
        });
        assert!(many.bytes() < 18 << 20, "{}", many.bytes());
    }
}
