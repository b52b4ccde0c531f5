//! The columns of every table and report, from their texts alone.
//!
//! Every model and report is planned over tables that hold no rows, so a
//! renamed column shows before anything runs, and no data is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Fields, SchemaRef};
use datafusion::common::ScalarValue;

use super::deliveries::{self, deliveries_table};
use super::rejects;
use super::workspace::Workspace;
use crate::engine::{Answer, Rows, Scope, Staged, Strategy, parse_value};
use crate::error::{Error, Result};
use crate::lake::{Snapshot, TableFiles};
use crate::model::{Materialized, Model, Report, TableName};

/// The columns of everything that `queries/` says.
#[derive(Debug, Default)]
pub struct Schemas {
    /// Of the tables that land and those that are built.
    pub tables: BTreeMap<TableName, SchemaRef>,
    /// Of the reports.
    pub reports: BTreeMap<String, SchemaRef>,
}

impl Workspace {
    /// Plans every model and report. Landed tables have the columns of their
    /// contracts, and those besides that `snapshot` shows.
    ///
    /// # Errors
    /// The first model or report that cannot be planned, with file and line.
    pub async fn schemas(&self, snapshot: Option<&Snapshot>) -> Result<Schemas> {
        let mut schemas = Schemas::default();
        let mut scope = Scope::default();
        for (name, schema) in self.landed_schemas(snapshot).await? {
            add_empty(&mut scope, &name, &schema, None);
            schemas.tables.insert(name, schema);
        }
        for name in &self.project.build_order {
            let Some(model) = self.project.models.get(name) else {
                continue;
            };
            let session = self.engine.session(scope.clone(), Strategy::Fastest)?;
            let rows = started(session.model(&model.sql).await).await;
            let schema = rows.map_err(|e| at_file(e, &model.path))?.schema();
            if model.header.materialized == Materialized::View {
                let view = Staged::View(model.sql.clone());
                scope.staged.insert(name.clone(), view);
            } else {
                add_empty(&mut scope, name, &schema, Some(model));
            }
            schemas.tables.insert(name.clone(), schema);
        }
        let session = self.engine.session(scope, Strategy::Fastest)?;
        for report in self.project.reports.values() {
            let params = default_params(report)?;
            let rows = started(session.query(&report.sql, &params).await).await;
            let schema = rows.map_err(|e| at_file(e, &report.path))?.schema();
            schemas.reports.insert(report.name.clone(), schema);
        }
        Ok(schemas)
    }

    async fn landed_schemas(
        &self,
        snapshot: Option<&Snapshot>,
    ) -> Result<Vec<(TableName, SchemaRef)>> {
        let mut schemas = vec![
            (deliveries_table(), deliveries::schema()?),
            (TableName::bronze("_rejects"), rejects::schema()?),
        ];
        for contract in &self.contracts {
            let name = TableName::bronze(&contract.name);
            let entry = snapshot.and_then(|s| s.tables.get(&name));
            let landed = match entry {
                Some(entry) => self
                    .engine
                    .files(&name, entry)
                    .await?
                    .schema
                    .fields()
                    .clone(),
                None => Fields::empty(),
            };
            let agreed = contract.schema(&[]);
            let unknown = landed.iter().map(|f| f.name().clone());
            let unknown: Vec<String> = unknown
                .filter(|name| agreed.index_of(name).is_err())
                .collect();
            let schema = contract.schema(&unknown);
            schemas.push((name, schema));
        }
        Ok(schemas)
    }
}

fn add_empty(scope: &mut Scope, name: &TableName, schema: &SchemaRef, model: Option<&Model>) {
    let files = TableFiles {
        name: name.clone(),
        schema: Arc::clone(schema),
        partition_by: model.and_then(|m| m.header.partition_by.clone()),
        order_by: Vec::new(),
        files: Vec::new(),
    };
    let staged = Staged::Files(Arc::new(files));
    scope.staged.insert(name.clone(), staged);
}

async fn started(answer: Result<Answer>) -> Result<Rows> {
    answer?.stream().await
}

/// Every parameter's default, or null where it has none.
fn default_params(report: &Report) -> Result<Vec<(String, ScalarValue)>> {
    let params = report.header.params.iter().map(|param| {
        let text = param.default.as_deref().unwrap_or("null");
        let value = parse_value(&param.name, Some(&param.sql_type), text)?;
        Ok((param.name.clone(), value))
    });
    params
        .collect::<Result<_>>()
        .map_err(|e| at_file(e, &report.path))
}

fn at_file(error: Error, path: &std::path::Path) -> Error {
    match error.place() {
        Some(_) => error,
        None => error.file(path),
    }
}
