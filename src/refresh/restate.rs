//! What a publish says anew: numbers of months that were over already.
//!
//! A month is closed when the data before reached into a later one
//! (`silver.as_of`; without it, the day of publishing). Of every gold table
//! with a month in its grain, the closed months are compared before they are
//! published; what differs is kept with the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Date32Type;

use super::deliveries::deliveries_table;
use super::diff::{DeliveryChange, HowLanded, Landed, changed_values, month_of};
use super::models::in_order;
use super::plan::is_as_of;
use super::workspace::Workspace;
use crate::engine::{Comparison, Scope, Strategy, TablePair};
use crate::error::Result;
use crate::lake::{Restatement, Snapshot, TableEntry};
use crate::name::TableName;

/// Rows of closed months above which a table holds detail rather than metrics.
const DETAIL: u64 = 20_000;
/// Changed rows of a table up to which each number is kept.
const MOST_ROWS: u64 = 200;
/// Files whose changed lines are looked up.
const MOST_FILES: usize = 100;

/// What a publish changes.
pub(super) struct Sides<'a> {
    pub(super) before: &'a Arc<Snapshot>,
    pub(super) after: Scope,
    /// Every table after.
    pub(super) tables: &'a BTreeMap<TableName, TableEntry>,
}

impl Sides<'_> {
    fn scope_before(&self) -> Scope {
        Scope {
            snapshot: Some(Arc::clone(self.before)),
            ..Scope::default()
        }
    }

    /// Rows of `name` in partitions that differ and begin before `closed`;
    /// a table that is not split is one such partition.
    fn rows_that_may_differ(&self, name: &TableName, closed: NaiveDate) -> u64 {
        let (Some(old), Some(new)) = (self.before.tables.get(name), self.tables.get(name)) else {
            return 0;
        };
        let limit = Date32Type::from_naive_date(closed);
        let is_closed = |value: Option<i32>| value.is_none_or(|day| day < limit);
        let values: BTreeSet<Option<i32>> = [old, new]
            .iter()
            .flat_map(|entry| entry.partitions.iter().map(|p| p.value))
            .filter(|value| is_closed(*value))
            .collect();
        let differing = values.into_iter().map(|value| {
            let (old, new) = (old.partitions.get(value), new.partitions.get(value));
            match old.map(|p| p.changed_in) == new.map(|p| p.changed_in) {
                true => 0,
                false => [old, new]
                    .iter()
                    .flatten()
                    .map(|p| p.rows.max(1))
                    .max()
                    .unwrap_or(0),
            }
        });
        differing.sum()
    }
}

impl Workspace {
    /// The numbers of closed months that differ, and what may have caused it.
    ///
    /// # Errors
    /// When a side cannot be read.
    pub(super) async fn restatements(&self, sides: &Sides<'_>) -> Result<Vec<Restatement>> {
        let closed = self.closed_before(sides).await?;
        let wanted: BTreeSet<&TableName> = sides
            .tables
            .keys()
            .filter(|name| name.layer == "gold" && self.project.models.contains_key(*name))
            .filter(|name| (1..=DETAIL).contains(&sides.rows_that_may_differ(name, closed)))
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = |name: &TableName| wanted.contains(name);
        let comparison = self
            .engine
            .compare(sides.scope_before(), sides.after.clone(), &wanted)
            .await?;
        // Small tables say most in few numbers.
        let mut pairs: Vec<TablePair> = comparison.pairs().cloned().collect();
        pairs.sort_by_key(|pair| pair.after.as_ref().map(|after| after.rows));
        let comparison = Arc::new(comparison);
        let restated = pairs.into_iter().map(|pair| {
            let model = self.project.models.get(&pair.name);
            let key = model.map(|m| m.header.grain.clone()).unwrap_or_default();
            let comparison = Arc::clone(&comparison);
            async move { restated(&comparison, &pair, &key, closed).await }
        });
        let mut found = in_order(restated, self.engine.at_once()).await?.concat();
        if !found.is_empty() {
            let causes = self.causes(sides).await?;
            for restatement in &mut found {
                restatement.causes = causes.of(self, &restatement.table);
            }
        }
        Ok(found)
    }

    /// The first day that is not over: months before it are closed.
    async fn closed_before(&self, sides: &Sides<'_>) -> Result<NaiveDate> {
        let published = sides.before.published_at.with_timezone(&self.config.zone);
        let mut today = published.date_naive();
        if sides.before.tables.keys().any(is_as_of) {
            let session = self
                .engine
                .session(sides.scope_before(), Strategy::Fastest)?;
            let sql = "select cast(max(as_of) as date) from silver.as_of";
            let batches = session.query(sql, &[]).await?.collect().await?;
            let as_of = batches.first().and_then(|batch| {
                let dates = batch.column(0).as_primitive::<Date32Type>();
                dates.is_valid(0).then(|| dates.value_as_date(0))?
            });
            today = as_of.unwrap_or(today);
        }
        Ok(today - Days::new(u64::from(today.day0())))
    }

