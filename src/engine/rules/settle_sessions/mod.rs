//! Sessions of files that follow each other in time.
//!
//! An aggregate holds all sessions until the last event has been read. But files
//! tell from when to when their events are, so each thread can read a span of
//! time, file after file: what lies further back than a pause from the files
//! that are left is settled. [`InTime`] finds such sessions, which are unnested
//! as they are; [`SettleSessions`] then hands them on, and what is held is an
//! open session a user and the sessions of files that overlap. Where two threads' spans
//! meet, [`UniteSessions`] unites.

mod held;
mod steps;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{NullHandling, Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use self::steps::Span;
pub(in crate::engine) use self::steps::{SettleSessions, UniteSessions};
use crate::engine::functions::sessionize::{Sessionize, fields, longest_pause};
use crate::engine::support::each::Replace;
use crate::engine::support::over::Over;
use crate::engine::support::projections::{below_names, named_below};

/// Unnested sessions of files that follow each other in time become those of
/// [`SettleSessions`].
#[derive(Debug)]
pub(in crate::engine) struct InTime;

impl Replace for InTime {
    const NAME: &'static str = "settle_sessions";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        match plan.downcast_ref::<UnnestExec>() {
            Some(unnest) => in_time(unnest),
            None => Ok(None),
        }
    }
}

/// The same rows as `unnest`; none where it is of anything else than the
/// sessions of groups, or where files do not follow each other.
fn in_time(unnest: &UnnestExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [list] = unnest.list_column_indices() else {
        return Ok(None);
    };
    let only = list.depth == 1
        && unnest.struct_column_indices().is_empty()
        && unnest.options().null_handling == NullHandling::Drop;
    let (named, united) = below_names(unnest.input());
    let (true, Some(united)) = (only, united.downcast_ref::<AggregateExec>()) else {
        return Ok(None);
    };
    if !matches!(
        united.mode(),
        AggregateMode::Final | AggregateMode::FinalPartitioned
    ) {
        return Ok(None);
    }
    let exchange = united.input();
    let is_exchange = exchange.is::<RepartitionExec>() || exchange.is::<CoalescePartitionsExec>();
    let grouped = match exchange.children().pop() {
        Some(below) if is_exchange => below,
        _ => exchange,
    };
    let Some(grouped) = grouped.downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    let Some(settle) = settled(grouped)? else {
        return Ok(None);
    };
    let keys = grouped.group_expr().expr().len();
    let width = unnest.input().schema().fields().len();
    let columns = (0..width).map(|column| {
        let column = named_below(column, &named)?;
        Some(column.downcast_ref::<Column>()?.index())
    });
    let columns: Option<Vec<usize>> = columns.collect();
    let is_list =
        |(at, column): (usize, &usize)| (at == list.index_in_input_schema) == (*column == keys);
    let Some(columns) = columns.filter(|columns| columns.iter().enumerate().all(is_list)) else {
        return Ok(None);
    };
    let (gap, kind) = (settle.step.gap, settle.step.kind.clone());
    let settle: Arc<dyn ExecutionPlan> = Arc::new(settle);
    let settled = match is_exchange {
        true => replace_children_if_necessary(Arc::clone(exchange), vec![settle])?,
        false => settle,
    };
    let unite = UniteSessions {
        gap,
        kind,
        columns,
        properties: Arc::clone(unnest.properties()),
    };
    Ok(Some(Arc::new(unite.over(settled))))
}

