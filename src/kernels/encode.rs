//! Values of a column as Parquet encodes them:
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

/// Parts of a block of differences, each packed as wide as it needs.
const PARTS: usize = 4;
/// An odd number whose bits are well mixed: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The different values of a column, and which of them each row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dictionary<T> {
    /// In the order in which they occur first.
    pub values: Vec<T>,
    /// The place in `values` of each row's.
    pub indices: Vec<u32>,
}

/// Numbers of a column.
pub trait Encode: Copy {
    /// The dictionary of `values`; none of more than `most` different ones.
    /// Values are different where their bits are.
    fn dictionary(values: &[Self], most: usize) -> Option<Dictionary<Self>>;

    /// The least and the greatest; none of no values, and where one is no
    /// number. Of zeros the least is negative and the greatest positive.
    fn bounds(values: &[Self]) -> Option<(Self, Self)>;

    /// Appends `values` as they are (`PLAIN`).
    fn plain(values: &[Self], out: &mut Vec<u8>);
}

/// Whole numbers of a column.
pub trait Whole: Encode {
    /// Appends `values` by their differences (`DELTA_BINARY_PACKED`).
    fn differences(values: &[Self], out: &mut Vec<u8>);
}

macro_rules! whole {
    ($kind:ty) => {
        impl Encode for $kind {
            fn dictionary(values: &[Self], most: usize) -> Option<Dictionary<Self>> {
                let mixed = |value: $kind| u64::from(value.cast_unsigned());
                places(values, most, |value| value, mixed)
            }

            fn bounds(values: &[Self]) -> Option<(Self, Self)> {
                let first = *values.first()?;
                let ends = |(least, greatest): (Self, Self), value: &Self| {
                    (least.min(*value), greatest.max(*value))
                };
                Some(values.iter().fold((first, first), ends))
            }

            fn plain(values: &[Self], out: &mut Vec<u8>) {
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }

        impl Whole for $kind {
            fn differences(values: &[Self], out: &mut Vec<u8>) {
                const PART: usize = <$kind>::BITS as usize;
                const BLOCK: usize = PART * PARTS;
                for number in [BLOCK, PARTS, values.len()] {
                    varint(number as u64, out);
                }
                let Some((first, rest)) = values.split_first() else {
                    return zigzag(0, out);
                };
                zigzag(i64::from(*first), out);
                let mut last = *first;
                for block in rest.chunks(BLOCK) {
                    let mut differences: [$kind; BLOCK] = [0; BLOCK];
                    for (difference, value) in differences.iter_mut().zip(block) {
                        *difference = value.wrapping_sub(last);
                        last = *value;
                    }
                    let some = &differences[..block.len()];
                    let least = some.iter().fold(<$kind>::MAX, |least, one| least.min(*one));
                    let mut above = [0_u64; BLOCK];
                    for (above, difference) in above.iter_mut().zip(some) {
                        *above = u64::from(difference.wrapping_sub(least).cast_unsigned());
                    }
                    zigzag(i64::from(least), out);
                    let widths = out.len();
                    out.extend([0; PARTS]);
                    let used = block.len().div_ceil(PART);
                    for (part, above) in above.chunks(PART).take(used).enumerate() {
                        let width = width_of(above.iter().fold(0, |all, one| all | one));
                        out[widths + part] = width;
                        pack(above, width, out);
                    }
                }
            }
        }
    };
}

whole!(i32);
whole!(i64);

impl Encode for f64 {
    fn dictionary(values: &[Self], most: usize) -> Option<Dictionary<Self>> {
        places(values, most, Self::to_bits, Self::to_bits)
    }

    fn bounds(values: &[Self]) -> Option<(Self, Self)> {
        let first = *values.first()?;
        let (mut least, mut greatest, mut numbers) = (first, first, true);
        for value in values {
            numbers &= !value.is_nan();
            least = if *value < least { *value } else { least };
            greatest = if *value > greatest { *value } else { greatest };
        }
        // Whichever zero it is, the other may be among the values.
        let least = if least == 0.0 { -0.0 } else { least };
        numbers.then_some((least, greatest + 0.0))
    }

    fn plain(values: &[Self], out: &mut Vec<u8>) {
        out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// The dictionary of texts, by numbers that are the same where the texts are;
/// none of more than `most` different ones.
#[must_use]
pub fn dictionary_of_texts(texts: &[u128], most: usize) -> Option<Dictionary<u128>> {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are mixed")]
    let mixed = |text: u128| (text as u64) ^ ((text >> 64) as u64).wrapping_mul(MIX);
    places(texts, most, |text| text, mixed)
}

/// The dictionary of `values`, by a table of twice as many slots as there are
/// different ones: in each the place of one, counted from one.
fn places<T: Copy, K: Eq>(
    values: &[T],
    most: usize,
    key: impl Fn(T) -> K,
    mixed: impl Fn(T) -> u64,
) -> Option<Dictionary<T>> {
    let mut distinct: Vec<T> = Vec::new();
    let mut indices = Vec::with_capacity(values.len());
    let mut bits = 10;
    let mut slots = vec![0_u32; 1 << bits];
    // The upper bits are the best mixed.
    let start = |value: T, bits: u32| (mixed(value).wrapping_mul(MIX) >> (64 - bits)) as usize;
    for value in values {
        let mut slot = start(*value, bits);
        let place = loop {
            let place = slots[slot];
            if place == 0 {
                break None;
            }
            if key(distinct[place as usize - 1]) == key(*value) {
                break Some(place);
            }
            slot = (slot + 1) & (slots.len() - 1);
        };
        if let Some(place) = place {
            indices.push(place - 1);
            continue;
        }
        if distinct.len() == most {
            return None;
        }
        distinct.push(*value);
        let place = u32::try_from(distinct.len()).ok()?;
        indices.push(place - 1);
        slots[slot] = place;
        if distinct.len() * 2 > slots.len() {
            bits += 1;
            slots = vec![0; 1 << bits];
            for (place, value) in (1..).zip(&distinct) {
                let mut slot = start(*value, bits);
                while slots[slot] != 0 {
                    slot = (slot + 1) & (slots.len() - 1);
                }
                slots[slot] = place;
            }
        }
    }
    Some(Dictionary {
        values: distinct,
        indices,
    })
}

/// The least and the greatest of `indices`; none of none.
#[must_use]
pub fn ends_of(indices: &[u32]) -> Option<(u32, u32)> {
    let first = *indices.first()?;
    let ends = indices.iter().fold((first, first), |(least, most), one| {
        (least.min(*one), most.max(*one))
    });
    Some(ends)
}

/// Each of `indices` by what stands there in `ranks`.
#[must_use]
pub fn ranked(indices: &[u32], ranks: &[u32]) -> Vec<u32> {
    indices.iter().map(|i| ranks[*i as usize]).collect()
}

/// Bits of the numbers up to `greatest`.
#[must_use]
pub fn width_of(greatest: u64) -> u8 {
    // At most 64.
    (u64::BITS - greatest.leading_zeros()) as u8
}

/// Appends `numbers` of at most `width` bits, 32 at most (`RLE`): long runs of
/// one of them once, what is between in `width` bits each.
pub fn runs(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    // What a run takes is saved by so many numbers, at the latest. Numbers of
    // no bits are one run.
    let long = match width {
        0 => 1,
        _ => 64 / usize::from(width.min(8)),
    };
    let (mut packed, mut at) = (0, 0);
    while let Some(next @ [first, ..]) = numbers.get(at..).filter(|next| !next.is_empty()) {
        let (eight, after) = next.split_at(next.len().min(8));
        let same = |number: &&u32| *number == first;
        let run = match eight.iter().all(|number| number == first) {
            true => eight.len() + after.iter().take_while(same).count(),
            false => 0,
        };
        if run < long {
            // Eight at a time, however many are alike.
            at += next.len().min((run & !7).max(8));
            continue;
        }
        groups(&numbers[packed..at], width, out);
        self::run(*first, run, width, out);
        at += run;
        packed = at;
    }
    groups(&numbers[packed..], width, out);
}

/// Appends `number`, so many `times`, in `width` bits, to what [`runs`] wrote.
pub fn run(number: u32, times: usize, width: u8, out: &mut Vec<u8>) {
    varint((times as u64) << 1, out);
    out.extend(&number.to_le_bytes()[..usize::from(width).div_ceil(8)]);
}

/// Groups of eight numbers, the last of them filled up.
fn groups(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let count = numbers.len().div_ceil(8);
    varint((count as u64) << 1 | 1, out);
    let end = out.len() + count * usize::from(width);
    pack(numbers, width, out);
    out.resize(end, 0);
}

/// Appends `numbers` in `width` bits each, the first of them lowest.
fn pack<T: Copy + Into<u64>>(numbers: &[T], width: u8, out: &mut Vec<u8>) {
    /// Numbers that fill whole words, however wide they are.
    const MANY: usize = 64;
    let width = u32::from(width);
    for numbers in numbers.chunks(MANY) {
        let mut words = [0_u64; MANY + 1];
        let (mut word, mut used, mut at) = (0_u64, 0, 0);
        for number in numbers {
            let number: u64 = (*number).into();
            word |= number << used;
            used += width;
            if used >= u64::BITS {
                words[at] = word;
                at += 1;
                used -= u64::BITS;
                word = number.checked_shr(width - used).unwrap_or(0);
            }
        }
        words[at] = word;
        let mut bytes = (numbers.len() * width as usize).div_ceil(8);
        for word in &words[..=at] {
            let some = bytes.min(8);
            out.extend(&word.to_le_bytes()[..some]);
            bytes -= some;
        }
    }
}

fn zigzag(number: i64, out: &mut Vec<u8>) {
    varint(((number << 1) ^ (number >> 63)).cast_unsigned(), out);
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        // The lower seven bits; the eighth says that more follow.
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what was written, bit by bit.
    struct Reader<'a>(&'a [u8]);

    impl Reader<'_> {
        fn varint(&mut self) -> u64 {
            let (mut number, mut shift) = (0, 0);
            loop {
                let (byte, rest) = self.0.split_first().unwrap();
                self.0 = rest;
                number |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    return number;
                }
            }
        }

        fn zigzag(&mut self) -> i64 {
            let number = self.varint();
            (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
        }

        fn packed(&mut self, count: usize, width: u8) -> Vec<u64> {
            let width = usize::from(width);
            let (bytes, rest) = self.0.split_at((count * width).div_ceil(8));
            self.0 = rest;
            let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
            let number = |n| (0..width).fold(0, |all, at| all | bit(n * width + at) << at);
            (0..count).map(number).collect()
        }

        fn runs(mut self, width: u8) -> Vec<u64> {
            let mut numbers = Vec::new();
            while !self.0.is_empty() {
                let header = self.varint();
                let count = usize::try_from(header >> 1).unwrap();
                if header & 1 == 1 {
                    numbers.extend(self.packed(count * 8, width));
                    continue;
                }
                let bytes = self.packed(1, width.div_ceil(8) * 8);
                numbers.extend(std::iter::repeat_n(bytes[0], count));
            }
            numbers
        }

        fn differences(mut self) -> Vec<i64> {
            let mut next = || usize::try_from(self.varint()).unwrap();
            let (block, parts, count) = (next(), next(), next());
            let mut numbers = vec![self.zigzag()];
            while numbers.len() < count {
                let least = self.zigzag();
                let (widths, rest) = self.0.split_at(parts);
                self.0 = rest;
                for width in widths {
                    if numbers.len() >= count {
                        assert_eq!(*width, 0);
                        continue;
                    }
                    for above in self.packed(block / parts, *width) {
                        let last = *numbers.last().unwrap();
                        let difference = least.wrapping_add(above.cast_signed());
                        numbers.push(last.wrapping_add(difference));
                    }
                }
            }
            assert!(self.0.is_empty());
            numbers.truncate(count);
            numbers
        }
    }

    proptest! {
        #[test]
        fn runs_are_read_again(
            pieces in prop::collection::vec((0_u32..2000, prop_oneof![1_usize..4, 5_usize..300]), 0..60),
            wider in 0_u8..9,
        ) {
            let numbers: Vec<u32> = pieces
                .iter()
                .flat_map(|(number, times)| std::iter::repeat_n(*number, *times))
                .collect();
            let greatest = numbers.iter().copied().max().unwrap_or(0);
            let width = width_of(u64::from(greatest)) + wider;
            let mut out = Vec::new();
            runs(&numbers, width, &mut out);
            let read = Reader(&out).runs(width);
            let (some, filled) = read.split_at(numbers.len());
            prop_assert!(some.iter().eq(numbers.iter().map(|n| u64::from(*n)).collect::<Vec<_>>().iter()));
            prop_assert!(filled.len() < 8 && filled.iter().all(|n| *n == 0));
            // No longer than all of it packed, with what says so.
            prop_assert!(out.len() <= numbers.len().div_ceil(8) * usize::from(width) + 8 + numbers.len() / 8);
        }

        #[test]
        fn differences_are_read_again(
            near in prop::collection::vec(-50_i64..50, 0..700),
            far in prop::collection::vec(any::<i64>(), 0..40),
        ) {
            let mut wide = near.clone();
            wide.extend(far);
            let mut out = Vec::new();
            i64::differences(&wide, &mut out);
            prop_assert_eq!(&Reader(&out).differences(), &wide);

            let narrow: Vec<i32> = wide.iter().map(|n| *n as i32).collect();
            let mut out = Vec::new();
            i32::differences(&narrow, &mut out);
            let read: Vec<i32> = Reader(&out).differences().iter().map(|n| *n as i32).collect();
            prop_assert_eq!(read, narrow);
        }

        #[test]
        fn dictionaries_hold_every_value_once(
            values in prop::collection::vec(prop_oneof![0_i64..40, any::<i64>()], 0..3000),
            most in 0_usize..3000,
        ) {
            let mut first: Vec<i64> = Vec::new();
            values.iter().for_each(|v| if !first.contains(v) { first.push(*v) });
            match i64::dictionary(&values, most) {
                None => prop_assert!(first.len() > most),
                Some(dictionary) => {
                    let all = dictionary.indices.iter().map(|i| dictionary.values[*i as usize]);
                    prop_assert!(all.eq(values.iter().copied()));
                    prop_assert!(first.len() <= most);
                    prop_assert_eq!(dictionary.values, first);
                }
            }
        }
    }

    #[test]
    fn bounds_are_of_numbers() {
        assert_eq!(i32::bounds(&[3, -7, 5]), Some((-7, 5)));
        assert_eq!(i64::bounds(&[]), None);
        assert_eq!(f64::bounds(&[1.5, f64::NAN]), None);
        assert_eq!(
            f64::bounds(&[f64::INFINITY, 2.0]),
            Some((2.0, f64::INFINITY))
        );
        let zeros = f64::bounds(&[0.0, -0.0]).unwrap();
        assert!(zeros.0.is_sign_negative() && zeros.1.is_sign_positive());
        let zeros = f64::bounds(&[-0.0]).unwrap();
        assert!(zeros.0.is_sign_negative() && zeros.1.is_sign_positive());
    }

    #[test]
    fn doubles_and_texts_are_known_by_their_bits() {
        let doubles = f64::dictionary(&[0.0, -0.0, f64::NAN, f64::NAN, 0.0], 9).unwrap();
        assert_eq!(doubles.indices, [0, 1, 2, 2, 0]);
        let texts = dictionary_of_texts(&[1 << 100, 1, 1 << 100], 2).unwrap();
        assert_eq!(texts.indices, [0, 1, 0]);
        assert_eq!(dictionary_of_texts(&[1 << 100, 1, 2], 2), None);
    }
}
