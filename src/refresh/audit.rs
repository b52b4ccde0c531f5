//! Checks staged tables before anybody sees them.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::arrow::record_batch::RecordBatch;

use super::due::{Due, Look};
use super::keys::quoted;
use super::plan::referred;
use super::progress::{Event, Observer};
use super::workspace::Workspace;
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::{CheckRecord, SnapshotRef, date_text};
use crate::model::{Check, CheckKind, CheckQuery, Model, Severity, TableName};

/// Failing rows that are kept with a check's result.
const SAMPLES: usize = 100;

/// Whether a check holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// It does not; a warning.
    Warned,
    /// It does not; nothing may be published.
    Failed,
}

/// One check's result.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The table checked; `None` for a query of `queries/checks/`.
    pub table: Option<TableName>,
    /// What was checked, such as `not_null: user_id`.
    pub check: String,
    /// The file that asks for it.
    pub path: std::path::PathBuf,
    /// Its line there; 0 where the grain asks for it.
    pub line: u64,
    /// Whether it holds.
    pub outcome: CheckOutcome,
    /// Rows for which it does not.
    pub failing_rows: u64,
    /// Up to a hundred of them.
    pub samples: Vec<RecordBatch>,
}

impl CheckReport {
    /// The result as the run's record keeps it.
    pub(super) fn record(&self) -> Result<CheckRecord> {
        Ok(CheckRecord {
            table: self.table.clone(),
            check: self.check.clone(),
            severity: if self.outcome == CheckOutcome::Warned {
                "warn"
            } else {
                "error"
            }
            .to_owned(),
            outcome: if self.outcome == CheckOutcome::Passed {
                "passed"
            } else {
                "failed"
            }
            .to_owned(),
            failing_rows: self.failing_rows,
            samples: json_rows(&self.samples)?,
        })
    }
}

impl Workspace {
    /// Makes all checks against the tables of the snapshot `at`, main's newest
    /// where left out. Those that refer to tables which an older snapshot
    /// lacks are passed over with a warning.
    ///
    /// # Errors
    /// When nothing is published or a check cannot be made.
    pub async fn check(
        &self,
        at: Option<&SnapshotRef>,
        observer: &dyn Observer,
    ) -> Result<Vec<CheckReport>> {
        let (session, snapshot) = self.session(at).await?;
        let session = Arc::new(session);
        let lacks = |what: &str, tables: BTreeSet<TableName>| {
            let missing = tables.iter().find(|t| !snapshot.tables.contains_key(*t));
            let missing = missing.filter(|t| at.is_some() && t.layer != "system");
            if let Some(table) = missing {
                let label = snapshot.label();
                observer.event(Event::Warning(format!(
                    "{what} not made: {label} has no `{table}`"
                )));
            }
            missing.is_some()
        };
        let mut reports = Vec::new();
        for model in self
            .project
            .models
            .values()
            .filter(|m| snapshot.tables.contains_key(&m.name))
        {
            if lacks(&format!("checks of {}", model.name), referred(model)) {
                continue;
            }
            observer.event(Event::Checking(&model.name));
            reports.extend(check_model(&session, model).await?);
        }
        for query in self.project.checks.values() {
            let inputs = query.statement.inputs.iter().map(|i| i.table.clone());
            if lacks(&format!("check `{}`", query.name), inputs.collect()) {
                continue;
            }
            reports.push(check_query(&session, query).await?);
        }
        Ok(reports)
    }
}

/// Makes every check of `model`.
pub(super) async fn check_model(session: &Arc<Session>, model: &Model) -> Result<Vec<CheckReport>> {
    let due = model.header.checks.iter().map(|check| Due {
        check: check.clone(),
        look: Look::at(session),
    });
    make_checks(model, &due.collect::<Vec<_>>()).await
}

