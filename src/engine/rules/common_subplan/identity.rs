//! What DataFusion's operators are: all that decides their rows.
//!
//! What is not listed here has no identity, and is never taken for another.

use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::Partitioning;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::engine::rules::operators::declared;
use crate::engine::support::operator::Identity;

/// Windows that treat nulls as any other value.
const RANKS: [&str; 6] = [
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
];

/// All that decides the rows of an operator, beside its inputs; none where
/// nobody vouches for it.
pub(super) fn identity(plan: &Arc<dyn ExecutionPlan>) -> Option<Identity> {
    if let Some(own) = declared(plan) {
        return own.identity();
    }
    grouped_or_joined(plan)
        .or_else(|| windowed(plan))
        .or_else(|| row_by_row(plan))
        .or_else(|| moved(plan))
        .or_else(|| read(plan))
}

/// Whether two leaves are the same files, or the same rows in memory.
pub(super) fn is_same_source(one: &Arc<dyn ExecutionPlan>, other: &Arc<dyn ExecutionPlan>) -> bool {
    let (Some(one), Some(other)) = (
        one.downcast_ref::<DataSourceExec>(),
        other.downcast_ref::<DataSourceExec>(),
    ) else {
        // No rows, or one without columns: there is nothing else to them.
        return true;
    };
    let in_memory = |scan: &DataSourceExec| {
        let rows = scan.data_source().downcast_ref::<MemorySourceConfig>()?;
        let batches = rows.partitions().iter().flatten();
        let columns = batches.flat_map(|batch| batch.columns().to_vec());
        Some(columns.collect::<Vec<_>>())
    };
    match (in_memory(one), in_memory(other)) {
        (Some(one), Some(other)) => {
            one.len() == other.len()
                && !one.is_empty()
                && one
                    .iter()
                    .zip(&other)
                    .all(|(one, other)| Arc::ptr_eq(one, other))
        }
        (None, None) => is_same_files(one, other),
        _ => false,
    }
}

fn is_same_files(one: &DataSourceExec, other: &DataSourceExec) -> bool {
    let (Some((one, _)), Some((other, _))) = (
        one.downcast_to_file_source::<ParquetSource>(),
        other.downcast_to_file_source::<ParquetSource>(),
    ) else {
        return false;
    };
    let same = |(one, other): (&PartitionedFile, &PartitionedFile)| {
        let (met, other_met) = (&one.object_meta, &other.object_meta);
        met.location == other_met.location
            && met.size == other_met.size
            && one.range == other.range
            && one.partition_values == other.partition_values
    };
    one.object_store_url == other.object_store_url
        && one.file_groups.len() == other.file_groups.len()
        && one
            .file_groups
            .iter()
            .zip(&other.file_groups)
            .all(|(one, other)| {
                one.len() == other.len() && one.files().iter().zip(other.files()).all(same)
            })
}

fn grouped_or_joined(plan: &Arc<dyn ExecutionPlan>) -> Option<Identity> {
    if let Some(grouping) = plan.downcast_ref::<AggregateExec>() {
        return grouped(grouping);
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let (left, right): (Vec<_>, Vec<_>) = join.on().iter().cloned().unzip();
        let all = Identity::of("hash join")
            .text(format!("{:?}", join.join_type()))
            .text(format!("{:?}", join.partition_mode()))
            .text(format!("{:?}", join.null_equality()))
            .number(usize::from(join.null_aware))
            .exprs(&left)
            .exprs(&right)
            .maybe(join.fetch());
        return Some(filtered(
            projected(all, join.projection.as_deref()),
            join.filter(),
        ));
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        let (left, right): (Vec<_>, Vec<_>) = join.on().iter().cloned().unzip();
        let all = Identity::of("sort-merge join")
            .text(format!("{:?}", join.join_type()))
            .text(format!("{:?}", join.null_equality()))
            .text(format!("{:?}", join.sort_options()))
            .exprs(&left)
            .exprs(&right);
        return Some(filtered(all, join.filter().as_ref()));
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let all = Identity::of("nested-loop join").text(format!("{:?}", join.join_type()));
        return Some(filtered(
            projected(all, join.projection().as_deref()),
            join.filter(),
        ));
    }
    plan.is::<CrossJoinExec>()
        .then(|| Identity::of("cross join"))
}

/// The identity of a grouping.
pub(in crate::engine) fn grouped(grouping: &AggregateExec) -> Option<Identity> {
    let by = grouping.group_expr();
    let mut all = Identity::of("grouping")
        .text(format!("{:?}", grouping.mode()))
        .text(format!("{:?}", grouping.input_order_mode()))
        .exprs(by.expr().iter().map(|(key, _)| key))
        .exprs(by.null_expr().iter().map(|(key, _)| key))
        .numbers(by.groups().iter().flatten().map(|null| usize::from(*null)))
        .number(usize::from(by.has_grouping_set()));
    for function in grouping.aggr_expr() {
        all = aggregated(all, function);
    }
    for filter in grouping.filter_expr() {
        all = all.exprs(filter.as_ref());
    }
    let limit = grouping.limit_options();
    Some(
        all.maybe(limit.map(|limit| limit.limit()))
            .text(format!("{:?}", limit.and_then(|limit| limit.descending()))),
    )
}

/// Decided by an aggregate, too.
fn aggregated(all: Identity, function: &AggregateFunctionExpr) -> Identity {
    all.aggregate(function.fun())
        .exprs(&function.expressions())
        .order(function.order_bys())
        .number(usize::from(function.is_distinct()))
        .number(usize::from(function.ignore_nulls()))
        .number(usize::from(function.is_reversed()))
        .text(format!("{:?}", function.field().data_type()))
}

