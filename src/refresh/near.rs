//! Files that may hold the same keys as new ones.
//!
//! Numbers of sessions grow, and so do their times: as a rule the bounds of a new
//! file's keys lie beyond those of all others, and nothing of these has to be read
//! to know that no key is in both.

use super::stage::StagedTable;
use crate::lake::{ColumnRange, DataFile, column_ranges};

/// Tells the files that may hold keys of new ones.
pub(super) struct Near<'a> {
    table: &'a StagedTable,
    /// The places of the key's columns.
    columns: Vec<usize>,
    /// The partition and the bounds of each new file.
    added: Vec<(Option<i32>, Vec<Option<ColumnRange>>)>,
    is_by_partition: bool,
}

impl<'a> Near<'a> {
    /// Of keys that are made of `columns`.
    pub(super) fn new(table: &'a StagedTable, columns: &[String]) -> Self {
        let layout = &table.layout;
        let place = |column: &String| layout.schema.index_of(column).ok();
        let partition = layout.partition_by.as_ref();
        let added = table.adds.iter();
        Self {
            table,
            columns: columns.iter().filter_map(place).collect(),
            added: added.map(|f| (f.partition, ranges(table, f))).collect(),
            is_by_partition: partition.is_some_and(|column| columns.contains(column)),
        }
    }

    /// Whether a key may be in `file` and in a new one.
    pub(super) fn may_share(&self, file: &DataFile) -> bool {
        let own = ranges(self.table, file);
        self.added.iter().any(|(partition, added)| {
            let same = !self.is_by_partition || file.partition == *partition;
            let apart = |column: &usize| match (&own[*column], &added[*column]) {
                (Some(own), Some(added)) => are_apart(own, added),
                _ => false,
            };
            same && !self.columns.iter().any(apart)
        })
    }
}

fn ranges(table: &StagedTable, file: &DataFile) -> Vec<Option<ColumnRange>> {
    column_ranges(file.stats.as_deref().unwrap_or("{}"), &table.layout.schema)
}

/// Whether no value is in both; two nulls make keys equal, too.
fn are_apart(one: &ColumnRange, other: &ColumnRange) -> bool {
    (one.nulls == 0 || other.nulls == 0) && (one.max < other.min || other.max < one.min)
}
