//! The data dictionary: everything that is known of every table, as pages.
//!
//! Nothing in it is typed by hand. Sentences, grains, checks and descriptions
//! are read from the files in `queries/`, columns and types from their plans,
//! who reads whom from their SQL. [`Dictionary::gather`] collects it;
//! `markdown.rs` and `html.rs` write it; `lineage.rs` draws it.

mod drawing;
mod html;
mod lineage;
mod markdown;

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::SchemaRef;

use crate::engine::sql_type;
use crate::error::Result;
use crate::lake::{EntryKind, Snapshot};
use crate::model::{CheckQuery, Materialized, Model, Report, Severity, TableName};
use crate::refresh::Workspace;
use crate::source::{CURRENT, Contract, DELIVERY, LINE, Origin};

pub use html::html;
pub use lineage::{Lineage, Node};
pub use markdown::markdown;

/// Everything that is known of a project's tables.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// The tables, by name; `bronze` before `gold` before `silver`.
    pub tables: BTreeMap<TableName, Table>,
    /// The questions, by name.
    pub reports: Vec<Question>,
    /// The queries that must return no row, by name.
    pub checks: Vec<Question>,
    /// Who reads whom.
    pub lineage: Lineage,
    /// The snapshot whose row counts are shown, where one is published.
    pub snapshot: Option<u64>,
}

/// One table.
#[derive(Debug, Default)]
pub struct Table {
    /// Landed, stored or computed when read.
    pub kind: &'static str,
    /// What a row is, in one sentence.
    pub sentence: String,
    /// More paragraphs.
    pub description: String,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// `grain`, `partition by`, `owner` and the like, those that are set.
    pub facts: Vec<(&'static str, String)>,
    /// What must hold.
    pub checks: Vec<String>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in SQL's words.
    pub sql_type: String,
    /// What it says.
    pub description: String,
}

/// A report, or a query that must return no row.
#[derive(Debug)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// What it answers or finds.
    pub sentence: String,
    /// More paragraphs.
    pub description: String,
    /// Name, type and default of each parameter.
    pub params: Vec<String>,
    /// The columns of the answer.
    pub columns: Vec<Column>,
    /// The tables it reads.
    pub reads: Vec<TableName>,
    /// Whether a row it finds is only a warning.
    pub is_warning: bool,
}

impl Dictionary {
    /// Collects what is known; with row counts where a `snapshot` is given.
    ///
    /// # Errors
    /// When a model or report cannot be planned.
    pub async fn gather(workspace: &Workspace, snapshot: Option<&Snapshot>) -> Result<Self> {
        let schemas = workspace.schemas(snapshot).await?;
        let project = &workspace.project;
        let tables = schemas.tables.iter().map(|(name, schema)| {
            let table = table(workspace, name, schema, snapshot);
            (name.clone(), table)
        });
        let reports = project.reports.values().map(|r| {
            let schema = schemas.reports.get(&r.name);
            report_question(r, schema)
        });
        Ok(Self {
            tables: tables.collect(),
            reports: reports.collect(),
            checks: project.checks.values().map(check_question).collect(),
            lineage: Lineage::of(project),
            snapshot: snapshot.map(|s| s.id),
        })
    }

    /// Who reads whom in a project; nothing is planned for it.
    #[must_use]
    pub fn lineage_of(workspace: &Workspace) -> Lineage {
        Lineage::of(&workspace.project)
    }

    /// The tables of one layer, by name.
    pub fn layer<'a>(
        &'a self,
        layer: &'a str,
    ) -> impl Iterator<Item = (&'a TableName, &'a Table)> + 'a {
        self.tables
            .iter()
            .filter(move |(name, _)| name.layer == layer)
    }
}

/// The layers in the order in which people look for tables.
const LAYERS: [(&str, &str); 4] = [
    ("gold", "Gold: marts and dimensions"),
    ("silver", "Silver: cleaned tables"),
    ("bronze", "Bronze: landed rows"),
    ("system", "System: what the lake knows of itself"),
];

fn table(
    workspace: &Workspace,
    name: &TableName,
    schema: &SchemaRef,
    snapshot: Option<&Snapshot>,
) -> Table {
    let columns = schema.fields().iter().map(|field| Column {
        name: field.name().clone(),
        sql_type: sql_type(field.data_type()),
        description: column_description(workspace, name, field.name()),
    });
    let mut table = Table {
        kind: "table",
        sentence: sentence(workspace, name),
        columns: columns.collect(),
        ..Table::default()
    };
    if let Some(model) = workspace.project.models.get(name) {
        add_model(&mut table, model);
    }
    if let Some(contract) = contract(workspace, name) {
        add_contract(&mut table, contract);
    }
    let entry = snapshot.and_then(|s| s.tables.get(name));
    if let Some(entry) = entry.filter(|e| !matches!(e.kind, EntryKind::View { .. })) {
        table.fact("rows", entry.rows.to_string());
    }
    table
}

