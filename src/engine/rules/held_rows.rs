//! Rows that wait hold no memory but their own.
//!
//! A grouping hands on its answer in slices, and each of them keeps the whole
//! answer. DataFusion counts the memory that a slice keeps and not what it
//! takes: of two million groups a sort believes to hold as many times the answer
//! as there are batches, and waits on the disk for want of memory that is there.
//! [`HoldOwnRows`] has rows copied out of what they are a slice of before they wait.
//!
//! A nested-loop join whose rows do not fit asks for them once more, to put them
//! on the disk (apache/datafusion#24676, #24745, #22641). What deals rows out to
//! threads gives them once only, and threads that take files from a common queue
//! leave nothing in it. Where the same rows cannot be given again, [`Unshared`]
//! answers that memory is short; the query is asked again on one thread, where
//! such rows are kept by [`Once`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, MutableArrayData, make_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, resources_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;

use super::common_subplan::Once;
use super::operators::declared;
use crate::engine::support::each::Replace;
use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};

/// Bytes that a column may keep beside its own.
const SPARE: usize = 64 << 10;

/// Puts [`Unshared`] below what holds rows and counts each batch for itself.
#[derive(Debug)]
pub(in crate::engine) struct HoldOwnRows;

impl Replace for HoldOwnRows {
    const NAME: &'static str = "held_rows";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let sorts = |sort: &SortExec| sort.fetch().is_none();
        let holds = plan.downcast_ref::<SortExec>().is_some_and(sorts)
            || plan.is::<NestedLoopJoinExec>()
            || plan.is::<CrossJoinExec>();
        if !holds {
            return Ok(None);
        }
        // Strategy hold their first input.
        let mut inputs: Vec<_> = plan.children().into_iter().cloned().collect();
        if let Some(held) = inputs.first_mut() {
            let again = match repeats(held, config) {
                true => Again::SameRows,
                // With one thread each step has all memory: rows are kept.
                false if config.execution.target_partitions == 1 => {
                    *held = Once::kept(Arc::clone(held));
                    Again::SameRows
                }
                false => Again::ShortOfMemory,
            };
            *held = Arc::new(Unshared::over(held, again));
        }
        replace_children_if_necessary(Arc::clone(plan), inputs).map(Some)
    }
}

/// Whether a plan that is executed a second time gives the same rows. Of
/// DataFusion's operators only of those that are listed it is known.
fn repeats(plan: &Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> bool {
    let own = match declared(plan) {
        Some(own) => own.repeats(),
        None => {
            if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
                // Threads that take files from a common queue leave nothing in it.
                scan.data_source().is::<MemorySourceConfig>()
                    || !config.execution.enable_file_stream_work_stealing
            } else {
                plan.is::<FilterExec>()
                    || plan.is::<ProjectionExec>()
                    || plan.is::<CoalescePartitionsExec>()
                    || plan.is::<EmptyExec>()
                    || plan.is::<PlaceholderRowExec>()
            }
        }
    };
    own && plan
        .children()
        .into_iter()
        .all(|input| repeats(input, config))
}

/// What rows that are asked for once more are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    SameRows,
    /// They cannot be given; where memory is not short, nobody asks.
    ShortOfMemory,
}

/// The rows of its input, without the memory around them.
#[derive(Debug)]
pub(in crate::engine) struct Unshared {
    again: Again,
    /// Which partitions were asked for.
    asked: Vec<AtomicBool>,
}

impl Unshared {
    fn over(input: &Arc<dyn ExecutionPlan>, again: Again) -> Over<Self> {
        let properties = Arc::clone(input.properties());
        let partitions = input.output_partitioning().partition_count();
        let asked = std::iter::repeat_with(AtomicBool::default);
        let asked = asked.take(partitions).collect();
        Over::new(Self { again, asked }, Arc::clone(input), properties)
    }
}

impl Step for Unshared {
    const NAME: &'static str = "Unshared";
    const KEEPS: Keeps = Keeps::Places;

    fn identity(&self) -> Option<Identity> {
        Some(Identity::of(Self::NAME))
    }

    fn repeats(&self) -> bool {
        self.again == Again::SameRows
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        Self::over(&input, self.again)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        let asked = self.asked[partition].swap(true, Ordering::Relaxed);
        if asked && self.again == Again::ShortOfMemory {
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
pub(in crate::engine) fn own(array: &ArrayRef) -> Result<ArrayRef> {
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
pub(in crate::engine) fn with_own_text(array: ArrayRef) -> ArrayRef {
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
