//! Which files a built table exchanges.

use std::collections::BTreeSet;

use crate::lake::{DataFile, PartitionValue, Partitions, TableEntry, TableLayout, content};
use crate::refresh::plan::Extent;

/// Which files of a table stay, come and go.
#[derive(Default)]
pub(super) struct Swap {
    pub(super) kept: Vec<DataFile>,
    pub(super) adds: Vec<DataFile>,
    pub(super) removes: Vec<DataFile>,
    /// Staged files whose rows are published already.
    pub(super) needless: Vec<DataFile>,
}

impl Swap {
    /// Puts `staged` in the place of what is `published`, within `extent`. A
    /// partition with the same rows as before keeps its files.
    pub(super) fn new(
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
            Extent::Partitions { days, .. } => file.partition.is_none_or(|day| days.contains(&day)),
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

/// Whether rows of `layout` can stand beside those published `before`.
pub(super) fn same_layout(before: &TableEntry, layout: &TableLayout) -> bool {
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
