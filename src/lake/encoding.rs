//! The rows of a data file as Parquet.
//!
//! LZ4 decodes several times as fast as Zstandard and costs little more room;
//! columns that it does not make smaller are not compressed. Values that repeat
//! go through a dictionary; of whole numbers and times that hardly do, the
//! differences are packed; other values that hardly do stand as they are.
//! `benches/README.md` has what was measured.

mod chunk;
mod values;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::parquet::arrow::arrow_writer::compute_leaves;
use datafusion::parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::RowGroupMetaData;
use datafusion::parquet::file::properties::{
    DEFAULT_MAX_ROW_GROUP_ROW_COUNT, WriterProperties, WriterVersion,
};
use datafusion::parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::at_once::at_once;

/// Rows of a row group.
const GROUP_ROWS: usize = DEFAULT_MAX_ROW_GROUP_ROW_COUNT;
/// Rows of a page: who asks for a few rows decodes so many.
const PAGE_ROWS: usize = 5_000;
/// Values that are looked at to see whether a column's repeat.
const SAMPLED: usize = 4096;
/// Rows below which it does not matter.
const FEW: usize = 64;

/// The file of `rows`, written into `room` by so many threads, and what it says
/// of its row groups.
pub(super) fn file_of(
    rows: &RecordBatch,
    room: Vec<u8>,
    threads: usize,
) -> Result<(Vec<u8>, Vec<RowGroupMetaData>)> {
    let schema = rows.schema();
    let repeats: Vec<bool> = rows.columns().iter().map(repeats).collect::<Result<_>>()?;
    let properties = writer_properties(rows, &repeats);
    let writer = ArrowWriter::try_new(room, rows.schema(), Some(properties))?;
    let (mut file, of_library) = writer.into_serialized_writer()?;
    let leaves = ArrowSchemaConverter::new().convert(&schema)?;
    let firsts = first_leaves(&leaves, schema.fields().len());
    for (number, from) in (0..rows.num_rows()).step_by(GROUP_ROWS).enumerate() {
        let rows = rows.slice(from, GROUP_ROWS.min(rows.num_rows() - from));
        let mut chunks = at_once(threads, rows.num_columns(), |at| {
            values::encoded(&leaves.column(firsts[at]), rows.column(at), repeats[at])
        })
        .into_iter();
        let mut of_library = of_library.create_column_writers(number)?.into_iter();
        let mut group = file.next_row_group()?;
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            if let Some(chunk) = chunks.next().transpose()?.flatten() {
                of_library.next();
                chunk.append_to(&mut group)?;
                continue;
            }
            // A column of lists or records has several.
            for leaf in &compute_leaves(field, column)? {
                let mut writer = of_library.next().ok_or_else(|| {
                    ParquetError::General("a column is not in its file's schema".to_owned())
                })?;
                writer.write(leaf)?;
                writer.close()?.append_to_row_group(&mut group)?;
            }
        }
        group.close()?;
    }
    let groups = file.flushed_row_groups().to_vec();
    Ok((file.into_inner()?, groups))
}

/// Of each of so many columns the first leaf.
fn first_leaves(leaves: &SchemaDescriptor, columns: usize) -> Vec<usize> {
    let mut firsts = vec![0; columns];
    for leaf in (0..leaves.num_columns()).rev() {
        firsts[leaves.get_column_root_idx(leaf)] = leaf;
    }
    firsts
}

/// How the library writes columns.
fn writer_properties(rows: &RecordBatch, repeats: &[bool]) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::LZ4_RAW)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_created_by(concat!("cinelake ", env!("CARGO_PKG_VERSION")).to_owned());
    for (field, repeats) in rows.schema().fields().iter().zip(repeats) {
        let path = ColumnPath::from(field.name().as_str());
        properties = properties.set_column_dictionary_enabled(path, *repeats);
    }
    properties.build()
}

/// Whether at least half of a sample of the column's values occur in it before.
fn repeats(values: &ArrayRef) -> Result<bool> {
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
mod tests;
