//! What a query reads more than once, computed once.
//!
//! A common table expression is planned anew wherever it is named. [`FindTwins`]
//! finds the parts of a plan that are alike down to the last expression, and
//! puts a [`Once`] over each: the first that is asked for a partition computes
//! it, all of them read it. What does not fit memory waits in a temporary file.
//! Plain scans are read again, which costs less than holding them.

pub(in crate::engine) mod identity;
mod twins;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayData};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, SpillFile, TaskContext};
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::SpillManager;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};

pub(in crate::engine) use twins::FindTwins;

/// Of the memory that there is, what may be held is one part in so many: others
/// that need it cannot make these rows go.
const SHARE: usize = 4;

/// The number of what is kept for one reader that may ask twice.
const KEPT: usize = 0;

/// One of several equal parts of a plan.
#[derive(Debug)]
pub(in crate::engine) struct Once(Arc<Results>);

/// What the parts have in common. They stand over one input, too: what
/// partitions of one operator share among them would not be shared between two.
#[derive(Debug)]
struct Results {
    /// Tells the parts of a plan apart where it is shown.
    number: usize,
    /// How many of them there are.
    readers: usize,
    partitions: Vec<Mutex<Partition>>,
}

/// One partition's rows, as far as they were asked for.
#[derive(Default)]
struct Partition {
    asked: usize,
    rows: Option<Shared<BoxFuture<'static, Computed>>>,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

type Computed = Result<Arc<Held>, Arc<DataFusionError>>;

/// Rows in memory, and after them those in a file.
struct Held {
    batches: Vec<RecordBatch>,
    file: Option<(SpillManager, Arc<dyn SpillFile>)>,
    _memory: MemoryReservation,
}

impl Once {
    /// One of `readers` parts that read `input`.
    fn over(number: usize, readers: usize, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        let count = input.output_partitioning().partition_count();
        let results = Results {
            number,
            readers,
            partitions: std::iter::repeat_with(Mutex::default).take(count).collect(),
        };
        let properties = PlanProperties::new(
            input.equivalence_properties().clone(),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_evaluation_type(input.properties().evaluation_type)
        .with_scheduling_type(SchedulingType::NonCooperative);
        Over::new(Self(Arc::new(results)), input, Arc::new(properties))
    }
}

impl Once {
    /// `input`, whose rows can be asked for a second time.
    pub(in crate::engine) fn kept(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self::over(KEPT, 2, input))
    }
}

impl Step for Once {
    const NAME: &'static str = "Once";
    const KEEPS: Keeps = Keeps::Places;

    fn identity(&self) -> Option<Identity> {
        None
    }

    fn repeats(&self) -> bool {
        // For as many readers as it was told of.
        self.0.number == KEPT
    }

    fn computes(&self) -> bool {
        true
    }

