//! `cinelake diff`: what changed between two snapshots, in rows and metrics.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::console::Console;
use super::output::{OutputOptions, print, text_table};
use super::report::{counted, thousands};
use super::{Context, Status};
use crate::error::{Error, Result};
use crate::lake::SnapshotRef;
use crate::refresh::{
    Access, DeliveryChange, DiffOptions, Difference, HowLanded, MetricChange, TableDifference,
};

/// Show what changed between two snapshots, in rows and metrics
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The snapshot before: a number, `main` or a branch; the one before AFTER where left out. A
    /// branch alone is compared with the snapshot at which it began
    before: Option<SnapshotRef>,
    /// The snapshot after; main's newest where left out
    after: Option<SnapshotRef>,
    #[command(flatten)]
    shown: Shown,
}

/// What of a difference is shown, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Shown {
    /// Show the rows of this table that differ, such as `gold.mrr_monthly`
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// At most this many rows of each list; 100 where left out
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    output: OutputOptions,
}

/// Rows of each list, where nobody says.
const LIMIT: usize = 100;

impl Diff {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let options = self.shown.options();
        let difference = workspace
            .diff(self.before.as_ref(), self.after.as_ref(), &options)
            .await?;
        self.shown.show(&context.console, &difference)?;
        Ok(Status::Fine)
    }
}

impl Shown {
    /// Whether anything was asked for.
    pub(super) fn is_default(&self) -> bool {
        self.table.is_none() && self.limit.is_none() && self.as_text()
    }

    pub(super) fn options(&self) -> DiffOptions {
        DiffOptions {
            table: self.table.clone(),
            limit: self.limit(),
        }
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT)
    }

    fn as_text(&self) -> bool {
        self.output.format.is_none() && self.output.output.is_none()
    }

    /// Writes the difference to where it was asked for.
    pub(super) fn show(&self, console: &Console, difference: &Difference) -> Result<()> {
        let sides = sides(difference);
        if let Some(table) = &self.table {
            let Some(rows) = &difference.rows else {
                console.say(&format!("{sides}: no difference in {table}"));
                return Ok(());
            };
            print(&self.output, &rows.batch)?;
            let all = difference.tables.iter().map(|t| t.counts.sum()).sum();
            let notes: Vec<&str> = difference.tables.iter().flat_map(notes).collect();
            let notes = match notes.is_empty() {
                true => String::new(),
                false => format!("; {}", notes.join("; ")),
            };
            console.say(&format!(
                "{sides}: rows of {table} that differ: {} of {} shown{notes}",
                thousands(rows.rows),
                thousands(all)
            ));
            return Ok(());
        }
        let lists = Lists::of(difference, self.limit());
        match self.as_text() {
            true => console.result(&lists.text()?)?,
            false => print(&self.output, &lists.lines()?)?,
        }
        console.say(&format!(
            "{sides}: {}, {}, {}",
            differ(difference.deliveries.len(), "file"),
            differ(difference.tables.len(), "table"),
            differ(difference.metrics.len(), "metric value"),
        ));
        let most = [
            difference.deliveries.len(),
            difference.tables.len(),
            difference.metrics.len(),
        ];
        if most.into_iter().any(|n| n > self.limit()) {
            console.say(&format!(
                "the first {} of each are shown; `--limit` shows more",
                self.limit()
            ));
        }
        Ok(())
    }
}

fn notes(table: &TableDifference) -> impl Iterator<Item = &str> {
    table.notes.iter().map(String::as_str)
}

fn differ(n: usize, what: &str) -> String {
    let verb = if n == 1 { "differs" } else { "differ" };
    format!("{} {verb}", counted(n as u64, what))
}

fn sides(difference: &Difference) -> String {
    let Difference { before, after, .. } = difference;
    format!(
        "from {} to {}",
        before.as_deref().unwrap_or("nothing"),
        after.as_deref().unwrap_or("what a refresh would publish")
    )
}

/// What is shown of each kind.
struct Lists<'a> {
    deliveries: &'a [DeliveryChange],
    tables: &'a [TableDifference],
    metrics: &'a [MetricChange],
}

impl<'a> Lists<'a> {
    fn of(difference: &'a Difference, limit: usize) -> Self {
        fn first<T>(all: &[T], limit: usize) -> &[T] {
            &all[..all.len().min(limit)]
        }
        Self {
            deliveries: first(&difference.deliveries, limit),
            tables: first(&difference.tables, limit),
            metrics: first(&difference.metrics, limit),
        }
    }

    /// A table of each kind, for people.
    fn text(&self) -> Result<String> {
        let mut text = String::new();
        let mut add = |title: &str, batch: RecordBatch| -> Result<()> {
            if batch.num_rows() > 0 {
                let blank = if text.is_empty() { "" } else { "\n" };
                let table = text_table(&batch.schema(), &[batch], false)?.to_string();
                text.push_str(&format!("{blank}{title}\n"));
                text.extend(table.lines().map(|l| format!("{}\n", l.trim_end())));
            }
            Ok(())
        };
        add("Files", self.delivery_table()?)?;
        add("Tables", self.table_table()?)?;
        add("Metrics", self.metric_table()?)?;
        if text.is_empty() {
            text.push_str("no difference\n");
        }
        Ok(text)
    }

