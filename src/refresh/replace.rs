//! Takes the rows of replaced deliveries out of a table's files.
//!
//! A file that landing wrote holds rows of one delivery; after maintenance it
//! may hold those of several. Its statistics say which numbers it can hold: a
//! file of replaced deliveries only goes whole, one with others is written
//! anew without the replaced rows.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::ScalarValue;

use super::workspace::Workspace;
use crate::error::{Error, Result};
use crate::lake::{DataFile, TableFiles, TableLayout, TableWriter, column_ranges};
use crate::name::TableName;

/// A table of deliveries' rows.
pub(super) struct Delivered<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) name: &'a TableName,
    pub(super) layout: &'a TableLayout,
    /// The column that holds the delivery's number.
    pub(super) column: &'a str,
}

/// What becomes of a table's files.
#[derive(Default)]
pub(super) struct Replaced {
    pub(super) kept: Vec<DataFile>,
    /// What is left of the files that go.
    pub(super) adds: Vec<DataFile>,
    pub(super) removes: Vec<DataFile>,
}

/// The deliveries of which `file` can hold rows, as its statistics say; all
/// numbers where they say nothing.
pub(super) fn deliveries_in(
    file: &DataFile,
    schema: &SchemaRef,
    column: &str,
) -> RangeInclusive<i64> {
    let ranges = column_ranges(file.stats.as_deref().unwrap_or("{}"), schema);
    let known = schema
        .index_of(column)
        .ok()
        .and_then(|at| ranges.into_iter().nth(at)?);
    match known.map(|range| (range.min, range.max)) {
        Some((ScalarValue::Int64(Some(least)), ScalarValue::Int64(Some(most)))) => least..=most,
        _ => i64::MIN..=i64::MAX,
    }
}

impl Delivered<'_> {
    /// Takes the rows of the deliveries `gone` out of `files`; rows of those
    /// that are `live` stay, and the files hold no others.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) async fn without(
        &self,
        files: Vec<DataFile>,
        gone: &BTreeSet<i64>,
        live: &BTreeSet<i64>,
    ) -> Result<Replaced> {
        let mut replaced = Replaced::default();
        let mut writer = None;
        for file in files {
            let span = deliveries_in(&file, &self.layout.schema, self.column);
            let may_hold = |some: &BTreeSet<i64>| some.range(span.clone()).next().is_some();
            if !may_hold(gone) {
                replaced.kept.push(file);
            } else if !may_hold(live) {
                replaced.removes.push(file);
            } else {
                let staying = self.staying(&file, gone).await?;
                let left: usize = staying.iter().map(RecordBatch::num_rows).sum();
                if left as u64 == file.rows {
                    replaced.kept.push(file);
                    continue;
                }
                replaced.removes.push(file);
                let writer = match &mut writer {
                    Some(writer) => writer,
                    none => none.insert(self.writer()?),
                };
                for batch in staying {
                    writer.write(batch).await?;
                }
            }
        }
        if let Some(writer) = writer {
            replaced.adds = writer.finish().await?;
        }
        Ok(replaced)
    }

    /// The rows of `file` that are not of the deliveries `gone`.
    async fn staying(&self, file: &DataFile, gone: &BTreeSet<i64>) -> Result<Vec<RecordBatch>> {
        let table = TableFiles {
            name: self.name.clone(),
            schema: Arc::clone(&self.layout.schema),
            partition_by: self.layout.partition_by.clone(),
            order_by: self.layout.order_by.clone(),
            files: Vec::new(),
        };
        let rows = self.workspace.lake().read_file(&table, file).await?;
        rows.iter()
            .map(|batch| {
                let deliveries = batch
                    .column_by_name(self.column)
                    .and_then(|c| c.as_primitive_opt::<Int64Type>());
                let deliveries = deliveries.ok_or_else(|| {
                    Error::data(format!("`{}` has no column `{}`", self.name, self.column))
                })?;
                let stays =
                    |row: usize| deliveries.is_null(row) || !gone.contains(&deliveries.value(row));
                let mask: BooleanArray =
                    (0..batch.num_rows()).map(|row| Some(stays(row))).collect();
                filter_record_batch(batch, &mask)
                    .map_err(|e| Error::data("rows do not fit their table").because(e))
            })
            .collect()
    }

    fn writer(&self) -> Result<TableWriter> {
        let engine = &self.workspace.engine;
        TableWriter::new(
            engine.lake(),
            Arc::clone(&self.workspace.clock),
            self.name,
            self.layout.clone(),
            engine.write_budget(),
            engine.threads(),
        )
    }
}
