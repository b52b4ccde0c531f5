//! Smallest and greatest values per file, in Delta's JSON.
//!
//! Bounds are safe, not always exact: long text is cut (the upper bound then
//! ends in the greatest character). Instants are kept to the microsecond; those
//! of other writers may be cut to milliseconds.

use chrono::DateTime;
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use datafusion::parquet::file::statistics::Statistics;
use serde_json::{Map, Value};

use super::files::{DATES, date_days, date_text};

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

/// Delta's statistics of `batch`, which is a file of these row groups.
pub(super) fn file_statistics(batch: &RecordBatch, groups: &[RowGroupMetaData]) -> String {
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
        let is_named =
            |chunk: &&ColumnChunkMetaData| *chunk.column_path().parts() == [field.name().as_str()];
        let columns = groups.iter().map(|group| group.columns().iter());
        let chunks: Vec<_> = columns
            .flat_map(|mut chunks| chunks.find(is_named))
            .collect();
        if let Some((least, greatest)) = bounds(field.data_type(), &chunks) {
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

/// The smallest and greatest value of a column's chunks as JSON text.
fn bounds(kind: &DataType, chunks: &[&ColumnChunkMetaData]) -> Option<(String, String)> {
    let both =
        |(min, max): (i64, i64), text: fn(i64) -> Option<String>| Some((text(min)?, text(max)?));
    match kind {
        DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            both(ends(chunks, whole)?, |value| Some(value.to_string()))
        }
        DataType::Date32 => both(ends(chunks, whole)?, |days| {
            let days = i32::try_from(days).ok().filter(|day| DATES.contains(day))?;
            Some(format!("\"{}\"", date_text(days)))
        }),
        DataType::Timestamp(TimeUnit::Microsecond, _) => both(ends(chunks, whole)?, instant),
        DataType::Float64 => {
            let (min, max) = ends(chunks, |known| match known {
                Statistics::Double(known) => Some((*known.min_opt()?, *known.max_opt()?)),
                _ => None,
            })?;
            let finite = min.is_finite() && max.is_finite();
            finite.then(|| (format!("{min:?}"), format!("{max:?}")))
        }
        DataType::Decimal128(_, scale) => {
            let (min, max) = ends(chunks, |known| match known {
                Statistics::FixedLenByteArray(known) => Some((
                    wide(known.min_opt()?.data())?,
                    wide(known.max_opt()?.data())?,
                )),
                _ => whole(known).map(|(min, max)| (min.into(), max.into())),
            })?;
            let text = |value| Decimal128Text(value, *scale).to_string();
            Some((text(min), text(max)))
        }
        DataType::Utf8View => {
            let (min, max) = ends(chunks, |known| match known {
                Statistics::ByteArray(known) => {
                    Some((known.min_opt()?.clone(), known.max_opt()?.clone()))
                }
                _ => None,
            })?;
            let (min, max) = (min.as_utf8().ok()?, max.as_utf8().ok()?);
            let least: String = min.chars().take(TEXT_CHARS).collect();
            let mut upper: String = max.chars().take(TEXT_CHARS).collect();
            // What comes after the greatest character is not below it.
            let greatest = max[upper.len()..].chars().take_while(|c| *c == char::MAX);
            upper.extend(greatest);
            if upper.len() < max.len() {
                upper.push(char::MAX);
            }
            Some((
                Value::String(least).to_string(),
                Value::String(upper).to_string(),
            ))
        }
        _ => None,
    }
}

/// The least and the greatest of what is known of `chunks`; none where a chunk
/// with values does not say.
fn ends<T: PartialOrd>(
    chunks: &[&ColumnChunkMetaData],
    said: impl Fn(&Statistics) -> Option<(T, T)>,
) -> Option<(T, T)> {
    let mut ends: Option<(T, T)> = None;
    for chunk in chunks {
        let known = chunk.statistics()?;
        if known.null_count_opt() == u64::try_from(chunk.num_values()).ok() {
            continue;
        }
        let (min, max) = said(known)?;
        ends = Some(match ends {
            None => (min, max),
            Some((least, greatest)) => (
                if min < least { min } else { least },
                if max > greatest { max } else { greatest },
            ),
        });
    }
    ends
}

fn whole(known: &Statistics) -> Option<(i64, i64)> {
    match known {
        Statistics::Int32(known) => Some(((*known.min_opt()?).into(), (*known.max_opt()?).into())),
        Statistics::Int64(known) => Some((*known.min_opt()?, *known.max_opt()?)),
        _ => None,
    }
}

/// A number of up to 16 bytes, the highest first.
fn wide(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    let mut all = [if negative { 0xff } else { 0 }; 16];
    all[16_usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(all))
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
    use super::super::encoding::file_of;
    use super::*;
    use datafusion::arrow::array::{
        ArrayRef, Date32Array, Decimal128Array, Float64Array, Int16Array, Int64Array,
        StringViewArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    fn statistics_of(batch: &RecordBatch) -> String {
        let (_, groups) = file_of(batch, Vec::new(), 1).unwrap();
        file_statistics(batch, &groups)
    }

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
        let text = statistics_of(&batch());
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
        let ranges = column_ranges(&statistics_of(&batch), &batch.schema());
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
    #[test]
    fn bounds_are_of_values_and_only_where_they_are_known() {
        let decimals = |precision| {
            let values = [Some(-70_000), Some(12), None].map(|v: Option<i128>| v.map(|v| v * 3));
            let array = Decimal128Array::from(values.to_vec());
            Arc::new(array.with_precision_and_scale(precision, 1).unwrap()) as ArrayRef
        };
        let doubles = |values: [f64; 3]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
        let dates = |days: [i32; 3]| Arc::new(Date32Array::from(days.to_vec())) as ArrayRef;
        let texts = |suffix: &str| {
            let texts = ["a", "ß", "中"].map(|text| format!("{text}{suffix}"));
            Arc::new(StringViewArray::from_iter_values(texts)) as ArrayRef
        };
        let batch = RecordBatch::try_from_iter_with_nullable(
            [
                ("narrow", decimals(6)),
                ("wide", decimals(12)),
                ("widest", decimals(30)),
                (
                    "small",
                    Arc::new(Int16Array::from(vec![None, Some(-3), Some(7)])),
                ),
                ("nothing", Arc::new(Int64Array::new_null(3))),
                ("number", doubles([1.5, -0.25, 3.0])),
                ("no_number", doubles([1.5, f64::NAN, 3.0])),
                ("endless", doubles([1.5, f64::INFINITY, 3.0])),
                ("text", texts("")),
                ("long", texts(&"é".repeat(90))),
                ("last", texts(&format!("{}\u{10ffff}b", "a".repeat(31)))),
                ("day", dates([0, 19_783, 2_932_896])),
                ("beyond", dates([0, 19_783, 2_932_897])),
            ]
            .map(|(name, array)| (name, array, true)),
        )
        .unwrap();
        insta::assert_snapshot!(statistics_of(&batch).replace(",\"m", ",\n\"m").replace(",\"null", ",\n\"null"), @r#"
        {"numRecords":3,
        "minValues":{"narrow":-21000.0,"wide":-21000.0,"widest":-21000.0,"small":-3,"number":-0.25,"text":"a","long":"aééééééééééééééééééééééééééééééé","last":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","day":"1970-01-01"},
        "maxValues":{"narrow":3.6,"wide":3.6,"widest":3.6,"small":7,"number":3.0,"text":"中","long":"中éééééééééééééééééééééééééééééê","last":"中aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa􏿿􏿿","day":"9999-12-31"},
        "nullCount":{"narrow":1,"wide":1,"widest":1,"small":1,"nothing":3,"number":0,"no_number":0,"endless":0,"text":0,"long":0,"last":0,"day":0,"beyond":0}}
        "#);
    }
}
