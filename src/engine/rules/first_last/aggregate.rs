//! The aggregate: a value, and what says which row comes first.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use cinelake_kernels::{Column, Kept, Leaders};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, UInt32Array, new_empty_array,
    new_null_array,
};
use datafusion::arrow::compute::{SortOptions, interleave, take};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use crate::engine::rules::held_rows::with_own_text;
use crate::engine::support::numbers::numbers;

/// How an order's numbers are kept in states.
const NUMBER: DataType = DataType::Decimal128(38, 0);

/// Values that are kept and no longer needed, beside those of all groups.
const SPARE: usize = 1 << 16;

/// The value of the row that comes first; of no rows null. Its arguments are the
/// value and what rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ValueOfFirst {
    order: Vec<SortOptions>,
    skips_nulls: bool,
    signature: Signature,
}

impl ValueOfFirst {
    pub(super) fn new(order: Vec<SortOptions>, skips_nulls: bool) -> Self {
        Self {
            signature: Signature::any(order.len() + 1, Volatility::Immutable),
            order,
            skips_nulls,
        }
    }

    fn groups(&self, args: &AccumulatorArgs<'_>) -> Values {
        Values {
            of: self.clone(),
            kind: args.return_type().clone(),
            leaders: Leaders::new(self.order.len()),
            kept: Vec::new(),
            rows: 0,
        }
    }
}

impl AggregateUDFImpl for ValueOfFirst {
    fn name(&self) -> &'static str {
        "value_of_first"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(value) => Ok(value.clone()),
            None => internal_err!("a value is missing"),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let number = |at: usize| Field::new(format!("{}[{at}]", args.name), NUMBER, true);
        let value = Field::new(args.name, args.return_type().clone(), true);
        let numbers = (0..self.order.len()).map(number);
        Ok(std::iter::once(value)
            .chain(numbers)
            .map(Arc::new)
            .collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(self.groups(&args))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups(&args)))
    }
}

/// The numbers of one column of an order.
struct Numbered {
    numbers: Vec<i64>,
    /// Where there are nulls: how they stand to the others.
    before: Option<Vec<i8>>,
}

impl Numbered {
    fn of(values: &ArrayRef, options: SortOptions) -> Result<Self> {
        let mut numbers = numbers(values, options.descending)?;
        let nulls = values.logical_nulls().filter(|n| n.null_count() > 0);
        let before = nulls.map(|nulls| {
            let null = if options.nulls_first { 1 } else { -1 };
            let mut before = vec![0; numbers.len()];
            for (row, valid) in nulls.iter().enumerate() {
                if !valid {
                    // All nulls are equal.
                    (before[row], numbers[row]) = (null, 0);
                }
            }
            before
        });
        Ok(Self { numbers, before })
    }

    fn column(&self) -> Column<'_> {
        Column::Small(&self.numbers, self.before.as_deref())
    }
}

/// The values of the first rows of many groups.
#[derive(Debug)]
struct Values {
    of: ValueOfFirst,
    kind: DataType,
    leaders: Leaders,
    /// Values by batch; some are of rows that led once.
    kept: Vec<ArrayRef>,
    /// How many values are kept.
    rows: usize,
}

