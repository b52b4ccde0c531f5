//! A set of numbers that grows.

use std::borrow::Cow;

use super::portable::{self, Kept, Part, Stored};

/// Numbers a list holds at least before it is looked through for repetitions.
const LEAST: usize = 16;
/// Possible numbers for each one that is there, up to which a bit for each
/// takes no more than a list of those there.
const SPREAD: u64 = 64;

/// A set of numbers: bits where they lie close together, a list of the others.
///
/// The list may name a number more than once until it is full. Each number
/// costs no more than its share of a sort; one among the bits costs next to
/// nothing.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    list: Vec<i64>,
    /// A bit for each number from `base` on.
    bits: Vec<u64>,
    base: i64,
}

impl Ids {
    /// Adds `id`; gives the bytes that the set grows by.
    pub fn insert(&mut self, id: i64) -> usize {
        if self.set(id) {
            return 0;
        }
        let full = self.list.len() == self.list.capacity();
        let before = if full { self.bytes() } else { 0 };
        if full && self.list.len() >= LEAST {
            self.tidy();
            if self.set(id) {
                return self.bytes().saturating_sub(before);
            }
        }
        if self.list.len() * 2 > self.list.capacity() || self.list.capacity() == 0 {
            let more = if full { self.list.len().max(4) } else { 0 };
            self.list.reserve_exact(more);
        }
        self.list.push(id);
        if full {
            self.bytes().saturating_sub(before)
        } else {
            0
        }
    }

    /// Adds each of `ids` to the set of `sets` that `groups` names beside it;
    /// gives the bytes that they grow by.
    pub fn insert_all(sets: &mut [Self], groups: &[usize], ids: &[i64]) -> usize {
        let pairs = groups.iter().zip(ids);
        pairs.map(|(group, id)| sets[*group].insert(*id)).sum()
    }

    /// How many different numbers there are.
    pub fn count(&mut self) -> u64 {
        self.tidy();
        let bits: u64 = self
            .bits
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum();
        bits + self.list.len() as u64
    }