/// Makes these checks of `model`.
pub(super) async fn make_checks(model: &Model, due: &[Due]) -> Result<Vec<CheckReport>> {
    let mut reports = Vec::new();
    let (by_row, by_set): (Vec<&Due>, Vec<&Due>) = due
        .iter()
        .partition(|due| row_condition(&due.check.kind).is_some());
    let mut left = by_row;
    while let Some(first) = left.first().copied() {
        let (together, others): (Vec<&Due>, Vec<&Due>) = left
            .into_iter()
            .partition(|due| due.look.is_same(&first.look));
        let checks: Vec<&Check> = together.iter().map(|due| &due.check).collect();
        reports.extend(check_rows(model, &first.look, &checks).await?);
        left = others;
    }
    for Due { check, look } in by_set {
        let session = &look.session;
        let (count, sample) = set_queries(&covered(model, look), &check.kind);
        let failing = session
            .number(&count)
            .await
            .map_err(|e| at(e, model, check))?;
        reports.push(report(session, model, check, failing, &sample).await?);
    }
    // As written in the header.
    let order = |r: &CheckReport| {
        let checks = &model.header.checks;
        checks.iter().position(|c| c.kind.to_string() == r.check)
    };
    reports.sort_by_key(order);
    Ok(reports)
}

/// The rows that a check looks at, as SQL.
fn covered(model: &Model, look: &Look) -> String {
    let table = table_sql(&model.name);
    match (&look.days, &model.header.partition_by) {
        (Some(days), Some(column)) => {
            let days: Vec<String> = days
                .iter()
                .map(|day| format!("date '{}'", date_text(*day)))
                .collect();
            let (column, days) = (quoted(column), days.join(", "));
            format!("(select * from {table} where {column} in ({days}))")
        }
        _ => table,
    }
}

/// Makes all checks that look at one row at a time, in one pass.
async fn check_rows(model: &Model, look: &Look, checks: &[&Check]) -> Result<Vec<CheckReport>> {
    let (session, from) = (&look.session, covered(model, look));
    let fails: Vec<String> = checks
        .iter()
        .filter_map(|c| row_condition(&c.kind))
        .collect();
    let counts: Vec<String> = (0..)
        .zip(&fails)
        .map(|(i, f)| format!("count(*) filter (where {f}) as c{i}"))
        .collect();
    let sql = format!("select {} from {from}", counts.join(", "));
    let batches = match session.query(&sql, &[]).await {
        Ok(answer) => answer.collect().await?,
        Err(e) => return Err(blame(session, model, checks, e).await),
    };
    let mut reports = Vec::new();
    for (i, check) in checks.iter().enumerate() {
        let counted = batches.iter().find(|b| b.num_rows() > 0);
        let failing = counted.map_or(0, |b| b.column(i).as_primitive::<Int64Type>().value(0));
        let sample = format!("select * from {from} where {} limit {SAMPLES}", fails[i]);
        reports.push(report(session, model, check, failing, &sample).await?);
    }
    Ok(reports)
}

/// The check whose condition does not even plan, as an error at its line.
async fn blame(session: &Session, model: &Model, checks: &[&Check], error: Error) -> Error {
    for check in checks {
        let Some(fails) = row_condition(&check.kind) else {
            continue;
        };
        let sql = format!("select 1 from {} where {fails}", table_sql(&model.name));
        if let Err(e) = session.query(&sql, &[]).await {
            return at(e, model, check);
        }
    }
    error
}

async fn report(
    session: &Session,
    model: &Model,
    check: &Check,
    failing: i64,
    sample: &str,
) -> Result<CheckReport> {
    let samples = match failing {
        0 => Vec::new(),
        _ => session.query(sample, &[]).await?.collect().await?,
    };
    Ok(CheckReport {
        table: Some(model.name.clone()),
        check: check.kind.to_string(),
        path: model.path.clone(),
        line: check.line,
        outcome: outcome(failing, check.severity),
        failing_rows: u64::try_from(failing).unwrap_or(0),
        samples,
    })
}

