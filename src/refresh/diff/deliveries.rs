//! Which files made the difference, and which of their lines.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;

use super::super::deliveries::{Delivery, deliveries_table, read};
use super::super::keys::quoted;
use crate::engine::Comparison;
use crate::error::Result;
use crate::name::TableName;
use crate::source::{CURRENT, DELIVERY, LINE};

/// Lines that are named of one file at most.
const MOST_LINES: usize = 20;

/// What happened to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryChange {
    /// Its source.
    pub source: String,
    /// Its path below the landing folder.
    pub path: String,
    /// What happened.
    pub how: HowLanded,
    /// Rows landed.
    pub rows: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// The lines in the file whose rows are new, or differ from what the file
    /// replaced; empty when there are more than twenty.
    pub lines: Vec<i64>,
}

/// How a file differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HowLanded {
    /// It is landed now.
    Landed,
    /// It replaced the file that was landed under this path.
    Replaced(String),
    /// The same content was landed once more, by another contract.
    Again,
    /// It is known under a new name; the old one.
    Renamed(String),
    /// It is not landed any more.
    Gone,
}

/// The deliveries of both sides.
#[derive(Debug, Default)]
pub(in crate::refresh) struct Landed {
    before: Vec<Delivery>,
    after: Vec<Delivery>,
}

impl Landed {
    pub(in crate::refresh) async fn read(comparison: &Comparison) -> Result<Self> {
        let mut landed = Self::default();
        let Some(pair) = comparison.pair(&deliveries_table()) else {
            return Ok(landed);
        };
        let session = comparison.session();
        if pair.before.is_some() {
            landed.before = read(session, "before.system.deliveries").await?;
        }
        if pair.after.is_some() {
            landed.after = read(session, "after.system.deliveries").await?;
        }
        Ok(landed)
    }

    /// Whether a number stands for one file before and for another after.
    pub(super) fn has_other_numbers(&self, source: &str) -> bool {
        let by_id: BTreeMap<i64, &Delivery> = self.before.iter().map(|d| (d.id, d)).collect();
        let file = |d: &Delivery| (d.source.clone(), d.content_hash.clone());
        self.after.iter().any(|new| {
            by_id.get(&new.id).is_some_and(|old| {
                file(old) != file(new) && (old.source == source || new.source == source)
            })
        })
    }

    /// What happened to files, by source and path; with the lines of the
    /// first `limit` of them.
    pub(in crate::refresh) async fn changes(
        &self,
        comparison: &Comparison,
        limit: usize,
    ) -> Result<Vec<DeliveryChange>> {
        let mut found = self.found();
        found.sort_by(|(a, ..), (b, ..)| {
            (&a.source, &a.path, a.id).cmp(&(&b.source, &b.path, b.id))
        });
        let named: Vec<&Delivery> = found
            .iter()
            .take(limit)
            .filter(|(_, how, _)| *how == HowLanded::Landed)
            .map(|(delivery, ..)| *delivery)
            .collect();
        let new_lines = lines_of(comparison, &named).await?;
        let mut changes = Vec::new();
        for (at, (delivery, how, replaced)) in found.into_iter().enumerate() {
            let lines = match (&how, replaced) {
                (HowLanded::Replaced(_), Some(old)) if at < limit => {
                    lines_that_differ(comparison, old, delivery).await?
                }
                _ => new_lines.get(&delivery.id).cloned().unwrap_or_default(),
            };
            changes.push(DeliveryChange {
                source: delivery.source.clone(),
                path: delivery.path.clone(),
                how,
                rows: u64::try_from(delivery.rows_landed).unwrap_or(0),
                rejected: u64::try_from(delivery.rows_rejected).unwrap_or(0),
                lines,
            });
        }
        Ok(changes)
    }

