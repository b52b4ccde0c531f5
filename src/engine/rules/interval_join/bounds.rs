//! What a join's condition says of intervals.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, JoinSide, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::joins::utils::JoinFilter;

use crate::engine::support::exprs::replaced;

/// That a row of the right side lies within a row of the left one.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// Left is at most right.
    pub(super) from: Bound,
    /// Left is at least right.
    pub(super) until: Bound,
    /// Whether the condition says nothing else.
    pub(super) is_all: bool,
}

/// One comparison of the left side with the right one.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    left: Side,
    right: Side,
    /// Whether equal values do not do.
    strict: bool,
    /// Whether left is the greater one.
    is_end: bool,
}

#[derive(Debug, Clone)]
struct Side {
    /// In columns of its own side.
    value: PhysicalExprRef,
    /// Where one of these is true, the value lies within any bound: `valid_to is
    /// null or …`.
    open: Vec<PhysicalExprRef>,
}

/// One side's values of a bound, row by row.
pub(super) struct Values {
    pub(super) values: Vec<i64>,
    /// The rows of which the bound never holds, where there are some.
    pub(super) never: Option<Vec<bool>>,
    /// Whether pairs that are within these values are within the bound, too.
    pub(super) exact: bool,
}

impl Bounds {
    /// What `filter` says; none where it bounds the right side's rows on one
    /// side only, or not by whole numbers, days or instants.
    pub(super) fn of(filter: &JoinFilter) -> Result<Option<Self>> {
        let (mut from, mut until) = (None, None);
        let all = split_conjunction(filter.expression());
        let count = all.len();
        for condition in all {
            let Some(bound) = Bound::of(condition, filter)? else {
                continue;
            };
            let place = if bound.is_end { &mut until } else { &mut from };
            place.get_or_insert(bound);
        }
        Ok(from.zip(until).map(|(from, until)| Self {
            from,
            until,
            is_all: count == 2,
        }))
    }

    /// Whether the right side has the intervals, and the left one a time each.
    pub(super) fn are_of_right(&self) -> bool {
        let same = |one: &Side, other: &Side| one.value.eq(&other.value);
        same(&self.from.left, &self.until.left) && !same(&self.from.right, &self.until.right)
    }
}

impl Bound {
    fn of(condition: &PhysicalExprRef, filter: &JoinFilter) -> Result<Option<Self>> {
        let mut compared = None;
        let (mut open_left, mut open_right) = (Vec::new(), Vec::new());
        for part in either(condition) {
            match side(part, filter) {
                Some(JoinSide::Left) => open_left.push(part),
                Some(JoinSide::Right) => open_right.push(part),
                _ => match part.downcast_ref::<BinaryExpr>() {
                    Some(binary) if compared.replace(binary).is_none() => {}
                    _ => return Ok(None),
                },
            }
        }
        let Some(binary) = compared else {
            return Ok(None);
        };
        let strict = match binary.op() {
            Operator::Lt | Operator::Gt => true,
            Operator::LtEq | Operator::GtEq => false,
            _ => return Ok(None),
        };
        let (one, other) = (binary.left(), binary.right());
        let greater = matches!(binary.op(), Operator::Gt | Operator::GtEq);
        let (left, right, is_end) = match (side(one, filter), side(other, filter)) {
            (Some(JoinSide::Left), Some(JoinSide::Right)) => (one, other, greater),
            (Some(JoinSide::Right), Some(JoinSide::Left)) => (other, one, !greater),
            _ => return Ok(None),
        };
        let kind = left.data_type(filter.schema())?;
        if !is_counted(&kind) || right.data_type(filter.schema())? != kind {
            return Ok(None);
        }
        let own = |value: &PhysicalExprRef| {
            replaced(value, |column| {
                let at = filter.column_indices().get(column.index())?;
                Some(Arc::new(Column::new(column.name(), at.index)))
            })
        };
        let side = |value, open: Vec<&PhysicalExprRef>| {
            let open = open.into_iter().map(own).collect::<Result<Option<_>>>()?;
            let side = own(value)?.zip(open);
            Ok::<_, DataFusionError>(side.map(|(value, open)| Side { value, open }))
        };
        let (left, right) = (side(left, open_left)?, side(right, open_right)?);
        Ok(left.zip(right).map(|(left, right)| Self {
            left,
            right,
            strict,
            is_end,
        }))
    }

