//! Reads a data file's rows as they are stored, without the engine: what
//! statistics say of them plays no part.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Date32Array, RecordBatch, new_null_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::files::table_folder;
use super::{DataFile, Lake, TableFiles, store_error};
use crate::error::{Error, Result};

impl Lake {
    /// The rows of `file`, with all columns of its `table` in their order.
    ///
    /// # Errors
    /// When the file is gone or damaged.
    pub async fn read_file(&self, table: &TableFiles, file: &DataFile) -> Result<Vec<RecordBatch>> {
        let path = Path::from(format!("{}/{}", table_folder(&table.name), file.path));
        let what = || format!("could not read `{path}`");
        let got = self.store.get(&path).await;
        let bytes = match got {
            Ok(got) => got.bytes().await,
            Err(e) => Err(e),
        };
        let bytes = bytes.map_err(|e| store_error(what(), e))?;
        let (schema, partition_by) = (Arc::clone(&table.schema), table.partition_by.clone());
        let value = file.partition;
        let damaged = format!("`{path}` is damaged");
        let decoded = tokio::task::spawn_blocking(move || {
            let failed = |e| Error::data(damaged.clone()).because(e);
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
                .and_then(|builder| builder.with_batch_size(65_536).build())
                .map_err(failed)?;
            let mut batches = Vec::new();
            for batch in reader {
                let batch = batch.map_err(|e| Error::data(damaged.clone()).because(e))?;
                let column =
                    |field: &Arc<Field>| column(field, &batch, partition_by.as_deref(), value);
                let columns = schema.fields().iter().map(column);
                batches.push(table_rows(&schema, columns.collect(), batch.num_rows())?);
            }
            Ok::<_, Error>(batches)
        });
        decoded.await.map_err(|e| Error::io(what()).because(e))?
    }
}

/// One column of the table, of a file's rows.
fn column(
    field: &Field,
    batch: &RecordBatch,
    partition_by: Option<&str>,
    value: Option<i32>,
) -> Result<ArrayRef> {
    if partition_by == Some(field.name().as_str()) {
        return Ok(Arc::new(Date32Array::from(vec![value; batch.num_rows()])));
    }
    match batch.column_by_name(field.name()) {
        // A column that came after the file was written.
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        Some(values) => stored_as(values, field.data_type()),
    }
}

fn stored_as(values: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    if values.data_type() == kind {
        return Ok(Arc::clone(values));
    }
    cast(values, kind).map_err(|e| Error::data("a file has columns of other types").because(e))
}

fn table_rows(
    schema: &SchemaRef,
    columns: Result<Vec<ArrayRef>>,
    rows: usize,
) -> Result<RecordBatch> {
    let options =
        datafusion::arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &options)
        .map_err(|e| Error::data("a file does not fit its table").because(e))
}
