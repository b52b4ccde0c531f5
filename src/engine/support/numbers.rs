//! Values as numbers in their order.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;

/// Whether values of the type have numbers in their order.
pub(in crate::engine) fn is_numbered(kind: &DataType) -> bool {
    has_its_own(kind)
        || matches!(
            kind,
            DataType::Decimal128(..) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        )
}

/// Whether different values of the type have different numbers.
pub(in crate::engine) fn has_its_own(kind: &DataType) -> bool {
    kind.is_integer()
        || kind.is_floating()
        || matches!(
            kind,
            DataType::Boolean | DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)
        )
        || matches!(kind, DataType::Decimal128(digits, _) if *digits <= 18)
}

/// A number of each value: of a value that comes before another it is not less.
/// Those of nulls mean nothing.
pub(in crate::engine) fn numbers(values: &ArrayRef, descending: bool) -> Result<Vec<i64>> {
    let mut numbers: Vec<i64> = match values.data_type() {
        DataType::UInt64 => {
            let values = values.as_primitive::<UInt64Type>().values().iter();
            values
                .map(|value| (value ^ (1 << 63)).cast_signed())
                .collect()
        }
        kind if kind.is_floating() => {
            let values = cast(values, &DataType::Float64)?;
            let values = values.as_primitive::<Float64Type>().values().iter();
            values.map(|value| of_double(*value)).collect()
        }
        DataType::Decimal128(..) => {
            let values = values.as_primitive::<Decimal128Type>().values().iter();
            values.map(|value| of_wide(*value)).collect()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let values = cast(values, &DataType::Utf8View)?;
            let values = values.as_string_view().iter();
            values.map(|text| text.map_or(0, of_text)).collect()
        }
        _ => {
            let values = cast(values, &DataType::Int64)?;
            values.as_primitive::<Int64Type>().values().to_vec()
        }
    };
    if !descending {
        for number in &mut numbers {
            *number = !*number;
        }
    }
    Ok(numbers)
}

/// In the order of `f64::total_cmp`, by which doubles are sorted.
fn of_double(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Numbers that are close to each other may be one.
fn of_wide(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// By the first eight bytes.
fn of_text(text: &str) -> i64 {
    let mut first = [0; 8];
    let bytes = text.as_bytes();
    let length = bytes.len().min(8);
    first[..length].copy_from_slice(&bytes[..length]);
    (u64::from_be_bytes(first) ^ (1 << 63)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_keep_the_order(a in any::<i128>(), b in any::<i128>(), x in any::<f64>(), y in any::<f64>(), s in "\\PC{0,12}", t in "\\PC{0,12}") {
            prop_assert!(a > b || of_wide(a) <= of_wide(b));
            prop_assert!(x.total_cmp(&y).is_gt() || of_double(x) <= of_double(y));
            prop_assert!(s > t || of_text(&s) <= of_text(&t));
        }
    }
}
