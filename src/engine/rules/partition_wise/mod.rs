//! Partitions of a table in turns: as many at once as there are threads.
//!
//! A table split by month is scanned as one partition of the plan a month
//! ([`crate::engine::scan::table`]), so what is grouped by month and more needs no shuffle, and
//! each month's groups fit a table of their own. [`TakeTurns`] sees to it that a
//! thread finishes one month before it begins the next: [`InTurns`] stands over
//! the highest operator that needs whole months. Where none does, the scan's
//! files are dealt out to the threads.

mod constant;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{Distribution, Partitioning};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{SchedulingType, replace_children_if_necessary};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::union::InterleaveExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

pub(in crate::engine) use self::constant::{Constant, OneValue};
use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};

/// Gives its input's partitions to fewer outputs: each takes the next that
/// none has begun, and finishes it.
#[derive(Debug)]
pub(in crate::engine) struct InTurns {
    outputs: usize,
    next: Arc<AtomicUsize>,
}

impl InTurns {
    fn over(input: Arc<dyn ExecutionPlan>, outputs: usize) -> Over<Self> {
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
        let next = Arc::default();
        Over::new(Self { outputs, next }, input, Arc::new(properties))
    }
}

impl Step for InTurns {
    const NAME: &'static str = "InTurns";
    const KEEPS: Keeps = Keeps::Values;

    fn identity(&self) -> Option<Identity> {
        Some(Identity::of(Self::NAME).number(self.outputs))
    }

    fn repeats(&self) -> bool {
        false
    }

    fn about(&self, over: &Over<Self>) -> Option<String> {
        let inputs = over.input.output_partitioning().partition_count();
        Some(format!("{inputs} partitions, {} at once", self.outputs))
    }

    fn renewed(&self, _: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        Self::over(input, self.outputs)
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        _: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        let partitions = input.output_partitioning().partition_count();
        let (input, next) = (Arc::clone(input), Arc::clone(&self.next));
        let turns = stream::iter(std::iter::from_fn(move || {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            (partition < partitions).then(|| input.execute(partition, Arc::clone(&context)))
        }));
        Ok(turns.try_flatten().boxed())
    }
}

/// Puts [`InTurns`] where a plan has more partitions than there are threads.
#[derive(Debug)]
pub(in crate::engine) struct TakeTurns;

impl PhysicalOptimizerRule for TakeTurns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        settle(plan, config.execution.target_partitions, true)
    }

    fn name(&self) -> &'static str {
        "partition_wise"
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
            true => Arc::new(InTurns::over(constant::without(plan)?, threads)),
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
