//! `ddsketch_agg`, `ddsketch_merge`, `ddsketch_quantile`, `ddsketch_count`.
//!
//! Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees", VLDB 2019. A value is counted in the bucket of
//! its logarithm to the base γ = (1 + α) / (1 - α); the middle of a bucket is
//! within α of each value in it. Buckets are only counted, so sketches of parts
//! add up to the sketch of the whole. No bucket is given up: a double has
//! 71,000 of them at most, durations of seconds to days some 600.

use std::sync::Arc;

use cinelake_kernels::Tally;
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use crate::engine::support::summaries::Summary;

/// How far a quantile may be off, as a share of it.
const ALPHA: f64 = 0.01;
const GAMMA: f64 = (1.0 + ALPHA) / (1.0 - ALPHA);
/// What is closer to zero counts as zero.
const LEAST: f64 = 1e-9;
/// Added to a bucket's number, so that those of positive values are positive:
/// negative values have those below zero, and zero is 0.
const SHIFT: i64 = 40_000;
/// The bucket of infinity.
const INFINITE: i64 = 100_000;
/// The bucket of what is no number: it comes after all others.
const NAN: i64 = 100_001;
/// The first byte of a stored sketch: how the rest is to be read.
const VERSION: u8 = 1;

/// A distribution: how many values each bucket has.
#[derive(Debug, Default)]
pub(super) struct DdSketch(Tally);

/// The bucket of a value.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a logarithm of a double is small"
)]
fn bucket_of(value: f64) -> i64 {
    let size = value.abs();
    let bucket = match size {
        size if size.is_nan() => return NAN,
        size if size < LEAST => 0,
        size if size.is_infinite() => INFINITE,
        size => (size.ln() / GAMMA.ln()).ceil() as i64 + SHIFT,
    };
    if value < 0.0 { -bucket } else { bucket }
}

/// The value that is no further than [`ALPHA`] from any of the bucket.
fn value_of(bucket: i64) -> f64 {
    let size = match bucket.abs() {
        0 => 0.0,
        NAN => f64::NAN,
        INFINITE => f64::INFINITY,
        #[expect(clippy::cast_precision_loss, reason = "buckets are small numbers")]
        bucket => {
            let upper = ((bucket - SHIFT) as f64 * GAMMA.ln()).exp();
            (2.0 / (GAMMA + 1.0) * upper).min(f64::MAX)
        }
    };
    if bucket < 0 { -size } else { size }
}

/// Appends `number` in groups of seven bits, the lowest first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn get(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

impl DdSketch {
    /// Adds a stored sketch: the first bucket and the distance of each further
    /// one, each with its count.
    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let (&VERSION, rest) = bytes.split_first()? else {
            return None;
        };
        let mut rest = rest.iter();
        let mut bucket = -INFINITE;
        while rest.len() > 0 {
            bucket = bucket.checked_add(i64::try_from(get(&mut rest)?).ok()?)?;
            if bucket > NAN {
                return None;
            }
            self.0.add(bucket, get(&mut rest)?);
        }
        Some(())
    }
}

fn from_bytes(bytes: &[u8]) -> Result<DdSketch> {
    let mut sketch = DdSketch::default();
    sketch.merge(bytes)?;
    Ok(sketch)
}

impl Summary for DdSketch {
    type Value = i64;

    const AGG: &str = "ddsketch_agg";
    const MERGE: &str = "ddsketch_merge";
    const TAKES: &str = "numbers";
    const SUMMARIES: &str = "sketches of `ddsketch_agg`";

    fn input(found: &DataType) -> Option<DataType> {
        (found.is_numeric() || found.is_null()).then_some(DataType::Float64)
    }

    fn each(array: &ArrayRef, mut take: impl FnMut(usize, i64)) -> Result<()> {
        for (row, value) in array.as_primitive::<Float64Type>().iter().enumerate() {
            if let Some(value) = value {
                take(row, bucket_of(value));
            }
        }
        Ok(())
    }

