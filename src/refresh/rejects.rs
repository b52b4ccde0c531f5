//! Rows that do not fit their contract, as rows of `bronze._rejects`.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::SchemaRef;

use super::replace::Delivered;
use super::stage::{Provenance, Stage};
use super::workspace::Workspace;
use crate::error::{Error, Result};
use crate::lake::{DataFile, TableLayout, TableWriter};
use crate::name::TableName;
use crate::source::{Candidate, Contract, Reject};

/// Bytes of rejects held before they are written.
const BUDGET: usize = 16 << 20;

/// The files of `bronze._rejects` in a run.
pub(super) struct RejectFiles {
    layout: TableLayout,
    published: Vec<DataFile>,
    adds: Vec<DataFile>,
    gone: BTreeSet<i64>,
}

impl RejectFiles {
    pub(super) async fn new(stage: &Stage<'_>) -> Result<Self> {
        Ok(Self {
            layout: layout()?,
            published: stage.published(&table()).await?,
            adds: Vec::new(),
            gone: BTreeSet::new(),
        })
    }

    /// Adds the files of a delivery.
    pub(super) fn add(&mut self, files: Vec<DataFile>) {
        self.adds.extend(files);
    }

    /// Drops the rows of a delivery that was replaced.
    pub(super) fn drop_delivery(&mut self, delivery: i64) {
        self.gone.insert(delivery);
    }

    /// Stages the table, when it changed or is new; rows of the deliveries
    /// that are `live` stay.
    pub(super) async fn stage(self, stage: &mut Stage<'_>, live: &BTreeSet<i64>) -> Result<()> {
        let name = table();
        let delivered = Delivered {
            workspace: stage.workspace,
            name: &name,
            layout: &self.layout,
            column: "delivery",
        };
        let replaced = delivered.without(self.published, &self.gone, live).await?;
        let mut adds = self.adds;
        adds.extend(replaced.adds);
        if stage.base.is_some() && adds.is_empty() && replaced.removes.is_empty() {
            return Ok(());
        }
        let (kept, removes) = (replaced.kept, replaced.removes);
        let provenance = Provenance::default();
        stage.table(&name, self.layout, kept, adds, removes, provenance);
        Ok(())
    }
}

/// Writes one delivery's rejects.
pub(super) struct RejectWriter<'a> {
    workspace: &'a Workspace,
    contract: &'a Contract,
    file: &'a Candidate,
    delivery: i64,
    writer: Option<TableWriter>,
}

impl<'a> RejectWriter<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        contract: &'a Contract,
        file: &'a Candidate,
        delivery: i64,
    ) -> Self {
        Self {
            workspace,
            contract,
            file,
            delivery,
            writer: None,
        }
    }

    pub(super) async fn write(&mut self, rejects: &[Reject]) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        if self.writer.is_none() {
            let (lake, clock) = (self.workspace.lake(), Arc::clone(&self.workspace.clock));
            let writer = TableWriter::new(lake, clock, &table(), layout()?, BUDGET, 1)?;
            self.writer = Some(writer);
        }
        let batch = batch(&self.contract.name, &self.file.path, self.delivery, rejects)?;
        match &mut self.writer {
            Some(writer) => writer.write(batch).await,
            None => Ok(()),
        }
    }

    /// The files written.
    pub(super) async fn finish(self) -> Result<Vec<DataFile>> {
        match self.writer {
            Some(writer) => writer.finish().await,
            None => Ok(Vec::new()),
        }
    }
}

fn table() -> TableName {
    TableName::bronze("_rejects")
}

/// The columns of `bronze._rejects`.
pub(super) fn schema() -> Result<SchemaRef> {
    Ok(batch("", "", 0, &[])?.schema())
}

fn layout() -> Result<TableLayout> {
    Ok(TableLayout {
        schema: schema()?,
        partition_by: None,
        order_by: vec!["line".to_owned()],
    })
}

fn batch(source: &str, path: &str, delivery: i64, rejects: &[Reject]) -> Result<RecordBatch> {
    let rows = rejects.len();
    let text = |values: Vec<Option<&str>>| Arc::new(StringViewArray::from(values)) as ArrayRef;
    let lines = rejects
        .iter()
        .map(|r| i64::try_from(r.line).unwrap_or(i64::MAX));
    let columns = rejects.iter().map(|r| r.column.as_deref()).collect();
    let reasons = rejects.iter().map(|r| Some(r.reason.as_str())).collect();
    let raws = rejects.iter().map(|r| Some(r.raw.as_str())).collect();
    RecordBatch::try_from_iter_with_nullable(
        [
            ("source", text(vec![Some(source); rows])),
            (
                "delivery",
                Arc::new(Int64Array::from_value(delivery, rows)) as ArrayRef,
            ),
            ("path", text(vec![Some(path); rows])),
            ("line", Arc::new(Int64Array::from_iter_values(lines))),
            ("column", text(columns)),
            ("reason", text(reasons)),
            ("raw", text(raws)),
        ]
        .map(|(name, array)| (name, array, true)),
    )
    .map_err(|e| Error::data("rejects do not fit their table").because(e))
}