    /// Bytes of memory beside the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.list.capacity() + self.bits.capacity()) * size_of::<u64>()
    }

    /// Appends the set to `out`, for [`Self::merge`]: how many words of bits
    /// there are, where they begin, the words, and the list.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        self.tidy();
        // Without the room above.
        let last = self.bits.iter().rposition(|word| *word != 0);
        let bits = self.bits.get(..=last.unwrap_or(0)).unwrap_or_default();
        out.reserve(16 + (bits.len() + self.list.len()) * 8);
        out.extend((bits.len() as u64).to_le_bytes());
        out.extend(self.base.to_le_bytes());
        for word in bits {
            out.extend(word.to_le_bytes());
        }
        for id in &self.list {
            out.extend(id.to_le_bytes());
        }
    }

    /// Adds what [`Self::write`] wrote; none where `bytes` are something else.
    pub fn merge(&mut self, bytes: &[u8]) -> Option<()> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [count, base, words @ ..] = words else {
            return None;
        };
        let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
        let base = i64::from_le_bytes(*base);
        if !rest.is_empty() || count > words.len() {
            return None;
        }
        let (bits, list) = words.split_at(count);
        self.merge_bits(base, bits);
        for id in list {
            self.insert(i64::from_le_bytes(*id));
        }
        Some(())
    }

    /// Appends the set to `out` as Roaring bitmaps are stored, the numbers taken
    /// as ones without a sign: the same numbers give the same bytes.
    pub fn store(&mut self, out: &mut Vec<u8>) {
        self.tidy();
        let listed = self.list.chunk_by(|one, other| one >> 16 == other >> 16);
        let mut parts: Vec<Part<'_>> = listed.map(Part::Numbers).collect();
        let (mut first, mut bits) = (self.base, self.bits.as_slice());
        while !bits.is_empty() {
            let words = usize::try_from(((first | 0xffff) - first) / 64 + 1).unwrap_or(1);
            let (these, after) = bits.split_at(words.min(bits.len()));
            parts.push(Part::Bits(first, Cow::Borrowed(these)));
            (first, bits) = ((first | 0xffff).wrapping_add(1), after);
        }
        parts.sort_by_key(Part::base);
        parts.dedup_by(|other, one| {
            let same = other.base() == one.base();
            if same {
                let (mut words, more) = (one.words(), other.words());
                words
                    .iter_mut()
                    .zip(more)
                    .for_each(|(word, more)| *word |= more);
                let base = one.base().unwrap_or(0).cast_signed();
                *one = Part::Bits(base, Cow::Owned(words.to_vec()));
            }
            same
        });
        portable::write(&parts, out);
    }

    /// Adds a stored set; gives the bytes that the set grows by.
    pub fn merge_stored(&mut self, set: &Stored<'_>) -> usize {
        let before = self.bytes();
        for container in set.containers() {
            let base = container.base.cast_signed();
            match container.kept {
                Kept::Bits(words) => self.merge_bits(base, words),
                Kept::Listed(low) if self.reach(base, base | 0xffff, low.len() as u64) => {
                    let from = usize::try_from(distance(self.base, base) / 64);
                    let words = self.bits.get_mut(from.unwrap_or(usize::MAX)..);
                    let words = words.unwrap_or_default();
                    for low in low {
                        let low = u16::from_le_bytes(*low);
                        if let Some(word) = words.get_mut(usize::from(low / 64)) {
                            *word |= 1 << (low % 64);
                        }
                    }
                }
                Kept::Listed(_) | Kept::Runs(_) => container.each(&mut |number| {
                    self.insert(number.cast_signed());
                }),
            }
        }
        self.bytes().saturating_sub(before)
    }

    fn merge_bits(&mut self, base: i64, words: &[[u8; 8]]) {
        let Some(last) = words.len().checked_sub(1) else {
            return;
        };
        let last = base.wrapping_add_unsigned(last as u64 * 64 + 63);
        if self.reach(base, last, 64 * words.len() as u64) {
            // Both begin at a multiple of 64.
            let from = distance(self.base, base) / 64;
            let own = self
                .bits
                .iter_mut()
                .skip(usize::try_from(from).unwrap_or(usize::MAX));
            for (own, word) in own.zip(words) {
                *own |= u64::from_le_bytes(*word);
            }
            return;
        }
        for (number, word) in (0_u64..).zip(words) {
            let mut word = u64::from_le_bytes(*word);
            while word != 0 {
                let bit = u64::from(word.trailing_zeros());
                self.insert(base.wrapping_add_unsigned(number * 64 + bit));
                word &= word - 1;
            }
        }
    }

    /// Sets the bit of `id`, where there is one.
    fn set(&mut self, id: i64) -> bool {
        let at = distance(self.base, id);
        let word = usize::try_from(at / 64)
            .ok()
            .and_then(|word| self.bits.get_mut(word));
        match word.filter(|_| id >= self.base) {
            Some(word) => {
                *word |= 1 << (at % 64);
                true
            }
            None => false,
        }
    }

    /// Leaves each number once, and as many as possible as bits.
    fn tidy(&mut self) {
        self.list.sort_unstable();
        self.list.dedup();
        // The longest stretch from the smallest number on that is close enough.
        let (Some(&first), Some(&last)) = (self.list.first(), self.list.last()) else {
            return;
        };
        let known: u64 = self
            .bits
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum();
        if self.list.len() >= LEAST || known > 0 {
            self.reach(first, last, self.list.len() as u64 + known);
        }
        if self.bits.is_empty() {
            return;
        }
        let mut list = std::mem::take(&mut self.list);
        list.retain(|id| !self.set(*id));
        self.list = list;
    }

    /// Whether there are bits from `first` to `last`; they are made where
    /// `count` numbers are enough for it.
    fn reach(&mut self, first: i64, last: i64, count: u64) -> bool {
        let (mut from, mut to) = (first & !63, last | 63);
        if !self.bits.is_empty() {
            let own = self.bits.len() as u64 * 64 - 1;
            let end = self.base.wrapping_add_unsigned(own);
            if from >= self.base && to <= end {
                return true;
            }
            let (below, above) = (from < self.base, to > end);
            (from, to) = (from.min(self.base), to.max(end));
            if distance(from, to) / SPREAD >= count {
                return false;
            }
            // Room for more of them: numbers in order would move all bits each
            // time that there are a few more.
            if below {
                from = from.saturating_sub_unsigned(own / 2) & !63;
            }
            if above {
                to = to.saturating_add_unsigned(own / 2) | 63;
            }
        } else if distance(from, to) / SPREAD >= count {
            return false;
        }
        let Ok(words) = usize::try_from(distance(from, to) / 64 + 1) else {
            return false;
        };
        let mut bits = vec![0; words];
        let at = usize::try_from(distance(from, self.base) / 64).unwrap_or(0);
        if let Some(own) = bits
            .get_mut(at..at + self.bits.len())
            .filter(|own| !own.is_empty())
        {
            own.copy_from_slice(&self.bits);
        }
        self.bits = bits;
        self.base = from;
        true
    }
}

