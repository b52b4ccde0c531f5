//! Whether rows are the same rows: a hash of their values, whatever their order.
//!
//! The hash of a set of rows is the sum of the hashes of its rows, so those of
//! a partition's files add up to the partition's. Two sets with one hash hold
//! the same rows as often; the chance that they do not is about 2^-64.

use std::iter::Sum;
use std::ops::{Add, Sub};

use cinelake_kernels::RowHash;
use datafusion::arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::row::{RowConverter, SortField};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::XxHash3_128;

use crate::error::{Error, Result};

/// Rows hashed at a time: their states stay in the processor's cache.
const CHUNK: usize = 8192;

/// The hash of a set of rows; written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ContentHash(u128);

impl ContentHash {
    /// The hash of `batch`'s rows. Columns count by their place, not by name.
    ///
    /// # Errors
    /// When a column has a type that no table stores.
    pub fn of(batch: &RecordBatch) -> Result<Self> {
        let mut sum = Self::default();
        each_row(batch, |row| sum = sum + row)?;
        Ok(sum)
    }

    /// The hash of each of `batch`'s rows.
    ///
    /// # Errors
    /// When a column has a type that no table stores.
    pub fn of_rows(batch: &RecordBatch) -> Result<Vec<Self>> {
        let mut rows = Vec::with_capacity(batch.num_rows());
        each_row(batch, |row| rows.push(row))?;
        Ok(rows)
    }
}

fn each_row(batch: &RecordBatch, mut take: impl FnMut(ContentHash)) -> Result<()> {
    for start in (0..batch.num_rows()).step_by(CHUNK) {
        let rows = batch.slice(start, CHUNK.min(batch.num_rows() - start));
        let mut states = vec![RowHash::default(); rows.num_rows()];
        for column in rows.columns() {
            hash_column(column.as_ref(), &mut states)?;
        }
        for state in states {
            take(ContentHash(state.finish()));
        }
    }
    Ok(())
}