impl Values {
    /// The value and the numbers of rows, and the rows that do not count.
    fn rows(&self, args: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Rows> {
        let Some((value, keys)) = args.split_first() else {
            return internal_err!("a value is missing");
        };
        let keys = keys.iter().zip(&self.of.order);
        let numbers = keys.map(|(key, options)| Numbered::of(key, *options));
        let nulls = value.logical_nulls().filter(|_| self.of.skips_nulls);
        let left_out = (filter.is_some() || nulls.is_some()).then(|| {
            let counts = |row| {
                let chosen = filter.is_none_or(|f| f.is_valid(row) && f.value(row));
                chosen && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
            };
            (0..value.len()).map(|row| !counts(row)).collect()
        });
        Ok(Rows {
            value: Arc::clone(value),
            numbers: numbers.collect::<Result<_>>()?,
            left_out,
        })
    }

    /// Takes in rows, and keeps the values of those that lead.
    fn lead(
        &mut self,
        value: &ArrayRef,
        numbers: &[Column<'_>],
        groups: &[usize],
        left_out: Option<&[bool]>,
    ) -> Result<()> {
        let Ok(batch) = u32::try_from(self.kept.len()) else {
            return exec_err!("too many batches");
        };
        let led = self.leaders.take(batch, groups, numbers, left_out);
        if led.is_empty() {
            return Ok(());
        }
        let kept = self.leaders.kept_mut();
        let rows: UInt32Array = led.iter().map(|group| Some(kept[*group].row)).collect();
        for (row, group) in (0_u32..).zip(&led) {
            kept[*group].row = row;
        }
        self.rows += led.len();
        let values = take(value, &rows, None)?;
        // Without the texts of rows that do not lead.
        self.kept.push(with_own_text(values));
        if self.rows > 2 * self.leaders.kept().len() + SPARE {
            self.tidy()?;
        }
        Ok(())
    }

    /// Drops the values of rows that lead no more.
    fn tidy(&mut self) -> Result<()> {
        let values = self.values(self.leaders.kept().len())?;
        for (row, kept) in (0_u32..).zip(self.leaders.kept_mut()) {
            if kept.batch != Kept::NOWHERE {
                *kept = Kept { batch: 0, row };
            }
        }
        self.rows = values.len();
        self.kept = vec![values];
        Ok(())
    }

    /// The values of the first `count` groups.
    fn values(&self, count: usize) -> Result<ArrayRef> {
        if count == 0 {
            return Ok(new_empty_array(&self.kind));
        }
        let null = new_null_array(&self.kind, 1);
        let mut arrays: Vec<&dyn Array> = self.kept.iter().map(AsRef::as_ref).collect();
        let nowhere = arrays.len();
        arrays.push(null.as_ref());
        let at = self.leaders.kept()[..count]
            .iter()
            .map(|kept| match kept.batch {
                Kept::NOWHERE => (nowhere, 0),
                batch => (batch as usize, kept.row as usize),
            });
        Ok(interleave(&arrays, &at.collect::<Vec<_>>())?)
    }

    /// Values and numbers of the first `count` groups.
    fn states(&self, count: usize) -> Result<Vec<ArrayRef>> {
        let mut states = vec![self.values(count)?];
        for at in 0..self.of.order.len() {
            let number = |(group, kept): (usize, &Kept)| {
                let there = kept.batch != Kept::NOWHERE;
                there.then(|| self.leaders.best(group)[at])
            };
            let numbers = self.leaders.kept()[..count].iter().enumerate();
            let numbers: Decimal128Array = numbers.map(number).collect();
            states.push(Arc::new(numbers.with_data_type(NUMBER)));
        }
        Ok(states)
    }

    fn forget(&mut self, emit_to: EmitTo, count: usize) {
        match emit_to {
            EmitTo::All => {
                self.leaders = Leaders::new(self.of.order.len());
                self.kept.clear();
                self.rows = 0;
            }
            EmitTo::First(_) => self.leaders.forget(count),
        }
    }

    fn count(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.leaders.kept().len(),
            EmitTo::First(count) => count,
        }
    }

    fn bytes(&self) -> usize {
        let kept = self.kept.iter().map(|kept| kept.get_array_memory_size());
        self.leaders.bytes() + kept.sum::<usize>()
    }
}

/// Rows as they are compared.
struct Rows {
    value: ArrayRef,
    numbers: Vec<Numbered>,
    left_out: Option<Vec<bool>>,
}

impl GroupsAccumulator for Values {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let rows = self.rows(values, filter)?;
        self.leaders.grow(count);
        let columns: Vec<Column<'_>> = rows.numbers.iter().map(Numbered::column).collect();
        self.lead(&rows.value, &columns, groups, rows.left_out.as_deref())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        let Some((value, numbers)) = states.split_first() else {
            return internal_err!("a value is missing");
        };
        self.leaders.grow(count);
        let columns = numbers
            .iter()
            .map(|numbers| numbers.as_primitive::<Decimal128Type>());
        let columns: Vec<&Decimal128Array> = columns.collect();
        let nowhere = columns.first().and_then(|numbers| numbers.nulls());
        let left_out: Option<Vec<bool>> =
            nowhere.map(|nulls| nulls.iter().map(|there| !there).collect());
        let numbers = columns.iter().map(|numbers| Column::Wide(numbers.values()));
        self.lead(
            value,
            &numbers.collect::<Vec<_>>(),
            groups,
            left_out.as_deref(),
        )
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Rows {
            value,
            numbers,
            left_out,
        } = self.rows(values, filter)?;
        let mut states = vec![value];
        for column in numbers.iter().map(Numbered::column) {
            let number = |row: usize| {
                let counts = left_out.as_ref().is_none_or(|left_out| !left_out[row]);
                counts.then(|| column.at(row))
            };
            let numbers: Decimal128Array = (0..states[0].len()).map(number).collect();
            states.push(Arc::new(numbers.with_data_type(NUMBER)));
        }
        Ok(states)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = self.count(emit_to);
        let values = self.values(count)?;
        self.forget(emit_to, count);
        Ok(values)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = self.count(emit_to);
        let states = self.states(count)?;
        self.forget(emit_to, count);
        Ok(states)
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}

/// The value of the first of all rows.
#[derive(Debug)]
struct OneGroup(Values);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values.first().map_or(0, Array::len)];
        self.0.update_batch(values, &groups, None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states.first().map_or(0, Array::len)];
        self.0.merge_batch(states, &groups, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.leaders.grow(1);
        ScalarValue::try_from_array(&self.0.values(1)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.leaders.grow(1);
        let states = self.0.states(1)?;
        let states = states
            .iter()
            .map(|state| ScalarValue::try_from_array(state, 0));
        states.collect()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.bytes()
    }
}
