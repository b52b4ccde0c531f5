//! The numbers that differ of tables with a month in their grain.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::engine::{ChangedRows, Comparison, TablePair};
use crate::error::{Error, Result};
use crate::name::TableName;

/// Values of metrics that are read of one table at most.
const MOST_VALUES: usize = 1_000_000;

/// A month in which a gold table's numbers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricChange {
    /// The table.
    pub table: TableName,
    /// The month's first day.
    pub month: String,
    /// The metric, in a table with one row a month; `None` in a table with
    /// more, of which only `rows` is told.
    pub column: Option<String>,
    /// Its value before; `None` for null, and for a month without a row.
    pub before: Option<String>,
    /// Its value after, likewise.
    pub after: Option<String>,
    /// Rows of the month that differ.
    pub rows: u64,
}

/// The months in which a gold table's numbers differ.
pub(super) async fn metrics(
    comparison: &Comparison,
    pair: &TablePair,
    key: &[String],
) -> Result<Vec<MetricChange>> {
    let is_there = pair.before.is_some() && pair.after.is_some();
    if pair.name.layer != "gold" || !is_there || !pair.has_key(key) {
        return Ok(Vec::new());
    }
    let Some(month) = month_of(pair, key) else {
        return Ok(Vec::new());
    };
    if key.len() == 1 {
        let rows = comparison.rows(pair, key, MOST_VALUES).await?;
        let values = changed_values(pair, &rows, 1)?.into_iter();
        let change = |value: ChangedValue| MetricChange {
            table: pair.name.clone(),
            month: value.key.into_iter().flatten().collect(),
            column: Some(value.column),
            before: value.before,
            after: value.after,
            rows: 1,
        };
        return Ok(values.map(change).collect());
    }
    let months = comparison.counts_by(pair, key, month).await?;
    let change = |(month, rows)| MetricChange {
        table: pair.name.clone(),
        month,
        column: None,
        before: None,
        after: None,
        rows,
    };
    Ok(months.into_iter().map(change).collect())
}

/// The date column of the key that says the month.
pub(in crate::refresh) fn month_of<'a>(pair: &TablePair, key: &'a [String]) -> Option<&'a str> {
    let is_date = |name: &str| {
        let mut columns = pair.columns.iter();
        columns.any(|c| c.name == name && c.data_type == DataType::Date32)
    };
    let mut dates = key.iter().map(String::as_str).filter(|name| is_date(name));
    let plain = key
        .iter()
        .map(String::as_str)
        .find(|n| *n == "month" && is_date(n));
    plain.or_else(|| dates.find(|name| name.ends_with("_month")))
}

/// A number that differs.
pub(in crate::refresh) struct ChangedValue {
    /// The key of its row, as text; `None` for null.
    pub(in crate::refresh) key: Vec<Option<String>>,
    /// Its column.
    pub(in crate::refresh) column: String,
    /// Its value before, as text; `None` for null, and where there was no row.
    pub(in crate::refresh) before: Option<String>,
    /// Its value after, likewise.
    pub(in crate::refresh) after: Option<String>,
}

/// The numbers that differ in `rows`, which were compared by `keys` columns.
pub(in crate::refresh) fn changed_values(
    pair: &TablePair,
    rows: &ChangedRows,
    keys: usize,
) -> Result<Vec<ChangedValue>> {
    let is_number = |name: &str| {
        let mut columns = pair.columns.iter();
        columns.any(|c| c.name == name && c.data_type.is_numeric())
    };
    let failed = |e| Error::data(format!("values of `{}` cannot be shown", pair.name)).because(e);
    let batch = &rows.batch;
    // The first column says what happened to the row.
    let (column, before, after) = (keys + 1, keys + 2, keys + 3);
    let options = FormatOptions::new();
    let shown: Vec<ArrayFormatter<'_>> = (1..=keys)
        .map(|key| ArrayFormatter::try_new(batch.column(key), &options))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let text = |column: usize, row: usize| {
        let texts = batch.column(column).as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let key = |row: usize| {
        let value = |(i, shown): (usize, &ArrayFormatter<'_>)| {
            let is_there = batch.column(i + 1).is_valid(row);
            is_there.then(|| shown.value(row).to_string())
        };
        shown.iter().enumerate().map(value).collect()
    };
    let changed = (0..batch.num_rows()).filter_map(|row| {
        Some(ChangedValue {
            column: text(column, row).filter(|name| is_number(name))?,
            key: key(row),
            before: text(before, row),
            after: text(after, row),
        })
    });
    Ok(changed.collect())
}
