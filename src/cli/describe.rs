//! `cinelake describe`: a table's columns, checks and lineage.

use super::ls::{sentence, texts};
use super::output::{OutputOptions, print};
use super::report::{counted, thousands};
use super::{Context, Status};
use crate::error::{Error, Result, did_you_mean};
use crate::lake::{EntryKind, Snapshot, TableEntry};
use crate::model::{Model, TableName};
use crate::refresh::{Access, Workspace};

/// Show a table's columns, checks and lineage
#[derive(Debug, clap::Args)]
pub(super) struct Describe {
    /// The table, such as `gold.dim_users`
    table: String,
    #[command(flatten)]
    output: OutputOptions,
}

impl Describe {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let name: TableName = self.table.parse()?;
        let (session, snapshot) = workspace.session(None).await?;
        let entry = entry(&snapshot, &name)?;
        let sql = format!(
            "select * from \"{}\".\"{}\" limit 0",
            name.layer, name.table
        );
        let schema = session.query(&sql, &[]).await?.schema();
        let rows: Vec<[String; 3]> = schema
            .fields()
            .iter()
            .map(|f| {
                [
                    f.name().clone(),
                    type_name(f.data_type()),
                    column_text(&workspace, &name, f.name()),
                ]
            })
            .collect();
        if self.output.format.is_none() && self.output.output.is_none() {
            context.console.result(&about(&workspace, &name, entry))?;
        }
        print(
            &self.output,
            &texts(["column", "type", "description"], &rows)?,
        )?;
        Ok(Status::Fine)
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
        EntryKind::Table { version } => text.push_str(&format!(
            "\n{} in {}, {} bytes, Delta version {version}, changed in snapshot {}\n",
            counted(entry.rows, "row"),
            counted(entry.files, "file"),
            thousands(entry.bytes),
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

fn column_text(workspace: &Workspace, table: &TableName, column: &str) -> String {
    if let Some(model) = workspace.project.models.get(table) {
        let doc = model.columns.iter().find(|c| c.name == column);
        return doc.map(|c| c.description.clone()).unwrap_or_default();
    }
    let contract = workspace
        .contracts
        .iter()
        .find(|c| TableName::bronze(&c.name) == *table);
    let known = contract
        .and_then(|c| c.column(column))
        .map(|c| c.description.clone());
    known
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| match column {
            crate::source::DELIVERY => {
                "the delivery it came with, see system.deliveries".to_owned()
            }
            crate::source::LINE => "its first line in the file".to_owned(),
            crate::source::CURRENT => "false where a newer row with the same key counts".to_owned(),
            _ => String::new(),
        })
}

/// A type in SQL's words.
fn type_name(kind: &datafusion::arrow::datatypes::DataType) -> String {
    use datafusion::arrow::datatypes::DataType;
    match kind {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
        other => other.to_string(),
    }
}
