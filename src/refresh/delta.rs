//! The rows of a table that a run adds and takes away.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::{filter_record_batch, not};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use tokio::sync::OnceCell;

use crate::engine::{Engine, Scope, Staged};
use crate::error::{Error, Result};
use crate::lake::{ContentHash, TableFiles};
use crate::name::TableName;

/// Rows that are read, or held in memory, to find what differs; a build of more
/// is no cheaper row by row.
pub(super) const MOST_ROWS: u64 = 1_000_000;

/// The rows of a table that differ between two of its states, with all columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Delta {
    /// Rows that only the later state has.
    pub(super) came: Vec<RecordBatch>,
    /// Rows that only the earlier one has.
    pub(super) went: Vec<RecordBatch>,
}

/// Rows told by their hashes, each with how often it occurs.
#[derive(Debug, Default)]
pub(super) struct Bag(HashMap<ContentHash, u64>);

/// Rows that were asked of a bag.
pub(super) struct Taken {
    /// Those that were in it.
    pub(super) held: RecordBatch,
    /// Those that were not.
    pub(super) others: RecordBatch,
    /// The hash of both together.
    pub(super) content: ContentHash,
}

impl Bag {
    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        for hash in ContentHash::of_rows(rows)? {
            *self.0.entry(hash).or_default() += 1;
        }
        Ok(())
    }

    /// Takes `rows` out of the bag, as far as they are in it.
    pub(super) fn take(&mut self, rows: &RecordBatch) -> Result<Taken> {
        let hashes = ContentHash::of_rows(rows)?;
        let content = hashes.iter().copied().sum();
        let held: BooleanArray = hashes
            .into_iter()
            .map(|hash| match self.0.get_mut(&hash) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    Some(true)
                }
                _ => Some(false),
            })
            .collect();
        let some = |mask: &BooleanArray| filter_record_batch(rows, mask);
        let taken = || {
            Ok::<_, ArrowError>(Taken {
                held: some(&held)?,
                others: some(&not(&held)?)?,
                content,
            })
        };
        taken().map_err(|e| Error::data("rows do not fit their table").because(e))
    }

    /// How many rows it holds.
    pub(super) fn left(&self) -> u64 {
        self.0.values().sum()
    }
}

impl Delta {
    /// What differs between `earlier` and `later` rows: those of both cancel
    /// out, each as often as it occurs.
    pub(super) fn between(earlier: &[RecordBatch], later: &[RecordBatch]) -> Result<Self> {
        let mut bag = Bag::default();
        for rows in earlier {
            bag.add(rows)?;
        }
        let came = later.iter().map(|rows| Ok(bag.take(rows)?.others));
        let came = came.collect::<Result<_>>()?;
        // The bag holds what went.
        let went = earlier.iter().map(|rows| Ok(bag.take(rows)?.held));
        let went = went.collect::<Result<_>>()?;
        Ok(Self {
            came: filled(came),
            went: filled(went),
        })
    }

    /// Rows that differ.
    pub(super) fn rows(&self) -> u64 {
        rows(&self.came) + rows(&self.went)
    }

    /// The values of `column` in rows that differ, without null; none where
    /// they are more than `most`.
    ///
    /// # Errors
    /// When there is no such column.
    pub(super) fn values(&self, column: &str, most: usize) -> Result<Option<HashSet<ScalarValue>>> {
        let mut values = HashSet::new();
        for batch in self.came.iter().chain(&self.went) {
            let array = batch.column_by_name(column).ok_or_else(|| {
                Error::data(format!("rows of a table lack its column `{column}`"))
            })?;
            for row in 0..array.len() {
                if array.is_valid(row) {
                    let value = ScalarValue::try_from_array(array, row);
                    values.insert(value.map_err(|e| Error::data("a value is unknown").because(e))?);
                }
                if values.len() > most {
                    return Ok(None);
                }
            }
        }
        Ok(Some(values))
    }
}

/// What differs of each table between the snapshot that a run stands on and
/// what it staged; found when it is asked for, once.
#[derive(Debug, Clone, Default)]
pub(super) struct Deltas(Arc<Mutex<BTreeMap<TableName, Found>>>);

/// None where it is too much.
type Found = Arc<OnceCell<Option<Arc<Delta>>>>;

impl Deltas {
    /// What differs of `table` is known.
    pub(super) fn know(&self, table: &TableName, delta: Delta) {
        let known = Arc::new(OnceCell::new_with(Some(Some(Arc::new(delta)))));
        self.all().insert(table.clone(), known);
    }

