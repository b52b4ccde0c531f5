//! Builds one model: its query's rows, staged as files.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};

use super::plan::{build_fingerprint, is_as_of};
use super::stage::{Provenance, Stage};
use super::workspace::{Workspace, fingerprint};
use crate::engine::{Joins, Rows};
use crate::error::{Error, Kind, Result};
use crate::lake::{DataFile, TableLayout, TableWriter};
use crate::model::{Materialized, Model, TableName};

/// Stages what `model`'s query answers; returns its rows.
pub(super) async fn build(
    stage: &mut Stage<'_>,
    model: &Model,
    as_of: Option<&str>,
) -> Result<u64> {
    let at_model = |e: Error| {
        if e.place().is_some() {
            e
        } else {
            e.file(&model.path)
        }
    };
    let provenance = Provenance {
        fingerprint: build_fingerprint(model, as_of, stage.workspace.config.zone),
        audit: fingerprint(&model.audit_text()),
        inputs: model
            .statement
            .inputs
            .iter()
            .map(|i| i.table.clone())
            .collect::<BTreeSet<_>>(),
    };
    let replaced = as_of
        .filter(|_| is_as_of(&model.name))
        .map(|date| format!("select cast('{date}' as date) as as_of"));
    let sql = replaced.as_deref().unwrap_or(&model.sql);
    if model.header.materialized == Materialized::View {
        let rows = count_rows(stage, sql).await.map_err(at_model)?;
        stage.view(&model.name, sql, provenance);
        return Ok(rows);
    }
    let (layout, files) = match build_with(stage, model, sql, Joins::Fastest).await {
        Err(e) if e.kind() == Kind::Io && e.message().contains("needs more memory") => {
            build_with(stage, model, sql, Joins::Spilling).await
        }
        built => built,
    }
    .map_err(at_model)?;
    let rows = files.iter().map(|f| f.rows).sum();
    let removes = stage.published(&model.name).await?;
    stage.table(&model.name, layout, Vec::new(), files, removes, provenance);
    Ok(rows)
}

async fn build_with(
    stage: &Stage<'_>,
    model: &Model,
    sql: &str,
    joins: Joins,
) -> Result<(TableLayout, Vec<DataFile>)> {
    let rows = stage.session(joins)?.model(sql).await?.stream().await?;
    let layout = TableLayout {
        schema: nullable(&rows.schema()),
        partition_by: model.header.partition_by.clone(),
        order_by: model.header.order_by.clone(),
    };
    let files = write_rows(stage.workspace, &model.name, &layout, rows).await?;
    Ok((layout, files))
}

/// Runs a view's query to its end, as its readers will.
async fn count_rows(stage: &Stage<'_>, sql: &str) -> Result<u64> {
    let answer = stage.session(Joins::Fastest)?.model(sql).await?;
    let mut rows = answer.stream().await?;
    let mut count = 0;
    while let Some(batch) = rows.next().await? {
        count += batch.num_rows() as u64;
    }
    Ok(count)
}

/// The columns, all of them nullable: what a query's plan says of nulls may
/// change without its names and types.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter();
    let fields: Vec<Field> = fields
        .map(|f| Field::new(f.name(), f.data_type().clone(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// Writes a query's rows as files of the table `name`.
pub(super) async fn write_rows(
    workspace: &Workspace,
    name: &TableName,
    layout: &TableLayout,
    mut rows: Rows,
) -> Result<Vec<DataFile>> {
    let engine = &workspace.engine;
    let mut writer = TableWriter::new(
        engine.lake(),
        Arc::clone(&workspace.clock),
        name,
        layout.clone(),
        engine.write_budget(),
        engine.threads(),
    )?;
    while let Some(batch) = rows.next().await? {
        writer.write(batch).await?;
    }
    writer.finish().await
}
