//! Rows that may be among the first of their partition, and no others.

use std::sync::Arc;

use cinelake_kernels::Firsts;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::{BatchCoalescer, SortOptions, cast};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt64Type,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use futures::{StreamExt, TryStreamExt, stream};

use super::FirstRows;
use crate::engine::over::Rows;

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
        let numbers = numbers(&order, self.how.options)?;
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

/// Whether values of the type have numbers in their order.
pub(super) fn is_numbered(kind: &DataType) -> bool {
    kind.is_integer()
        || kind.is_floating()
        || matches!(
            kind,
            DataType::Boolean
                | DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
                | DataType::Decimal128(..)
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
        )
}

/// A number of each value: of a value that comes before another it is not less.
fn numbers(values: &ArrayRef, options: SortOptions) -> Result<Vec<i64>> {
    let numbers: Vec<i64> = match values.data_type() {
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
            let values = values.as_string_view();
            let texts = (0..values.len()).map(|row| match values.is_null(row) {
                true => 0,
                false => of_text(values.value(row)),
            });
            texts.collect()
        }
        _ => {
            let values = cast(values, &DataType::Int64)?;
            values.as_primitive::<Int64Type>().values().to_vec()
        }
    };
    let turn = if options.descending { 0 } else { -1 };
    let null = if options.nulls_first {
        i64::MAX
    } else {
        i64::MIN
    };
    Ok(
        match values.nulls().filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => {
                let numbers = numbers.into_iter().zip(nulls.iter());
                let number = |(number, valid)| if valid { number ^ turn } else { null };
                numbers.map(number).collect()
            }
            None => numbers.into_iter().map(|number| number ^ turn).collect(),
        },
    )
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
