//! Partitions of a table in turns: as many at once as there are threads.
//!
//! A table split by month is scanned as one partition of the plan a month
//! ([`super::table`]), so what is grouped by month and more needs no shuffle, and
//! each month's groups fit a table of their own. [`TakeTurns`] sees to it that a
//! thread finishes one month before it begins the next: [`InTurns`] stands over
//! the highest operator that needs whole months. Where none does, the scan's
//! files are dealt out to the threads.

mod constant;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, Partitioning, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, SchedulingType, replace_children_if_necessary,
};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::InterleaveExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

/// Gives its input's partitions to fewer outputs: each takes the next that
/// none has begun, and finishes it.
#[derive(Debug)]
pub(super) struct InTurns {
    input: Arc<dyn ExecutionPlan>,
    next: Arc<AtomicUsize>,
    properties: Arc<PlanProperties>,
}

impl InTurns {
    fn new(input: Arc<dyn ExecutionPlan>, outputs: usize) -> Self {
        // One partition after another is in no order.
        let mut equivalences = input.equivalence_properties().clone();
        equivalences.clear_orderings();
        equivalences.clear_per_partition_constants();
        let properties = PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(outputs),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_evaluation_type(input.properties().evaluation_type)
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            input,
            next: Arc::default(),
            properties: Arc::new(properties),
        }
    }

    fn outputs(&self) -> usize {
        self.properties.partitioning.partition_count()
    }
}

impl DisplayAs for InTurns {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.input.output_partitioning().partition_count();
        write!(
            f,
            "InTurns: {inputs} partitions, {} at once",
            self.outputs()
        )
    }
}

impl ExecutionPlan for InTurns {
    fn name(&self) -> &'static str {
        "InTurns"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.outputs()))),
            _ => internal_err!("InTurns has one input"),
        }
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        let (input, next) = (Arc::clone(&self.input), Arc::clone(&self.next));
        let turns = stream::iter(std::iter::from_fn(move || {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            (partition < partitions).then(|| input.execute(partition, Arc::clone(&context)))
        }));
        let rows = turns.try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn child_stats_requests(&self, _: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

/// Puts [`InTurns`] where a plan has more partitions than there are threads.
#[derive(Debug)]
pub(super) struct TakeTurns;

impl PhysicalOptimizerRule for TakeTurns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        settle(plan, config.execution.target_partitions, true)
    }

    fn name(&self) -> &'static str {
        "take_turns"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `ordered`: whether what is above relies on the order of the plan's rows.
fn settle(
    plan: Arc<dyn ExecutionPlan>,
    threads: usize,
    ordered: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let partitions = plan.output_partitioning().partition_count();
    if partitions > threads && needs_whole_partitions(&plan) {
        let in_order = ordered && plan.output_ordering().is_some();
        return Ok(match !in_order && is_local(&plan) {
            true => Arc::new(InTurns::new(constant::without(plan)?, threads)),
            false => plan,
        });
    }
    if partitions > threads
        && let Some(scan) = plan.downcast_ref::<DataSourceExec>()
    {
        return Ok(spread(scan, threads).unwrap_or(plan));
    }
    let required = plan.required_input_ordering();
    let keeps = plan.maintains_input_order();
    let children = plan.children().into_iter().cloned().enumerate();
    let settled = children
        .map(|(at, child)| {
            let relied = required.get(at).is_some_and(Option::is_some);
            let kept = keeps.get(at).copied().unwrap_or(true);
            settle(child, threads, relied || (ordered && kept))
        })
        .collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(plan, settled)
}

/// The scan with its files dealt out to `threads`, for what does not ask for
/// whole partitions: a thread opens its next file while it reads one.
fn spread(scan: &DataSourceExec, threads: usize) -> Option<Arc<dyn ExecutionPlan>> {
    let (config, _) = scan.downcast_to_file_source::<ParquetSource>()?;
    let files = config.file_groups.iter().flat_map(FileGroup::files);
    let groups = FileGroup::new(files.cloned().collect()).split_files(threads);
    let config = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(groups)
        .with_output_partitioning(None)
        .build();
    Some(DataSourceExec::from_data_source(config))
}

/// Whether rows of one key have to lie in one partition, and do so because the
/// table does; or partitions of several inputs are taken together.
fn needs_whole_partitions(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if plan.is::<InterleaveExec>() {
        return true;
    }
    let required = plan.input_distribution_requirements();
    let by_key = |(at, child): (usize, &&Arc<dyn ExecutionPlan>)| {
        matches!(
            required.child_distribution(at),
            Some(Distribution::KeyPartitioned(_))
        ) && child.output_partitioning().partition_count() > 1
    };
    plan.children().iter().enumerate().any(by_key)
}

/// Whether each partition can be worked off by itself: nothing below hands rows
/// from one partition to another.
fn is_local(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.output_partitioning().partition_count() == 1
        || (!plan.is::<RepartitionExec>() && plan.children().into_iter().all(is_local))
}