    /// The values of intervals.
    pub(super) fn held(&self, rows: &RecordBatch) -> Values {
        let widest = if self.is_end { i64::MAX } else { i64::MIN };
        Values::of(&self.left, rows, widest, !self.right.open.is_empty())
    }

    /// The values that intervals are looked for.
    pub(super) fn asked(&self, rows: &RecordBatch) -> Values {
        let widest = if self.is_end { i64::MIN } else { i64::MAX };
        let mut asked = Values::of(&self.right, rows, widest, !self.left.open.is_empty());
        if !self.strict {
            return asked;
        }
        // Below nine is at most eight. What lies within any bound stays so; the
        // last number that there is cannot be told from it.
        for value in &mut asked.values {
            let next = match self.is_end {
                _ if *value == widest => None,
                true => value.checked_add(1),
                false => value.checked_sub(1),
            };
            match next {
                Some(next) => *value = next,
                None => asked.exact = false,
            }
        }
        asked
    }
}

impl Values {
    /// Within any bound is `widest`. Where some of the other side's values are
    /// that, no value is outside of all bounds. Where the values cannot be
    /// computed, each pair is asked.
    fn of(side: &Side, rows: &RecordBatch, widest: i64, others: bool) -> Self {
        Self::computed(side, rows, widest, others).unwrap_or_else(|_| Self {
            values: vec![widest; rows.num_rows()],
            never: None,
            exact: false,
        })
    }

    fn computed(side: &Side, rows: &RecordBatch, widest: i64, others: bool) -> Result<Self> {
        let count = rows.num_rows();
        let array = numbers(&side.value, rows)?;
        let array = array.as_primitive::<Int64Type>();
        let mut values = array.values().to_vec();
        let (mut never, mut exact) = (None, true);
        match array.nulls() {
            Some(nulls) if others => {
                exact = false;
                let rows = values.iter_mut().zip(nulls);
                for (value, _) in rows.filter(|(_, valid)| !valid) {
                    // As good as outside of all others.
                    *value = !widest;
                }
            }
            Some(nulls) => never = Some(nulls.iter().map(|valid| !valid).collect::<Vec<bool>>()),
            None => {}
        }
        for open in &side.open {
            let open = open.evaluate(rows)?.into_array(count)?;
            for (row, open) in open.as_boolean().iter().enumerate() {
                if open == Some(true) {
                    values[row] = widest;
                    if let Some(never) = &mut never {
                        never[row] = false;
                    }
                }
            }
        }
        Ok(Self {
            values,
            never,
            exact,
        })
    }
}

/// The values of `expr` as numbers that are in the same order.
pub(super) fn numbers(expr: &PhysicalExprRef, rows: &RecordBatch) -> Result<ArrayRef> {
    let array = expr.evaluate(rows)?.into_array(rows.num_rows())?;
    Ok(match array.data_type() {
        DataType::Int64 => array,
        // Casts of instants to numbers are those of their seconds elsewhere, here
        // of their ticks.
        _ => cast(&array, &DataType::Int64)?,
    })
}

/// Whether values of the type are whole numbers in their order.
pub(super) fn is_counted(kind: &DataType) -> bool {
    kind.is_signed_integer()
        || matches!(
            kind,
            DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
        )
}

/// The parts of which one has to hold.
fn either(condition: &PhysicalExprRef) -> Vec<&PhysicalExprRef> {
    match condition.downcast_ref::<BinaryExpr>() {
        Some(binary) if *binary.op() == Operator::Or => {
            let mut parts = either(binary.left());
            parts.extend(either(binary.right()));
            parts
        }
        _ => vec![condition],
    }
}

/// The side that all columns of an expression are of.
fn side(expr: &PhysicalExprRef, filter: &JoinFilter) -> Option<JoinSide> {
    let columns = collect_columns(expr);
    let mut sides = columns.iter().map(|column| {
        filter
            .column_indices()
            .get(column.index())
            .map(|at| at.side)
    });
    let first = sides.next()??;
    sides.all(|side| side == Some(first)).then_some(first)
}
