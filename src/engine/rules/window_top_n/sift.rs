//! Rows that may be among the first of their partition, and no others.

use std::sync::Arc;

use cinelake_kernels::Firsts;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::{BatchCoalescer, SortOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use futures::{StreamExt, TryStreamExt, stream};

use super::FirstRows;
use crate::engine::support::numbers::numbers;
use crate::engine::support::over::Rows;

/// Rows after which it is seen whether leaving out is worth it.
const TRIAL: usize = 1 << 17;

/// Held rows below which none are looked at again.
const FEW: usize = 1 << 16;

/// The rows of one partition of `input` that may be among the first.
pub(super) fn sifted(
    how: FirstRows,
    input: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: &Arc<TaskContext>,
) -> Result<Rows> {
    let rows = input.execute(partition, Arc::clone(context))?;
    let sieve = Sieve::new(how, &input.schema(), context)?;
    let batches = stream::try_unfold((rows, Some(sieve)), |(rows, sieve)| next(rows, sieve));
    Ok(batches
        .map_ok(stream::iter)
        .map_ok(|some| some.map(Ok))
        .try_flatten()
        .boxed())
}

type State = (SendableRecordBatchStream, Option<Sieve>);

/// The next rows that go on; nothing at the end.
async fn next(
    mut rows: SendableRecordBatchStream,
    mut sieve: Option<Sieve>,
) -> Result<Option<(Vec<RecordBatch>, State)>> {
    loop {
        let batch = rows.next().await.transpose()?;
        match (batch, sieve.as_mut()) {
            (Some(batch), None) => return Ok(Some((vec![batch], (rows, None)))),
            (Some(batch), Some(held)) => {
                if held.take(&batch)? == Worth::No {
                    let all = held.all()?;
                    return Ok(Some((all, (rows, None))));
                }
            }
            (None, None) => return Ok(None),
            (None, Some(held)) => {
                held.look_again()?;
                let all = held.all()?;
                return Ok(Some((all, (rows, None))));
            }
        }
    }
}

/// Whether to go on leaving out rows.
#[derive(Debug, PartialEq, Eq)]
enum Worth {
    Yes,
    No,
}

/// Holds the rows that may be among the first.
struct Sieve {
    how: FirstRows,
    schema: SchemaRef,
    batch_size: usize,
    partitions: Box<dyn GroupValues>,
    firsts: Firsts,
    /// The rows, and the partition and the number of each, in their order.
    held: BatchCoalescer,
    groups: Vec<usize>,
    numbers: Vec<i64>,
    /// The rows that were held after the last look at all of them.
    looked: usize,
    seen: usize,
    /// What a held row takes, about.
    row_bytes: usize,
    memory: MemoryReservation,
}

impl Sieve {
    fn new(how: FirstRows, schema: &SchemaRef, context: &TaskContext) -> Result<Self> {
        let keys = how.partition_by.iter().enumerate().map(|(i, key)| {
            let nullable = key.nullable(schema)?;
            Ok(Field::new(i.to_string(), key.data_type(schema)?, nullable))
        });
        let keys: Vec<Field> = keys.collect::<Result<_>>()?;
        let batch_size = context.session_config().batch_size();
        Ok(Self {
            partitions: new_group_values(Arc::new(Schema::new(keys)), &GroupOrdering::None)?,
            firsts: Firsts::new(how.most),
            how,
            schema: Arc::clone(schema),
            batch_size,
            held: BatchCoalescer::new(Arc::clone(schema), batch_size),
            groups: Vec::new(),
            numbers: Vec::new(),
            looked: 0,
            seen: 0,
            row_bytes: 0,
            memory: MemoryConsumer::new("FirstRows").register(context.memory_pool()),
        })
    }

    /// Holds the rows of `batch` that may be among the first. It is not worth it
    /// where most are, or where memory is short; they are held all the same.
    fn take(&mut self, batch: &RecordBatch) -> Result<Worth> {
        let rows = batch.num_rows();
        let keys = self.how.partition_by.iter();
        let keys = keys.map(|key| key.evaluate(batch)?.into_array(rows));
        let keys: Vec<ArrayRef> = keys.collect::<Result<_>>()?;
        let mut groups = Vec::with_capacity(rows);
        self.partitions.intern(&keys, &mut groups)?;
        let order = self.how.order_by.evaluate(batch)?.into_array(rows)?;
        let numbers = with_nulls(&order, self.how.options)?;
        let may_be = self.firsts.take(&groups, self.partitions.len(), &numbers);
        self.hold(batch, &groups, &numbers, may_be)?;
        self.seen += rows;
        if self.row_bytes == 0 && rows > 0 {
            self.row_bytes = bytes(batch) / rows + 1;
        }
        if self.seen >= TRIAL && self.groups.len() > self.seen / 4 * 3 {
            return Ok(Worth::No);
        }
        if self.groups.len() > FEW.max(2 * self.looked) {
            self.look_again()?;
        }
        let held = self.groups.len() * (self.row_bytes + 2 * size_of::<i64>());
        let table = self.partitions.size() + self.firsts.bytes();
        Ok(match self.memory.try_resize(held + table) {
            Ok(()) => Worth::Yes,
            Err(_) => Worth::No,
        })
    }

    fn hold(
        &mut self,
        batch: &RecordBatch,
        groups: &[usize],
        numbers: &[i64],
        chosen: Vec<bool>,
    ) -> Result<()> {
        for (row, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
            self.groups.push(groups[row]);
            self.numbers.push(numbers[row]);
        }
        let chosen = BooleanArray::from(chosen);
        Ok(self.held.push_batch_with_filter(batch.clone(), &chosen)?)
    }

    /// Lets go of the rows that are no longer among the first.
    fn look_again(&mut self) -> Result<()> {
        let batches = self.batches()?;
        let groups = std::mem::take(&mut self.groups);
        let numbers = std::mem::take(&mut self.numbers);
        let mut from = 0;
        for batch in batches {
            let to = from + batch.num_rows();
            let (groups, numbers) = (&groups[from..to], &numbers[from..to]);
            self.hold(&batch, groups, numbers, self.firsts.still(groups, numbers))?;
            from = to;
        }
        self.looked = self.groups.len();
        Ok(())
    }

    fn batches(&mut self) -> Result<Vec<RecordBatch>> {
        let new = BatchCoalescer::new(Arc::clone(&self.schema), self.batch_size);
        let mut held = std::mem::replace(&mut self.held, new);
        held.finish_buffered_batch()?;
        Ok(std::iter::from_fn(|| held.next_completed_batch()).collect())
    }

    /// All held rows, of which nothing is known any more.
    fn all(&mut self) -> Result<Vec<RecordBatch>> {
        self.batches()
    }
}

/// The bytes of a batch's own values.
fn bytes(batch: &RecordBatch) -> usize {
    let of = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8View => {
            let texts = column.as_string_view().total_buffer_bytes_used();
            texts + size_of::<u128>() * column.len()
        }
        _ => {
            let own = column.to_data().get_slice_memory_size();
            own.unwrap_or_else(|_| column.get_array_memory_size())
        }
    };
    batch.columns().iter().map(of).sum()
}

/// A number of each value and null: of what comes before it is not less.
fn with_nulls(values: &ArrayRef, options: SortOptions) -> Result<Vec<i64>> {
    let mut numbers = numbers(values, options.descending)?;
    let null = if options.nulls_first {
        i64::MAX
    } else {
        i64::MIN
    };
    if let Some(nulls) = values.nulls().filter(|nulls| nulls.null_count() > 0) {
        for (number, _) in numbers.iter_mut().zip(nulls).filter(|(_, valid)| !valid) {
            *number = null;
        }
    }
    Ok(numbers)
}
