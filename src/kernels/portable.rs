//! Sets of numbers as bytes, as all implementations of Roaring bitmaps read and
//! write them: <https://github.com/RoaringBitmap/RoaringFormatSpec>, with the
//! extension for numbers of 64 bits.
//!
//! Numbers are parted by their upper 32 bits, these by the next 16. Each such
//! container lists the lower 16 bits, or has a bit for each, or lists runs.

use std::borrow::Cow;

/// Numbers that are listed in a container; more have a bit each.
const LISTED: usize = 4096;
/// Words of a container of bits.
const WORDS: usize = 1024;
/// The first number of a set of 32 bits without runs, and of one with them.
const PLAIN: u32 = 12346;
const WITH_RUNS: u16 = 12347;
/// Containers from which on a set with runs says where each begins.
const PLACED: usize = 4;

/// A set as its bytes hold it.
#[derive(Debug)]
pub struct Stored<'a> {
    containers: Vec<Container<'a>>,
    count: u64,
}

#[derive(Debug)]
pub(crate) struct Container<'a> {
    /// What its numbers have in common.
    pub(crate) base: u64,
    pub(crate) kept: Kept<'a>,
}

#[derive(Debug)]
pub(crate) enum Kept<'a> {
    /// The lower bits in ascending order.
    Listed(&'a [[u8; 2]]),
    /// A bit for each number.
    Bits(&'a [[u8; 8]]),
    /// First numbers of runs, and how many follow each.
    Runs(&'a [[u8; 4]]),
}

impl<'a> Stored<'a> {
    /// The set in `bytes`; none where they are something else.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let maps = u64::from_le_bytes(*taken(&mut rest)?);
        let mut set = Self {
            containers: Vec::with_capacity(4),
            count: 0,
        };
        let mut last = None;
        for _ in 0..maps {
            let upper = u32::from_le_bytes(*taken(&mut rest)?);
            if last.replace(upper).is_some_and(|last| last >= upper) {
                return None;
            }
            set.read_map(u64::from(upper) << 32, &mut rest)?;
        }
        rest.is_empty().then_some(set)
    }

    fn read_map(&mut self, upper: u64, rest: &mut &'a [u8]) -> Option<()> {
        let cookie = u32::from_le_bytes(*taken(rest)?);
        let [low, high] = [cookie & 0xffff, cookie >> 16];
        let (count, with_runs) = match cookie {
            PLAIN => (u32::from_le_bytes(*taken(rest)?) as usize, None),
            _ if low == u32::from(WITH_RUNS) => {
                let count = high as usize + 1;
                (count, Some(some(rest, count.div_ceil(8))?))
            }
            _ => return None,
        };
        let described = many::<4>(rest, count)?;
        if with_runs.is_none() || count >= PLACED {
            many::<4>(rest, count)?;
        }
        let mut last = None;
        for (number, [key @ .., low, high]) in described.iter().enumerate() {
            let key = u16::from_le_bytes(*key);
            let count = usize::from(u16::from_le_bytes([*low, *high])) + 1;
            if last.replace(key).is_some_and(|last| last >= key) {
                return None;
            }
            let has_runs = with_runs.is_some_and(|runs| runs[number / 8] >> (number % 8) & 1 == 1);
            let kept = match has_runs {
                true => {
                    let count = usize::from(u16::from_le_bytes(*taken(rest)?));
                    Kept::Runs(many(rest, count)?)
                }
                false if count <= LISTED => Kept::Listed(many(rest, count)?),
                false => Kept::Bits(many(rest, WORDS)?),
            };
            let base = upper | (u64::from(key) << 16);
            let container = Container { base, kept };
            if container.count()? != count {
                return None;
            }
            self.count += count as u64;
            self.containers.push(container);
        }
        Some(())
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest and the greatest number.
    #[must_use]
    pub fn bounds(&self) -> Option<(u64, u64)> {
        let (first, last) = (self.containers.first()?, self.containers.last()?);
        let (mut min, mut max) = (None, 0);
        first.each(&mut |number| min = min.or(Some(number)));
        last.each(&mut |number| max = number);
        Some((min?, max))
    }

    /// Hands over all numbers in ascending order.
    pub fn each(&self, mut take: impl FnMut(u64)) {
        for container in &self.containers {
            container.each(&mut take);
        }
    }

    pub(crate) fn containers(&self) -> &[Container<'a>] {
        &self.containers
    }
}

impl Container<'_> {
    /// How many numbers there are; none where they are in no order.
    fn count(&self) -> Option<usize> {
        match self.kept {
            Kept::Listed(low) => low
                .is_sorted_by(|one, other| u16::from_le_bytes(*one) < u16::from_le_bytes(*other))
                .then_some(low.len()),
            Kept::Bits(words) => {
                let ones = words
                    .iter()
                    .map(|word| u64::from_le_bytes(*word).count_ones());
                Some(ones.sum::<u32>() as usize)
            }
            Kept::Runs(runs) => {
                let (mut count, mut free) = (0, 0);
                for run in runs {
                    let (first, more) = ends(*run);
                    if first < free || first + more > u32::from(u16::MAX) {
                        return None;
                    }
                    // There is a gap between two of them.
                    free = first + more + 2;
                    count += more as usize + 1;
                }
                Some(count)
            }
        }
    }

    pub(crate) fn each(&self, take: &mut impl FnMut(u64)) {
        match self.kept {
            Kept::Listed(low) => {
                for low in low {
                    take(self.base | u64::from(u16::from_le_bytes(*low)));
                }
            }
            Kept::Bits(words) => {
                for (number, word) in (0_u64..).zip(words) {
                    let mut word = u64::from_le_bytes(*word);
                    while word != 0 {
                        take(self.base | (number * 64) | u64::from(word.trailing_zeros()));
                        word &= word - 1;
                    }
                }
            }
            Kept::Runs(runs) => {
                for run in runs {
                    let (first, more) = ends(*run);
                    for low in first..=first + more {
                        take(self.base | u64::from(low));
                    }
                }
            }
        }
    }
}

/// The first number of a run, and how many follow it.
fn ends([first, second, low, high]: [u8; 4]) -> (u32, u32) {
    let first = u16::from_le_bytes([first, second]);
    let more = u16::from_le_bytes([low, high]);
    (u32::from(first), u32::from(more))
}

fn taken<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

fn some<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (some, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(some)
}

fn many<'a, const N: usize>(rest: &mut &'a [u8], count: usize) -> Option<&'a [[u8; N]]> {
    some(rest, count.checked_mul(N)?).map(|bytes| bytes.as_chunks().0)
}

