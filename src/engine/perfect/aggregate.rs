//! The operator beneath: groups whose places are the distances of their keys.

use std::fmt;
use std::sync::Arc;

use cinelake_kernels::Places;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateOutputMode, aggregate_expressions,
};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::Bounds;

/// Bytes that a number of an accumulator's state takes, twice: once while rows
/// are added, once as an answer.
const BYTES: usize = 32;

/// A grouping by a number within known bounds.
#[derive(Debug)]
pub(in crate::engine) struct PerfectAggregate {
    /// The same with a hash table, for where memory is short.
    grouping: Arc<AggregateExec>,
    bounds: Bounds,
    metrics: ExecutionPlanMetricsSet,
}

impl PerfectAggregate {
    pub(super) fn new(grouping: AggregateExec, bounds: Bounds) -> Self {
        Self {
            grouping: Arc::new(grouping),
            bounds,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for PerfectAggregate {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Perfect")?;
        self.grouping.fmt_as(kind, f)
    }
}

impl ExecutionPlan for PerfectAggregate {
    fn name(&self) -> &'static str {
        "PerfectAggregate"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.grouping.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.grouping.input_distribution_requirements()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.grouping.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.grouping.children()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.grouping.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let grouping: Arc<dyn ExecutionPlan> = Arc::clone(&self.grouping) as _;
        let grouping = replace_children_if_necessary(grouping, children)?;
        match grouping.downcast_ref::<AggregateExec>() {
            Some(grouping) => Ok(Arc::new(Self::new(grouping.clone(), self.bounds))),
            None => internal_err!("a grouping stays one"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let groups = Groups::new(&self.grouping, self.bounds)?;
        let memory = MemoryConsumer::new("PerfectAggregate").register(context.memory_pool());
        if memory.try_grow(groups.bytes(self.bounds)).is_err() {
            return self.grouping.execute(partition, context);
        }
        let batch_size = context.session_config().batch_size();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let input = self.grouping.input().execute(partition, context)?;
        let rows = stream::once(async move {
            let answer = groups.of(input, &metrics).await?;
            let count = answer.num_rows();
            let parts = (0..count).step_by(batch_size).map(move |from| {
                // What is not needed any more is given back with the last part.
                let _held = &memory;
                Ok(answer.slice(from, batch_size.min(count - from)))
            });
            let parts = stream::iter(parts).map(move |batch| batch.record_output(&metrics));
            Ok::<_, DataFusionError>(parts)
        });
        let rows = rows.try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.grouping.child_stats_requests(partition)
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.grouping.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }
}

/// The groups of one partition.
struct Groups {
    schema: SchemaRef,
    key: PhysicalExprRef,
    places: Places,
    aggregates: Vec<Aggregate>,
    output: AggregateOutputMode,
}

/// One aggregate of all groups.
struct Aggregate {
    arguments: Vec<PhysicalExprRef>,
    filter: Option<PhysicalExprRef>,
    accumulator: Box<dyn GroupsAccumulator>,
    /// Numbers of a group's state.
    states: usize,
}

impl Groups {
    fn new(grouping: &AggregateExec, bounds: Bounds) -> Result<Self> {
        let aggregates = grouping.aggr_expr();
        let arguments = aggregate_expressions(aggregates, grouping.mode(), 1)?;
        let filters = grouping.filter_expr().iter().cloned();
        let parts = aggregates.iter().zip(arguments).zip(filters);
        let aggregate = |((aggregate, arguments), filter): (
            (&Arc<AggregateFunctionExpr>, Vec<PhysicalExprRef>),
            Option<PhysicalExprRef>,
        )| {
            Ok(Aggregate {
                arguments,
                filter,
                accumulator: aggregate.create_groups_accumulator()?,
                states: aggregate.state_fields()?.len(),
            })
        };
        Ok(Self {
            schema: grouping.schema(),
            key: Arc::clone(&grouping.group_expr().expr()[0].0),
            places: Places::new(bounds.min, bounds.count),
            aggregates: parts.map(aggregate).collect::<Result<_>>()?,
            output: grouping.mode().output_mode(),
        })
    }

    /// Bytes that groups within the bounds take.
    fn bytes(&self, bounds: Bounds) -> usize {
        let states = self.aggregates.iter().map(|aggregate| aggregate.states);
        let states: usize = states.sum::<usize>() + 1;
        self.places.bytes() + bounds.count * states * BYTES
    }

    async fn of(
        mut self,
        mut input: SendableRecordBatchStream,
        metrics: &BaselineMetrics,
    ) -> Result<RecordBatch> {
        let mut places = Vec::new();
        while let Some(batch) = input.next().await.transpose()? {
            let _time = metrics.elapsed_compute().timer();
            self.add(&batch, &mut places)?;
        }
        let _time = metrics.elapsed_compute().timer();
        self.answer()
    }

    fn add(&mut self, batch: &RecordBatch, places: &mut Vec<usize>) -> Result<()> {
        let rows = batch.num_rows();
        let evaluate = |expression: &PhysicalExprRef| expression.evaluate(batch)?.into_array(rows);
        let keys = numbers(&evaluate(&self.key)?)?;
        match keys.null_count() {
            0 => self.places.of_all(keys.values(), places),
            _ => self.places.of_some(keys.iter(), places),
        }
        for aggregate in &mut self.aggregates {
            let values = aggregate.arguments.iter().map(evaluate);
            let values = values.collect::<Result<Vec<_>>>()?;
            let kept = aggregate.filter.as_ref().map(evaluate).transpose()?;
            let kept = kept.as_ref().map(|kept| kept.as_boolean());
            let count = self.places.count();
            let accumulator = &mut aggregate.accumulator;
            accumulator.update_batch(&values, places, kept, count)?;
        }
        Ok(())
    }

    fn answer(self) -> Result<RecordBatch> {
        if self.places.count() == 0 {
            return Ok(RecordBatch::new_empty(self.schema));
        }
        let keys = self.places.numbers().iter().copied();
        let keys = Int64Array::from_iter(keys);
        let mut columns = vec![as_keys(&keys, self.schema.field(0).data_type())?];
        for mut aggregate in self.aggregates {
            let accumulator = &mut aggregate.accumulator;
            match self.output {
                AggregateOutputMode::Partial => columns.extend(accumulator.state(EmitTo::All)?),
                AggregateOutputMode::Final => columns.push(accumulator.evaluate(EmitTo::All)?),
            }
        }
        Ok(RecordBatch::try_new(self.schema, columns)?)
    }
}

fn numbers(keys: &ArrayRef) -> Result<PrimitiveArray<Int64Type>> {
    Ok(match keys.data_type() {
        DataType::Int64 => keys.as_primitive::<Int64Type>().clone(),
        DataType::Date32 => keys.as_primitive::<Date32Type>().unary(i64::from),
        _ => cast(keys, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .clone(),
    })
}

/// The reverse of [`numbers`].
fn as_keys(numbers: &Int64Array, kind: &DataType) -> Result<ArrayRef> {
    Ok(match kind {
        DataType::Date32 => {
            let days = cast(numbers, &DataType::Int32)?;
            let days: &Int32Array = days.as_primitive();
            Arc::new(days.reinterpret_cast::<Date32Type>())
        }
        kind => cast(numbers, kind)?,
    })
}

#[cfg(test)]
mod tests {
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::functions_aggregate::sum::sum_udaf;
    use datafusion::physical_expr::aggregate::AggregateExprBuilder;
    use datafusion::physical_plan::aggregates::{AggregateMode, PhysicalGroupBy};

    use super::*;
    use datafusion::physical_expr::expressions::Column;

    fn rows(numbers: impl Iterator<Item = Option<i64>>) -> RecordBatch {
        pairs(numbers.map(|key| (key, Some(key.unwrap_or(7)))))
    }

    fn pairs(pairs: impl Iterator<Item = (Option<i64>, Option<i64>)>) -> RecordBatch {
        let (keys, values): (Vec<_>, Vec<_>) = pairs.unzip();
        let (keys, values) = (Int64Array::from(keys), Int64Array::from(values));
        let columns: [(&str, ArrayRef); 2] = [("key", Arc::new(keys)), ("value", Arc::new(values))];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
            .unwrap()
    }

    fn sums(batches: &[RecordBatch]) -> AggregateExec {
        let schema = batches[0].schema();
        let input =
            MemorySourceConfig::try_new_exec(&[batches.to_vec()], Arc::clone(&schema), None);
        let column = |name: &str, at| -> PhysicalExprRef { Arc::new(Column::new(name, at)) };
        let sum = AggregateExprBuilder::new(sum_udaf(), vec![column("value", 1)])
            .schema(Arc::clone(&schema))
            .alias("sum")
            .build();
        AggregateExec::try_new(
            AggregateMode::Single,
            PhysicalGroupBy::new_single(vec![(column("key", 0), "key".to_owned())]),
            vec![Arc::new(sum.unwrap())],
            vec![None],
            input.unwrap(),
            schema,
        )
        .unwrap()
    }

    async fn answer(plan: &dyn ExecutionPlan, memory: usize) -> Vec<(Option<i64>, Option<i64>)> {
        let pool = Arc::new(GreedyMemoryPool::new(memory));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
        let context = Arc::new(TaskContext::default().with_runtime(runtime.unwrap()));
        let batches = plan.execute(0, Arc::clone(&context)).unwrap();
        let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
        assert_eq!(context.memory_pool().reserved(), 0);
        let column = |batch: &RecordBatch, at| numbers(batch.column(at)).unwrap();
        let mut rows: Vec<_> = batches
            .iter()
            .flat_map(|b| {
                column(b, 0)
                    .iter()
                    .zip(column(b, 1).iter())
                    .collect::<Vec<_>>()
            })
            .collect();
        rows.sort_unstable();
        rows
    }

    #[tokio::test]
    async fn a_group_without_a_value_has_no_sum() {
        // As long as no value is missing, accumulators take every group that
        // they were told of for one that has some.
        let first = pairs((0..9).map(|n| (Some(n % 3), Some(n))));
        let later = pairs((0..9).map(|n| (Some(n), (n % 3 == 0).then_some(1))));
        let grouping = sums(&[first, later]);
        let perfect = PerfectAggregate::new(grouping.clone(), Bounds { min: 0, count: 9 });
        let sums = answer(&perfect, 1 << 30).await;
        assert_eq!(sums, answer(&grouping, 1 << 30).await);
        assert!(sums.contains(&(Some(4), None)) && sums.contains(&(Some(6), Some(1))));
    }

    #[tokio::test]
    async fn bounds_may_be_wrong_and_memory_short() {
        let numbers = |from: i64| (from..from + 3000).map(|n| (n % 13 > 0).then_some(n % 997 - 40));
        let batches = [rows(numbers(0)), rows(numbers(5000))];
        let grouping = sums(&batches);
        let expected = answer(&grouping, 1 << 30).await;
        assert!(expected.len() > 990);
        for (min, count) in [(-40, 997), (0, 100), (5000, 10), (-100, 200_000)] {
            for memory in [1 << 30, 1 << 20] {
                let bounds = Bounds { min, count };
                let perfect = PerfectAggregate::new(grouping.clone(), bounds);
                assert_eq!(answer(&perfect, memory).await, expected, "{bounds:?}");
                let used = perfect.metrics().and_then(|metrics| metrics.output_rows());
                // 200,000 sums do not fit a megabyte: a hash table takes over.
                let fits = memory > 1 << 20 || count < 200_000;
                assert_eq!(used.is_some_and(|rows| rows > 0), fits, "{bounds:?}");
            }
        }
    }
}
