//! What differs between two states of the lake, in files landed, rows and
//! metrics.
//!
//! Two scopes are compared ([`Engine::compare`](crate::engine::Engine::compare)):
//! two snapshots, or a snapshot and what a run has staged. This file adds what
//! only the project knows: which columns identify a row, and which numbers are
//! metrics. `deliveries.rs` beside it tells which files made the difference,
//! `metrics.rs` which numbers differ.

mod deliveries;
mod metrics;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::deliveries::deliveries_table;
use super::workspace::Workspace;
use crate::engine::{ChangedRows, Comparison, Counts, Scope, TablePair};
use crate::error::{Error, Result, did_you_mean};
use crate::lake::{Branch, Snapshot, SnapshotRef};
use crate::name::TableName;
use crate::source::{DELIVERY, LINE};

pub(super) use deliveries::Landed;
pub use deliveries::{DeliveryChange, HowLanded};
pub use metrics::MetricChange;
use metrics::metrics;
pub(super) use metrics::{changed_values, month_of};

/// What a comparison is asked for.
#[derive(Debug, Clone, Default)]
pub struct DiffOptions {
    /// Show the rows of this table that differ, and nothing else.
    pub table: Option<String>,
    /// At most this many of them.
    pub limit: usize,
}

/// What differs between two states of the lake.
#[derive(Debug, Default)]
pub struct Difference {
    /// What the snapshot before is called; `None` when nothing was published.
    pub before: Option<String>,
    /// What the snapshot after is called; `None` when it is only staged.
    pub after: Option<String>,
    /// Files that were landed, replaced, renamed or are gone, by source.
    pub deliveries: Vec<DeliveryChange>,
    /// Tables that differ, by name.
    pub tables: Vec<TableDifference>,
    /// Metrics that differ, by table and month.
    pub metrics: Vec<MetricChange>,
    /// The rows that differ of the table that was asked for.
    pub rows: Option<ChangedRows>,
}

/// How one table differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDifference {
    /// The table.
    pub name: TableName,
    /// Its rows before; `None` when it is new.
    pub rows_before: Option<u64>,
    /// Its rows after; `None` when it is dropped.
    pub rows_after: Option<u64>,
    /// Rows that differ.
    pub counts: Counts,
    /// What else is to be said: new, dropped, a view, other columns, no grain.
    pub notes: Vec<String>,
}

impl Workspace {
    /// What changed from the snapshot `before` to `after`. Where left out:
    /// the one before the newest, and the newest. A branch alone is compared
    /// with the snapshot at which it began.
    ///
    /// # Errors
    /// When there is no such snapshot or table, or it cannot be read.
    pub async fn diff(
        &self,
        before: Option<&SnapshotRef>,
        after: Option<&SnapshotRef>,
        options: &DiffOptions,
    ) -> Result<Difference> {
        let (before, after) = self.diff_ends(before, after).await?;
        let (before, after) = (Arc::new(before), Arc::new(after));
        let (old, new) = (before.label(), after.label());
        let scope = |snapshot| Scope {
            snapshot: Some(snapshot),
            ..Scope::default()
        };
        let difference = self
            .difference(scope(before), scope(after), options)
            .await?;
        Ok(Difference {
            before: Some(old),
            after: Some(new),
            ..difference
        })
    }

    async fn diff_ends(
        &self,
        before: Option<&SnapshotRef>,
        after: Option<&SnapshotRef>,
    ) -> Result<(Snapshot, Snapshot)> {
        let (before, after) = match (before, after) {
            (Some(SnapshotRef::Branch(_)), None) => (None, before),
            ends => ends,
        };
        let after = self.snapshot(after).await?;
        let before = match (before, &after.branch) {
            (Some(before), _) => self.snapshot(Some(before)).await?,
            (None, Some(branch)) => self.beginning_of(branch).await?,
            (None, None) => self.lake().snapshot(self.before(after.id).await?).await?,
        };
        Ok((before, after))
    }

    /// The snapshot of main at which a branch began.
    async fn beginning_of(&self, branch: &Branch) -> Result<Snapshot> {
        let Branch { name, began_at } = branch;
        self.lake().snapshot(*began_at).await.map_err(|e| {
            Error::new(
                e.kind(),
                format!("branch `{name}` began at snapshot {began_at}"),
            )
            .because(e)
            .hint(format!(
                "`cinelake diff main {name}` compares with what is published now"
            ))
        })
    }

    /// What differs between two scopes.
    pub(super) async fn difference(
        &self,
        before: Scope,
        after: Scope,
        options: &DiffOptions,
    ) -> Result<Difference> {
        let asked = match &options.table {
            Some(text) => Some(table_named(text, &[&before, &after])?),
            None => None,
        };
        let wanted = |name: &TableName| {
            asked.as_ref().is_none_or(|asked| asked == name) || *name == deliveries_table()
        };
        let comparison = self.engine.compare(before, after, &wanted).await?;
        let landed = Landed::read(&comparison).await?;
        if let Some(name) = asked {
            return self
                .one_table(&comparison, &landed, &name, options.limit)
                .await;
        }
        let mut difference = Difference {
            deliveries: landed.changes(&comparison, options.limit).await?,
            ..Difference::default()
        };
        for pair in comparison.pairs() {
            if pair.name == deliveries_table() {
                continue;
            }
            let key = self.key_of(&pair.name, &landed);
            let Some(table) = table_difference(&comparison, pair, &key).await? else {
                continue;
            };
            if table.counts.sum() > 0 {
                difference
                    .metrics
                    .extend(metrics(&comparison, pair, &key).await?);
            }
            difference.tables.push(table);
        }
        Ok(difference)
    }

