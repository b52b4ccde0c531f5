//! `hll_agg`, `hll_merge`, `hll_count`: Apache DataSketches' HyperLogLog.
//!
//! Sketches have 4096 registers and are stored as other systems with
//! DataSketches read them. Whole numbers, dates and times are hashed as 64 bits,
//! texts as their UTF-8 bytes, as those systems do.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datasketches::hash::value::raw_bytes;
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};

use crate::engine::support::summaries::Summary;

/// The binary logarithm of how many registers a sketch has: the standard error
/// of an estimate is 1.04 / sqrt(4096).
const LG_REGISTERS: u8 = 12;
/// Where the mode stands in a sketch's bytes, and which bits it takes.
const MODE: (usize, u8) = (7, 3);
/// The mode in which all registers are there; others list hashes.
const REGISTERS: u8 = 2;

/// A sketch of different values; none of none.
#[derive(Default)]
pub(super) struct Hll(Option<HllSketch>);

impl fmt::Debug for Hll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let estimate = self.0.as_ref().map(HllSketch::composite_estimate);
        f.debug_tuple("Hll").field(&estimate).finish()
    }
}

/// What all of `sketches` have seen.
fn united(sketches: &[&HllSketch]) -> Result<HllSketch> {
    let mut union = HllUnion::new(LG_REGISTERS)
        .map_err(|e| exec_datafusion_err!("no sketch can be made: {e}"))?;
    sketches.iter().for_each(|sketch| union.update(sketch));
    Ok(union.to_sketch(HllType::Hll8))
}

fn from_bytes(bytes: &[u8]) -> Result<HllSketch> {
    HllSketch::deserialize(bytes)
        .map_err(|e| exec_datafusion_err!("this is no sketch of `hll_agg`: {e}"))
}

impl Hll {
    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, HllSketch::estimated_size)
    }
}

impl Summary for Hll {
    type Value = Coupon;

    const AGG: &str = "hll_agg";
    const MERGE: &str = "hll_merge";
    const TAKES: &str = "whole numbers, texts, dates and times";
    const SUMMARIES: &str = "sketches of `hll_agg`";

    fn input(found: &DataType) -> Option<DataType> {
        match found {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8View),
            DataType::Timestamp(_, zone) => {
                Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            DataType::Date32 => Some(DataType::Date32),
            found if found.is_integer() || found.is_null() => Some(DataType::Int64),
            _ => None,
        }
    }

    fn each(array: &ArrayRef, mut take: impl FnMut(usize, Coupon)) -> Result<()> {
        let array = match array.data_type() {
            DataType::Utf8View => {
                for (row, text) in array.as_string_view().iter().enumerate() {
                    if let Some(text) = text {
                        take(row, Coupon::from_value(raw_bytes::from_str(text)));
                    }
                }
                return Ok(());
            }
            // Days since 1970.
            DataType::Date32 => cast(array, &DataType::Int32)?,
            _ => Arc::clone(array),
        };
        let numbers = cast(&array, &DataType::Int64)?;
        for (row, number) in numbers.as_primitive::<Int64Type>().iter().enumerate() {
            if let Some(number) = number {
                let bytes = number.to_le_bytes();
                take(row, Coupon::from_value(raw_bytes::from_slice(&bytes)));
            }
        }
        Ok(())
    }

    fn add(&mut self, value: Coupon) -> usize {
        let before = self.bytes();
        if self.0.is_none() {
            self.0 = HllSketch::new(LG_REGISTERS, HllType::Hll8).ok();
        }
        if let Some(sketch) = &mut self.0 {
            sketch.update_with_coupon(value);
        }
        self.bytes().saturating_sub(before)
    }

    fn merge(&mut self, summary: &[u8]) -> Result<usize> {
        let (before, other) = (self.bytes(), from_bytes(summary)?);
        self.0 = Some(match &self.0 {
            Some(sketch) => united(&[sketch, &other])?,
            None => united(&[&other])?,
        });
        Ok(self.bytes().saturating_sub(before))
    }

    fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let start = bytes.len();
        // United with itself it forgets in which order values came.
        let sketch = match &self.0 {
            Some(sketch) => united(&[sketch, sketch])?,
            None => united(&[])?,
        };
        bytes.extend(sketch.serialize());
        let sketch = &mut bytes[start..];
        let header = 4 * usize::from(sketch[0]);
        if sketch[MODE.0] & MODE.1 != REGISTERS && header <= sketch.len() {
            let (hashes, _) = sketch[header..].as_chunks_mut::<4>();
            hashes.sort_unstable();
        }
        Ok(())
    }
}

/// `hll_count(sketch)`.
pub(super) fn count() -> Arc<ScalarUDF> {
    let count = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let count = |sketch: &[u8]| from_bytes(sketch).map(|s| s.composite_estimate().round());
        let counts = arrays[0].as_binary_view().iter();
        let counts = counts.map(|sketch| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounded, and far below 2^53"
            )]
            sketch.map(count).transpose().map(|n| n.map(|n| n as i64))
        });
        let counts: Int64Array = counts.collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(counts)))
    };
    Arc::new(create_udf(
        "hll_count",
        vec![DataType::BinaryView],
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(count),
    ))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringViewArray;
    use proptest::prelude::*;

    use super::*;
    use crate::engine::support::summaries::tests::in_parts;

    fn estimate(sketch: &[u8]) -> f64 {
        from_bytes(sketch).unwrap().composite_estimate()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn the_same_values_give_the_same_bytes(
            count in prop_oneof![0_i64..40, 0_i64..9_000],
            repeats in 1_i64..4,
            cut in 0_usize..20_000,
        ) {
            let mut values: Vec<i64> = (0..count * repeats).map(|i| i % count * 7_919).collect();
            let array: ArrayRef = Arc::new(Int64Array::from(values.clone()));
            let (whole, parts) = in_parts::<Hll>(&array, cut);
            prop_assert_eq!(&parts, &whole);
            values.reverse();
            let array: ArrayRef = Arc::new(Int64Array::from(values));
            prop_assert_eq!(&in_parts::<Hll>(&array, cut / 2).0, &whole);
            let (estimate, count) = (estimate(&whole), count as f64);
            prop_assert!((estimate - count).abs() <= 1.0 + 0.07 * count, "{} of {}", estimate, count);
        }
    }

    #[test]
    fn few_values_are_counted_exactly() {
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter(
            ["a", "b", "", "a"].map(Some).into_iter().chain([None]),
        ));
        let (whole, parts) = in_parts::<Hll>(&texts, 2);
        assert_eq!(whole, parts);
        assert!(
            (estimate(&whole) - 3.0).abs() < 0.01,
            "{}",
            estimate(&whole)
        );
    }
}
