//! One batch of values, and the intervals that they lie in.

use std::sync::Arc;

use cinelake_kernels::{Looked, Pairs, Progress};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::compute::{prep_null_mask_filter, take};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{JoinSide, JoinType, Result};

use super::join::{Held, How, without};

/// A batch of the right side while it is joined.
pub(super) struct Probe {
    rows: RecordBatch,
    groups: Vec<u32>,
    from: Vec<i64>,
    until: Vec<i64>,
    /// Whether pairs need not be asked again.
    exact: bool,
    progress: Progress,
    /// The first row of which it is not known whether it is in any pair.
    open: usize,
    /// Whether that row is in one so far.
    matched: bool,
}

impl Probe {
    pub(super) fn of(rows: RecordBatch, held: &Held, how: &How) -> Result<Self> {
        let (from, until) = (how.bounds.from.asked(&rows), how.bounds.until.asked(&rows));
        let mut groups = how.asked(&held.groups, &rows)?;
        without(&mut groups, from.never.as_deref());
        without(&mut groups, until.never.as_deref());
        Ok(Self {
            rows,
            groups,
            exact: held.exact && from.exact && until.exact,
            from: from.values,
            until: until.values,
            progress: Progress::default(),
            open: 0,
            matched: false,
        })
    }

    /// The next rows, of about `size` pairs; none after the last.
    pub(super) fn next(
        &mut self,
        held: &Held,
        how: &How,
        schema: &SchemaRef,
        size: usize,
    ) -> Result<Option<RecordBatch>> {
        if self.open == self.rows.num_rows() {
            return Ok(None);
        }
        let mut pairs = Pairs::default();
        let looked = Looked {
            groups: &self.groups,
            from: &self.from,
            until: &self.until,
        };
        held.intervals
            .look(looked, &mut self.progress, size.max(1), &mut pairs);
        if !self.exact && !pairs.values.is_empty() {
            pairs = self.asked(pairs, held, how)?;
        }
        let (intervals, values) = self.answered(pairs, how.kind);
        let columns = how.columns.iter().map(|(side, at)| match side {
            JoinSide::Left => Ok(take(held.rows.column(*at), &intervals, None)?),
            _ => self.taken(self.rows.column(*at), &values),
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let count = RecordBatchOptions::new().with_row_count(Some(values.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &count)?;
        Ok(Some(batch))
    }

    /// The values of a column in these rows; the column itself where they are all.
    fn taken(&self, column: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
        let all = rows.len() == self.rows.num_rows()
            && (0_u32..).zip(rows.values()).all(|(at, row)| at == *row);
        Ok(match all {
            true => Arc::clone(column),
            false => take(column, rows, None)?,
        })
    }

    /// The pairs for which the join's whole condition holds.
    fn asked(&self, pairs: Pairs, held: &Held, how: &How) -> Result<Pairs> {
        let count = pairs.values.len();
        let intervals = UInt32Array::from(pairs.intervals);
        let values = UInt32Array::from(pairs.values);
        let columns = how.filter.column_indices().iter().map(|at| match at.side {
            JoinSide::Left => take(held.rows.column(at.index), &intervals, None),
            _ => take(self.rows.column(at.index), &values, None),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let schema = Arc::clone(how.filter.schema());
        let rows = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let holds = how.filter.expression().evaluate(&rows)?.into_array(count)?;
        let holds = match holds.null_count() {
            0 => holds.as_boolean().clone(),
            _ => prep_null_mask_filter(holds.as_boolean()),
        };
        let mut kept = Pairs::default();
        for at in holds.values().set_indices() {
            kept.intervals.push(intervals.value(at));
            kept.values.push(values.value(at));
        }
        Ok(kept)
    }

    /// The rows of the answer, as far as they are known: of the left side (or
    /// null) and of the right.
    fn answered(&mut self, pairs: Pairs, kind: JoinType) -> (UInt32Array, UInt32Array) {
        let begun = std::mem::replace(&mut self.open, self.progress.row);
        if kind == JoinType::Inner {
            return (pairs.intervals.into(), pairs.values.into());
        }
        let mut intervals: Vec<Option<u32>> = Vec::with_capacity(pairs.values.len());
        let mut values: Vec<u32> = Vec::with_capacity(pairs.values.len());
        let mut found = pairs.values.iter().zip(&pairs.intervals).peekable();
        #[expect(clippy::cast_possible_truncation, reason = "rows of a batch")]
        for row in begun as u32..=self.progress.row as u32 {
            let is_first = row as usize == begun;
            let mut matched = is_first && self.matched;
            while let Some((_, interval)) = found.next_if(|(value, _)| **value == row) {
                matched = true;
                if kind == JoinType::Right {
                    intervals.push(Some(*interval));
                    values.push(row);
                }
            }
            if row as usize == self.progress.row {
                self.matched = matched;
                break;
            }
            let alone = match kind {
                JoinType::RightSemi => matched,
                _ => !matched,
            };
            if alone {
                intervals.push(None);
                values.push(row);
            }
        }
        (intervals.into(), values.into())
    }
}