/// The sessions of groups of raw rows, as soon as they are settled.
fn settled(grouped: &AggregateExec) -> Result<Option<Over<SettleSessions>>> {
    let by = grouped.group_expr();
    let ([aggregate], [None]) = (grouped.aggr_expr(), grouped.filter_expr()) else {
        return Ok(None);
    };
    let is_plain = *grouped.mode() == AggregateMode::Partial
        && by.is_single()
        && !by.expr().is_empty()
        && *grouped.input_order_mode() == InputOrderMode::Linear
        && grouped.limit_options().is_none()
        && aggregate.fun().inner().is::<Sessionize>()
        && aggregate.order_bys().is_empty();
    let arguments = aggregate.expressions();
    let (true, [at, gap]) = (is_plain, arguments.as_slice()) else {
        return Ok(None);
    };
    let Some(at) = at.downcast_ref::<Column>() else {
        return Ok(None);
    };
    let Some((files, spans)) = file_by_file(grouped.input(), at.index())? else {
        return Ok(None);
    };
    let kind = at.data_type(&grouped.input().schema())?;
    let DataType::Timestamp(unit, _) = kind else {
        return Ok(None);
    };
    let grouped_by = grouped.schema();
    let keys = grouped_by.fields().iter().take(by.expr().len()).cloned();
    let session = Field::new("session", DataType::Struct(fields(&kind)), false);
    let settled = Field::new("settled", DataType::Boolean, false);
    let columns = keys.chain([Arc::new(session), Arc::new(settled)]);
    let settle = SettleSessions {
        keys: by.input_exprs(),
        at: at.index(),
        gap: longest_pause(gap, unit)?,
        spans: spans.into(),
        outputs: grouped.properties().output_partitioning().partition_count(),
        schema: Arc::new(Schema::new(columns.collect::<Vec<_>>())),
        kind,
    };
    Ok(Some(settle.over(files)))
}

/// A plan and the spans of its partitions.
type InParts = (Arc<dyn ExecutionPlan>, Vec<Span>);

/// `plan` with a partition for each file, in the order of their first times, and
/// the spans of these; none where the times of `column` are not told, or where
/// the times of files with more than half of the rows overlap.
fn file_by_file(plan: &Arc<dyn ExecutionPlan>, column: usize) -> Result<Option<InParts>> {
    let below = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let columns = filter.projection().as_ref();
        Some(columns.map_or(column, |columns| columns[column]))
    } else if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let expr = &projection.expr()[column].expr;
        expr.downcast_ref::<Column>().map(Column::index)
    } else {
        None
    };
    if let (Some(below), [input]) = (below, plan.children().as_slice()) {
        let Some((input, spans)) = file_by_file(input, below)? else {
            return Ok(None);
        };
        let plan = replace_children_if_necessary(Arc::clone(plan), vec![input])?;
        return Ok(Some((plan, spans)));
    }
    let Some(scan) = plan.downcast_ref::<DataSourceExec>() else {
        return Ok(None);
    };
    let Some((config, source)) = scan.downcast_to_file_source::<ParquetSource>() else {
        return Ok(None);
    };
    let stored = source.projection().and_then(|columns| {
        let expr = &columns.as_ref().get(column)?.expr;
        Some(expr.downcast_ref::<Column>()?.index())
    });
    let Some(stored) = stored else {
        return Ok(None);
    };
    let files = config.file_groups.iter().flat_map(FileGroup::files);
    let files: Option<Vec<_>> = files
        .map(|file| Some((span(file, stored)?, file.clone())))
        .collect();
    let Some(mut files) = files else {
        return Ok(None);
    };
    files.sort_by_key(|(span, _)| (span.first, span.last));
    let (spans, files): (Vec<Span>, Vec<PartitionedFile>) = files.into_iter().unzip();
    if longest_step(&spans) * 2 > spans.iter().map(|span| span.rows).sum() {
        return Ok(None);
    }
    let groups = files.into_iter().map(|file| FileGroup::new(vec![file]));
    let config = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(groups.collect())
        .with_output_partitioning(None)
        // Otherwise a partition takes files of another that is slower.
        .with_preserve_order(true)
        .build();
    Ok(Some((DataSourceExec::from_data_source(config), spans)))
}

/// The most rows of files whose times overlap; `spans` are in the order of
/// their first times.
fn longest_step(spans: &[Span]) -> usize {
    let mut until = i64::MIN;
    let mut rows = 0;
    let steps = spans.iter().map(|span| {
        rows = match span.first < until {
            true => rows + span.rows,
            false => span.rows,
        };
        until = until.max(span.last);
        rows
    });
    steps.max().unwrap_or(0)
}

/// From when to when a file's times are, where that is known.
fn span(file: &PartitionedFile, column: usize) -> Option<Span> {
    let statistics = file.statistics.as_ref()?;
    let times = statistics.column_statistics.get(column)?;
    let number = |bound: &Precision<ScalarValue>| match bound {
        Precision::Exact(at) => match at.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(at)) => at,
            _ => None,
        },
        _ => None,
    };
    Some(Span {
        first: number(&times.min_value)?,
        last: number(&times.max_value)?,
        rows: statistics.num_rows.get_value().copied()?,
    })
}

#[cfg(test)]
mod tests;
