//! The order of rows by whole numbers.

/// Rows from which on their digits are sorted rather than they.
const MANY: usize = 1 << 12;
/// Bits of a digit, at most.
const DIGIT: u32 = 11;

/// The rows in the order of their numbers, the first column's first; rows that
/// are alike in theirs. None where the columns differ in length, or their numbers
/// span more than fits a word of 96 bits.
///
/// Where numbers and row fit a word of 64 bits, many rows are sorted digit by
/// digit, the last digit first.
#[must_use]
pub fn order_of(columns: &[&[i64]]) -> Option<Vec<u32>> {
    let rows = columns.first()?.len();
    let count = u32::try_from(rows).ok()?;
    if columns.iter().any(|column| column.len() != rows) {
        return None;
    }
    // Rows stay as they come where the first columns are alike.
    let sorted = columns.iter().rev().take_while(|column| column.is_sorted());
    let columns = &columns[..columns.len() - sorted.count()];
    let mut spans = Vec::with_capacity(columns.len());
    for column in columns {
        let (min, max) = (*column.iter().min()?, *column.iter().max()?);
        let width = u64::BITS - max.wrapping_sub(min).cast_unsigned().leading_zeros();
        spans.push((min, width));
    }
    let width: u32 = spans.iter().map(|(_, width)| width).sum();
    let row_bits = u32::BITS - count.leading_zeros();
    if rows >= MANY && width + row_bits <= u64::BITS {
        let mut words = vec![0_u64; rows];
        for (column, (min, width)) in columns.iter().zip(spans) {
            for (word, number) in words.iter_mut().zip(*column) {
                *word = *word << width | number.wrapping_sub(min).cast_unsigned();
            }
        }
        for (row, word) in (0_u64..).zip(&mut words) {
            *word = *word << row_bits | row;
        }
        let words = by_digits(words, row_bits, width);
        let row = (1 << row_bits) - 1;
        #[expect(clippy::cast_possible_truncation, reason = "a row is 32 bits")]
        return Some(words.into_iter().map(|word| (word & row) as u32).collect());
    }
    if width > 96 {
        return None;
    }
    let mut words = vec![0_u128; rows];
    for (column, (min, width)) in columns.iter().zip(spans) {
        for (word, number) in words.iter_mut().zip(*column) {
            *word = *word << width | u128::from(number.wrapping_sub(min).cast_unsigned());
        }
    }
    for (row, word) in (0_u32..).zip(&mut words) {
        *word = *word << 32 | u128::from(row);
    }
    words.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the row is in the lower bits"
    )]
    Some(words.into_iter().map(|word| word as u32).collect())
}

/// The words in the order of the `width` bits above the lowest `from`; those that
/// are alike in these as they come.
fn by_digits(mut words: Vec<u64>, from: u32, width: u32) -> Vec<u64> {
    let passes = width.div_ceil(DIGIT);
    let mut other = vec![0; if passes > 0 { words.len() } else { 0 }];
    for pass in 0..passes {
        let shift = from + pass * DIGIT;
        let bits = (from + width - shift).min(DIGIT);
        let digit = |word: u64| ((word >> shift) & ((1 << bits) - 1)) as usize;
        let mut next = [0_usize; 1 << DIGIT];
        for word in &words {
            next[digit(*word)] += 1;
        }
        let mut before = 0;
        for place in &mut next {
            before += std::mem::replace(place, before);
        }
        for word in &words {
            let place = &mut next[digit(*word)];
            other[*place] = *word;
            *place += 1;
        }
        std::mem::swap(&mut words, &mut other);
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column() -> impl Strategy<Value = Vec<i64>> {
        let number = prop_oneof![
            Just(0_i64..9).boxed(),
            Just(-500_i64..70_000).boxed(),
            Just(i64::MIN..i64::MIN + 4).boxed(),
            Just(i64::MAX - 5_000_000..i64::MAX).boxed(),
        ];
        number.prop_flat_map(|range| prop::collection::vec(range, 60))
    }

    proptest! {
        #[test]
        fn rows_come_as_a_stable_sort_puts_them(
            columns in prop::collection::vec(column(), 1..4),
            rows in 0_usize..60,
            sorted in 0_usize..3,
            copies in prop_oneof![5 => Just(1_usize), 1 => Just(100)],
        ) {
            // Many rows are sorted in another way, and some columns are already.
            let mut columns: Vec<Vec<i64>> = columns.iter().map(|column| column[..rows].repeat(copies)).collect();
            for column in columns.iter_mut().rev().take(sorted) {
                column.sort_unstable();
            }
            let columns: Vec<&[i64]> = columns.iter().map(Vec::as_slice).collect();
            let mut want: Vec<u32> = (0..u32::try_from(rows * copies).unwrap()).collect();
            let key = |row: &u32| -> Vec<i64> {
                columns.iter().map(|column| column[usize::try_from(*row).unwrap()]).collect()
            };
            want.sort_by_key(key);
            prop_assert_eq!(order_of(&columns), Some(want));
        }
    }

    #[test]
    fn what_does_not_fit_a_word_is_left_to_others() {
        let wide = [i64::MAX, i64::MIN];
        assert_eq!(order_of(&[&wide]), Some(vec![1, 0]));
        assert_eq!(order_of(&[&wide, &wide]), None);
        assert_eq!(
            order_of(&[&[1, 1], &[i64::MIN, i64::MAX]]),
            Some(vec![0, 1])
        );
        assert_eq!(order_of(&[&wide, &[1]]), None);
        assert_eq!(order_of(&[]), None);
    }
}
