//! `cinelake describe`: a table's columns, checks and lineage.

use std::collections::BTreeMap;

use super::at::At;
use super::ls::texts;
use super::output::{OutputOptions, print};
use super::report::{counted, thousands};
use super::{Context, Status};
use crate::docs::{column_description, sentence};
use crate::engine::sql_type;
use crate::error::{Error, Result, did_you_mean};
use crate::lake::{EntryKind, Snapshot, StoredColumn, TableEntry};
use crate::model::{Model, TableName};
use crate::refresh::{Access, Workspace};

/// Show a table's columns, checks and lineage
#[derive(Debug, clap::Args)]
pub(super) struct Describe {
    /// The table, such as `gold.dim_users`
    table: String,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: OutputOptions,
}

impl Describe {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let (session, snapshot) = workspace.session(self.at.snapshot.as_ref()).await?;
        let name = named(&snapshot, &self.table)?;
        let entry = entry(&snapshot, &name)?;
        let sql = format!(
            "select * from \"{}\".\"{}\" limit 0",
            name.layer, name.table
        );
        let schema = session.query(&sql, &[]).await?.stream().await?.schema();
        let stored = match &entry.kind {
            EntryKind::View { .. } => BTreeMap::new(),
            EntryKind::Table { .. } | EntryKind::Files(_) => {
                let lake = workspace.lake();
                lake.stored_columns(&lake.files(&name, entry).await?)
                    .await?
            }
        };
        let rows: Vec<[String; 4]> = schema
            .fields()
            .iter()
            .map(|f| {
                [
                    f.name().clone(),
                    sql_type(f.data_type()),
                    stored_as(&stored, entry, f.name()),
                    column_description(&workspace, &name, f.name()),
                ]
            })
            .collect();
        if self.output.format.is_none() && self.output.output.is_none() {
            context.console.result(&about(&workspace, &name, entry))?;
        }
        print(
            &self.output,
            &texts(["column", "type", "storage", "description"], &rows)?,
        )?;
        Ok(Status::Fine)
    }
}

/// How a column is stored in the table's largest file, and its share of it.
fn stored_as(stored: &BTreeMap<String, StoredColumn>, entry: &TableEntry, column: &str) -> String {
    if !stored.is_empty() && entry.partition_by.as_deref() == Some(column) {
        return "folder".to_owned();
    }
    let all: u64 = stored.values().map(|column| column.bytes).sum();
    match stored.get(column) {
        Some(StoredColumn { encoding, bytes }) => {
            format!("{encoding}, {} %", (bytes * 100 + all / 2) / all.max(1))
        }
        None => String::new(),
    }
}

/// The table called `text`, which may lack its layer only in a hint.
pub(super) fn named(snapshot: &Snapshot, text: &str) -> Result<TableName> {
    let mut same = snapshot.tables.keys().filter(|name| name.table == text);
    match (text.parse(), same.next()) {
        (Err(_), Some(name)) => {
            Err(Error::usage(format!("no table `{text}`")).hint(format!("did you mean `{name}`?")))
        }
        (parsed, _) => parsed,
    }
}

fn entry<'a>(snapshot: &'a Snapshot, name: &TableName) -> Result<&'a TableEntry> {
    snapshot.tables.get(name).ok_or_else(|| {
        let names: Vec<String> = snapshot.tables.keys().map(ToString::to_string).collect();
        let hint = did_you_mean(&name.to_string(), names.iter().map(String::as_str));
        Error::usage(format!("no table `{name}`"))
            .hint(hint.unwrap_or_else(|| "`cinelake ls` lists the tables".to_owned()))
    })
}

fn about(workspace: &Workspace, name: &TableName, entry: &TableEntry) -> String {
    let mut text = format!("{name}\n");
    let sentence = sentence(workspace, name);
    if !sentence.is_empty() {
        text.push_str(&format!("{sentence}\n"));
    }
    match &entry.kind {
        EntryKind::View { .. } => text.push_str("\nview\n"),
        EntryKind::Table { .. } | EntryKind::Files(_) => text.push_str(&format!(
            "\n{} in {}, {} bytes, {}, changed in snapshot {}\n",
            counted(entry.rows, "row"),
            counted(entry.files, "file"),
            thousands(entry.bytes),
            match entry.version() {
                Some(version) => format!("Delta version {version}"),
                None => "on a branch".to_owned(),
            },
            entry.changed_in
        )),
    }
    let mut line = |key: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("{key}: {value}\n"));
        }
    };
    line(
        "partition by",
        entry.partition_by.clone().unwrap_or_default(),
    );
    line("order by", entry.order_by.join(", "));
    if let Some(model) = workspace.project.models.get(name) {
        model_lines(model, &mut line);
    }
    let readers: Vec<String> = workspace
        .project
        .readers(name)
        .map(|m| m.name.to_string())
        .collect();
    line("read by", readers.join(", "));
    if let Some(model) = workspace.project.models.get(name)
        && !model.header.description.is_empty()
    {
        text.push_str(&format!("\n{}\n", model.header.description));
    }
    text
}

fn model_lines(model: &Model, line: &mut impl FnMut(&str, String)) {
    line("file", model.path.display().to_string());
    line("grain", model.header.grain.join(", "));
    line("owner", model.header.owner.clone().unwrap_or_default());
    let inputs: Vec<String> = model
        .statement
        .inputs
        .iter()
        .map(|i| i.table.to_string())
        .collect();
    line("reads", inputs.join(", "));
}