    /// Each file that differs, how, and the delivery that it replaced.
    fn found(&self) -> Vec<(&Delivery, HowLanded, Option<&Delivery>)> {
        let is_current = |d: &&Delivery| d.replaced_by.is_none();
        let before: Vec<&Delivery> = self.before.iter().filter(is_current).collect();
        let by = |key: &dyn Fn(&Delivery) -> Option<i64>| -> BTreeMap<i64, &Delivery> {
            let keyed = before.iter().filter_map(|old| Some((key(old)?, *old)));
            keyed.collect()
        };
        let after: BTreeMap<i64, &Delivery> = self.after.iter().map(|d| (d.id, d)).collect();
        let numbered = by(&|old| Some(old.id));
        let followed = by(&|old| successor(old, &after));
        // What is known by its number has not been replaced under its name.
        let named: BTreeMap<(&str, &str), &Delivery> = before
            .iter()
            .filter(|old| successor(old, &after).is_none())
            .map(|old| ((old.source.as_str(), old.path.as_str()), *old))
            .collect();
        let mut left: BTreeSet<i64> = numbered.keys().copied().collect();
        let mut found = Vec::new();
        for new in self.after.iter().filter(is_current) {
            let same = numbered.get(&new.id);
            let same = same.filter(|old| old.content_key() == new.content_key());
            let old = same
                .or_else(|| followed.get(&new.id))
                .or_else(|| named.get(&(new.source.as_str(), new.path.as_str())));
            let Some(old) = old else {
                found.push((new, HowLanded::Landed, None));
                continue;
            };
            left.remove(&old.id);
            let how = if same.is_some() && old.path == new.path {
                continue;
            } else if same.is_some() {
                HowLanded::Renamed(old.path.clone())
            } else if old.content_hash == new.content_hash {
                HowLanded::Again
            } else {
                HowLanded::Replaced(old.path.clone())
            };
            found.push((new, how, Some(*old)));
        }
        let gone = before.into_iter().filter(|old| left.contains(&old.id));
        found.extend(gone.map(|old| (old, HowLanded::Gone, None)));
        found
    }
}

/// The delivery that stands for `old` after, where others replaced it.
fn successor(old: &Delivery, after: &BTreeMap<i64, &Delivery>) -> Option<i64> {
    let mut at = after
        .get(&old.id)
        .filter(|d| d.content_key() == old.content_key())?;
    // Each replaces an earlier one, so this ends.
    while let Some(next) = at.replaced_by.filter(|next| *next > at.id) {
        at = after.get(&next)?;
    }
    Some(at.id)
}

/// The lines of new files, by delivery; of those with few lines.
async fn lines_of(
    comparison: &Comparison,
    deliveries: &[&Delivery],
) -> Result<BTreeMap<i64, Vec<i64>>> {
    let mut by_source: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for delivery in deliveries {
        let few = usize::try_from(delivery.rows_landed).is_ok_and(|n| n <= MOST_LINES);
        if few {
            let ids = by_source.entry(&delivery.source).or_default();
            ids.push(delivery.id.to_string());
        }
    }
    let mut lines: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (source, ids) in by_source {
        if comparison.pair(&TableName::bronze(source)).is_none() {
            continue;
        }
        let sql = format!(
            "select {DELIVERY}, {LINE} from after.bronze.{} where {DELIVERY} in ({}) order by 1, 2",
            quoted(source),
            ids.join(", ")
        );
        for batch in comparison
            .session()
            .query(&sql, &[])
            .await?
            .collect()
            .await?
        {
            let delivery = batch.column(0).as_primitive::<Int64Type>();
            let line = batch.column(1).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                lines
                    .entry(delivery.value(row))
                    .or_default()
                    .push(line.value(row));
            }
        }
    }
    Ok(lines)
}

/// The lines of `new` whose rows `old` did not hold; none when they are many.
async fn lines_that_differ(
    comparison: &Comparison,
    old: &Delivery,
    new: &Delivery,
) -> Result<Vec<i64>> {
    let Some(pair) = comparison.pair(&TableName::bronze(&new.source)) else {
        return Ok(Vec::new());
    };
    let same_type = pair.columns.iter().filter(|c| c.retyped.is_none());
    let names: Vec<String> = same_type
        .filter(|c| ![DELIVERY, LINE, CURRENT].contains(&c.name.as_str()))
        .map(|c| quoted(&c.name))
        .collect();
    if names.is_empty() || pair.before.is_none() || pair.after.is_none() {
        return Ok(Vec::new());
    }
    let (names, source) = (names.join(", "), quoted(&new.source));
    let sql = format!(
        "select max(\"#line\") from (
            select {names}, cast(null as bigint) as \"#line\", -1 as \"#n\"
            from before.bronze.{source} where {DELIVERY} = {}
            union all
            select {names}, {LINE}, 1 from after.bronze.{source} where {DELIVERY} = {}
        ) as sides group by {names} having sum(\"#n\") > 0 order by 1 limit {}",
        old.id,
        new.id,
        MOST_LINES + 1
    );
    let batches = comparison
        .session()
        .query(&sql, &[])
        .await?
        .collect()
        .await?;
    let lines: Vec<i64> = batches
        .iter()
        .flat_map(|b| b.column(0).as_primitive::<Int64Type>().iter().flatten())
        .collect();
    Ok(match lines.len() > MOST_LINES {
        true => Vec::new(),
        false => lines,
    })
}