fn add_model(table: &mut Table, model: &Model) {
    let header = &model.header;
    if header.materialized == Materialized::View {
        table.kind = "view";
    }
    table.description.clone_from(&header.description);
    table.fact("grain", header.grain.join(", "));
    table.fact(
        "partition by",
        header.partition_by.clone().unwrap_or_default(),
    );
    if header.order_by != header.grain {
        table.fact("order by", header.order_by.join(", "));
    }
    table.fact("owner", header.owner.clone().unwrap_or_default());
    table.fact("tags", header.tags.join(", "));
    table.fact("file", model.path.display().to_string());
    table.checks = header
        .checks
        .iter()
        .map(|check| match check.severity {
            Severity::Error => check.kind.to_string(),
            Severity::Warn => format!("{} (warn)", check.kind),
        })
        .collect();
}

fn add_contract(table: &mut Table, contract: &Contract) {
    table.kind = "source";
    let patterns: Vec<&str> = contract.files.iter().map(|f| f.text.as_str()).collect();
    table.fact("files", patterns.join(", "));
    table.fact("key", contract.key.join(", "));
    table.fact(
        "version by",
        contract.version_by.clone().unwrap_or_default(),
    );
    let partition = contract.partition.as_ref();
    table.fact(
        "partition by",
        partition.map_or(String::new(), |p| format!("{} of {}", p.column, p.from)),
    );
    table.fact("zone", contract.zone.to_string());
    table.fact("file", contract.path.display().to_string());
}

impl Table {
    fn fact(&mut self, key: &'static str, value: String) {
        if !value.is_empty() {
            self.facts.push((key, value));
        }
    }
}

fn report_question(report: &Report, schema: Option<&SchemaRef>) -> Question {
    let fields = schema.into_iter().flat_map(|s| s.fields());
    let described = |name: &str| {
        let doc = report.columns.iter().find(|c| c.name == name);
        doc.map(|c| c.description.clone()).unwrap_or_default()
    };
    let columns = fields.map(|field| Column {
        name: field.name().clone(),
        sql_type: sql_type(field.data_type()),
        description: described(field.name()),
    });
    let params = report.header.params.iter().map(|p| match &p.default {
        Some(default) => format!("{} {} = {default}", p.name, p.sql_type),
        None => format!("{} {}", p.name, p.sql_type),
    });
    Question {
        name: report.name.clone(),
        sentence: report.header.sentence.clone(),
        description: report.header.description.clone(),
        params: params.collect(),
        columns: columns.collect(),
        reads: report.inputs.clone(),
        is_warning: false,
    }
}

fn check_question(check: &CheckQuery) -> Question {
    Question {
        name: check.name.clone(),
        sentence: check.header.sentence.clone(),
        description: check.header.description.clone(),
        params: Vec::new(),
        columns: Vec::new(),
        reads: check
            .statement
            .inputs
            .iter()
            .map(|i| i.table.clone())
            .collect(),
        is_warning: check.header.tags.iter().any(|t| t == "warn"),
    }
}

fn contract<'a>(workspace: &'a Workspace, name: &TableName) -> Option<&'a Contract> {
    let mut contracts = workspace.contracts.iter();
    contracts.find(|c| TableName::bronze(&c.name) == *name)
}

/// A table's one-sentence description.
#[must_use]
pub fn sentence(workspace: &Workspace, name: &TableName) -> String {
    if let Some(model) = workspace.project.models.get(name) {
        return model.header.sentence.clone();
    }
    match (contract(workspace, name), name.to_string().as_str()) {
        (Some(contract), _) => contract.description.clone(),
        (None, "bronze._rejects") => {
            "Rows that did not fit their contract, with the reason.".to_owned()
        }
        (None, "system.deliveries") => "Every file version that was landed.".to_owned(),
        _ => String::new(),
    }
}

/// What a column says, in the words of its model's or contract's author.
#[must_use]
pub fn column_description(workspace: &Workspace, table: &TableName, column: &str) -> String {
    if let Some(model) = workspace.project.models.get(table) {
        let doc = model.columns.iter().find(|c| c.name == column);
        return doc.map(|c| c.description.clone()).unwrap_or_default();
    }
    let Some(contract) = contract(workspace, table) else {
        return String::new();
    };
    let known = contract.column(column);
    if let Some(known) = known.filter(|c| !c.description.is_empty()) {
        return match known.origin {
            Origin::Field => known.description.clone(),
            Origin::FileName => format!("{}; the file's name", known.description),
            Origin::FolderName => format!("{}; the folder's name", known.description),
        };
    }
    let partition = contract.partition.as_ref().filter(|p| p.column == column);
    match (column, partition) {
        (_, Some(partition)) => format!("the {column} of {}", partition.from),
        (DELIVERY, _) => "the delivery it came with, see system.deliveries".to_owned(),
        (LINE, _) => "its first line in the file".to_owned(),
        (CURRENT, _) => "false where a newer row with the same key counts".to_owned(),
        _ => String::new(),
    }
}
