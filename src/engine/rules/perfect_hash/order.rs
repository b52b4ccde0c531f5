//! Orders that a grouping makes nothing of.
//!
//! Files are sorted, and DataFusion keeps their order through a grouping by the
//! column that they are sorted by: rows are merged where they would only have to
//! be dealt out, and a file is read by one thread. By place such a grouping takes
//! rows in any order as fast, and a hash table does anyway. So [`ForgetOrder`]
//! has the scans below tell no order, unless something else relies on it.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

use super::{is_plain, keys};

/// Scans below groupings tell no order where it is of no use. It comes before the rules that
/// build on orders.
#[derive(Debug)]
pub(in crate::engine) struct ForgetOrder;

impl PhysicalOptimizerRule for ForgetOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let statistics = StatisticsContext::new();
        // What is known is kept by address: the plan stays until all of it is.
        forget(Arc::clone(&plan), Order::Kept, &statistics)
    }

    fn name(&self) -> &'static str {
        "forget_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What becomes of the order of an operator's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Something above relies on it.
    Wanted,
    /// Nothing does, and it may be of use.
    Kept,
    /// It is of no use.
    Needless,
}

fn forget(
    plan: Arc<dyn ExecutionPlan>,
    order: Order,
    statistics: &StatisticsContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let unordered = (order == Order::Needless).then(|| without_order(scan));
        return Ok(unordered.flatten().unwrap_or(plan));
    }
    let below = inputs_order(&plan, order, statistics)?;
    let inputs = plan.children().into_iter().cloned().zip(below);
    let inputs = inputs
        .map(|(input, order)| forget(input, order, statistics))
        .collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(plan, inputs)
}

/// What becomes of the order of each input, where it is `order` that becomes of
/// the operator's own.
fn inputs_order(
    plan: &Arc<dyn ExecutionPlan>,
    order: Order,
    statistics: &StatisticsContext,
) -> Result<Vec<Order>> {
    if let Some(grouping) = plan.downcast_ref::<AggregateExec>() {
        return Ok(vec![grouped_order(grouping, order, statistics)?]);
    }
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let known = sort.input().equivalence_properties();
        let is_sorted = known.ordering_satisfy(sort.expr().clone())?;
        let order = if is_sorted {
            Order::Wanted
        } else {
            Order::Kept
        };
        return Ok(vec![order]);
    }
    let (required, keeps) = (plan.required_input_ordering(), plan.maintains_input_order());
    let of_input = |at: usize| {
        let relies = required.get(at).is_some_and(Option::is_some);
        let hands_on = keeps.get(at).copied().unwrap_or(true);
        match order {
            // The first rows may be all that is asked for.
            _ if relies || plan.fetch().is_some() => Order::Wanted,
            Order::Wanted if !hands_on => Order::Kept,
            order => order,
        }
    };
    Ok((0..plan.children().len()).map(of_input).collect())
}

fn grouped_order(
    grouping: &AggregateExec,
    order: Order,
    statistics: &StatisticsContext,
) -> Result<Order> {
    if *grouping.input_order_mode() == InputOrderMode::Linear {
        let relies = grouping
            .required_input_ordering()
            .iter()
            .any(Option::is_some);
        return Ok(if relies {
            Order::Wanted
        } else {
            Order::Needless
        });
    }
    let of_states = grouping.mode().input_mode() == AggregateInputMode::Partial;
    Ok(match order {
        Order::Wanted => Order::Wanted,
        order if of_states => order,
        _ if is_plain(grouping) && keys(grouping, statistics)?.is_some() => Order::Needless,
        _ => Order::Wanted,
    })
}

fn without_order(scan: &DataSourceExec) -> Option<Arc<dyn ExecutionPlan>> {
    let (config, _) = scan.downcast_to_file_source::<ParquetSource>()?;
    let config = FileScanConfigBuilder::from(config.clone())
        .with_output_ordering(Vec::new())
        .build();
    Some(DataSourceExec::from_data_source(config))
}