/// Runs a query of `queries/checks/`, which must return no row.
pub(super) async fn check_query(session: &Session, query: &CheckQuery) -> Result<CheckReport> {
    let severity = if query.header.tags.iter().any(|t| t == "warn") {
        Severity::Warn
    } else {
        Severity::Error
    };
    let answer = session
        .query(&query.sql, &[])
        .await
        .map_err(|e| e.file(&query.path))?;
    let mut rows = answer.stream().await?;
    let mut failing = 0;
    let mut samples = Vec::new();
    while let Some(batch) = rows.next().await? {
        let kept: usize = samples.iter().map(RecordBatch::num_rows).sum();
        let room = SAMPLES.saturating_sub(kept).min(batch.num_rows());
        failing += batch.num_rows();
        if room > 0 {
            samples.push(batch.slice(0, room));
        }
    }
    let failing = i64::try_from(failing).unwrap_or(i64::MAX);
    Ok(CheckReport {
        table: None,
        check: query.name.clone(),
        path: query.path.clone(),
        line: 0,
        outcome: outcome(failing, severity),
        failing_rows: u64::try_from(failing).unwrap_or(0),
        samples,
    })
}

fn outcome(failing: i64, severity: Severity) -> CheckOutcome {
    match (failing, severity) {
        (0, _) => CheckOutcome::Passed,
        (_, Severity::Warn) => CheckOutcome::Warned,
        (_, Severity::Error) => CheckOutcome::Failed,
    }
}

/// The condition under which a row fails; `None` for checks of whole tables.
fn row_condition(kind: &CheckKind) -> Option<String> {
    match kind {
        CheckKind::NotNull(column) => Some(format!("{} is null", quoted(column))),
        CheckKind::Condition(condition) => Some(format!("({condition}) is not true")),
        CheckKind::Accepted { column, values } => {
            let column = quoted(column);
            let values: Vec<String> = values
                .iter()
                .map(|v| format!("'{}'", v.replace('\'', "''")))
                .collect();
            let values = values.join(", ");
            Some(format!(
                "{column} is not null and cast({column} as text) not in ({values})"
            ))
        }
        CheckKind::Unique(_) | CheckKind::References { .. } | CheckKind::Varies { .. } => None,
    }
}

/// How many rows fail, and which.
fn set_queries(from: &str, kind: &CheckKind) -> (String, String) {
    let fails = match kind {
        CheckKind::References {
            column,
            table,
            target_column,
        } => {
            let (column, target, target_column) =
                (quoted(column), table_sql(table), quoted(target_column));
            format!(
                "select t.* from {from} as t left anti join {target} as r \
                 on t.{column} = r.{target_column} where t.{column} is not null"
            )
        }
        CheckKind::Unique(columns) => {
            let columns: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
            let columns = columns.join(", ");
            format!(
                "select {columns}, count(*) as rows_with_this_key from {from} \
                 group by {columns} having count(*) > 1"
            )
        }
        CheckKind::Varies { column, over } => {
            let (column, over) = (quoted(column), quoted(over));
            format!(
                "select min({column}) as constant_value, count(distinct {over}) as periods \
                 from {from} where {column} is not null \
                 having count(distinct {over}) >= 3 and min({column}) = max({column})"
            )
        }
        _ => format!("select * from {from} where false"),
    };
    (
        format!("select count(*) from ({fails}) as failing"),
        format!("{fails} limit {SAMPLES}"),
    )
}

fn at(error: Error, model: &Model, check: &Check) -> Error {
    error.file(&model.path).line(check.line)
}

/// The table as SQL names it.
pub(super) fn table_sql(name: &TableName) -> String {
    format!("{}.{}", quoted(&name.layer), quoted(&name.table))
}

/// Rows as JSON objects.
fn json_rows(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let failed = |e| Error::data("failing rows cannot be shown").because(e);
    let mut writer = LineDelimitedWriter::new(Vec::new());
    for batch in batches {
        writer.write(batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    Ok(text.lines().map(str::to_owned).collect())
}
