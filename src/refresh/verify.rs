//! Builds tables again from their inputs, aside, and compares: what refreshes
//! published step by step is what building it at once gives, or this shows
//! where not.
//!
//! Each table is compared given its published inputs. When all tables agree,
//! so does a lake built at once from the landed rows.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::RecordBatch;

use super::audit::table_sql;
use super::plan::{build_fingerprint, is_as_of, selection_of};
use super::progress::{Event, Observer};
use super::workspace::{Workspace, fingerprint};
use crate::engine::{Answer, Condition, Session, Strategy};
use crate::error::{Error, Result};
use crate::lake::{
    ContentHash, DataFile, PartitionValue, SnapshotRef, TableEntry, date_text, split_by_date,
};
use crate::model::{Materialized, Model, TableName};

/// Rows of a mismatch that are kept to be shown.
const SAMPLES: usize = 20;

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// These models (`gold.dim_users`, `gold.*`); all where empty.
    pub select: Vec<String>,
    /// Only these partitions, in days since 1970; all where empty. Tables that
    /// are not split are then left out.
    pub days: Vec<i32>,
    /// Only so many partitions, chosen by chance.
    pub sample: Option<u64>,
    /// Decides the chance.
    pub seed: u64,
    /// The snapshot; the newest where left out.
    pub at: Option<SnapshotRef>,
}

/// What verifying one table gave.
#[derive(Debug)]
pub struct Verified {
    /// The table.
    pub table: TableName,
    /// Partitions compared; a table that is not split has one.
    pub partitions: u64,
    /// Rows compared.
    pub rows: u64,
    /// Why the table could not be compared.
    pub skipped: Option<String>,
    /// Where it differs.
    pub mismatches: Vec<Mismatch>,
}

/// A partition whose published rows are not what building it gives.
#[derive(Debug)]
pub struct Mismatch {
    /// The partition's value; none in a table that is not split.
    pub partition: Option<String>,
    /// What differs from what.
    pub kind: MismatchKind,
}

/// What differs.
#[derive(Debug)]
pub enum MismatchKind {
    /// Building gives other rows.
    Rows {
        /// Rows published.
        published: u64,
        /// Rows that building gives.
        rebuilt: u64,
        /// Some rows that are published and not built.
        only_published: Vec<RecordBatch>,
        /// Some rows that are built and not published.
        only_rebuilt: Vec<RecordBatch>,
    },
    /// The stored rows are not those that the snapshot recorded: a file was
    /// changed or exchanged.
    Record {
        /// Rows in the snapshot's record.
        recorded: u64,
        /// Rows stored.
        stored: u64,
    },
}

/// Rows and their hash, by partition.
type Contents = BTreeMap<PartitionValue, (u64, ContentHash)>;

impl Workspace {
    /// Compares published tables with what their queries answer now.
    ///
    /// # Errors
    /// When nothing is published, a selection matches nothing, or a query
    /// cannot be run. Mismatches are no error.
    pub async fn verify(
        &self,
        options: &VerifyOptions,
        observer: &dyn Observer,
    ) -> Result<Vec<Verified>> {
        let selected = selection_of(&self.project, &options.select)?;
        // Another plan than the one that built: a fault of the engine must not be
        // able to confirm itself.
        let at = options.at.as_ref();
        let (session, snapshot) = self.session_by(at, Strategy::Plain).await?;
        let mut verified = Vec::new();
        let chosen = self.choose(options, &selected, &snapshot.tables);
        for (name, days) in chosen {
            let (Some(model), Some(entry)) =
                (self.project.models.get(&name), snapshot.tables.get(&name))
            else {
                continue;
            };
            observer.event(Event::Checking(&name));
            verified.push(self.verify_table(&session, model, entry, days).await?);
        }
        Ok(verified)
    }