    /// What differs of `table` between the snapshot of `scope` and what is
    /// staged in it; none where that is too much to be worth finding.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) async fn of(
        &self,
        engine: &Engine,
        scope: &Scope,
        table: &TableName,
    ) -> Result<Option<Arc<Delta>>> {
        let cell = Arc::clone(self.all().entry(table.clone()).or_default());
        let found = cell.get_or_try_init(|| async {
            let Some(sides) = Sides::of(engine, scope, table).await? else {
                return Ok(None);
            };
            if sides.earlier.rows() + sides.later.rows() > MOST_ROWS {
                return Ok(None);
            }
            let earlier = read(engine, &sides.earlier).await?;
            let later = read(engine, &sides.later).await?;
            let delta = tokio::task::spawn_blocking(move || Delta::between(&earlier, &later));
            let delta = delta
                .await
                .map_err(|e| Error::io("the work stopped").because(e))??;
            Ok(Some(Arc::new(delta)))
        });
        found.await.cloned()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<TableName, Found>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files of a table that only one of its states has.
pub(super) struct Sides {
    /// Published, not staged.
    pub(super) earlier: TableFiles,
    /// Staged, not published.
    pub(super) later: TableFiles,
}

impl Sides {
    /// The fewest rows that can differ.
    pub(super) fn least(&self) -> u64 {
        self.earlier.rows().abs_diff(self.later.rows())
    }

    /// Those of a stored table that is both published in the snapshot of
    /// `scope` and staged in it, with the same columns.
    pub(super) async fn of(
        engine: &Engine,
        scope: &Scope,
        table: &TableName,
    ) -> Result<Option<Self>> {
        let Some(Staged::Files(later)) = scope.staged.get(table) else {
            return Ok(None);
        };
        let snapshot = scope.snapshot.as_ref();
        let Some(entry) = snapshot.and_then(|s| s.tables.get(table)) else {
            return Ok(None);
        };
        if !entry.is_stored() {
            return Ok(None);
        }
        let earlier = engine.files(table, entry).await?;
        if earlier.schema != later.schema || earlier.partition_by != later.partition_by {
            return Ok(None);
        }
        Ok(Some(Self {
            earlier: earlier.without(later),
            later: later.without(&earlier),
        }))
    }
}

async fn read(engine: &Engine, table: &TableFiles) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for file in &table.files {
        batches.extend(engine.lake().read_file(table, file).await?);
    }
    Ok(batches)
}

/// The batches that have rows.
pub(super) fn filled(batches: Vec<RecordBatch>) -> Vec<RecordBatch> {
    let has_rows = |batch: &RecordBatch| batch.num_rows() > 0;
    batches.into_iter().filter(has_rows).collect()
}

/// The rows of all `batches`.
pub(super) fn rows(batches: &[RecordBatch]) -> u64 {
    batches.iter().map(|batch| batch.num_rows() as u64).sum()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
    use datafusion::arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;

    fn batch(ids: &[i64]) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
        RecordBatch::try_from_iter([("id", ids)]).unwrap()
    }

    fn ids(batches: &[RecordBatch]) -> Vec<i64> {
        let all = batches.iter().flat_map(|b| {
            let ids = b.column(0).as_primitive::<Int64Type>();
            ids.values().to_vec()
        });
        let mut all: Vec<i64> = all.collect();
        all.sort_unstable();
        all
    }

    proptest! {
        #[test]
        fn what_went_and_what_came_makes_the_later_of_the_earlier(
            earlier in prop::collection::vec(0_i64..6, 0..20),
            later in prop::collection::vec(0_i64..6, 0..20),
        ) {
            let halves = |ids: &[i64]| {
                let (one, two) = ids.split_at(ids.len() / 2);
                vec![batch(one), batch(two)]
            };
            let delta = Delta::between(&halves(&earlier), &halves(&later)).unwrap();
            let (came, went) = (ids(&delta.came), ids(&delta.went));
            prop_assert!(came.iter().all(|id| !went.contains(id)));
            let mut left = earlier.clone();
            for id in &went {
                let at = left.iter().position(|other| other == id);
                left.swap_remove(at.unwrap());
            }
            left.extend(came);
            left.sort_unstable();
            let mut wanted = later;
            wanted.sort_unstable();
            prop_assert_eq!(left, wanted);
        }
    }
}
