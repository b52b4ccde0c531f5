//! Smallest and greatest values per file, in Delta's JSON.
//!
//! Bounds are safe, not always exact: long text is cut (the upper bound then
//! ends in the greatest character). Instants are kept to the microsecond; those
//! of other writers may be cut to milliseconds.

use chrono::DateTime;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{max, max_string_view, min, min_string_view};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use serde_json::{Map, Value};

use super::files::{date_days, date_text};

/// Columns that get bounds, as other Delta writers do.
const INDEXED_COLUMNS: usize = 32;
/// Characters of text that a bound keeps.
const TEXT_CHARS: usize = 32;

/// What is known of one column in one file.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRange {
    /// No value is smaller.
    pub min: ScalarValue,
    /// No value is greater.
    pub max: ScalarValue,
    /// Rows without a value.
    pub nulls: u64,
    /// Whether the bounds are values of the column.
    pub exact: bool,
}

/// Delta's statistics of `batch`, which becomes one file.
pub(super) fn file_statistics(batch: &RecordBatch) -> String {
    let (mut mins, mut maxs, mut nulls) = (Vec::new(), Vec::new(), Vec::new());
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).enumerate();
    for (at, (field, array)) in columns {
        // Where a row came from is looked up by these, however wide the table.
        if at >= INDEXED_COLUMNS && !field.name().starts_with('_') {
            continue;
        }
        let name = Value::String(field.name().clone());
        nulls.push(format!("{name}:{}", array.null_count()));
        if let Some((least, greatest)) = bounds(array) {
            mins.push(format!("{name}:{least}"));
            maxs.push(format!("{name}:{greatest}"));
        }
    }
    format!(
        "{{\"numRecords\":{},\"minValues\":{{{}}},\"maxValues\":{{{}}},\"nullCount\":{{{}}}}}",
        batch.num_rows(),
        mins.join(","),
        maxs.join(","),
        nulls.join(",")
    )
}

/// The smallest and greatest value as JSON text.
fn bounds(array: &ArrayRef) -> Option<(String, String)> {
    let pair = |a: String, b: String| Some((a, b));
    match array.data_type() {
        DataType::Int16 => {
            let values = array.as_primitive::<Int16Type>();
            pair(min(values)?.to_string(), max(values)?.to_string())
        }
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>();
            pair(min(values)?.to_string(), max(values)?.to_string())
        }
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            pair(min(values)?.to_string(), max(values)?.to_string())
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            if values.iter().flatten().any(f64::is_nan) {
                return None;
            }
            let (least, greatest) = (min(values)?, max(values)?);
            let finite = least.is_finite() && greatest.is_finite();
            finite.then(|| (format!("{least:?}"), format!("{greatest:?}")))
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            let quoted = |days| format!("\"{}\"", date_text(days));
            pair(quoted(min(values)?), quoted(max(values)?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            pair(instant(min(values)?)?, instant(max(values)?)?)
        }
        DataType::Decimal128(_, scale) => {
            let values = array.as_primitive::<Decimal128Type>();
            let text = |v| Decimal128Text(v, *scale).to_string();
            pair(text(min(values)?), text(max(values)?))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            let least: String = min_string_view(values)?.chars().take(TEXT_CHARS).collect();
            let greatest = max_string_view(values)?;
            let mut upper: String = greatest.chars().take(TEXT_CHARS).collect();
            if upper.len() < greatest.len() {
                upper.push(char::MAX);
            }
            pair(
                Value::String(least).to_string(),
                Value::String(upper).to_string(),
            )
        }
        _ => None,
    }
}

fn instant(micros: i64) -> Option<String> {
    let instant = DateTime::from_timestamp_micros(micros)?;
    Some(format!("\"{}\"", instant.format("%Y-%m-%dT%H:%M:%S%.6fZ")))
}

/// Whether a time is written to the microsecond: those that others write may
/// be cut to milliseconds.
fn has_micros(value: &Value) -> bool {
    let digits = value.as_str().and_then(|text| text.split_once('.'));
    digits.is_some_and(|(_, fraction)| fraction.len() == "123456Z".len())
}

struct Decimal128Text(i128, i8);

impl std::fmt::Display for Decimal128Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(value, scale) = *self;
        let Some(digits) = usize::try_from(scale).ok().filter(|s| *s > 0) else {
            return write!(f, "{value}");
        };
        let text = format!("{:0>width$}", value.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        let sign = if value < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{fraction}")
    }
}