    fn about(&self, _: &Over<Self>) -> Option<String> {
        let Results {
            number, readers, ..
        } = self.0.as_ref();
        Some(format!("#{number}, read {readers} times"))
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        match self.0.number {
            KEPT => Self::over(KEPT, self.0.readers, input),
            // Others are not told: from here on it stands alone.
            number => Self::over(number, 1, input),
        }
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        let Some(of) = self.0.partitions.get(partition) else {
            return internal_err!("Once has no partition {partition}");
        };
        let mut of = of.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = match &of.rows {
            Some(rows) => rows.clone(),
            None => {
                let input = input.execute(partition, Arc::clone(&context))?;
                let rows = hold(input, context, self.0.partitions.len());
                rows.map_err(Arc::new).boxed().shared()
            }
        };
        of.asked += 1;
        // The last reader lets go of what it has read.
        of.rows = (of.asked < self.0.readers).then(|| rows.clone());
        let rows = rows.map(|held| held.map(read).map_err(DataFusionError::Shared));
        Ok(stream::once(rows).try_flatten().boxed())
    }
}

/// Takes in all rows of one of `partitions`: as many as memory is given for, the
/// others in a file.
async fn hold(
    mut rows: SendableRecordBatchStream,
    context: Arc<TaskContext>,
    partitions: usize,
) -> Result<Arc<Held>> {
    let memory = MemoryConsumer::new("Once").register(context.memory_pool());
    let most = match context.memory_pool().memory_limit() {
        MemoryLimit::Finite(bytes) => bytes / SHARE / partitions.max(1),
        _ => usize::MAX,
    };
    let (mut batches, mut counted) = (Vec::new(), HashSet::new());
    while let Some(batch) = rows.next().await.transpose()? {
        let more = bytes(&batch, &mut counted);
        if memory.size() + more <= most && memory.try_grow(more).is_ok() {
            batches.push(batch);
            continue;
        }
        let options = context.session_config().options();
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let spills = SpillManager::new(context.runtime_env(), metrics, rows.schema())
            .with_compression_type(options.execution.spill_compression);
        let mut file = spills.create_in_progress_file("rows that a query reads more than once")?;
        file.append_batch(&batch)?;
        while let Some(batch) = rows.next().await.transpose()? {
            file.append_batch(&batch)?;
        }
        let file = file.finish()?.map(|file| (spills, file));
        return Ok(Arc::new(Held {
            batches,
            file,
            _memory: memory,
        }));
    }
    Ok(Arc::new(Held {
        batches,
        file: None,
        _memory: memory,
    }))
}

/// The bytes that `batch` holds beside what is `counted` already: batches are
/// often parts of one.
pub(in crate::engine) fn bytes(batch: &RecordBatch, counted: &mut HashSet<usize>) -> usize {
    fn of(data: &ArrayData, counted: &mut HashSet<usize>) -> usize {
        let nulls = data.nulls().map(|nulls| nulls.buffer());
        let buffers = data.buffers().iter().chain(nulls);
        let own: usize = buffers
            .filter(|buffer| counted.insert(buffer.data_ptr().as_ptr().addr()))
            .map(|buffer| buffer.capacity())
            .sum();
        let children = data.child_data().iter();
        own + children.map(|child| of(child, counted)).sum::<usize>()
    }
    let columns = batch.columns().iter();
    columns.map(|column| of(&column.to_data(), counted)).sum()
}

fn read(held: Arc<Held>) -> impl futures::Stream<Item = Result<RecordBatch>> {
    let file = held
        .file
        .as_ref()
        .map(|(spills, file)| spills.read_spill_as_stream(Arc::clone(file), None));
    let count = held.batches.len();
    let batches = stream::iter(0..count).map(move |at| Ok(held.batches[at].clone()));
    let rest = stream::iter(file).try_flatten();
    batches.chain(rest)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;

    use super::*;

    fn batch(from: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + 8192));
        RecordBatch::try_from_iter([("id", ids)]).unwrap()
    }

    fn ids(batches: &[RecordBatch]) -> Vec<i64> {
        let ids = batches
            .iter()
            .map(|b| b.column(0).as_primitive::<Int64Type>().values());
        ids.flat_map(|ids| ids.to_vec()).collect()
    }

    #[tokio::test]
    async fn what_does_not_fit_memory_is_read_from_a_file_by_all() {
        let batches: Vec<RecordBatch> = (0..100).map(|n| batch(n * 8192)).collect();
        let input = MemorySourceConfig::try_new_exec(
            std::slice::from_ref(&batches),
            batches[0].schema(),
            None,
        );
        let once = Once::over(1, 2, input.unwrap());
        let pool = Arc::new(GreedyMemoryPool::new(1 << 20));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
        let context = Arc::new(TaskContext::default().with_runtime(runtime.unwrap()));
        let streams = [0, 1].map(|_| once.execute(0, Arc::clone(&context)).unwrap());
        let mut read = Vec::new();
        for stream in streams {
            read.push(ids(&stream.try_collect::<Vec<_>>().await.unwrap()));
            let disk = &context.runtime_env().disk_manager;
            assert_eq!(disk.used_disk_space() > 0, read.len() == 1);
        }
        assert_eq!(read[0], ids(&batches));
        assert_eq!(read[1], read[0]);
        assert_eq!(context.memory_pool().reserved(), 0);
    }
}