    /// The tables to compare, each with the partitions asked for; `None` for
    /// all of it.
    fn choose(
        &self,
        options: &VerifyOptions,
        selected: &BTreeSet<TableName>,
        tables: &BTreeMap<TableName, TableEntry>,
    ) -> Vec<(TableName, Option<Vec<i32>>)> {
        let order = self.project.build_order.iter();
        let stored = order
            .filter(|name| selected.contains(*name))
            .filter(|name| {
                self.project
                    .models
                    .get(*name)
                    .is_some_and(|m| m.header.materialized == Materialized::Table)
                    && tables.contains_key(*name)
            });
        let is_split = |name: &TableName| tables[name].partition_by.is_some();
        if !options.days.is_empty() {
            return stored
                .filter(|name| is_split(name))
                .map(|name| (name.clone(), Some(options.days.clone())))
                .collect();
        }
        let Some(sample) = options.sample else {
            return stored.map(|name| (name.clone(), None)).collect();
        };
        let mut places: Vec<(TableName, Option<i32>)> = Vec::new();
        for name in stored {
            let values = tables[name].partitions.iter().map(|p| p.value);
            let days: Vec<i32> = values.flatten().collect();
            if is_split(name) && !days.is_empty() {
                places.extend(days.into_iter().map(|day| (name.clone(), Some(day))));
            } else {
                places.push((name.clone(), None));
            }
        }
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|place| fingerprint(&format!("{} {:?}", options.seed, places[*place])));
        order.truncate(usize::try_from(sample).unwrap_or(usize::MAX));
        order.sort_unstable();
        let mut chosen: Vec<(TableName, Option<Vec<i32>>)> = Vec::new();
        for (name, day) in order.into_iter().map(|place| places[place].clone()) {
            match chosen.last_mut() {
                Some((last, Some(days))) if *last == name => days.extend(day),
                _ => chosen.push((name, day.map(|day| vec![day]))),
            }
        }
        chosen
    }

    async fn verify_table(
        &self,
        session: &Session,
        model: &Model,
        entry: &TableEntry,
        days: Option<Vec<i32>>,
    ) -> Result<Verified> {
        let mut verified = Verified {
            table: model.name.clone(),
            partitions: 0,
            rows: 0,
            skipped: None,
            mismatches: Vec::new(),
        };
        if entry.fingerprint != build_fingerprint(&self.project, model, None, self.config.zone) {
            verified.skipped = Some(if is_as_of(&model.name) {
                "its date was given by `--as-of`".to_owned()
            } else {
                "its text changed since it was built".to_owned()
            });
            return Ok(verified);
        }
        let column = model.header.partition_by.as_deref();
        let at_model = |e: Error| match e.place() {
            Some(_) => e,
            None => e.file(&model.path),
        };
        let days = days.as_deref();
        let rebuilt = rebuilt(session, model, days).await.map_err(at_model)?;
        let rebuilt = contents(rebuilt, column).await.map_err(at_model)?;
        let stored = self.stored_contents(&model.name, entry, days).await?;
        let values: BTreeSet<PartitionValue> =
            rebuilt.keys().chain(stored.keys()).copied().collect();
        for value in values {
            verified.partitions += 1;
            let none = (0, ContentHash::default());
            let is = stored.get(&value).copied().unwrap_or(none);
            let should = rebuilt.get(&value).copied().unwrap_or(none);
            verified.rows += is.0;
            let mismatch = |kind| Mismatch {
                partition: value.map(date_text),
                kind,
            };
            let recorded = entry.partitions.get(value);
            let recorded = recorded.map_or((0, None), |p| (p.rows, p.content));
            // Of rows that are not those published, nothing more can be said.
            if recorded.0 != is.0 || recorded.1.is_some_and(|content| content != is.1) {
                verified.mismatches.push(mismatch(MismatchKind::Record {
                    recorded: recorded.0,
                    stored: is.0,
                }));
                continue;
            }
            if is != should {
                let day: Option<Vec<i32>> = value.map(|day| vec![day]);
                let pair = || async {
                    Ok::<_, Error>((
                        self::rebuilt(session, model, day.as_deref()).await?,
                        self::stored(session, model, day.as_deref()).await?,
                    ))
                };
                let (left, right) = pair().await?;
                let only_rebuilt = left.except(right, SAMPLES)?.collect().await?;
                let (left, right) = pair().await?;
                let only_published = right.except(left, SAMPLES)?.collect().await?;
                verified.mismatches.push(mismatch(MismatchKind::Rows {
                    published: is.0,
                    rebuilt: should.0,
                    only_published,
                    only_rebuilt,
                }));
            }
        }
        Ok(verified)
    }
}

impl Workspace {
    /// Hashes the stored rows, read file by file.
    async fn stored_contents(
        &self,
        name: &TableName,
        entry: &TableEntry,
        days: Option<&[i32]>,
    ) -> Result<Contents> {
        let table = self.engine.files(name, entry).await?;
        let mut contents = Contents::new();
        let asked = |file: &&DataFile| match days {
            Some(days) => file.partition.is_some_and(|day| days.contains(&day)),
            None => true,
        };
        for file in table.files.iter().filter(asked) {
            for batch in self.lake().read_file(&table, file).await? {
                add(&mut contents, file.partition, &batch)?;
            }
        }
        Ok(contents)
    }
}

fn add(contents: &mut Contents, value: PartitionValue, rows: &RecordBatch) -> Result<()> {
    let (count, content) = contents.entry(value).or_default();
    *count += rows.num_rows() as u64;
    *content = *content + ContentHash::of(rows)?;
    Ok(())
}

/// What the model's query answers.
async fn rebuilt(session: &Session, model: &Model, days: Option<&[i32]>) -> Result<Answer> {
    let answer = session.model(&model.sql).await?;
    match (days, &model.header.partition_by) {
        (Some(days), Some(column)) => answer.only(&[Condition::days(column, days)]),
        _ => Ok(answer),
    }
}

/// What is published.
async fn stored(session: &Session, model: &Model, days: Option<&[i32]>) -> Result<Answer> {
    let sql = format!("select * from {}", table_sql(&model.name));
    let answer = session.query(&sql, &[]).await?;
    match (days, &model.header.partition_by) {
        (Some(days), Some(column)) => answer.only(&[Condition::days(column, days)]),
        _ => Ok(answer),
    }
}

/// Hashes the rows as they come.
async fn contents(answer: Answer, partition_by: Option<&str>) -> Result<Contents> {
    let mut contents = Contents::new();
    let mut rows = answer.stream().await?;
    while let Some(batch) = rows.next().await? {
        let parts = match partition_by {
            Some(column) => split_by_date(&batch, column)?,
            None => vec![(None, batch)],
        };
        for (value, part) in parts {
            add(&mut contents, value, &part)?;
        }
    }
    contents.retain(|_, (count, _)| *count > 0);
    Ok(contents)
}
