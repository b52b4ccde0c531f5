//! How the columns of a data file are encoded.
//!
//! LZ4 decodes several times as fast as Zstandard and costs little more room.
//! Values that repeat go through a dictionary; of whole numbers and times that
//! hardly do, the differences are packed; other values that hardly do stand as
//! they are. `benches/README.md` has what was measured.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::parquet::basic::{Compression, Encoding};
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::parquet::schema::types::ColumnPath;

/// Values that are looked at to see whether a column's repeat.
const SAMPLED: usize = 4096;
/// Rows below which it does not matter.
const FEW: usize = 64;

/// How the file of these rows is written.
pub(super) fn writer_properties(rows: &RecordBatch) -> Result<WriterProperties, ArrowError> {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::LZ4_RAW)
        .set_created_by(concat!("cinelake ", env!("CARGO_PKG_VERSION")).to_owned());
    for (field, values) in rows.schema().fields().iter().zip(rows.columns()) {
        if repeats(values)? {
            continue;
        }
        let path = ColumnPath::from(field.name().as_str());
        properties = properties.set_column_dictionary_enabled(path.clone(), false);
        if is_whole(field.data_type()) {
            properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    Ok(properties.build())
}

fn is_whole(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Int32 | DataType::Int64 | DataType::Timestamp(_, _)
    )
}

/// Whether at least half of a sample of the column's values occur in it before.
fn repeats(values: &ArrayRef) -> Result<bool, ArrowError> {
    match values.data_type() {
        // Sets of users: none is like another, and to compare them is dear.
        DataType::Binary | DataType::BinaryView => return Ok(false),
        _ if values.len() < FEW => return Ok(true),
        _ => {}
    }
    let sample = values.len().min(SAMPLED);
    let places = (0..sample).map(|i| (i * values.len() / sample) as u64);
    let sampled = take(values, &UInt64Array::from_iter_values(places), None)?;
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let rows = converter.convert_columns(&[Arc::clone(&sampled)])?;
    let different: HashSet<&[u8]> = rows.iter().map(|row| row.data()).collect();
    Ok(different.len() * 2 <= sample)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use datafusion::arrow::array::{BinaryViewArray, Float64Array, Int32Array, StringViewArray};

    use super::*;

    fn encodings(rows: &RecordBatch) -> Vec<String> {
        let properties = writer_properties(rows).unwrap();
        let schema = rows.schema();
        let of = |name: &String| {
            let path = ColumnPath::from(name.as_str());
            match (
                properties.dictionary_enabled(&path),
                properties.encoding(&path),
            ) {
                (true, _) => format!("{name}: dictionary"),
                (false, Some(encoding)) => format!("{name}: {encoding}"),
                (false, None) => format!("{name}: plain"),
            }
        };
        schema.fields().iter().map(|f| of(f.name())).collect()
    }

    #[test]
    fn a_dictionary_is_for_values_that_repeat() {
        let n = 10_000;
        let text =
            |few: i32| StringViewArray::from_iter_values((0..n).map(|i| (i % few).to_string()));
        let columns: [(&str, ArrayRef); 7] = [
            ("key", Arc::new(Int32Array::from_iter_values(0..n))),
            (
                "count",
                Arc::new(Int32Array::from_iter_values((0..n).map(|i| i % 7))),
            ),
            (
                "ratio",
                Arc::new(Float64Array::from_iter_values((0..n).map(f64::from))),
            ),
            (
                "share",
                Arc::new(Float64Array::from_iter_values(
                    (0..n).map(|i| f64::from(i % 101)),
                )),
            ),
            ("log", Arc::new(text(n))),
            ("device", Arc::new(text(5))),
            (
                "set",
                Arc::new(BinaryViewArray::from_iter_values((0..n).map(|_| b"same"))),
            ),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        assert_eq!(
            encodings(&rows),
            [
                "key: DELTA_BINARY_PACKED",
                "count: dictionary",
                "ratio: plain",
                "share: dictionary",
                "log: plain",
                "device: dictionary",
                "set: plain",
            ]
        );
    }

    #[test]
    fn few_or_no_rows_are_written_too() {
        let nothing: ArrayRef = Arc::new(Int32Array::from(Vec::<i32>::new()));
        let rows = RecordBatch::try_from_iter([("key", nothing)]).unwrap();
        assert_eq!(encodings(&rows), ["key: dictionary"]);
    }
}
