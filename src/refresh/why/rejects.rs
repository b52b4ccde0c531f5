//! Rejected lines that may have counted: those of the same sources, the ones
//! first that say what the question says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;

use crate::engine::Session;
use crate::error::Result;

/// A rejected line that says what the question says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearReject {
    /// Its source.
    pub source: String,
    /// The number of its delivery.
    pub delivery: i64,
    /// Its file, below the landing folder.
    pub path: String,
    /// Its line in the file.
    pub line: i64,
    /// The column that did not fit, where it was one.
    pub column: Option<String>,
    /// Why it was rejected.
    pub reason: String,
    /// Its text.
    pub raw: String,
}

/// The rejected lines of some sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectsNear {
    /// Those that hold a value of the question, the most values first.
    pub near: Vec<NearReject>,
    /// The number of the others, by source.
    pub others: BTreeMap<String, usize>,
}

/// The rejected lines of `sources`; `condition` is the question's text.
pub(super) async fn near(
    session: &Session,
    sources: &BTreeSet<String>,
    condition: Option<&str>,
) -> Result<RejectsNear> {
    let wanted = literals(condition.unwrap_or_default());
    let sql = "select source, delivery, path, line, \"column\", reason, raw \
               from bronze._rejects order by source, path, line";
    let mut rows = session.query(sql, &[]).await?.stream().await?;
    let mut near: Vec<(usize, NearReject)> = Vec::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(batch) = rows.next().await? {
        for reject in from_batch(&batch)
            .into_iter()
            .filter(|r| sources.contains(&r.source))
        {
            let raw = reject.raw.to_lowercase();
            match wanted.iter().filter(|w| w.is_in(&raw)).count() {
                0 => *others.entry(reject.source).or_default() += 1,
                n => near.push((n, reject)),
            }
        }
    }
    near.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    Ok(RejectsNear {
        near: near.into_iter().map(|(_, reject)| reject).collect(),
        others,
    })
}

fn from_batch(batch: &RecordBatch) -> Vec<NearReject> {
    let text = |column: usize, row: usize| {
        let texts = batch.column(column).as_string_view();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let number =
        |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
    let reject = |row| NearReject {
        source: text(0, row).unwrap_or_default(),
        delivery: number(1, row),
        path: text(2, row).unwrap_or_default(),
        line: number(3, row),
        column: text(4, row),
        reason: text(5, row).unwrap_or_default(),
        raw: text(6, row).unwrap_or_default(),
    };
    (0..batch.num_rows()).map(reject).collect()
}

/// A value that the question names, as files write it, in lower case.
#[derive(Debug, PartialEq, Eq)]
enum Literal {
    /// Found anywhere in a line.
    Text(String),
    /// Found where no letter or digit stands beside it.
    Number(String),
}

impl Literal {
    fn is_in(&self, raw: &str) -> bool {
        match self {
            Self::Text(text) => raw.contains(text),
            Self::Number(number) => raw.match_indices(number.as_str()).any(|(at, _)| {
                let stands_alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                stands_alone(raw[..at].chars().next_back())
                    && stands_alone(raw[at + number.len()..].chars().next())
            }),
        }
    }
}

/// The texts, dates and numbers in a condition. The first day of a month
/// stands for its month.
fn literals(condition: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    for (i, part) in condition.split('\'').enumerate() {
        if i % 2 == 1 {
            let text = part.trim().to_lowercase();
            let month = NaiveDate::parse_from_str(&text, "%Y-%m-%d")
                .ok()
                .filter(|date| date.day() == 1);
            match month {
                Some(date) => found.push(Literal::Text(date.format("%Y-%m").to_string())),
                None if text.is_empty() => {}
                None => found.push(Literal::Text(text)),
            }
            continue;
        }
        let words = part.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        let is_number = |w: &&str| w.starts_with(|c: char| c.is_ascii_digit());
        found.extend(
            words
                .filter(is_number)
                .map(|w| Literal::Number(w.to_owned())),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_of_month_stands_for_its_month_and_numbers_stand_alone() {
        let found = literals("month = date '2023-01-01' and user_id in (7, 12) and plan = 'Pro'");
        insta::assert_debug_snapshot!(found, @r#"
        [
            Text(
                "2023-01",
            ),
            Number(
                "7",
            ),
            Number(
                "12",
            ),
            Text(
                "pro",
            ),
        ]
        "#);
        let seven = Literal::Number("7".to_owned());
        assert!(seven.is_in("1,7,x") && !seven.is_in("1,17,x7"));
    }
}
