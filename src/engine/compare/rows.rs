//! The rows that differ, one by one.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take};
use datafusion::arrow::datatypes::{Field, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::queries::{quoted, residue};
use super::{Comparison, SharedColumn, TablePair};
use crate::error::{Error, Result};

/// Rows that differ, as many as were asked for.
#[derive(Debug, Clone)]
pub struct ChangedRows {
    /// With a key: `change` (`added`, `removed`, `changed`), the key, and for
    /// each value that differs `column`, `before` and `after` as text. Without
    /// one: `change`, `rows` (how many of them) and all columns.
    pub batch: RecordBatch,
    /// Rows that are shown, as [`Counts`](super::Counts) counts them.
    pub rows: u64,
}

impl Comparison {
    /// The rows that differ, in the order of the key, or of all columns; at
    /// most `limit`.
    ///
    /// # Errors
    /// When a side cannot be read.
    pub async fn rows(
        &self,
        pair: &TablePair,
        key: &[String],
        limit: usize,
    ) -> Result<ChangedRows> {
        if pair.columns.is_empty() {
            return Ok(ChangedRows {
                batch: RecordBatch::new_empty(Arc::new(Schema::empty())),
                rows: 0,
            });
        }
        if !pair.has_key(key) {
            return self.whole_rows(pair, limit).await;
        }
        let is_key = |c: &&SharedColumn| key.contains(&c.name);
        let values: Vec<&SharedColumn> = pair.columns.iter().filter(|c| !is_key(c)).collect();
        let batch = self.collected(&wide(pair, key, &values, limit)).await?;
        let (came, went) = (sums(&batch, key.len()), sums(&batch, key.len() + 1));
        let rows = came.zip(went).map(|(came, went)| came.max(went)).sum();
        let batch = long(&batch, key.len(), &values).map_err(arrow_error)?;
        Ok(ChangedRows { batch, rows })
    }

    async fn whole_rows(&self, pair: &TablePair, limit: usize) -> Result<ChangedRows> {
        let names: Vec<String> = pair.columns.iter().map(|c| quoted(&c.name)).collect();
        let names = names.join(", ");
        let sql = format!(
            "select case when \"#n\" > 0 then 'added' else 'removed' end as change, \
             abs(\"#n\") as rows, {names} from ({}) as residue order by {names} limit {limit}",
            residue(pair)
        );
        let batch = self.collected(&sql).await?;
        let rows = sums(&batch, 1).sum();
        Ok(ChangedRows { batch, rows })
    }

    async fn collected(&self, sql: &str) -> Result<RecordBatch> {
        let mut rows = self.session().query(sql, &[]).await?.stream().await?;
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await? {
            batches.push(batch);
        }
        concat_batches(&rows.schema(), &batches).map_err(arrow_error)
    }
}

/// The numbers of rows in a column.
fn sums(batch: &RecordBatch, column: usize) -> impl Iterator<Item = u64> {
    let numbers = batch.column(column).as_primitive_opt::<Int64Type>();
    let numbers = numbers.into_iter().flat_map(|n| n.values().iter());
    numbers.map(|n| u64::try_from(*n).unwrap_or(0))
}

/// One row a key: the key, how many rows came and went, and each value before
/// and after.
fn wide(pair: &TablePair, key: &[String], values: &[&SharedColumn], limit: usize) -> String {
    let key: Vec<String> = key.iter().map(|k| quoted(k)).collect();
    let key = key.join(", ");
    let sides: String = values
        .iter()
        .map(|c| {
            let value = quoted(&c.name);
            let (before, after) = (
                quoted(&format!("{}#before", c.name)),
                quoted(&format!("{}#after", c.name)),
            );
            // With one row a side the greatest is the only one.
            format!(
                ", max({value}) filter (where \"#n\" < 0) as {before}, \
                 max({value}) filter (where \"#n\" > 0) as {after}"
            )
        })
        .collect();
    format!(
        "select {key}, coalesce(sum(\"#n\") filter (where \"#n\" > 0), 0) as \"#came\", \
         coalesce(-sum(\"#n\") filter (where \"#n\" < 0), 0) as \"#went\"{sides} \
         from ({}) as residue group by {key} order by {key} limit {limit}",
        residue(pair)
    )
}

/// One line for each value that differs.
fn long(
    wide: &RecordBatch,
    keys: usize,
    values: &[&SharedColumn],
) -> Result<RecordBatch, ArrowError> {
    let options = FormatOptions::new();
    let texts = wide.columns()[keys..]
        .iter()
        .map(|array| ArrayFormatter::try_new(array.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let text = |column: usize, row: usize| {
        let is_there = wide.column(keys + column).is_valid(row);
        is_there.then(|| texts[column].value(row).to_string())
    };
    let count = |column: usize, row: usize| {
        let counts = wide.column(keys + column).as_primitive_opt::<Int64Type>();
        counts.map_or(0, |c| c.value(row))
    };
    let mut lines = Lines::default();
    for row in 0..wide.num_rows() {
        let (came, went) = (count(0, row), count(1, row));
        let change = match (came, went) {
            (1, 0) => "added",
            (0, 1) => "removed",
            (1, 1) => "changed",
            // Not a key after all: a value alone would say nothing.
            _ => {
                let rows = |n: i64| Some(format!("{n} rows"));
                lines.add(row, "several rows", None, rows(went), rows(came));
                continue;
            }
        };
        let first = lines.rows.len();
        for (i, column) in values.iter().enumerate() {
            let (before, after) = (text(2 + 2 * i, row), text(3 + 2 * i, row));
            if before != after {
                lines.add(row, change, Some(&column.name), before, after);
            }
        }
        if lines.rows.len() == first {
            lines.add(row, change, None, None, None);
        }
    }
    lines.batch(wide, keys)
}

#[derive(Default)]
struct Lines {
    rows: Vec<u32>,
    changes: Vec<&'static str>,
    columns: Vec<Option<String>>,
    before: Vec<Option<String>>,
    after: Vec<Option<String>>,
}

impl Lines {
    fn add(
        &mut self,
        row: usize,
        change: &'static str,
        column: Option<&str>,
        before: Option<String>,
        after: Option<String>,
    ) {
        self.rows.push(u32::try_from(row).unwrap_or(u32::MAX));
        self.changes.push(change);
        self.columns.push(column.map(str::to_owned));
        self.before.push(before);
        self.after.push(after);
    }

    fn batch(self, wide: &RecordBatch, keys: usize) -> Result<RecordBatch, ArrowError> {
        let text = |values: Vec<Option<String>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let rows = UInt32Array::from(self.rows);
        let changes = self
            .changes
            .into_iter()
            .map(|c| Some(c.to_owned()))
            .collect();
        let mut columns = vec![("change".to_owned(), text(changes))];
        for (field, array) in wide.schema().fields().iter().zip(wide.columns()).take(keys) {
            columns.push((field.name().clone(), take(array.as_ref(), &rows, None)?));
        }
        columns.push(("column".to_owned(), text(self.columns)));
        columns.push(("before".to_owned(), text(self.before)));
        columns.push(("after".to_owned(), text(self.after)));
        let field =
            |(name, array): &(String, ArrayRef)| Field::new(name, array.data_type().clone(), true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(schema), arrays)
    }
}

fn arrow_error(error: ArrowError) -> Error {
    Error::data("the rows that differ cannot be shown").because(error)
}