/// What `stats` (Delta's JSON) says of each column of `schema`.
///
/// Columns of which nothing is known, or whose bounds cannot be trusted to
/// the last digit (decimals and floats pass through JSON), are `None`.
#[must_use]
pub fn column_ranges(stats: &str, schema: &Schema) -> Vec<Option<ColumnRange>> {
    let parsed: Value = serde_json::from_str(stats).unwrap_or_default();
    let object = |key: &str| parsed.get(key).and_then(Value::as_object);
    let (mins, maxs, nulls) = (
        object("minValues"),
        object("maxValues"),
        object("nullCount"),
    );
    let get = |map: Option<&Map<String, Value>>, name: &str| map.and_then(|m| m.get(name).cloned());
    let range = |field: &datafusion::arrow::datatypes::FieldRef| {
        let kind = field.data_type();
        let nulls = get(nulls, field.name())?.as_u64()?;
        let (min, max) = (get(mins, field.name())?, get(maxs, field.name())?);
        let exact = match kind {
            DataType::Timestamp(..) => has_micros(&min) && has_micros(&max),
            _ => kind.is_integer() || *kind == DataType::Date32,
        };
        Some(ColumnRange {
            exact,
            min: scalar(&min, kind)?,
            max: scalar(&max, kind)?,
            nulls,
        })
    };
    schema.fields().iter().map(range).collect()
}

fn scalar(value: &Value, kind: &DataType) -> Option<ScalarValue> {
    Some(match kind {
        DataType::Int16 => ScalarValue::Int16(Some(i16::try_from(value.as_i64()?).ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(i32::try_from(value.as_i64()?).ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(value.as_i64()?)),
        DataType::Date32 => ScalarValue::Date32(Some(date_days(value.as_str()?)?)),
        DataType::Utf8View => ScalarValue::Utf8View(Some(value.as_str()?.to_owned())),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let instant = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
            ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), zone.clone())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{
        Decimal128Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let long = "z".repeat(40);
        let texts = StringViewArray::from(vec![Some("a\"b"), None, Some(long.as_str())]);
        let money = Decimal128Array::from(vec![Some(-5), Some(999), None])
            .with_precision_and_scale(12, 2)
            .unwrap();
        let at = TimestampMicrosecondArray::from(vec![1_500, 1_500, 2_001]).with_timezone("UTC");
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![3, 1, 2])) as ArrayRef),
            ("name", Arc::new(texts)),
            ("money", Arc::new(money)),
            ("at", Arc::new(at)),
        ])
        .unwrap()
    }

    #[test]
    fn statistics_are_safe_bounds_in_deltas_json() {
        let text = file_statistics(&batch());
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["numRecords"], 3);
        assert_eq!(parsed["minValues"]["id"], 1);
        assert_eq!(parsed["minValues"]["name"], "a\"b");
        assert!(
            text.contains("\"money\":-0.05") && text.contains("\"money\":9.99"),
            "{text}"
        );
        assert_eq!(parsed["minValues"]["at"], "1970-01-01T00:00:00.001500Z");
        assert_eq!(parsed["maxValues"]["at"], "1970-01-01T00:00:00.002001Z");
        assert_eq!(parsed["nullCount"]["name"], 1);
    }

    #[test]
    fn ranges_read_back_and_hold_every_value() {
        let batch = batch();
        let ranges = column_ranges(&file_statistics(&batch), &batch.schema());
        let id = ranges[0].clone().unwrap();
        assert_eq!(
            (id.min, id.max, id.exact),
            (ScalarValue::from(1_i64), ScalarValue::from(3_i64), true)
        );
        let name = ranges[1].clone().unwrap();
        assert!(name.max > ScalarValue::Utf8View(Some("z".repeat(40))));
        assert_eq!((name.nulls, name.exact), (1, false));
        assert_eq!(ranges[2], None);
        let at = ranges[3].clone().unwrap();
        assert!(
            at.exact
                && at.max == ScalarValue::TimestampMicrosecond(Some(2_001), Some("UTC".into()))
        );
        let cut = r#"{"minValues":{"at":"1970-01-01T00:00:00.001Z"},"maxValues":{"at":"1970-01-01T00:00:00.003Z"},"nullCount":{"at":0}}"#;
        assert!(
            !column_ranges(cut, &batch.schema())[3]
                .as_ref()
                .unwrap()
                .exact
        );
    }
}
