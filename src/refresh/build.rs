//! Builds one model: its query's rows, staged as files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};

use super::plan::{Extent, Step, build_fingerprint, is_as_of, stored_inputs};
use super::stage::{Provenance, Stage};
use super::workspace::Workspace;
use crate::engine::{Joins, Rows};
use crate::error::{Error, Kind, Result};
use crate::lake::{
    DataFile, PartitionValue, Partitions, TableEntry, TableLayout, TableWriter, content, days_of,
};
use crate::model::{Materialized, Model, TableName};

/// What building a model gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// Rows that its query answered.
    pub rows: u64,
    /// Whether they differ from the published ones.
    pub changed: bool,
}

/// Stages what `model`'s query answers, as far as `step` wants it.
pub(super) async fn build(
    stage: &mut Stage<'_>,
    model: &Model,
    step: &Step,
    as_of: Option<&str>,
) -> Result<Built> {
    let at_model = |e: Error| {
        if e.place().is_some() {
            e
        } else {
            e.file(&model.path)
        }
    };
    let replaced = as_of
        .filter(|_| is_as_of(&model.name))
        .map(|date| format!("select cast('{date}' as date) as as_of"));
    let sql = replaced.as_deref().unwrap_or(&model.sql);
    let provenance = provenance(stage, model, as_of);
    if model.header.materialized == Materialized::View {
        let counted = count_rows(stage, model, sql, &step.extent)
            .await
            .map_err(at_model)?;
        let rows = counted.values().sum();
        stage.view(model, sql, &step.extent, &counted, provenance);
        return Ok(Built {
            rows,
            changed: true,
        });
    }
    let base = stage.base.clone();
    let before = base.as_ref().and_then(|b| b.tables.get(&model.name));
    let mut extent = &step.extent;
    let (layout, files) = loop {
        let (layout, files) = build_with(stage, model, sql, extent)
            .await
            .map_err(at_model)?;
        if *extent == Extent::Whole || before.is_some_and(|b| same_layout(b, &layout)) {
            break (layout, files);
        }
        // Partitions of other columns cannot stand beside the published ones.
        stage
            .workspace
            .lake()
            .delete_staged(&model.name, &files)
            .await;
        extent = &Extent::Whole;
    };
    let rows = files.iter().map(|f| f.rows).sum();
    let published = stage.published(&model.name).await?;
    let swap = Swap::new(before, &layout, extent, published, files);
    let lake = stage.workspace.lake();
    lake.delete_staged(&model.name, &swap.needless).await;
    let changed = !swap.adds.is_empty()
        || !swap.removes.is_empty()
        || !before.is_some_and(|b| same_layout(b, &layout));
    if changed {
        stage.table(
            &model.name,
            layout,
            swap.kept,
            swap.adds,
            swap.removes,
            provenance,
        );
    } else {
        stage.same_rows(&model.name, provenance);
    }
    Ok(Built { rows, changed })
}

/// What is recorded of a build.
fn provenance(stage: &Stage<'_>, model: &Model, as_of: Option<&str>) -> Provenance {
    let workspace = stage.workspace;
    let project = &workspace.project;
    let named = model.statement.inputs.iter().map(|i| i.table.clone());
    Provenance {
        fingerprint: build_fingerprint(project, model, as_of, workspace.config.zone),
        inputs: named.chain(stored_inputs(project, model)).collect(),
    }
}

/// Which files of a table stay, come and go.
struct Swap {
    kept: Vec<DataFile>,
    adds: Vec<DataFile>,
    removes: Vec<DataFile>,
    /// Staged files whose rows are published already.
    needless: Vec<DataFile>,
}