impl Add for ContentHash {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Sub for ContentHash {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl Sum for ContentHash {
    fn sum<I: Iterator<Item = Self>>(hashes: I) -> Self {
        hashes.fold(Self::default(), Self::add)
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

fn hash_column(column: &dyn Array, states: &mut [RowHash]) -> Result<()> {
    match column.data_type() {
        DataType::Int16 => each(column.as_primitive::<Int16Type>(), states, |row, v| {
            row.take(i64::from(v).cast_unsigned());
        }),
        DataType::Int32 => whole(
            column.as_primitive::<Int32Type>(),
            states,
            RowHash::take_i32,
        ),
        DataType::Date32 => whole(
            column.as_primitive::<Date32Type>(),
            states,
            RowHash::take_i32,
        ),
        DataType::Int64 => whole(
            column.as_primitive::<Int64Type>(),
            states,
            RowHash::take_i64,
        ),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            whole(instants, states, RowHash::take_i64);
        }
        DataType::Float64 => whole(
            column.as_primitive::<Float64Type>(),
            states,
            RowHash::take_f64,
        ),
        DataType::Decimal128(_, _) => {
            each(column.as_primitive::<Decimal128Type>(), states, |row, v| {
                take_wide(row, v.cast_unsigned());
            });
        }
        DataType::Boolean => {
            for (row, value) in states.iter_mut().zip(column.as_boolean()) {
                match value {
                    Some(value) => row.take(u64::from(value)),
                    None => row.take_null(),
                }
            }
        }
        DataType::Utf8View => {
            for (row, value) in states.iter_mut().zip(column.as_string_view()) {
                match value {
                    Some(text) => take_wide(row, XxHash3_128::oneshot(text.as_bytes())),
                    None => row.take_null(),
                }
            }
        }
        DataType::BinaryView => {
            for (row, value) in states.iter_mut().zip(column.as_binary_view()) {
                match value {
                    Some(bytes) => take_wide(row, XxHash3_128::oneshot(bytes)),
                    None => row.take_null(),
                }
            }
        }
        other => encoded(column, other, states)?,
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
fn take_wide(row: &mut RowHash, value: u128) {
    row.take(value as u64);
    row.take((value >> 64) as u64);
}

/// Values of which `all` takes in a whole column.
fn whole<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    states: &mut [RowHash],
    all: fn(&mut [RowHash], &[T::Native]),
) {
    if column.null_count() == 0 {
        return all(states, column.values());
    }
    // One row is a column, too.
    let take = |row: &mut RowHash, value| all(std::slice::from_mut(row), &[value]);
    each(column, states, take);
}

fn each<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    states: &mut [RowHash],
    take: impl Fn(&mut RowHash, T::Native),
) {
    for (row, value) in states.iter_mut().zip(column) {
        match value {
            Some(value) => take(row, value),
            None => row.take_null(),
        }
    }
}

/// Types that are rarely stored: by their bytes as rows.
fn encoded(column: &dyn Array, kind: &DataType, states: &mut [RowHash]) -> Result<()> {
    let failed = |e| Error::data(format!("a column of {kind} cannot be stored")).because(e);
    let converter = RowConverter::new(vec![SortField::new(kind.clone())]).map_err(failed)?;
    let array = datafusion::arrow::array::make_array(column.to_data());
    let rows = converter.convert_columns(&[array]).map_err(failed)?;
    for (state, row) in states.iter_mut().zip(rows.iter()) {
        take_wide(state, XxHash3_128::oneshot(row.as_ref()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringViewArray, UInt32Array};
    use datafusion::arrow::compute::take_record_batch;
    use proptest::prelude::*;

    use super::*;

    type Row = (Option<i64>, Option<String>, Option<i64>);

    fn batch(rows: &[Row]) -> RecordBatch {
        let a: Int64Array = rows.iter().map(|r| r.0).collect();
        let b: StringViewArray = rows.iter().map(|r| r.1.clone()).collect();
        let c: Int64Array = rows.iter().map(|r| r.2).collect();
        let columns: Vec<(&str, ArrayRef)> =
            vec![("a", Arc::new(a)), ("b", Arc::new(b)), ("c", Arc::new(c))];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .unwrap()
    }

    fn row() -> impl Strategy<Value = Row> {
        // Few values, so that rows are often alike.
        let number = || prop::option::of(-2_i64..3);
        (number(), prop::option::of("[ab]{0,2}"), number())
    }

    proptest! {
        #[test]
        fn one_hash_means_the_same_rows_as_often(
            left in prop::collection::vec(row(), 0..6),
            right in prop::collection::vec(row(), 0..6),
        ) {
            let same = ContentHash::of(&batch(&left)).unwrap() == ContentHash::of(&batch(&right)).unwrap();
            let (mut l, mut r) = (left, right);
            l.sort();
            r.sort();
            prop_assert_eq!(same, l == r);
        }

        #[test]
        fn order_and_cuts_do_not_matter(
            rows in prop::collection::vec(row(), 1..40),
            seed in any::<u64>(),
            cut in 0_usize..40,
        ) {
            let whole = batch(&rows);
            let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap()).collect();
            order.sort_by_key(|i| {
                let mut place = RowHash::default();
                place.take(u64::from(*i) ^ seed);
                place.finish()
            });
            let mixed = take_record_batch(&whole, &UInt32Array::from(order)).unwrap();
            let cut = cut.min(rows.len());
            let parts = [mixed.slice(0, cut), mixed.slice(cut, rows.len() - cut)];
            let sum: ContentHash = parts.iter().map(|p| ContentHash::of(p).unwrap()).sum();
            prop_assert_eq!(sum, ContentHash::of(&whole).unwrap());
        }
    }

    #[test]
    fn neighbours_swapped_between_columns_are_other_rows() {
        let hash = |rows: &[Row]| ContentHash::of(&batch(rows)).unwrap();
        assert_ne!(
            hash(&[(Some(1), None, Some(2))]),
            hash(&[(Some(2), None, Some(1))])
        );
        assert_ne!(
            hash(&[(None, None, Some(0))]),
            hash(&[(Some(0), None, None)])
        );
        assert_ne!(
            hash(&[
                (Some(1), Some("a".into()), None),
                (Some(2), Some("b".into()), None)
            ]),
            hash(&[
                (Some(1), Some("b".into()), None),
                (Some(2), Some("a".into()), None)
            ]),
        );
    }
}