    fn add(&mut self, bucket: i64) -> usize {
        self.0.add(bucket, 1)
    }

    fn merge(&mut self, summary: &[u8]) -> Result<usize> {
        let before = self.0.bytes();
        self.read(summary)
            .ok_or_else(|| exec_datafusion_err!("this is no sketch of `ddsketch_agg`"))?;
        Ok(self.0.bytes().saturating_sub(before))
    }

    fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.push(VERSION);
        let mut last = -INFINITE;
        for (bucket, count) in self.0.in_order() {
            put(bytes, bucket.abs_diff(last));
            put(bytes, count);
            last = bucket;
        }
        Ok(())
    }
}

/// The functions of one sketch.
pub(super) fn functions() -> [Arc<ScalarUDF>; 2] {
    let quantile = create_udf(
        "ddsketch_quantile",
        vec![DataType::BinaryView, DataType::Float64],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(quantiles),
    );
    let count = create_udf(
        "ddsketch_count",
        vec![DataType::BinaryView],
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(counts),
    );
    [Arc::new(quantile), Arc::new(count)]
}

fn counts(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let count = |sketch: &[u8]| {
        let count = i64::try_from(from_bytes(sketch)?.0.len());
        count.map_err(|_| exec_datafusion_err!("a sketch has more than 2^63 values"))
    };
    let counts = arrays[0].as_binary_view().iter();
    let counts = counts.map(|sketch| sketch.map(count).transpose());
    let counts: Int64Array = counts.collect::<Result<_>>()?;
    Ok(ColumnarValue::Array(Arc::new(counts)))
}

/// The value at rank ⌊q (n - 1)⌋, as the paper has it; null of no values.
fn quantiles(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let wanted = arrays[1].as_primitive::<Float64Type>();
    let quantile = |sketch: &[u8], q: f64| {
        if !(0.0..=1.0).contains(&q) {
            return exec_err!("a quantile is between 0 and 1, not {q}");
        }
        let mut ranks = from_bytes(sketch)?.0.into_ranks();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank is between 0 and the count"
        )]
        let rank = (q * ranks.len().saturating_sub(1) as f64).floor() as u64;
        Ok(ranks.at(rank).map(value_of))
    };
    let values = arrays[0].as_binary_view().iter().zip(wanted);
    let values: Float64Array = values
        .map(|(sketch, q)| match (sketch, q) {
            (Some(sketch), Some(q)) => quantile(sketch, q),
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(ColumnarValue::Array(Arc::new(values)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::support::summaries::tests::in_parts;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn quantiles_are_within_one_percent(
            mut values in prop::collection::vec(
                prop_oneof![-1e3_f64..1e3, 0.0_f64..1e-3, any::<f64>().prop_filter("a number", |v| !v.is_nan())],
                1..3000,
            ),
            cut in 0_usize..3000,
            q in 0.0_f64..=1.0,
        ) {
            let array: ArrayRef = Arc::new(Float64Array::from(values.clone()));
            let (whole, parts) = in_parts::<DdSketch>(&array, cut);
            prop_assert_eq!(&parts, &whole);
            values.sort_unstable_by(f64::total_cmp);
            let rank = (q * (values.len() - 1) as f64).floor() as usize;
            let mut ranks = from_bytes(&whole).unwrap().0.into_ranks();
            prop_assert_eq!(ranks.len(), values.len() as u64);
            let (found, exact) = (value_of(ranks.at(rank as u64).unwrap()), values[rank]);
            let near = found == exact || (found - exact).abs() <= 0.010_001 * exact.abs() + LEAST;
            prop_assert!(near, "{} instead of {}", found, exact);
        }

        #[test]
        fn other_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            // Whatever comes of it, it comes soon and without a panic.
            let _ = from_bytes(&bytes);
        }
    }
}