    fn delivery_table(&self) -> Result<RecordBatch> {
        let all = self.deliveries;
        batch([
            ("file", texts(all, |d| Some(d.path.clone()))),
            (
                "table",
                texts(all, |d| Some(format!("bronze.{}", d.source))),
            ),
            ("change", texts(all, |d| Some(how(d)))),
            ("rows", numbers(all, |d| Some(d.rows))),
            ("rejected", numbers(all, |d| Some(d.rejected))),
            ("lines", texts(all, |d| Some(line_text(&d.lines)))),
        ])
    }

    fn table_table(&self) -> Result<RecordBatch> {
        let all = self.tables;
        batch([
            ("table", texts(all, |t| Some(t.name.to_string()))),
            ("rows_before", numbers(all, |t| t.rows_before)),
            ("rows_after", numbers(all, |t| t.rows_after)),
            ("added", numbers(all, |t| Some(t.counts.added))),
            ("removed", numbers(all, |t| Some(t.counts.removed))),
            ("changed", numbers(all, |t| Some(t.counts.changed))),
            ("note", texts(all, |t| Some(t.notes.join("; ")))),
        ])
    }

    fn metric_table(&self) -> Result<RecordBatch> {
        let all = self.metrics;
        let rows = |m: &MetricChange| counted(m.rows, "row");
        batch([
            ("table", texts(all, |m| Some(m.table.to_string()))),
            ("month", texts(all, |m| Some(m.month.clone()))),
            (
                "metric",
                texts(all, |m| Some(m.column.clone().unwrap_or_else(|| rows(m)))),
            ),
            ("before", texts(all, |m| m.before.clone())),
            ("after", texts(all, |m| m.after.clone())),
        ])
    }

    /// One table of everything, for programs.
    fn lines(&self) -> Result<RecordBatch> {
        let mut lines = Vec::new();
        lines.extend(self.deliveries.iter().map(delivery_line));
        lines.extend(self.tables.iter().flat_map(table_lines));
        lines.extend(self.metrics.iter().map(metric_line));
        let all = &lines;
        batch([
            ("what", texts(all, |l: &Line| Some(l.what.to_owned()))),
            ("table", texts(all, |l| Some(l.table.clone()))),
            ("change", texts(all, |l| Some(l.change.clone()))),
            ("month", texts(all, |l| l.month.clone())),
            ("column", texts(all, |l| l.column.clone())),
            ("before", texts(all, |l| l.before.clone())),
            ("after", texts(all, |l| l.after.clone())),
            ("rows", numbers(all, |l| l.rows)),
            ("detail", texts(all, |l| l.detail.clone())),
        ])
    }
}

/// One line of the table of everything.
#[derive(Default)]
struct Line {
    what: &'static str,
    table: String,
    change: String,
    month: Option<String>,
    column: Option<String>,
    before: Option<String>,
    after: Option<String>,
    rows: Option<u64>,
    detail: Option<String>,
}

fn delivery_line(delivery: &DeliveryChange) -> Line {
    let lines = match delivery.lines.is_empty() {
        true => String::new(),
        false => format!(":{}", line_text(&delivery.lines)),
    };
    Line {
        what: "file",
        table: format!("bronze.{}", delivery.source),
        change: how(delivery),
        rows: Some(delivery.rows),
        detail: Some(format!("{}{lines}", delivery.path)),
        ..Line::default()
    }
}

fn table_lines(table: &TableDifference) -> Vec<Line> {
    let line = |change: &str, rows: Option<u64>, detail: Option<&String>| Line {
        what: "table",
        table: table.name.to_string(),
        change: change.to_owned(),
        rows,
        detail: detail.cloned(),
        ..Line::default()
    };
    let counts = [
        ("added", table.counts.added),
        ("removed", table.counts.removed),
        ("changed", table.counts.changed),
    ];
    let counts = counts.into_iter().filter(|(_, n)| *n > 0);
    let mut lines: Vec<Line> = counts.map(|(what, n)| line(what, Some(n), None)).collect();
    lines.extend(
        table
            .notes
            .iter()
            .map(|note| line("note", None, Some(note))),
    );
    lines
}

fn metric_line(metric: &MetricChange) -> Line {
    Line {
        what: "metric",
        table: metric.table.to_string(),
        change: "changed".to_owned(),
        month: Some(metric.month.clone()),
        column: metric.column.clone(),
        before: metric.before.clone(),
        after: metric.after.clone(),
        rows: Some(metric.rows),
        detail: None,
    }
}

fn how(delivery: &DeliveryChange) -> String {
    match &delivery.how {
        HowLanded::Landed => "landed".to_owned(),
        HowLanded::Replaced(path) if *path == delivery.path => "replaced".to_owned(),
        HowLanded::Replaced(path) => format!("replaced {path}"),
        HowLanded::Again => "landed again".to_owned(),
        HowLanded::Renamed(path) => format!("renamed from {path}"),
        HowLanded::Gone => "gone".to_owned(),
    }
}

/// Line numbers, those that follow each other as `3-7`.
fn line_text(lines: &[i64]) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *line => *end = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let text = |(start, end): &(i64, i64)| match start == end {
        true => start.to_string(),
        false => format!("{start}-{end}"),
    };
    let texts: Vec<String> = ranges.iter().map(text).collect();
    texts.join(", ")
}

fn texts<T>(all: &[T], get: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(all.iter().map(get).collect::<StringArray>())
}

fn numbers<T>(all: &[T], get: impl Fn(&T) -> Option<u64>) -> ArrayRef {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Arc::new(
        all.iter()
            .map(|t| get(t).map(signed))
            .collect::<Int64Array>(),
    )
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<RecordBatch> {
    let columns = columns.map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|e| Error::data("could not list what differs").because(e))
}
