//! The order of rows by whole numbers.

/// The rows in the order of their numbers, the first column's first; rows that
/// are alike in theirs. None where the columns differ in length, or their numbers
/// span more than fits a word of 96 bits.
#[must_use]
pub fn order_of(columns: &[&[i64]]) -> Option<Vec<u32>> {
    let rows = columns.first()?.len();
    u32::try_from(rows).ok()?;
    let mut bits = 0;
    let mut words = vec![0_u128; rows];
    for column in columns {
        if column.len() != rows {
            return None;
        }
        let (Some(min), Some(max)) = (column.iter().min(), column.iter().max()) else {
            return Some(Vec::new());
        };
        let width = u64::BITS - max.wrapping_sub(*min).cast_unsigned().leading_zeros();
        bits += width;
        if bits > 96 {
            return None;
        }
        for (word, number) in words.iter_mut().zip(*column) {
            *word = *word << width | u128::from(number.wrapping_sub(*min).cast_unsigned());
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
        ) {
            let columns: Vec<&[i64]> = columns.iter().map(|column| &column[..rows]).collect();
            let mut want: Vec<u32> = (0..u32::try_from(rows).unwrap()).collect();
            let key = |row: &u32| -> Vec<i64> {
                columns.iter().map(|column| column[usize::try_from(*row).unwrap()]).collect()
            };
            want.sort_by_key(key);
            prop_assert_eq!(order_of(&columns), Some(want));
        }
    }

    #[test]
    fn what_does_not_fit_a_word_is_left_to_others() {
        let wide = [i64::MIN, i64::MAX];
        assert_eq!(order_of(&[&wide]), Some(vec![0, 1]));
        assert_eq!(order_of(&[&wide, &wide]), None);
        assert_eq!(order_of(&[&wide, &[1]]), None);
        assert_eq!(order_of(&[]), None);
    }
}
