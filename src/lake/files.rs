//! A table's files: what a reader or an auditor needs to scan it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};
use datafusion::arrow::datatypes::{Date32Type, SchemaRef};
use serde::{Deserialize, Serialize};

use super::ContentHash;
use crate::name::TableName;

/// One immutable Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its path below the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, in milliseconds since 1970.
    pub modified: i64,
    /// Its rows.
    pub rows: u64,
    /// The value of the partition column in all its rows, in days since 1970.
    pub partition: Option<i32>,
    /// Smallest and greatest values and null counts, as Delta's JSON.
    pub stats: Option<String>,
    /// The hash of its rows, known to who wrote it; logs do not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentHash>,
}

/// A table as a set of files.
#[derive(Debug, Clone)]
pub struct TableFiles {
    /// Whose files they are; they lie below `layer/table/`.
    pub name: TableName,
    /// The columns, the partition column among them.
    pub schema: SchemaRef,
    /// The column by which files are split.
    pub partition_by: Option<String>,
    /// The order of rows within each file.
    pub order_by: Vec<String>,
    /// The files.
    pub files: Vec<DataFile>,
}

impl TableFiles {
    /// The table with only those files that `others` does not hold.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let held: BTreeSet<&str> = others.files.iter().map(|f| f.path.as_str()).collect();
        let mut only = self.clone();
        only.files.retain(|f| !held.contains(f.path.as_str()));
        only
    }

    /// Rows in all files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    /// Bytes in all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }
}

/// The folder of a table, below the lake.
pub(super) fn table_folder(name: &TableName) -> String {
    format!("{}/{}", name.layer, name.table)
}

/// The days that dates of four-digit years are, 0000-01-01 to 9999-12-31: others
/// do not read back as they are written.
pub(super) const DATES: RangeInclusive<i32> = -719_528..=2_932_896;

/// Days since 1970 as Delta writes a partition value: `2024-03-01`.
#[must_use]
pub fn date_text(days: i32) -> String {
    let date = Date32Type::to_naive_date_opt(days).unwrap_or(NaiveDate::MIN);
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// A date in days since 1970.
#[must_use]
pub fn days_since_1970(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}

/// The days since 1970 of a date as Delta writes partition values.
#[must_use]
pub fn date_days(text: &str) -> Option<i32> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .map(Date32Type::from_naive_date)
}
