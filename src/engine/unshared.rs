//! Rows that wait hold no memory but their own.
//!
//! A grouping hands on its answer in slices, and each of them keeps the whole
//! answer. DataFusion counts the memory that a slice keeps and not what it
//! takes: of two million groups a sort believes to hold as many times the answer
//! as there are batches, and waits on the disk for want of memory that is there.
//! [`Unshare`] has rows copied out of what they are a slice of before they wait.
//!
//! A nested-loop join whose rows do not fit asks for them once more, to put them
//! on the disk. What deals rows out to threads gives them once only, and panics:
//! [`Unshared`] answers in its place that memory is short, and the query is asked
//! again on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, MutableArrayData, make_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, resources_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;

use super::each::Replace;
use super::over::{Keeps, Over, Rows, Step};

/// Bytes that a column may keep beside its own.
const SPARE: usize = 64 << 10;

/// Puts [`Unshared`] below what holds rows and counts each batch for itself.
#[derive(Debug)]
pub(super) struct Unshare;

impl Replace for Unshare {
    const NAME: &'static str = "unshare";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let sorts = |sort: &SortExec| sort.fetch().is_none();
        let holds = plan.downcast_ref::<SortExec>().is_some_and(sorts)
            || plan.is::<NestedLoopJoinExec>()
            || plan.is::<CrossJoinExec>();
        if !holds {
            return Ok(None);
        }
        // Joins hold their first input.
        let mut inputs: Vec<_> = plan.children().into_iter().cloned().collect();
        if let Some(held) = inputs.first_mut() {
            *held = Arc::new(Unshared::over(held));
        }
        replace_children_if_necessary(Arc::clone(plan), inputs).map(Some)
    }
}

/// The rows of its input, without the memory around them.
#[derive(Debug)]
struct Unshared {
    /// Which partitions were asked for, where none can be twice.
    asked: Option<Vec<AtomicBool>>,
}

impl Unshared {
    fn over(input: &Arc<dyn ExecutionPlan>) -> Over<Self> {
        let properties = Arc::clone(input.properties());
        let partitions = input.output_partitioning().partition_count();
        let asked = || (0..partitions).map(|_| AtomicBool::default()).collect();
        let step = Self {
            asked: gives_rows_once(input).then(asked),
        };
        Over::new(step, Arc::clone(input), properties)
    }
}

fn gives_rows_once(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<RepartitionExec>() || plan.children().into_iter().any(gives_rows_once)
}

impl Step for Unshared {
    const NAME: &'static str = "Unshared";
    const KEEPS: Keeps = Keeps::Places;

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        Self::over(&input)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        if let Some(asked) = &self.asked
            && asked[partition].swap(true, Ordering::Relaxed)
        {
            return resources_err!("the rows that a join holds do not fit into memory");
        }
        let rows = input.execute(partition, context)?;
        Ok(rows.map(|batch| unshared(&batch?)).boxed())
    }
}

fn unshared(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(own);
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = batch.schema();
    Ok(RecordBatch::try_new_with_options(schema, columns, &rows)?)
}

/// The same values; copied where they keep more than twice their memory.
pub(super) fn own(array: &ArrayRef) -> Result<ArrayRef> {
    let held = array.get_array_memory_size();
    if held <= SPARE || held / 2 <= taken(array).saturating_add(SPARE) {
        return Ok(Arc::clone(array));
    }
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], false, array.len());
    copy.try_extend(0, 0, array.len())?;
    let copy = make_array(copy.freeze());
    Ok(with_own_text(copy))
}

/// The same values; text lies in buffers with nothing else in them.
pub(super) fn with_own_text(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        _ => array,
    }
}

/// The bytes that the values take, at most.
fn taken(array: &ArrayRef) -> usize {
    let views = size_of::<u128>() * array.len();
    match array.data_type() {
        DataType::Utf8View => views + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => views + array.as_binary_view().total_buffer_bytes_used(),
        _ => {
            let taken = array.to_data().get_slice_memory_size();
            taken.unwrap_or(usize::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringArray, StringViewArray};

    use super::*;

    #[test]
    fn a_slice_keeps_what_it_takes() {
        let numbers = || (0..100_000_i64).map(|n| (n % 7 > 0).then_some(n));
        let texts = || numbers().map(|n| n.map(|n| format!("{n} is longer than a view")));
        let columns: [(&str, ArrayRef); 3] = [
            ("n", Arc::new(numbers().collect::<Int64Array>())),
            ("v", Arc::new(texts().collect::<StringViewArray>())),
            ("t", Arc::new(texts().collect::<StringArray>())),
        ];
        let whole = RecordBatch::try_from_iter(columns).unwrap();
        let part = whole.slice(50_000, 1000);
        assert!(part.get_array_memory_size() > 4 << 20);
        let own = unshared(&part).unwrap();
        assert_eq!(own, part);
        assert!(own.get_array_memory_size() < 256 << 10);
        // What is not shared is not copied.
        let again = unshared(&whole).unwrap();
        for (one, other) in again.columns().iter().zip(whole.columns()) {
            assert!(Arc::ptr_eq(one, other));
        }
    }
}
