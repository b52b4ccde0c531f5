//! The rows of one file: put together, in order, hashed and encoded.

use std::sync::Arc;

use bytes::Bytes;
use cinelake_kernels::order_of;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::compute::{SortColumn, SortOptions, cast, concat, lexsort_to_indices, take};
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;

use super::ContentHash;
use super::at_once::at_once;
use super::encoding::file_of;
use super::statistics::file_statistics;
use crate::error::{Error, Result};

/// A file, and what a log says of it.
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    pub(super) rows: u64,
    pub(super) stats: String,
    pub(super) content: ContentHash,
}

/// The file of the rows in `batches`, ordered by the columns `order`, without the
/// column `partition`; by so many threads.
pub(super) fn encode(
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    order: &[usize],
    partition: Option<usize>,
    threads: usize,
) -> Result<Encoded> {
    let mut batch = columns_of(schema, threads, |at| {
        let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(at).as_ref()).collect();
        concat(&parts)
    })?;
    // Of the rows' copies one is kept at a time.
    drop(batches);
    if !order.is_empty() {
        batch = sorted(batch, order, threads)?;
    }
    let content = content_of(&batch, threads)?;
    if let Some(partition) = partition {
        batch.remove_column(partition);
    }
    // Room for what the file will not be larger than, as a rule.
    let room = Vec::with_capacity(size(&batch) / 2);
    let (bytes, groups) = file_of(&batch, room, threads).map_err(parquet_error)?;
    Ok(Encoded {
        bytes: Bytes::from(bytes),
        rows: batch.num_rows() as u64,
        stats: file_statistics(&batch, &groups),
        content,
    })
}

/// A batch of what `one` makes of each column.
fn columns_of(
    schema: &SchemaRef,
    threads: usize,
    one: impl Fn(usize) -> std::result::Result<ArrayRef, ArrowError> + Sync,
) -> Result<RecordBatch> {
    let columns = at_once(threads, schema.fields().len(), one).into_iter();
    let columns = columns.collect::<std::result::Result<_, _>>();
    columns
        .and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns))
        .map_err(arrow_error)
}

fn content_of(batch: &RecordBatch, threads: usize) -> Result<ContentHash> {
    let rows = batch.num_rows().div_ceil(threads.max(1));
    let parts = at_once(threads, threads, |part| {
        let from = (part * rows).min(batch.num_rows());
        ContentHash::of(&batch.slice(from, rows.min(batch.num_rows() - from)))
    });
    parts.into_iter().sum()
}

fn sorted(batch: RecordBatch, order: &[usize], threads: usize) -> Result<RecordBatch> {
    let indices = match order_of_numbers(&batch, order)? {
        Some(indices) => indices,
        None => order_of_values(&batch, order)?,
    };
    let in_order = indices.values().windows(2).all(|pair| pair[0] < pair[1]);
    if in_order && indices.null_count() == 0 {
        return Ok(batch);
    }
    columns_of(&batch.schema(), threads, |at| {
        take(batch.column(at), &indices, None)
    })
}

/// The order of rows by columns of whole numbers, dates and times without nulls.
fn order_of_numbers(batch: &RecordBatch, order: &[usize]) -> Result<Option<UInt32Array>> {
    let mut columns = Vec::with_capacity(order.len());
    for column in order.iter().map(|i| batch.column(*i)) {
        let kind = column.data_type();
        let is_number = kind.is_signed_integer()
            || matches!(kind, DataType::Date32 | DataType::Timestamp(_, _));
        if !is_number || column.null_count() > 0 {
            return Ok(None);
        }
        // Days are narrower than that; all others are cast at once.
        let column = match kind {
            DataType::Date32 => cast(column, &DataType::Int32).map_err(arrow_error)?,
            _ => Arc::clone(column),
        };
        columns.push(cast(&column, &DataType::Int64).map_err(arrow_error)?);
    }
    let numbers: Vec<&[i64]> = columns
        .iter()
        .map(|column| &**column.as_primitive::<Int64Type>().values())
        .collect();
    Ok(order_of(&numbers).map(UInt32Array::from))
}

fn order_of_values(batch: &RecordBatch, order: &[usize]) -> Result<UInt32Array> {
    let options = Some(SortOptions {
        descending: false,
        nulls_first: false,
    });
    let key = |i: &usize| SortColumn {
        values: Arc::clone(batch.column(*i)) as ArrayRef,
        options,
    };
    let keys: Vec<SortColumn> = order.iter().map(key).collect();
    lexsort_to_indices(&keys, None).map_err(arrow_error)
}

/// Bytes of the values of `rows`. They may be a slice of much more, which other
/// slices count.
pub(super) fn size(rows: &RecordBatch) -> usize {
    let bytes = |array: &ArrayRef| {
        let text = match array.data_type() {
            DataType::Utf8View => array.as_string_view().total_buffer_bytes_used(),
            DataType::BinaryView => array.as_binary_view().total_buffer_bytes_used(),
            _ => 0,
        };
        let width = array
            .data_type()
            .primitive_width()
            .unwrap_or(size_of::<u128>());
        text + width * array.len()
    };
    rows.columns().iter().map(bytes).sum()
}

pub(super) fn arrow_error(error: ArrowError) -> Error {
    Error::data("rows do not fit their table").because(error)
}

fn parquet_error(error: datafusion::parquet::errors::ParquetError) -> Error {
    Error::io("could not encode a Parquet file").because(error)
}