/// How far `to` lies above `from`, of which it is not less.
fn distance(from: i64, to: i64) -> u64 {
    to.wrapping_sub(from).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ids: &[i64]) -> Ids {
        let mut set = Ids::default();
        let mut bytes = 0;
        for id in ids {
            bytes += set.insert(*id);
        }
        assert!(
            bytes >= set.bytes() || set.bits.is_empty(),
            "{bytes} {}",
            set.bytes()
        );
        set
    }

    fn numbers() -> impl Strategy<Value = Vec<i64>> {
        let number = prop_oneof![
            20 => 0_i64..3000,
            5 => -200_000_i64..200_000,
            1 => any::<i64>(),
            1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(-1), Just(0)],
        ];
        prop::collection::vec(number, 0..3000)
    }

    proptest! {
        #[test]
        fn each_number_counts_once(ids in numbers(), cut in 0_usize..3000) {
            let want = ids.iter().collect::<BTreeSet<_>>().len() as u64;
            prop_assert_eq!(set(&ids).count(), want);
            // In parts, as several threads count.
            let (one, two) = ids.split_at(cut.min(ids.len()));
            let mut whole = Ids::default();
            for part in [one, two] {
                let mut bytes = Vec::new();
                set(part).write(&mut bytes);
                prop_assert_eq!(whole.merge(&bytes), Some(()));
            }
            prop_assert_eq!(whole.count(), want);
        }

        #[test]
        fn stored_sets_are_united(ids in numbers(), cut in 0_usize..3000) {
            let different: BTreeSet<u64> = ids.iter().map(|id| id.cast_unsigned()).collect();
            let (one, two) = ids.split_at(cut.min(ids.len()));
            let mut whole = Ids::default();
            for part in [one, two] {
                let mut bytes = Vec::new();
                set(part).store(&mut bytes);
                let before = whole.bytes();
                let grown = whole.merge_stored(&Stored::read(&bytes).unwrap());
                prop_assert_eq!(whole.bytes(), before + grown);
            }
            let mut bytes = Vec::new();
            whole.store(&mut bytes);
            let mut numbers = BTreeSet::new();
            Stored::read(&bytes).unwrap().each(|number| {
                numbers.insert(number);
            });
            prop_assert_eq!(numbers, different);
        }

        #[test]
        fn what_is_close_together_takes_bits(from in -1_000_000_i64..1_000_000, step in 1_i64..60) {
            let ids: Vec<i64> = (0..5000).map(|i| from + (i * 7919 % 5000) * step).collect();
            let mut ids = set(&ids);
            prop_assert_eq!(ids.count(), 5000);
            prop_assert!(ids.list.is_empty());
            prop_assert!(ids.bits.len() * 8 <= 5000 * 8 * 3 / 2 + 16);
        }

        #[test]
        fn numbers_in_order_move_bits_seldom(down in any::<bool>(), step in 1_i64..60) {
            let mut ids = Ids::default();
            let mut moves = 0;
            for i in 0..50_000 {
                let room = ids.bits.capacity();
                ids.insert(if down { -i * step } else { i * step });
                moves += usize::from(ids.bits.capacity() != room);
            }
            prop_assert_eq!(ids.count(), 50_000);
            prop_assert!(moves < 40, "{}", moves);
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(Ids::default().merge(&[1, 2, 3]), None);
        assert_eq!(Ids::default().merge(&[255; 16]), None);
    }
}
