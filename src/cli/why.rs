//! `cinelake why`: the files and lines behind numbers of a table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::at::At;
use super::describe::named;
use super::output::{OutputOptions, print};
use super::report::counted;
use super::{Context, Status};
use crate::error::{Error, Result};
use crate::model::TableName;
use crate::refresh::{Access, Line, LineRole, NearReject, WhyAnswer, WhyRequest, Workspace};

/// Show the files and lines behind numbers of a table
#[derive(Debug, clap::Args)]
pub(super) struct Why {
    /// The table, such as `gold.fct_mrr`
    table: String,
    /// The rows asked about, such as `month = date '2023-01-01'`; all when left out
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// The column asked about; all but the grain when left out
    #[arg(long, value_name = "COLUMN")]
    column: Option<String>,
    #[command(flatten)]
    at: At,
    /// At most this many lines
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    output: OutputOptions,
}

impl Why {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let (_, snapshot) = workspace.session(self.at.snapshot.as_ref()).await?;
        let table = match named(&snapshot, &self.table) {
            Ok(table) => table,
            Err(e) => return Err(report_named(&workspace, &self.table).unwrap_or(e)),
        };
        let request = WhyRequest {
            table,
            condition: self.condition.clone(),
            column: self.column.clone(),
            at: self.at.snapshot.clone(),
            with_values: self.limit,
        };
        let answer = workspace.why(&request).await?;
        let shown = answer.lines.len().min(self.limit);
        let near = answer.rejects.near.len().min(self.limit);
        print(
            &self.output,
            &batch(&answer.lines[..shown], &answer.rejects.near[..near])?,
        )?;
        say(context, &request, &answer, shown);
        Ok(Status::Fine)
    }
}

/// The error for a report: it stores nothing.
fn report_named(workspace: &Workspace, text: &str) -> Option<Error> {
    let report = workspace.project.reports.get(text)?;
    let names: Vec<String> = report.inputs.iter().map(|t| format!("`{t}`")).collect();
    Some(
        Error::usage(format!("`{text}` is a report, not a table")).hint(format!(
            "ask about a table that it reads: {}",
            names.join(", ")
        )),
    )
}

fn batch(lines: &[Line], rejects: &[NearReject]) -> Result<RecordBatch> {
    let texts = |of_line: fn(&Line) -> String, of_reject: fn(&NearReject) -> String| {
        let values = lines
            .iter()
            .map(of_line)
            .chain(rejects.iter().map(of_reject));
        Arc::new(StringArray::from_iter_values(values)) as ArrayRef
    };
    let numbers = lines
        .iter()
        .map(|l| l.line)
        .chain(rejects.iter().map(|r| r.line));
    RecordBatch::try_from_iter([
        (
            "role",
            texts(|l| role(l.role).to_owned(), |_| "rejected".to_owned()),
        ),
        (
            "source",
            texts(|l| l.table.table.clone(), |r| r.source.clone()),
        ),
        ("file", texts(|l| l.path.clone(), |r| r.path.clone())),
        (
            "line",
            Arc::new(Int64Array::from_iter_values(numbers)) as ArrayRef,
        ),
        (
            "row",
            texts(
                |l| l.values.clone().unwrap_or_default(),
                |r| r.raw.trim_end().to_owned(),
            ),
        ),
        ("via", texts(via, reason)),
    ])
    .map_err(|e| Error::data("could not list").because(e))
}

fn role(role: LineRole) -> &'static str {
    match role {
        LineRole::Value => "value",
        LineRole::Filter => "filter",
    }
}

/// The shortest way, and how many others there are.
fn via(line: &Line) -> String {
    let Some(way) = line.via.iter().min_by_key(|way| way.len()) else {
        return String::new();
    };
    let text = way
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" > ");
    match line.via.len() {
        1 => text,
        n => format!("{text} (+{})", n - 1),
    }
}

fn reason(reject: &NearReject) -> String {
    match &reject.column {
        Some(column) => format!("column `{column}`: {}", reject.reason),
        None => reject.reason.clone(),
    }
}

fn say(context: &Context, request: &WhyRequest, answer: &WhyAnswer, shown: usize) {
    let console = &context.console;
    let mut counts: BTreeMap<(LineRole, &TableName), u64> = BTreeMap::new();
    for line in &answer.lines {
        *counts.entry((line.role, &line.table)).or_default() += 1;
    }
    let asked = match &request.column {
        Some(column) => format!("`{column}` in {}", counted(answer.selected as u64, "row")),
        None => counted(answer.selected as u64, "row"),
    };
    console.say(&format!("{asked} of {}:", request.table));
    for ((role, table), n) in &counts {
        let does = match role {
            LineRole::Value => "computed from",
            LineRole::Filter => "selected by",
        };
        console.say(&format!("  {does} {} of {table}", counted(*n, "row")));
    }
    if counts.is_empty() {
        let unlisted = !(answer.whole.is_empty()
            && answer.absent.is_empty()
            && answer.compared.is_empty()
            && answer.cut.is_empty()
            && answer.unfollowed.is_empty());
        console.say(match unlisted {
            true => "  no landed row that can be listed",
            false => "  no landed row stands behind it",
        });
    }
    if !answer.passed.is_empty() {
        let passed = answer.passed.iter();
        let passed: Vec<String> = passed
            .map(|(table, rows)| format!("{table} ({})", counted(*rows as u64, "row")))
            .collect();
        console.say(&format!("passed: {}", passed.join(", ")));
    }
    say_gaps(context, answer);
    if shown < answer.lines.len() {
        console.say(&format!(
            "{shown} of {} listed: `--limit` lists more",
            counted(answer.lines.len() as u64, "line")
        ));
    }
    say_rejects(context, answer);
}

/// What is not listed, and why.
fn say_gaps(context: &Context, answer: &WhyAnswer) {
    let console = &context.console;
    let listed = |tables: &BTreeSet<TableName>| {
        let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    if !answer.whole.is_empty() {
        console.say(&format!("read whole: {}", listed(&answer.whole)));
    }
    if !answer.absent.is_empty() {
        let absent = answer.absent.iter();
        let absent: Vec<String> = absent
            .map(|(table, others)| format!("{table} leaves out what {} holds", listed(others)))
            .collect();
        console.say(&format!("by absence: {}", absent.join("; ")));
    }
    if !answer.compared.is_empty() {
        console.say(&format!(
            "not listed: rows with which a window function of {} compares these",
            listed(&answer.compared)
        ));
    }
    if !answer.cut.is_empty() {
        console.say(&format!(
            "not listed: rows that came after those which {} takes",
            listed(&answer.cut)
        ));
    }
    for text in &answer.unfollowed {
        console.warn(text);
    }
}

fn say_rejects(context: &Context, answer: &WhyAnswer) {
    let near = answer.rejects.near.len() as u64;
    if near > 0 {
        context.console.say(&format!(
            "{} of these sources may have counted: the text holds a value of `--where`",
            counted(near, "rejected line")
        ));
    }
    for (source, n) in &answer.rejects.others {
        let more = if near > 0 { "more " } else { "" };
        context.console.say(&format!(
            "{} of {source} may have counted, nothing tells: \
             `cinelake rejects --source {source}`",
            counted(*n as u64, &format!("{more}rejected line"))
        ));
    }
}
