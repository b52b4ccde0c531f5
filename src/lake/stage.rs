//! Writes a table's data files. They belong to nothing until published.
//!
//! Rows come in any order. They are collected by partition; a partition whose
//! rows outgrow the memory set aside is written as one more file. Rows are
//! sorted within each file. Sorting and encoding run on other threads, a few
//! files at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use cinelake_kernels::Encode;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::task::JoinSet;

use super::files::{DATES, date_text, table_folder};
use super::rows::{arrow_error, encode, size};
use super::{DataFile, Lake, PartitionValue, failpoint, store_error};
use crate::clock::Clock;
use crate::error::{Error, Result, did_you_mean};
use crate::name::TableName;

/// Bytes of rows that are not worth a second thread.
const SMALL: usize = 1 << 20;

/// How a table's files are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLayout {
    /// The columns, the partition column among them.
    pub schema: SchemaRef,
    /// The date column by which files are split.
    pub partition_by: Option<String>,
    /// The order of rows within each file, ascending, nulls last.
    pub order_by: Vec<String>,
}

impl TableLayout {
    /// A hash of the columns' names and types.
    #[must_use]
    pub fn columns_hash(&self) -> String {
        let fields = self.schema.fields().iter();
        let columns: Vec<String> = fields
            .map(|f| format!("{}:{}", f.name(), f.data_type()))
            .collect();
        blake3::hash(columns.join(",").as_bytes()).to_hex()[..16].to_owned()
    }

    /// The rows of `batch` by partition.
    ///
    /// # Errors
    /// When the partition column is not there, or is not a date.
    pub fn split(&self, batch: &RecordBatch) -> Result<Vec<(PartitionValue, RecordBatch)>> {
        match &self.partition_by {
            Some(column) => split_by_date(batch, column),
            None => Ok(vec![(None, batch.clone())]),
        }
    }
}

/// Collects a table's rows and writes them as files.
pub struct TableWriter {
    lake: Lake,
    clock: Arc<dyn Clock>,
    name: TableName,
    layout: TableLayout,
    partition: Option<usize>,
    order: Vec<usize>,
    buffers: BTreeMap<Option<i32>, Buffer>,
    buffered: usize,
    budget: usize,
    parallel: usize,
    writing: JoinSet<Result<DataFile>>,
    files: Vec<DataFile>,
}

#[derive(Default)]
struct Buffer {
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl TableWriter {
    /// Starts writing files of the table `name`, holding at most `budget`
    /// bytes of rows in memory and encoding `parallel` files at once.
    ///
    /// # Errors
    /// When the layout names a column that the schema lacks, or none is left
    /// beside the one that splits it.
    pub fn new(
        lake: &Lake,
        clock: Arc<dyn Clock>,
        name: &TableName,
        layout: TableLayout,
        budget: usize,
        parallel: usize,
    ) -> Result<Self> {
        let index = |column: &String| {
            layout.schema.index_of(column).map_err(|_| {
                let columns = layout.schema.fields().iter().map(|f| f.name().as_str());
                Error::usage(format!(
                    "`{name}` has no column `{column}` to be split or ordered by"
                ))
                .maybe_hint(did_you_mean(column, columns))
            })
        };
        let partition = layout.partition_by.as_ref().map(index).transpose()?;
        if partition.is_some() && layout.schema.fields().len() == 1 {
            return Err(Error::usage(format!(
                "`{name}` has no column beside the one it is split by"
            ))
            .hint("files hold the other columns: add one, or leave `partition_by` out"));
        }
        Ok(Self {
            partition,
            order: layout.order_by.iter().map(index).collect::<Result<_>>()?,
            lake: lake.clone(),
            clock,
            name: name.clone(),
            layout,
            buffers: BTreeMap::new(),
            buffered: 0,
            budget,
            parallel: parallel.max(1),
            writing: JoinSet::new(),
            files: Vec::new(),
        })
    }

    /// Adds rows, of the layout's schema.
    ///
    /// # Errors
    /// When a file cannot be written, or a partition value is not a date.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for (value, rows) in self.layout.split(&batch)? {
            let bytes = size(&rows);
            let buffer = self.buffers.entry(value).or_default();
            buffer.batches.push(rows);
            buffer.bytes += bytes;
            self.buffered += bytes;
        }
        while self.buffered > self.budget / (self.parallel + 1) {
            let largest = self
                .buffers
                .iter()
                .max_by_key(|(_, b)| b.bytes)
                .map(|(v, _)| *v);
            let Some(value) = largest else { break };
            self.flush(value).await?;
        }
        Ok(())
    }

    /// Writes what is left and returns every file.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub async fn finish(mut self) -> Result<Vec<DataFile>> {
        let left: Vec<Option<i32>> = self.buffers.keys().copied().collect();
        for value in left {
            self.flush(value).await?;
        }
        while !self.writing.is_empty() {
            self.join_one().await?;
        }
        self.files
            .sort_by(|a, b| (a.partition, &a.path).cmp(&(b.partition, &b.path)));
        Ok(self.files)
    }

    /// Waits for a file that is being written; for all of them when it fails,
    /// so that what is there can be deleted.
    async fn join_one(&mut self) -> Result<()> {
        let Some(written) = self.writing.join_next().await else {
            return Ok(());
        };
        match joined(written) {
            Ok(file) => self.files.push(file),
            Err(e) => {
                while self.writing.join_next().await.is_some() {}
                return Err(e);
            }
        }
        Ok(())
    }

    async fn flush(&mut self, value: Option<i32>) -> Result<()> {
        let Some(buffer) = self.buffers.remove(&value) else {
            return Ok(());
        };
        self.buffered -= buffer.bytes;
        if self.writing.len() >= self.parallel {
            self.join_one().await?;
        }
        failpoint("stage.file")?;
        let (lake, clock) = (self.lake.clone(), Arc::clone(&self.clock));
        let folder = table_folder(&self.name);
        let inside = match (&self.layout.partition_by, value) {
            (Some(column), Some(days)) => format!("{column}={}/", date_text(days)),
            (Some(column), None) => format!("{column}=__HIVE_DEFAULT_PARTITION__/"),
            (None, _) => String::new(),
        };
        let path = format!("{inside}part-{}.parquet", uuid::Uuid::now_v7());
        let (schema, order, partition) = (
            Arc::clone(&self.layout.schema),
            self.order.clone(),
            self.partition,
        );
        // What other files leave of the threads.
        let threads = match buffer.bytes < SMALL {
            true => 1,
            false => self.parallel.div_ceil(self.writing.len() + 1),
        };
        self.writing.spawn(async move {
            let encoded = tokio::task::spawn_blocking(move || {
                encode(&schema, buffer.batches, &order, partition, threads)
            });
            let encoded = encoded
                .await
                .map_err(|e| Error::io("could not encode a file").because(e))??;
            let full = Path::from(format!("{folder}/{path}"));
            let size = encoded.bytes.len() as u64;
            lake.store.staged().insert(full.clone());
            lake.store
                .put(&full, PutPayload::from_bytes(encoded.bytes))
                .await
                .map_err(|e| store_error(format!("could not write {size} bytes to `{full}`"), e))?;
            Ok(DataFile {
                path,
                size,
                modified: clock.now().timestamp_millis(),
                rows: encoded.rows,
                partition: value,
                stats: Some(encoded.stats),
                content: Some(encoded.content),
            })
        });
        Ok(())
    }
}