impl Swap {
    /// Puts `staged` in the place of what is `published`, within `extent`. A
    /// partition with the same rows as before keeps its files.
    fn new(
        before: Option<&TableEntry>,
        layout: &TableLayout,
        extent: &Extent,
        published: Vec<DataFile>,
        staged: Vec<DataFile>,
    ) -> Self {
        let before = before.filter(|b| same_layout(b, layout));
        let same: BTreeSet<PartitionValue> = match before {
            Some(before) => same_partitions(&before.partitions, &staged),
            None => BTreeSet::new(),
        };
        let built = |file: &DataFile| match extent {
            Extent::Whole => true,
            Extent::Partitions { days, .. } => {
                file.partition.is_some_and(|day| days.contains(&day))
            }
        };
        let goes = |file: &DataFile| built(file) && !same.contains(&file.partition);
        let (removes, kept) = published.into_iter().partition(goes);
        let (needless, adds) = staged
            .into_iter()
            .partition(|f| same.contains(&f.partition));
        Self {
            kept,
            adds,
            removes,
            needless,
        }
    }
}

fn same_layout(before: &TableEntry, layout: &TableLayout) -> bool {
    before.columns == layout.columns_hash()
        && before.partition_by == layout.partition_by
        && before.order_by == layout.order_by
}

/// The partitions of which `staged` holds the rows that they had `before`.
fn same_partitions(before: &Partitions, staged: &[DataFile]) -> BTreeSet<PartitionValue> {
    let values: BTreeSet<PartitionValue> = staged.iter().map(|f| f.partition).collect();
    let same = |value: &PartitionValue| {
        let own: Vec<DataFile> = staged
            .iter()
            .filter(|f| f.partition == *value)
            .cloned()
            .collect();
        let rows: u64 = own.iter().map(|f| f.rows).sum();
        before
            .get(*value)
            .is_some_and(|p| p.rows == rows && p.content.is_some() && p.content == content(&own))
    };
    values.into_iter().filter(same).collect()
}

/// Writes the rows of `model` within `extent`; again with joins that spill
/// when memory was short.
async fn build_with(
    stage: &Stage<'_>,
    model: &Model,
    sql: &str,
    extent: &Extent,
) -> Result<(TableLayout, Vec<DataFile>)> {
    match build_by(stage, model, sql, extent, Joins::Fastest).await {
        Err(e) if e.kind() == Kind::Io && e.message().contains("needs more memory") => {
            build_by(stage, model, sql, extent, Joins::Spilling).await
        }
        built => built,
    }
}

async fn build_by(
    stage: &Stage<'_>,
    model: &Model,
    sql: &str,
    extent: &Extent,
    joins: Joins,
) -> Result<(TableLayout, Vec<DataFile>)> {
    let mut answer = stage.session(joins)?.model(sql).await?;
    if let Extent::Partitions { column, days, .. } = extent {
        answer = answer.only(column, days)?;
    }
    let rows = answer.stream().await?;
    let layout = TableLayout {
        schema: nullable(&rows.schema()),
        partition_by: model.header.partition_by.clone(),
        order_by: model.header.order_by.clone(),
    };
    let files = write_rows(stage.workspace, &model.name, &layout, rows).await?;
    Ok((layout, files))
}
/// Runs a view's query within `extent` to its end, as its readers will, and
/// counts its rows by partition.
async fn count_rows(
    stage: &Stage<'_>,
    model: &Model,
    sql: &str,
    extent: &Extent,
) -> Result<BTreeMap<PartitionValue, u64>> {
    let mut answer = stage.session(Joins::Fastest)?.model(sql).await?;
    if let Extent::Partitions { column, days, .. } = extent {
        answer = answer.only(column, days)?;
    }
    let mut rows = answer.stream().await?;
    let mut counted = BTreeMap::new();
    while let Some(batch) = rows.next().await? {
        match &model.header.partition_by {
            Some(column) => {
                for day in days_of(&batch, column)? {
                    *counted.entry(day).or_default() += 1;
                }
            }
            None => *counted.entry(None).or_default() += batch.num_rows() as u64,
        }
    }
    Ok(counted)
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
