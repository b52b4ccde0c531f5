//! The operator beneath: groups whose places are made of their keys.

use std::fmt;
use std::sync::Arc;

use cinelake_kernels::{Months, Places, Span, Texts};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, Int64Array, PrimitiveArray,
    StringViewBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, exec_datafusion_err, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateInputMode, AggregateOutputMode, aggregate_expressions,
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
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::rest::{states_schema, with_rest};
use super::{Key, has_numbers, places};
use crate::engine::rules::common_subplan::identity::grouped;
use crate::engine::support::operator::{Identity, Operator};

/// Bytes that a number of an accumulator's state takes, twice: once while rows
/// are added, once as an answer.
const BYTES: usize = 32;

/// A grouping by keys of which enough is known.
#[derive(Debug)]
pub(in crate::engine) struct PerfectAggregate {
    /// The same with a hash table, for where memory is short.
    grouping: Arc<AggregateExec>,
    /// What is known of the keys, of all partitions or of each.
    keys: Vec<Vec<Key>>,
    metrics: ExecutionPlanMetricsSet,
}

impl PerfectAggregate {
    pub(super) fn new(grouping: AggregateExec, keys: Vec<Vec<Key>>) -> Self {
        Self {
            grouping: Arc::new(grouping),
            keys,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    pub(super) fn keys(&self) -> &[Vec<Key>] {
        &self.keys
    }

    fn keys_of(&self, partition: usize) -> &[Key] {
        match self.keys.as_slice() {
            [keys] => keys,
            keys => &keys[partition],
        }
    }
}

impl Operator for PerfectAggregate {
    fn identity(&self) -> Option<Identity> {
        // What is known of the keys decides the way, not the rows.
        Some(grouped(&self.grouping)?.text("by place"))
    }

    fn repeats(&self) -> bool {
        true
    }

    fn computes(&self) -> bool {
        true
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
            Some(grouping) => Ok(Arc::new(Self::new(grouping.clone(), self.keys.clone()))),
            None => internal_err!("a grouping stays one"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new("PerfectAggregate").register(context.memory_pool());
        let keys = self.keys_of(partition);
        if memory.try_grow(Places::bytes_of(places(keys))).is_err() {
            return self.grouping.execute(partition, context);
        }
        let mut groups = Groups::new(&self.grouping, keys, memory)?;
        let grouping = Arc::clone(&self.grouping);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let mut input = grouping.input().execute(partition, Arc::clone(&context))?;
        let rows = stream::once(async move {
            let batch_size = context.session_config().batch_size();
            let (output, schema) = (grouping.mode().output_mode(), grouping.schema());
            while let Some(batch) = input.next().await.transpose()? {
                let timer = metrics.elapsed_compute().timer();
                let found = groups.add(&batch)?;
                drop(timer);
                if !found {
                    let schema = states_schema(&grouping)?;
                    let states = groups.answer(AggregateOutputMode::Partial, schema, batch_size)?;
                    let rest = stream::iter([Ok(batch)]).chain(input);
                    return Ok(with_rest(&grouping, states, rest, &context)?.boxed());
                }
            }
            let timer = metrics.elapsed_compute().timer();
            let answer = groups.answer(output, schema, batch_size)?;
            drop(timer);
            Ok::<_, DataFusionError>(
                answer
                    .map(move |batch| batch.record_output(&metrics))
                    .boxed(),
            )
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
    keys: Vec<(PhysicalExprRef, Digits)>,
    places: Places,
    aggregates: Vec<Aggregate>,
    input: AggregateInputMode,
    memory: MemoryReservation,
    /// What grows beyond numbers, as of the last batch; none once there is no
    /// memory for more.
    grown: Option<usize>,
    /// Groups that the memory is enough for, and that there may be.
    room: usize,
    most: usize,
    /// The places and the groups of a batch's rows.
    at: (Vec<u32>, Vec<usize>),
}

/// The digits of a key.
enum Digits {
    Number(Span),
    Month(Months),
    Text(Texts),
}

/// One aggregate of all groups.
struct Aggregate {
    arguments: Vec<PhysicalExprRef>,
    filter: Option<PhysicalExprRef>,
    accumulator: Box<dyn GroupsAccumulator>,
    /// Numbers of a group's state.
    states: usize,
    /// Whether a state is more than these.
    grows: bool,
}

impl Groups {
    fn new(grouping: &AggregateExec, keys: &[Key], memory: MemoryReservation) -> Result<Self> {
        let aggregates = grouping.aggr_expr();
        let by = grouping.group_expr().expr();
        let arguments = aggregate_expressions(aggregates, grouping.mode(), by.len())?;
        let input = grouping.mode().input_mode();
        // States are of rows that were kept.
        let is_raw = input == AggregateInputMode::Raw;
        let filters = grouping.filter_expr().iter();
        let filters = filters.map(|filter| filter.clone().filter(|_| is_raw));
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
                grows: !has_numbers(aggregate),
            })
        };
        let digits = keys.iter().map(|key| match key {
            Key::Number(span) => Digits::Number(*span),
            Key::Month { first, last } => match Months::between(*first, *last) {
                Some(months) => Digits::Month(months),
                // Of which no row has one.
                None => Digits::Number(Span::new(0, 0)),
            },
            Key::Text(most) => Digits::Text(Texts::new(*most)),
        });
        Ok(Self {
            keys: by
                .iter()
                .map(|(key, _)| Arc::clone(key))
                .zip(digits)
                .collect(),
            places: Places::new(places(keys)),
            aggregates: parts.map(aggregate).collect::<Result<_>>()?,
            input,
            memory,
            grown: Some(0),
            room: 0,
            most: places(keys),
            at: <_>::default(),
        })
    }

    /// Adds the rows of `batch`; false, with none of them added, where a key has
    /// no place or a group no memory.
    fn add(&mut self, batch: &RecordBatch) -> Result<bool> {
        let Some(grown) = self.grown else {
            return Ok(false);
        };
        let rows = batch.num_rows();
        let evaluate = |expression: &PhysicalExprRef| expression.evaluate(batch)?.into_array(rows);
        let (places, groups) = &mut self.at;
        places.clear();
        places.resize(rows, 0);
        for (key, digits) in &mut self.keys {
            if !digits.append(&evaluate(key)?, places)? {
                return Ok(false);
            }
        }
        // There are no more groups than places.
        let wanted = (self.places.count() + rows).min(self.most);
        if wanted > self.room {
            let states = self.aggregates.iter().map(|aggregate| aggregate.states);
            let each = (states.sum::<usize>() + 1) * BYTES;
            let more = wanted.max(2 * self.room).min(self.most) - self.room;
            if self.memory.try_grow(more * each).is_err() {
                return Ok(false);
            }
            self.room += more;
        }
        self.places.groups(places, groups);
        let count = self.places.count();
        for aggregate in &mut self.aggregates {
            let values = aggregate.arguments.iter().map(evaluate);
            let values = values.collect::<Result<Vec<_>>>()?;
            let kept = aggregate.filter.as_ref().map(evaluate).transpose()?;
            let kept = kept.as_ref().map(|kept| kept.as_boolean());
            let accumulator = &mut aggregate.accumulator;
            match self.input {
                AggregateInputMode::Raw => {
                    accumulator.update_batch(&values, groups, kept, count)?;
                }
                AggregateInputMode::Partial => accumulator.merge_batch(&values, groups, count)?,
            }
        }
        let growing = self.aggregates.iter().filter(|aggregate| aggregate.grows);
        let now: usize = growing.map(|aggregate| aggregate.accumulator.size()).sum();
        let more = now.saturating_sub(grown);
        self.grown = self.memory.try_grow(more).is_ok().then_some(grown + more);
        Ok(true)
    }

    /// The groups with their states or answers.
    fn answer(
        self,
        output: AggregateOutputMode,
        schema: SchemaRef,
        batch_size: usize,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + Send + use<>> {
        let count = self.places.count();
        let mut places = self.places.taken().to_vec();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for ((_, digits), field) in self.keys.iter().zip(schema.fields()).rev() {
            columns.push(digits.taken(&mut places, field.data_type())?);
        }
        columns.reverse();
        for mut aggregate in self.aggregates {
            let accumulator = &mut aggregate.accumulator;
            match output {
                _ if count == 0 => {}
                AggregateOutputMode::Partial => columns.extend(accumulator.state(EmitTo::All)?),
                AggregateOutputMode::Final => columns.push(accumulator.evaluate(EmitTo::All)?),
            }
        }
        let answer = match count {
            0 => RecordBatch::new_empty(schema),
            _ => RecordBatch::try_new(schema, columns)?,
        };
        let memory = self.memory;
        Ok(
            stream::iter((0..count).step_by(batch_size)).map(move |from| {
                // What is not needed any more is given back with the last part.
                let _held = &memory;
                Ok(answer.slice(from, batch_size.min(count - from)))
            }),
        )
    }
}

impl Digits {
    /// Appends the digit of each key to its place; false where one has none.
    fn append(&mut self, keys: &ArrayRef, places: &mut [u32]) -> Result<bool> {
        let missing = keys.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let missing = missing.map(|nulls| nulls.iter().map(|valid| !valid).collect::<Vec<_>>());
        let missing = missing.as_deref();
        Ok(match self {
            Self::Number(span) => span.append(numbers(keys)?.values(), missing, places),
            Self::Month(months) => months.append(numbers(keys)?.values(), missing, places),
            Self::Text(texts) => {
                let keys = keys.as_string_view();
                let buffers = keys.data_buffers().iter().map(|buffer| buffer.as_slice());
                let buffers: Vec<&[u8]> = buffers.collect();
                texts.append(keys.views(), &buffers, missing, places)
            }
        })
    }

    /// Takes the last digit off each place; gives the keys that it stands for.
    fn taken(&self, places: &mut [u32], kind: &DataType) -> Result<ArrayRef> {
        let digits = match self {
            Self::Number(span) => span.digits(),
            Self::Month(months) => months.digits(),
            Self::Text(texts) => texts.digits(),
        };
        let taken = places.iter_mut().map(|place| {
            let digit = *place % digits;
            *place /= digits;
            digit
        });
        match self {
            Self::Number(span) => {
                let keys: Int64Array = taken.map(|digit| span.number(digit)).collect();
                as_keys(&keys, kind)
            }
            Self::Month(months) => {
                let keys = taken.map(|digit| months.day(digit));
                Ok(Arc::new(keys.collect::<Date32Array>()))
            }
            Self::Text(texts) => {
                let mut keys = StringViewBuilder::new().with_deduplicate_strings();
                for digit in taken {
                    let text = texts.text(digit).map(str::from_utf8).transpose();
                    keys.append_option(text.map_err(|e| exec_datafusion_err!("{e}"))?);
                }
                Ok(Arc::new(keys.finish()))
            }
        }
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
mod tests;