impl Lake {
    /// Deletes staged files that will not be published, as far as possible.
    pub async fn delete_staged(&self, name: &TableName, files: &[DataFile]) {
        for file in files {
            let path = Path::from(format!("{}/{}", table_folder(name), file.path));
            self.delete_one_staged(path).await;
        }
    }

    /// Deletes every staged file, also of tables that were not finished, as
    /// far as possible.
    pub async fn discard_staged(&self) {
        let staged = self.store.staged().clone();
        for path in staged {
            self.delete_one_staged(path).await;
        }
    }

    async fn delete_one_staged(&self, path: Path) {
        self.store.staged().remove(&path);
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => tracing::debug!(%path, error = %e, "a staged file was not deleted"),
        }
    }
}

/// The values of `column`, a date, in days since 1970.
///
/// # Errors
/// When there is no such column, or it holds something else.
pub fn days_of<'a>(
    batch: &'a RecordBatch,
    column: &str,
) -> Result<impl Iterator<Item = PartitionValue> + 'a> {
    Ok(dates(batch, column)?.iter())
}

fn dates<'a>(batch: &'a RecordBatch, column: &str) -> Result<&'a Date32Array> {
    let days = batch
        .column_by_name(column)
        .and_then(|values| values.as_primitive_opt::<Date32Type>());
    days.ok_or_else(|| {
        Error::usage(format!(
            "a table is split by `{column}`, which is not a date"
        ))
        .hint("cast it: `cast(date_trunc('month', started_at) as date) as month`")
    })
}

/// The rows of `batch` by their value in `column`, a date.
///
/// # Errors
/// When there is no such column, or it holds something else.
pub fn split_by_date(
    batch: &RecordBatch,
    column: &str,
) -> Result<Vec<(PartitionValue, RecordBatch)>> {
    let days = dates(batch, column)?;
    if let (0, Some((first, last))) = (days.null_count(), i32::bounds(days.values()))
        && first == last
    {
        within_dates(column, first)?;
        return Ok(vec![(Some(first), batch.clone())]);
    }
    let mut rows: BTreeMap<PartitionValue, Vec<u32>> = BTreeMap::new();
    for (row, value) in (0..).zip(days) {
        rows.entry(value).or_default().push(row);
    }
    rows.into_iter()
        .map(|(value, rows)| {
            value.map_or(Ok(()), |day| within_dates(column, day))?;
            let rows = take_record_batch(batch, &UInt32Array::from(rows)).map_err(arrow_error)?;
            let rows = without_shared_text(rows)?;
            Ok((value, rows))
        })
        .collect()
}

/// Refuses a day that no folder can be named by.
fn within_dates(column: &str, day: i32) -> Result<()> {
    if DATES.contains(&day) {
        return Ok(());
    }
    Err(Error::data(format!(
        "a table is split by `{column}`, which has a day beyond the years 0 to 9999: \
         {day} days after 1970"
    )))
}

/// Rows taken from a batch share all of its text; these keep their own only.
fn without_shared_text(batch: RecordBatch) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|array| match array.data_type() {
            DataType::Utf8View => Arc::new(array.as_string_view().gc()) as ArrayRef,
            DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
            _ => Arc::clone(array),
        })
        .collect();
    RecordBatch::try_new(batch.schema(), columns).map_err(arrow_error)
}

fn joined(result: Result<Result<DataFile>, tokio::task::JoinError>) -> Result<DataFile> {
    result.map_err(|e| Error::io("a writer stopped").because(e))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_beyond_the_calendar_names_no_folder() {
        for days in [vec![2_932_897], vec![0, -719_529]] {
            let days: ArrayRef = Arc::new(Date32Array::from(days));
            let rows = RecordBatch::try_from_iter([("day", days)]).unwrap();
            let error = split_by_date(&rows, "day").unwrap_err();
            assert!(
                error.to_string().contains("beyond the years 0 to 9999"),
                "{error}"
            );
        }
    }
}
