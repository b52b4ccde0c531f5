//! Averages that are exact until they are rounded.
//!
//! DataFusion cuts the average of decimals after its last digit, and adds whole
//! numbers up as doubles, in whatever order they come. Here both are added up as
//! whole numbers; decimals are rounded half away from zero, as PostgreSQL does.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, UInt64Array,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt64Type, i256,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err, plan_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::delegate::as_inner;
use super::overflow::too_large;

/// `avg`, in the place of DataFusion's.
pub(in crate::engine) fn avg() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Avg {
        inner: avg_udaf(),
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Avg {
    inner: Arc<AggregateUDF>,
    signature: Signature,
}

impl AggregateUDFImpl for Avg {
    as_inner!();

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        let [kind] = kinds else {
            return plan_err!("`avg` takes one number");
        };
        Ok(vec![match kind {
            DataType::UInt64 => DataType::Decimal128(20, 0),
            kind if kind.is_integer() => DataType::Int64,
            DataType::Null => DataType::Float64,
            kind if kind.is_floating() => DataType::Float64,
            DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) => {
                DataType::Decimal128(*digits, *scale)
            }
            DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Duration(_) => {
                kind.clone()
            }
            other => return plan_err!("`avg` takes a number, not {other}"),
        }])
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        match &kinds[0] {
            DataType::Int64 => Ok(DataType::Float64),
            _ => self.inner.return_type(kinds),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let Some(sums) = sums(args.input_fields[0].data_type()) else {
            return self.inner.state_fields(args);
        };
        if args.is_distinct {
            let item = Field::new_list_field(sums, true);
            let name = format_state_name(args.name, "avg distinct");
            return Ok(vec![Arc::new(Field::new_list(name, item, false))]);
        }
        let field =
            |name, kind| Arc::new(Field::new(format_state_name(args.name, name), kind, true));
        Ok(vec![field("rows", DataType::UInt64), field("sum", sums)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match Mean::of(args.expr_fields[0].data_type(), args.return_type()) {
            Some(mean) if args.is_distinct => Ok(Box::new(OfDifferent {
                mean,
                seen: std::collections::HashSet::new(),
            })),
            Some(mean) => Ok(Box::new(OfAll {
                mean,
                sum: 0,
                rows: 0,
            })),
            None => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match sums(args.expr_fields[0].data_type()) {
            Some(_) if args.is_distinct => {
                plan_err!("`avg(distinct …)` over a frame that slides is not possible")
            }
            Some(_) => self.accumulator(args),
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        match sums(args.expr_fields[0].data_type()) {
            Some(_) => !args.is_distinct,
            None => self.inner.groups_accumulator_supported(args),
        }
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match Mean::of(args.expr_fields[0].data_type(), args.return_type()) {
            Some(mean) => Ok(Box::new(OfGroups {
                mean,
                sums: Vec::new(),
                rows: Vec::new(),
            })),
            None => self.inner.create_groups_accumulator(args),
        }
    }
}

/// The type of sums of a type whose averages are computed here.
fn sums(kind: &DataType) -> Option<DataType> {
    match kind {
        DataType::Int64 => Some(DataType::Decimal128(38, 0)),
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(38, *scale)),
        _ => None,
    }
}

/// How a sum and a number of rows become an average.
#[derive(Debug, Clone)]
struct Mean {
    sums: DataType,
    answer: DataType,
    /// What the sum is multiplied by for the digits of the answer.
    scale: i128,
}

impl Mean {
    fn of(kind: &DataType, answer: &DataType) -> Option<Self> {
        let sums = sums(kind)?;
        let more = match (kind, answer) {
            (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => to - from,
            _ => 0,
        };
        Some(Self {
            sums,
            answer: answer.clone(),
            scale: 10_i128.pow(u32::try_from(more).unwrap_or(0)),
        })
    }

    fn overflow(&self) -> DataFusionError {
        DataFusionError::External(Box::new(too_large("the sum of an average", &self.sums)))
    }

    fn add(&self, sum: &mut i128, value: i128) -> Result<()> {
        *sum = sum.checked_add(value).ok_or_else(|| self.overflow())?;
        Ok(())
    }

    /// The average in the answer's smallest unit.
    fn decimal(&self, sum: i128, rows: u64) -> Result<i128> {
        let rows = i128::from(rows);
        let quotient = match sum.checked_mul(self.scale) {
            Some(sum) => rounded(sum / rows, sum % rows, rows),
            None => {
                let sum = i256::from_i128(sum).wrapping_mul(i256::from_i128(self.scale));
                let by = i256::from_i128(rows);
                let parts = (
                    sum.wrapping_div(by).to_i128(),
                    sum.wrapping_rem(by).to_i128(),
                );
                match parts {
                    (Some(quotient), Some(rest)) => rounded(quotient, rest, rows),
                    _ => return Err(self.overflow()),
                }
            }
        };
        Ok(quotient)
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "an average of whole numbers is a double"
    )]
    fn double(sum: i128, rows: u64) -> f64 {
        sum as f64 / rows as f64
    }

    fn value(&self, sum: i128, rows: u64) -> Result<ScalarValue> {
        match self.answer {
            _ if rows == 0 => ScalarValue::try_from(&self.answer),
            DataType::Decimal128(digits, scale) => {
                let value = self.decimal(sum, rows)?;
                Ok(ScalarValue::Decimal128(Some(value), digits, scale))
            }
            _ => Ok(ScalarValue::Float64(Some(Self::double(sum, rows)))),
        }
    }
}

/// A quotient with its rest, rounded half away from zero.
fn rounded(quotient: i128, rest: i128, by: i128) -> i128 {
    match rest.unsigned_abs() * 2 >= by.unsigned_abs() {
        true => quotient + rest.signum(),
        false => quotient,
    }
}

/// Calls `each` with the place and the number of every value that is there.
fn numbers(values: &ArrayRef, mut each: impl FnMut(usize, i128) -> Result<()>) -> Result<()> {
    macro_rules! over {
        ($kind:ty) => {{
            let values = values.as_primitive::<$kind>();
            if values.null_count() == 0 {
                for (at, value) in values.values().iter().enumerate() {
                    each(at, i128::from(*value))?;
                }
            } else {
                for (at, value) in values.iter().enumerate() {
                    if let Some(value) = value {
                        each(at, i128::from(value))?;
                    }
                }
            }
        }};
    }
    match values.data_type() {
        DataType::Int64 => over!(Int64Type),
        DataType::Decimal128(..) => over!(Decimal128Type),
        other => return internal_err!("averages of {other} are not computed here"),
    }
    Ok(())
}

/// The average of all rows, or of those of a frame.
#[derive(Debug)]
struct OfAll {
    mean: Mean,
    sum: i128,
    rows: u64,
}

impl Accumulator for OfAll {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0], |_, number| {
            self.rows += 1;
            self.mean.add(&mut self.sum, number)
        })
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0], |_, number| {
            self.rows -= 1;
            self.mean.add(&mut self.sum, -number)
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.rows += states[0]
            .as_primitive::<UInt64Type>()
            .iter()
            .flatten()
            .sum::<u64>();
        numbers(&states[1], |_, sum| self.mean.add(&mut self.sum, sum))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.mean.value(self.sum, self.rows)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let DataType::Decimal128(digits, scale) = self.mean.sums else {
            return internal_err!("sums are decimals");
        };
        Ok(vec![
            ScalarValue::UInt64(Some(self.rows)),
            ScalarValue::Decimal128(Some(self.sum), digits, scale),
        ])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The average of the different values.
#[derive(Debug)]
struct OfDifferent {
    mean: Mean,
    seen: std::collections::HashSet<i128>,
}

impl Accumulator for OfDifferent {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0], |_, number| {
            self.seen.insert(number);
            Ok(())
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for different in lists.iter().flatten() {
            self.update_batch(&[different])?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sum = 0;
        for number in &self.seen {
            self.mean.add(&mut sum, *number)?;
        }
        self.mean.value(sum, self.seen.len() as u64)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let DataType::Decimal128(digits, scale) = self.mean.sums else {
            return internal_err!("sums are decimals");
        };
        let values = self.seen.iter();
        let values = values.map(|value| ScalarValue::Decimal128(Some(*value), digits, scale));
        let values: Vec<ScalarValue> = values.collect();
        let list = ScalarValue::new_list_nullable(&values, &self.mean.sums);
        Ok(vec![ScalarValue::List(list)])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<i128>()
    }
}

/// Averages of groups.
#[derive(Debug)]
struct OfGroups {
    mean: Mean,
    sums: Vec<i128>,
    rows: Vec<u64>,
}

impl OfGroups {
    fn take(&mut self, emit: EmitTo) -> (Vec<i128>, Vec<u64>) {
        (
            emit.take_needed(&mut self.sums),
            emit.take_needed(&mut self.rows),
        )
    }

    fn sums_of(&self, sums: Vec<i128>) -> Result<ArrayRef> {
        let DataType::Decimal128(digits, scale) = self.mean.sums else {
            return internal_err!("sums are decimals");
        };
        let sums = Decimal128Array::from(sums).with_precision_and_scale(digits, scale)?;
        Ok(Arc::new(sums))
    }
}

impl GroupsAccumulator for OfGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.sums.resize(count, 0);
        self.rows.resize(count, 0);
        numbers(&values[0], |at, number| {
            if filter.is_some_and(|filter| filter.is_null(at) || !filter.value(at)) {
                return Ok(());
            }
            let group = groups[at];
            self.rows[group] += 1;
            self.mean.add(&mut self.sums[group], number)
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.sums.resize(count, 0);
        self.rows.resize(count, 0);
        let rows = states[0].as_primitive::<UInt64Type>();
        numbers(&states[1], |at, sum| {
            self.rows[groups[at]] += rows.value(at);
            self.mean.add(&mut self.sums[groups[at]], sum)
        })
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (sums, rows) = self.take(emit);
        let pairs = sums.into_iter().zip(rows);
        let DataType::Decimal128(digits, scale) = self.mean.answer else {
            let doubles: Float64Array = pairs
                .map(|(sum, rows)| (rows > 0).then(|| Mean::double(sum, rows)))
                .collect();
            return Ok(Arc::new(doubles));
        };
        let decimals: Decimal128Array = pairs
            .map(|(sum, rows)| (rows > 0).then(|| self.mean.decimal(sum, rows)).transpose())
            .collect::<Result<_>>()?;
        Ok(Arc::new(decimals.with_precision_and_scale(digits, scale)?))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, rows) = self.take(emit);
        Ok(vec![Arc::new(UInt64Array::from(rows)), self.sums_of(sums)?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let (mut sums, mut counts) = (vec![0; rows], vec![0; rows]);
        numbers(&values[0], |at, number| {
            let counts_not = filter.is_some_and(|filter| filter.is_null(at) || !filter.value(at));
            if !counts_not {
                (sums[at], counts[at]) = (number, 1);
            }
            Ok(())
        })?;
        Ok(vec![
            Arc::new(UInt64Array::from(counts)),
            self.sums_of(sums)?,
        ])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.rows.capacity() * size_of::<u64>()
    }
}
