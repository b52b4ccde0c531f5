//! The tables `system.runs`, `system.checks`, `system.snapshots`,
//! `system.branches`, `system.partitions` and `system.restatements`: the lake's
//! own records, readable with SQL.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::MemTable;

use crate::lake::{
    CheckRecord, Lake, Partition, Restated, Restatement, RunRecord, Snapshot, TableEntry, date_days,
};
use crate::name::TableName;

/// The tables computed from the lake's records.
pub(in crate::engine) const TABLES: [&str; 6] = [
    "runs",
    "checks",
    "snapshots",
    "branches",
    "partitions",
    "restatements",
];

/// The table `system.<name>`, if there is one; `seen` is the snapshot that the
/// session reads.
pub(in crate::engine) async fn table(
    name: &str,
    lake: &Lake,
    seen: Option<&Snapshot>,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let batch = match name {
        "runs" => runs(&lake.runs().await.map_err(external)?)?,
        "checks" => checks(&lake.runs().await.map_err(external)?)?,
        "snapshots" => snapshots(&lake.snapshots().await.map_err(external)?)?,
        "branches" => {
            let main = lake.latest().await.map_err(external)?;
            branches(&lake.branches().await.map_err(external)?, main.as_ref())?
        }
        "partitions" => partitions(seen)?,
        "restatements" => {
            let seen = seen.map_or(0, |snapshot| snapshot.id);
            restatements(&lake.restatements(seen).await.map_err(external)?)?
        }
        _ => return Ok(None),
    };
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    Ok(Some(Arc::new(table)))
}