    async fn one_table(
        &self,
        comparison: &Comparison,
        landed: &Landed,
        name: &TableName,
        limit: usize,
    ) -> Result<Difference> {
        let Some(pair) = comparison.pair(name) else {
            return Ok(Difference::default());
        };
        let key = self.key_of(name, landed);
        let table = table_difference(comparison, pair, &key).await?;
        Ok(Difference {
            tables: table.into_iter().collect(),
            rows: Some(comparison.rows(pair, &key, limit).await?),
            ..Difference::default()
        })
    }

    /// The columns that identify a row; none where nothing says.
    fn key_of(&self, name: &TableName, landed: &Landed) -> Vec<String> {
        if let Some(model) = self.project.models.get(name) {
            return model.header.grain.clone();
        }
        if *name == deliveries_table() {
            return vec!["delivery".to_owned()];
        }
        let mut contracts = self.contracts.iter();
        let is_source = contracts.any(|c| TableName::bronze(&c.name) == *name);
        // A rollback frees numbers, which then name other files.
        match is_source && !landed.has_other_numbers(&name.table) {
            true => vec![DELIVERY.to_owned(), LINE.to_owned()],
            false => Vec::new(),
        }
    }
}

/// The table called `text` in one of `scopes`.
fn table_named(text: &str, scopes: &[&Scope]) -> Result<TableName> {
    let published = |scope: &Scope| -> Vec<TableName> {
        let tables = |s: &Arc<Snapshot>| s.tables.keys().cloned().collect::<Vec<_>>();
        scope.snapshot.as_ref().map(tables).unwrap_or_default()
    };
    let mut names: BTreeSet<TableName> = scopes.iter().flat_map(|s| published(s)).collect();
    names.extend(scopes.iter().flat_map(|s| s.staged.keys().cloned()));
    if let Some(name) = names.iter().find(|name| name.to_string() == text) {
        return Ok(name.clone());
    }
    let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
    let same = names.iter().find(|name| name.table == text);
    let hint = match same {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None => did_you_mean(text, texts.iter().map(String::as_str)),
    };
    Err(Error::usage(format!("no table `{text}` on either side"))
        .hint(hint.unwrap_or_else(|| "`cinelake ls` lists the tables".to_owned())))
}

/// How a table differs; `None` when nothing is to be said.
async fn table_difference(
    comparison: &Comparison,
    pair: &TablePair,
    key: &[String],
) -> Result<Option<TableDifference>> {
    let counts = comparison.counts(pair, key).await?;
    let mut notes = changes_of_kind(pair);
    if counts.sum() == 0 && notes.is_empty() {
        return Ok(None);
    }
    if let (Some(before), Some(after)) = (&pair.before, &pair.after) {
        if before.view.is_some() && before.view == after.view {
            notes.push("view".to_owned());
        }
        if !pair.has_key(key) && counts.sum() > 0 {
            notes.push("compared by whole rows: no common grain".to_owned());
        }
    }
    Ok(Some(TableDifference {
        name: pair.name.clone(),
        rows_before: pair.before.as_ref().map(|s| s.rows),
        rows_after: pair.after.as_ref().map(|s| s.rows),
        counts,
        notes,
    }))
}

/// What changed of a table besides its rows.
fn changes_of_kind(pair: &TablePair) -> Vec<String> {
    let (before, after) = match (&pair.before, &pair.after) {
        (None, Some(after)) if after.view.is_some() => return vec!["new view".to_owned()],
        (None, Some(_)) => return vec!["new".to_owned()],
        (Some(before), None) if before.view.is_some() => return vec!["view, dropped".to_owned()],
        (Some(_), None) => return vec!["dropped".to_owned()],
        (Some(before), Some(after)) => (before, after),
        (None, None) => return Vec::new(),
    };
    let mut notes = Vec::new();
    match (&before.view, &after.view) {
        (None, Some(_)) => notes.push("a view now".to_owned()),
        (Some(_), None) => notes.push("a stored table now".to_owned()),
        (old, new) if old != new => notes.push("view with another query".to_owned()),
        _ => {}
    }
    for (what, columns) in [
        ("columns added", &pair.columns_added),
        ("columns removed", &pair.columns_removed),
    ] {
        if !columns.is_empty() {
            notes.push(format!("{what}: {}", columns.join(", ")));
        }
    }
    for column in &pair.columns {
        if let Some((before, after)) = &column.retyped {
            notes.push(format!("{} is {after}, was {before}", column.name));
        }
    }
    notes
}