    async fn causes(&self, sides: &Sides<'_>) -> Result<Causes> {
        let landed = |name: &TableName| name.layer == "bronze" || *name == deliveries_table();
        let comparison = self
            .engine
            .compare(sides.scope_before(), sides.after.clone(), &landed)
            .await?;
        let files = Landed::read(&comparison).await?;
        let files = files.changes(&comparison, MOST_FILES).await?;
        let mut causes = Causes::default();
        for file in files {
            if let Some(text) = cause(&file) {
                causes.all.push((TableName::bronze(&file.source), text));
            }
        }
        for (name, now) in sides.tables {
            let Some(before) = sides.before.tables.get(name) else {
                continue;
            };
            let Some(model) = self.project.models.get(name) else {
                continue;
            };
            if is_as_of(name) && before.changed_in != now.changed_in {
                causes.all.push((name.clone(), format!("{name} moved")));
            } else if before.fingerprint != now.fingerprint {
                let path = model.path.display();
                causes.all.push((name.clone(), format!("{path}, changed")));
            }
        }
        Ok(causes)
    }

    /// The tables from which `name` is built, and itself. What decides the
    /// date that counts is left out: all that ever landed does.
    fn built_from(&self, name: &TableName, found: &mut BTreeSet<TableName>) {
        if !found.insert(name.clone()) || is_as_of(name) {
            return;
        }
        let model = self.project.models.get(name);
        let inputs = model.into_iter().flat_map(|m| &m.statement.inputs);
        for input in inputs {
            self.built_from(&input.table, found);
        }
    }
}

/// The numbers of one table, whose rows are told apart by `key`, that differ in
/// months before `closed`.
async fn restated(
    comparison: &Comparison,
    pair: &TablePair,
    key: &[String],
    closed: NaiveDate,
) -> Result<Vec<Restatement>> {
    let both = pair.before.is_some() && pair.after.is_some() && pair.has_key(key);
    let Some(month) = month_of(pair, key).filter(|_| both) else {
        return Ok(Vec::new());
    };
    let all = comparison.counts_by(pair, key, month).await?;
    let closed = closed.to_string();
    let is_closed = |month: &str| !month.is_empty() && *month < *closed;
    let changed: BTreeMap<&str, u64> = all
        .iter()
        .filter(|(month, _)| is_closed(month))
        .map(|(month, rows)| (month.as_str(), *rows))
        .collect();
    let restatement = |month: &str| Restatement {
        table: pair.name.clone(),
        month: month.to_owned(),
        row: None,
        metric: None,
        before: None,
        after: None,
        rows: changed.get(month).copied().unwrap_or_default(),
        causes: Vec::new(),
    };
    if changed.values().sum::<u64>() > MOST_ROWS {
        return Ok(changed.keys().map(|month| restatement(month)).collect());
    }
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let most: u64 = all.iter().map(|(_, rows)| rows).sum();
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let rows = comparison.rows(pair, key, most).await?;
    let place = key.iter().position(|name| name == month).unwrap_or(0);
    let mut found = Vec::new();
    for value in changed_values(pair, &rows, key.len())? {
        let Some(month) = value.key[place].clone().filter(|month| is_closed(month)) else {
            continue;
        };
        let others = key.iter().zip(value.key).enumerate();
        let others = others.filter(|(at, _)| *at != place);
        let row: serde_json::Map<String, serde_json::Value> = others
            .map(|(_, (name, value))| (name.clone(), value.into()))
            .collect();
        found.push(Restatement {
            row: (!row.is_empty()).then(|| serde_json::Value::from(row).to_string()),
            metric: Some(value.column),
            before: value.before,
            after: value.after,
            ..restatement(&month)
        });
    }
    found.sort_by(|a, b| (&a.month, &a.row).cmp(&(&b.month, &b.row)));
    Ok(found)
}

/// What changed of landed files and models, by table.
#[derive(Default)]
struct Causes {
    all: Vec<(TableName, String)>,
}

impl Causes {
    /// Those from which `table` is built.
    fn of(&self, workspace: &Workspace, table: &TableName) -> Vec<String> {
        let mut from = BTreeSet::new();
        workspace.built_from(table, &mut from);
        let causes = self.all.iter().filter(|(name, _)| from.contains(name));
        causes.map(|(_, text)| text.clone()).collect()
    }
}

/// The words for a file that landed, changed or went; none where its rows are
/// the same rows.
fn cause(file: &DeliveryChange) -> Option<String> {
    let lines: Vec<String> = file.lines.iter().map(ToString::to_string).collect();
    let lines = match (lines.as_slice(), file.rows) {
        ([], 1) => "1 row".to_owned(),
        ([], rows) => format!("{rows} rows"),
        ([line], _) => format!("line {line}"),
        (lines, _) => format!("lines {}", lines.join(", ")),
    };
    let path = &file.path;
    Some(match &file.how {
        HowLanded::Landed => format!("{path}, {lines}"),
        HowLanded::Replaced(_) if file.lines.is_empty() => format!("{path}, replaced"),
        HowLanded::Replaced(_) => format!("{path}, replaced, {lines}"),
        HowLanded::Again => format!("{path}, landed by another contract"),
        HowLanded::Gone => format!("{path}, no longer landed"),
        HowLanded::Renamed(_) => return None,
    })
}