fn external(error: crate::error::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn runs(runs: &[RunRecord]) -> Result<RecordBatch> {
    let tables = |r: &RunRecord| {
        let names: Vec<String> = r.tables_built.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    Ok(RecordBatch::try_from_iter([
        ("run", text(runs.iter().map(|r| Some(r.run.clone())))),
        (
            "command",
            text(runs.iter().map(|r| Some(r.command.clone()))),
        ),
        (
            "started_at",
            instants(runs.iter().map(|r| r.started_at.timestamp_micros())),
        ),
        (
            "ended_at",
            instants(runs.iter().map(|r| r.ended_at.timestamp_micros())),
        ),
        ("status", text(runs.iter().map(|r| Some(r.status.clone())))),
        ("snapshot", numbers(runs.iter().map(|r| r.snapshot))),
        ("rows_in", numbers(runs.iter().map(|r| Some(r.rows_in)))),
        (
            "rows_landed",
            numbers(runs.iter().map(|r| Some(r.rows_landed))),
        ),
        (
            "rows_rejected",
            numbers(runs.iter().map(|r| Some(r.rows_rejected))),
        ),
        ("peak_memory", numbers(runs.iter().map(|r| r.peak_memory))),
        ("tables_built", text(runs.iter().map(|r| Some(tables(r))))),
        ("error", text(runs.iter().map(|r| r.error.clone()))),
    ])?)
}

fn checks(runs: &[RunRecord]) -> Result<RecordBatch> {
    let all: Vec<(&RunRecord, &CheckRecord)> = runs
        .iter()
        .flat_map(|r| r.checks.iter().map(move |c| (r, c)))
        .collect();
    let samples =
        |c: &CheckRecord| (!c.samples.is_empty()).then(|| format!("[{}]", c.samples.join(",")));
    Ok(RecordBatch::try_from_iter([
        ("run", text(all.iter().map(|(r, _)| Some(r.run.clone())))),
        (
            "checked_at",
            instants(all.iter().map(|(r, _)| r.ended_at.timestamp_micros())),
        ),
        (
            "table_name",
            text(
                all.iter()
                    .map(|(_, c)| c.table.as_ref().map(ToString::to_string)),
            ),
        ),
        (
            "check_name",
            text(all.iter().map(|(_, c)| Some(c.check.clone()))),
        ),
        (
            "severity",
            text(all.iter().map(|(_, c)| Some(c.severity.clone()))),
        ),
        (
            "outcome",
            text(all.iter().map(|(_, c)| Some(c.outcome.clone()))),
        ),
        (
            "failing_rows",
            numbers(all.iter().map(|(_, c)| Some(c.failing_rows))),
        ),
        ("samples", text(all.iter().map(|(_, c)| samples(c)))),
    ])?)
}

fn snapshots(snapshots: &[Snapshot]) -> Result<RecordBatch> {
    let rows = |s: &Snapshot| s.tables.values().map(|t| t.rows).sum();
    // A rollback brings back tables that changed in an older snapshot.
    let changed = |at: usize| {
        let before = at.checked_sub(1).map(|before| &snapshots[before]);
        let is_new = |name: &TableName, t: &TableEntry| match before {
            Some(before) => before.tables.get(name).map(|b| b.changed_in) != Some(t.changed_in),
            None => t.changed_in == snapshots[at].id,
        };
        let tables = snapshots[at].tables.iter();
        tables.filter(|(name, t)| is_new(name, t)).count() as u64
    };
    Ok(RecordBatch::try_from_iter([
        ("snapshot", numbers(snapshots.iter().map(|s| Some(s.id)))),
        ("run", text(snapshots.iter().map(|s| Some(s.run.clone())))),
        (
            "command",
            text(snapshots.iter().map(|s| Some(s.command.clone()))),
        ),
        (
            "published_at",
            instants(snapshots.iter().map(|s| s.published_at.timestamp_micros())),
        ),
        (
            "tables",
            numbers(snapshots.iter().map(|s| Some(s.tables.len() as u64))),
        ),
        (
            "tables_changed",
            numbers((0..snapshots.len()).map(|at| Some(changed(at)))),
        ),
        (
            "total_rows",
            numbers(snapshots.iter().map(|s| Some(rows(s)))),
        ),
    ])?)
}

/// The branches as they stand beside `main`, its newest snapshot.
fn branches(branches: &[Snapshot], main: Option<&Snapshot>) -> Result<RecordBatch> {
    let began_at = |s: &Snapshot| s.branch.as_ref().map(|branch| branch.began_at);
    let name = |s: &Snapshot| s.branch.as_ref().map(|branch| branch.name.to_string());
    let differ = |s: &Snapshot| main.map(|main| main.changed_to(s).len() as u64);
    let is_behind = |s: &Snapshot| began_at(s) != main.map(|main| main.id);
    Ok(RecordBatch::try_from_iter([
        ("branch", text(branches.iter().map(name))),
        ("snapshot", numbers(branches.iter().map(|s| Some(s.id)))),
        ("began_at", numbers(branches.iter().map(began_at))),
        (
            "behind",
            Arc::new(BooleanArray::from_iter(
                branches.iter().map(|s| Some(is_behind(s))),
            )) as ArrayRef,
        ),
        (
            "published_at",
            instants(branches.iter().map(|s| s.published_at.timestamp_micros())),
        ),
        ("tables_differ", numbers(branches.iter().map(differ))),
        ("run", text(branches.iter().map(|s| Some(s.run.clone())))),
    ])?)
}

/// The partitions that hold rows; a table that is not split has one.
fn partitions(seen: Option<&Snapshot>) -> Result<RecordBatch> {
    let tables = seen.iter().flat_map(|s| &s.tables);
    let all: Vec<(String, &Partition)> = tables
        .flat_map(|(name, t)| t.partitions.filled().map(move |p| (name.to_string(), p)))
        .collect();
    Ok(RecordBatch::try_from_iter([
        (
            "table_name",
            text(all.iter().map(|(name, _)| Some(name.clone()))),
        ),
        (
            "partition",
            Arc::new(all.iter().map(|(_, p)| p.value).collect::<Date32Array>()) as ArrayRef,
        ),
        (
            "changed_in",
            numbers(all.iter().map(|(_, p)| Some(p.changed_in))),
        ),
        ("rows", numbers(all.iter().map(|(_, p)| Some(p.rows)))),
        ("files", numbers(all.iter().map(|(_, p)| Some(p.files)))),
        ("bytes", numbers(all.iter().map(|(_, p)| Some(p.bytes)))),
        (
            "content_hash",
            text(all.iter().map(|(_, p)| p.content.map(|c| c.to_string()))),
        ),
    ])?)
}

/// Numbers of closed months that publishes changed, with what may have caused
/// it.
fn restatements(restated: &[Restated]) -> Result<RecordBatch> {
    let all: Vec<(&Restated, &Restatement)> = restated
        .iter()
        .flat_map(|r| r.restatements.iter().map(move |one| (r, one)))
        .collect();
    let said = |get: fn(&Restatement) -> Option<String>| text(all.iter().map(|(_, r)| get(r)));
    let months = all.iter().map(|(_, r)| date_days(&r.month));
    Ok(RecordBatch::try_from_iter([
        (
            "snapshot",
            numbers(all.iter().map(|(r, _)| Some(r.snapshot))),
        ),
        (
            "published_at",
            instants(all.iter().map(|(r, _)| r.published_at.timestamp_micros())),
        ),
        ("table_name", said(|r| Some(r.table.to_string()))),
        (
            "month",
            Arc::new(months.collect::<Date32Array>()) as ArrayRef,
        ),
        ("row", said(|r| r.row.clone())),
        ("metric", said(|r| r.metric.clone())),
        ("before", said(|r| r.before.clone())),
        ("after", said(|r| r.after.clone())),
        ("rows", numbers(all.iter().map(|(_, r)| Some(r.rows)))),
        (
            "causes",
            said(|r| (!r.causes.is_empty()).then(|| r.causes.join("; "))),
        ),
    ])?)
}

fn text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn numbers(values: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Arc::new(values.map(|v| v.map(signed)).collect::<Int64Array>())
}

fn instants(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}
