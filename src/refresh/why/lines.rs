//! The landed rows that were found, as lines of files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::arrow::json::LineDelimitedWriter;

use super::{LANDED, Line, LineRole, WAYS};
use crate::engine::{Picked, Session};
use crate::error::{Error, Result};
use crate::model::TableName;

type Ways = BTreeSet<Vec<TableName>>;
/// By delivery and line: the strongest role, and the ways of that role.
type Rows = BTreeMap<(i64, i64), (LineRole, Ways)>;

/// The rows found so far, each with its strongest role.
#[derive(Default)]
pub(super) struct Found(BTreeMap<TableName, Rows>);

impl Found {
    /// Adds rows told by delivery and line, with the ways they came.
    pub(super) fn add(&mut self, table: &TableName, role: LineRole, picked: &Picked, ways: &Ways) {
        let rows = self.0.entry(table.clone()).or_default();
        for place in picked.batches.iter().flat_map(places) {
            let (known, via) = rows.entry(place).or_insert_with(|| (role, Ways::new()));
            if role < *known {
                // What it is computed from matters, not where else it is read.
                *known = role;
                via.clear();
            }
            if role == *known && via.len() < WAYS {
                via.extend(ways.iter().cloned());
            }
        }
    }

    pub(super) fn holds(&self, table: &TableName) -> bool {
        self.0.contains_key(table)
    }

    /// The sources from which numbers are computed; without any, all that
    /// were found.
    pub(super) fn sources(&self) -> BTreeSet<String> {
        let any_value = |rows: &Rows| rows.values().any(|(role, _)| *role == LineRole::Value);
        let named = |(table, _): (&TableName, _)| table.table.clone();
        let values: BTreeSet<String> = self
            .0
            .iter()
            .filter(|(_, rows)| any_value(rows))
            .map(named)
            .collect();
        match values.is_empty() {
            true => self.0.iter().map(named).collect(),
            false => values,
        }
    }

    /// All of them in order, the first `with_values` with their values.
    pub(super) async fn lines(self, session: &Session, with_values: usize) -> Result<Vec<Line>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let paths = paths(session).await?;
        let mut lines: Vec<Line> = Vec::new();
        for (table, rows) in self.0 {
            for ((delivery, line), (role, via)) in rows {
                lines.push(Line {
                    role,
                    table: table.clone(),
                    delivery,
                    path: paths.get(&delivery).cloned().unwrap_or_default(),
                    line,
                    values: None,
                    via,
                });
            }
        }
        lines.sort_by(|a, b| {
            let key = |l: &Line| (l.role, l.table.clone(), l.line, l.delivery);
            (a.role, &a.table, &a.path)
                .cmp(&(b.role, &b.table, &b.path))
                .then_with(|| key(a).cmp(&key(b)))
        });
        let shown = with_values.min(lines.len());
        add_values(session, &mut lines[..shown]).await?;
        Ok(lines)
    }
}

/// Delivery and line of each row.
fn places(batch: &RecordBatch) -> Vec<(i64, i64)> {
    let (deliveries, lines) = (
        batch.column(0).as_primitive::<Int64Type>(),
        batch.column(1).as_primitive::<Int64Type>(),
    );
    let place = |row| (deliveries.value(row), lines.value(row));
    (0..batch.num_rows()).map(place).collect()
}

/// The files of the deliveries, by number.
async fn paths(session: &Session) -> Result<BTreeMap<i64, String>> {
    let sql = "select delivery, path from system.deliveries";
    let batches = session.query(sql, &[]).await?.collect().await?;
    let mut paths = BTreeMap::new();
    for batch in &batches {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let names = batch.column(1).as_string_view();
        let named = (0..batch.num_rows()).filter(|row| names.is_valid(*row));
        paths.extend(named.map(|row| (ids.value(row), names.value(row).to_owned())));
    }
    Ok(paths)
}

async fn add_values(session: &Session, lines: &mut [Line]) -> Result<()> {
    let tables: BTreeSet<TableName> = lines.iter().map(|l| l.table.clone()).collect();
    for table in tables {
        let mine = lines.iter_mut().filter(|l| l.table == table);
        let mut mine: Vec<&mut Line> = mine.collect();
        let told = told(&mine)?;
        let rows = session.rows_among(&table, &told, mine.len()).await?;
        let mut values: BTreeMap<(i64, i64), String> = BTreeMap::new();
        for batch in &rows.batches {
            values.extend(json_rows(batch)?);
        }
        for line in &mut mine {
            line.values = values.remove(&(line.delivery, line.line));
        }
    }
    Ok(())
}

fn told(lines: &[&mut Line]) -> Result<Picked> {
    let fields: Vec<Field> = LANDED
        .iter()
        .map(|name| Field::new(*name, DataType::Int64, true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let deliveries: Int64Array = lines.iter().map(|l| Some(l.delivery)).collect();
    let numbers: Int64Array = lines.iter().map(|l| Some(l.line)).collect();
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![Arc::new(deliveries), Arc::new(numbers)],
    )
    .map_err(|e| Error::data("rows cannot be shown").because(e))?;
    Ok(Picked {
        schema,
        batches: vec![batch],
    })
}

/// Each row's place, and its values as a JSON object without nulls and without
/// the columns that landing adds.
fn json_rows(batch: &RecordBatch) -> Result<Vec<((i64, i64), String)>> {
    let failed = |e| Error::data("rows cannot be shown").because(e);
    let schema = batch.schema();
    let at = |name: &str| schema.index_of(name).map_err(failed);
    let place = batch
        .project(&[at(LANDED[0])?, at(LANDED[1])?])
        .map_err(failed)?;
    let own: Vec<usize> = (0..schema.fields().len())
        .filter(|i| !schema.field(*i).name().starts_with('_'))
        .collect();
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer
        .write(&batch.project(&own).map_err(failed)?)
        .map_err(failed)?;
    writer.finish().map_err(failed)?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    Ok(places(&place)
        .into_iter()
        .zip(text.lines().map(str::to_owned))
        .collect())
}