/// Numbers that agree in all but the lower 16 bits.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    /// In ascending order.
    Numbers(&'a [i64]),
    /// A bit for each number from the given one on, which is a multiple of 64.
    Bits(i64, Cow<'a, [u64]>),
}

impl Part<'_> {
    /// What its numbers have in common; none of no numbers.
    pub(crate) fn base(&self) -> Option<u64> {
        let first = match self {
            Self::Numbers(numbers) => *numbers.first()?,
            Self::Bits(first, _) => *first,
        };
        Some(first.cast_unsigned() & !0xffff)
    }

    fn count(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Bits(_, words) => {
                words.iter().map(|word| word.count_ones()).sum::<u32>() as usize
            }
        }
    }

    /// All of them as the bits of a container.
    pub(crate) fn words(&self) -> [u64; WORDS] {
        let mut all = [0; WORDS];
        let place = |number: i64| usize::try_from(number.cast_unsigned() / 64 % WORDS as u64);
        match self {
            Self::Numbers(numbers) => {
                for number in *numbers {
                    all[place(*number).unwrap_or(0)] |= 1 << (number & 63);
                }
            }
            Self::Bits(first, words) => {
                let from = place(*first).unwrap_or(0);
                let all = all.iter_mut().skip(from);
                all.zip(words.iter()).for_each(|(all, word)| *all = *word);
            }
        }
        all
    }

    fn write(&self, count: usize, out: &mut Vec<u8>) {
        let low = |number: i64| {
            let [low @ .., _, _, _, _, _, _] = number.to_le_bytes();
            low
        };
        match self {
            _ if count > LISTED => out.extend(self.words().iter().flat_map(|w| w.to_le_bytes())),
            Self::Numbers(numbers) => out.extend(numbers.iter().flat_map(|n| low(*n))),
            Self::Bits(first, words) => {
                for (number, word) in (0_i64..).zip(words.iter()) {
                    let mut word = *word;
                    while word != 0 {
                        out.extend(low(first + number * 64 + i64::from(word.trailing_zeros())));
                        word &= word - 1;
                    }
                }
            }
        }
    }
}