fn projected(all: Identity, projection: Option<&[usize]>) -> Identity {
    match projection {
        Some(columns) => all.number(1).numbers(columns.iter().copied()),
        None => all.number(0),
    }
}

/// Decided by a join's condition, and by the sides that its columns are of.
pub(in crate::engine) fn filtered(all: Identity, filter: Option<&JoinFilter>) -> Identity {
    let Some(filter) = filter else {
        return all.number(0);
    };
    let all = all.number(1).exprs([filter.expression()]);
    filter.column_indices().iter().fold(all, |all, column| {
        all.text(format!("{:?}", column.side)).number(column.index)
    })
}

fn windowed(plan: &Arc<dyn ExecutionPlan>) -> Option<Identity> {
    let (windows, how) = if let Some(windows) = plan.downcast_ref::<WindowAggExec>() {
        (windows.window_expr(), "windows".to_owned())
    } else {
        let windows = plan.downcast_ref::<BoundedWindowAggExec>()?;
        if windows.state_observer().is_some() {
            return None;
        }
        (
            windows.window_expr(),
            format!("bounded windows {:?}", windows.input_order_mode),
        )
    };
    let all = Identity::of(&how).number(windows.len());
    windows
        .iter()
        .try_fold(all, |all, window| over_a_window(all, window.as_ref()))
}

/// Decided by a window, too; none where its function cannot be told.
pub(in crate::engine) fn over_a_window(all: Identity, window: &dyn WindowExpr) -> Option<Identity> {
    let all = all
        .exprs(window.partition_by())
        .order(window.order_by())
        .text(format!("{:?}", window.get_window_frame()));
    let any = window.as_any();
    if let Some(window) = any.downcast_ref::<StandardWindowExpr>() {
        let function = window.get_standard_func_expr().as_any();
        let function = function.downcast_ref::<WindowUDFExpr>()?;
        // Whether others ignore nulls cannot be asked.
        let name = function.fun().name();
        return RANKS
            .contains(&name)
            .then(|| all.text(name).exprs(function.args()));
    }
    let function = if let Some(window) = any.downcast_ref::<PlainAggregateWindowExpr>() {
        window.get_aggregate_expr()
    } else {
        let window = any.downcast_ref::<SlidingAggregateWindowExpr>()?;
        window.get_aggregate_expr()
    };
    // Which rows are left out cannot be asked, only whether some are.
    let all_rows = format!("{window:?}").contains("filter: None");
    all_rows.then(|| aggregated(all, function))
}

fn row_by_row(plan: &Arc<dyn ExecutionPlan>) -> Option<Identity> {
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let all = Identity::of("filter")
            .exprs([filter.predicate()])
            .maybe(filter.fetch());
        return Some(projected(all, filter.projection().as_deref()));
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let exprs = projection.expr();
        return Some(Identity::of("projection").exprs(exprs.iter().map(|of| &of.expr)));
    }
    let unnest = plan.downcast_ref::<UnnestExec>()?;
    let lists = unnest.list_column_indices().iter();
    Some(
        Identity::of("unnest")
            .numbers(lists.flat_map(|list| [list.index_in_input_schema, list.depth]))
            .numbers(unnest.struct_column_indices().iter().copied())
            .text(format!("{:?}", unnest.options())),
    )
}

fn moved(plan: &Arc<dyn ExecutionPlan>) -> Option<Identity> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        return Some(
            Identity::of("sort")
                .order(sort.expr())
                .maybe(sort.fetch())
                .number(usize::from(sort.preserve_partitioning())),
        );
    }
    if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
        return Some(
            Identity::of("merge")
                .order(merge.expr())
                .maybe(merge.fetch()),
        );
    }
    if let Some(coalesce) = plan.downcast_ref::<CoalescePartitionsExec>() {
        return Some(Identity::of("coalesce").maybe(coalesce.fetch()));
    }
    if let Some(dealt) = plan.downcast_ref::<RepartitionExec>() {
        let all = Identity::of("repartition").number(usize::from(dealt.preserve_order()));
        return match dealt.partitioning() {
            Partitioning::Hash(keys, parts) => Some(all.text("hash").number(*parts).exprs(keys)),
            Partitioning::RoundRobinBatch(parts) => Some(all.text("in turn").number(*parts)),
            _ => None,
        };
    }
    if let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() {
        return Some(
            Identity::of("limit")
                .number(limit.skip())
                .maybe(limit.fetch()),
        );
    }
    if let Some(limit) = plan.downcast_ref::<LocalLimitExec>() {
        return Some(Identity::of("local limit").number(limit.fetch()));
    }
    if plan.is::<InterleaveExec>() {
        return Some(Identity::of("interleave"));
    }
    plan.is::<UnionExec>().then(|| Identity::of("union"))
}

fn read(plan: &Arc<dyn ExecutionPlan>) -> Option<Identity> {
    if plan.is::<EmptyExec>() || plan.is::<PlaceholderRowExec>() {
        return Some(
            Identity::of(plan.name()).number(plan.output_partitioning().partition_count()),
        );
    }
    let scan = plan.downcast_ref::<DataSourceExec>()?;
    if let Some(rows) = scan.data_source().downcast_ref::<MemorySourceConfig>() {
        let all = Identity::of("rows in memory").maybe(scan.fetch());
        return Some(projected(all, rows.projection().as_deref()));
    }
    let (config, source) = scan.downcast_to_file_source::<ParquetSource>()?;
    let columns = FileSource::projection(source)?;
    let all = Identity::of("files")
        .exprs(columns.iter().map(|of| &of.expr))
        .exprs(FileSource::filter(source).as_ref())
        .maybe(config.limit)
        .number(usize::from(config.preserve_order))
        .number(config.output_ordering.len());
    Some(
        config
            .output_ordering
            .iter()
            .fold(all, |all, order| all.order(order)),
    )
}
