//! `cinelake ls`: tables, reports, sources, checks, with their sentences.

use std::sync::Arc;

use clap::ValueEnum;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::at::At;
use super::output::{OutputOptions, print};
use super::{Context, Status};
use crate::docs::sentence;
use crate::error::{Error, Result};
use crate::refresh::{Access, Workspace};

/// List tables, reports, sources or checks
#[derive(Debug, clap::Args)]
pub(super) struct Ls {
    /// What to list
    #[arg(value_enum, default_value_t)]
    what: What,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: OutputOptions,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum What {
    /// Published tables
    #[default]
    Tables,
    /// Questions to run with `cinelake sql NAME`
    Reports,
    /// Sources and their file patterns
    Sources,
    /// Queries that must return no row
    Checks,
}

impl Ls {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        if self.at.snapshot.is_some() && !matches!(self.what, What::Tables) {
            return Err(Error::usage("`--at` goes with tables").hint(
                "reports, sources and checks are files of the project; no snapshot keeps them",
            ));
        }
        let batch = match self.what {
            What::Tables => tables(&workspace, &self.at).await?,
            What::Reports => {
                let reports = workspace.project.reports.values();
                let params = |r: &crate::model::Report| {
                    let shown = r.header.params.iter().map(|p| match &p.default {
                        Some(default) => format!("{} = {default}", p.name),
                        None => p.name.clone(),
                    });
                    shown.collect::<Vec<_>>().join(", ")
                };
                let rows: Vec<[String; 3]> = reports
                    .map(|r| [r.name.clone(), r.header.sentence.clone(), params(r)])
                    .collect();
                texts(["report", "answers", "parameters"], &rows)?
            }
            What::Sources => {
                let files = |c: &crate::source::Contract| {
                    c.files
                        .iter()
                        .map(|f| f.text.clone())
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let rows: Vec<[String; 3]> = workspace
                    .contracts
                    .iter()
                    .map(|c| {
                        [
                            format!("bronze.{}", c.name),
                            files(c),
                            c.description.clone(),
                        ]
                    })
                    .collect();
                texts(["source", "files", "description"], &rows)?
            }
            What::Checks => {
                let rows: Vec<[String; 2]> = workspace
                    .project
                    .checks
                    .values()
                    .map(|c| [c.name.clone(), c.header.sentence.clone()])
                    .collect();
                texts(["check", "finds"], &rows)?
            }
        };
        print(&self.output, &batch)?;
        Ok(Status::Fine)
    }
}

async fn tables(workspace: &Workspace, at: &At) -> Result<RecordBatch> {
    let snapshot = workspace.snapshot(at.snapshot.as_ref()).await?;
    let entries: Vec<_> = snapshot.tables.iter().collect();
    let text = |values: Vec<String>| Arc::new(StringArray::from(values)) as ArrayRef;
    let numbers = |values: Vec<Option<u64>>| {
        let signed = values
            .into_iter()
            .map(|v| v.and_then(|n| i64::try_from(n).ok()));
        Arc::new(signed.collect::<Int64Array>()) as ArrayRef
    };
    let columns = [
        (
            "table",
            text(entries.iter().map(|(n, _)| n.to_string()).collect()),
        ),
        (
            "rows",
            numbers(
                entries
                    .iter()
                    .map(|(_, e)| e.is_stored().then_some(e.rows))
                    .collect(),
            ),
        ),
        (
            "files",
            numbers(entries.iter().map(|(_, e)| Some(e.files)).collect()),
        ),
        (
            "bytes",
            numbers(entries.iter().map(|(_, e)| Some(e.bytes)).collect()),
        ),
        (
            "changed_in",
            numbers(entries.iter().map(|(_, e)| Some(e.changed_in)).collect()),
        ),
        (
            "description",
            text(
                entries
                    .iter()
                    .map(|(n, _)| sentence(workspace, n))
                    .collect(),
            ),
        ),
    ];
    RecordBatch::try_from_iter(columns).map_err(|e| Error::data("could not list").because(e))
}

/// Rows of text as one batch.
pub(super) fn texts<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> Result<RecordBatch> {
    let column = |i: usize| {
        let values = rows.iter().map(|row| row[i].as_str());
        Arc::new(StringArray::from_iter_values(values)) as ArrayRef
    };
    let columns = names.iter().enumerate().map(|(i, name)| (*name, column(i)));
    RecordBatch::try_from_iter(columns).map_err(|e| Error::data("could not list").because(e))
}