/// Appends the set of all `parts`, whose bases ascend, to `out`.
pub(crate) fn write(parts: &[Part<'_>], out: &mut Vec<u8>) {
    let parts = parts
        .iter()
        .filter_map(|part| Some((part.base()?, part.count(), part)));
    let parts: Vec<_> = parts.filter(|(_, count, _)| *count > 0).collect();
    let maps = || parts.chunk_by(|(one, ..), (other, ..)| one >> 32 == other >> 32);
    out.extend((maps().count() as u64).to_le_bytes());
    for map in maps() {
        let [_, _, _, _, upper @ ..] = map[0].0.to_le_bytes();
        out.extend(upper);
        out.extend(PLAIN.to_le_bytes());
        // There are no more than 65,536 of them, and of numbers in each.
        let containers = u32::try_from(map.len()).unwrap_or(u32::MAX);
        out.extend(containers.to_le_bytes());
        for (base, count, _) in map {
            let [_, _, key @ .., _, _, _, _] = base.to_le_bytes();
            let more = u16::try_from(count - 1).unwrap_or(u16::MAX);
            out.extend(key);
            out.extend(more.to_le_bytes());
        }
        let mut place = 8 + 8 * containers;
        for (_, count, _) in map {
            out.extend(place.to_le_bytes());
            place += u32::try_from((count * 2).min(WORDS * 8)).unwrap_or(0);
        }
        for (_, count, part) in map {
            part.write(*count, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn store(numbers: &[u64], bytes: &mut Vec<u8>) {
        let numbers: Vec<i64> = numbers.iter().map(|number| number.cast_signed()).collect();
        let parts = numbers.chunk_by(|one, other| one >> 16 == other >> 16);
        write(&parts.map(Part::Numbers).collect::<Vec<_>>(), bytes);
    }

    fn all(bytes: &[u8]) -> Option<Vec<u64>> {
        let set = Stored::read(bytes)?;
        let mut numbers = Vec::new();
        set.each(|number| numbers.push(number));
        assert_eq!(set.count(), numbers.len() as u64);
        let ends = numbers.first().copied().zip(numbers.last().copied());
        assert_eq!(set.bounds(), ends);
        Some(numbers)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in prop::collection::btree_set(
                prop_oneof![9 => 0_u64..9000, 3 => 0_u64..300_000, 1 => any::<u64>()],
                0..7000,
            ),
        ) {
            let numbers: Vec<u64> = numbers.into_iter().collect();
            let mut bytes = Vec::new();
            store(&numbers, &mut bytes);
            prop_assert_eq!(all(&bytes), Some(numbers));
        }

        #[test]
        fn other_bytes_are_refused_or_a_set(
            numbers in prop::collection::btree_set(0_u64..20_000, 0..6000),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let numbers: Vec<u64> = numbers.into_iter().collect();
            let mut bytes = Vec::new();
            store(&numbers, &mut bytes);
            prop_assert_eq!(all(&bytes[..cut.index(bytes.len())]), None);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Some(numbers) = all(&bytes) {
                prop_assert!(numbers.is_sorted_by(|one, other| one < other));
            }
        }
    }
}
