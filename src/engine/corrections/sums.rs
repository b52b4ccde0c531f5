//! Sums that do not fit are an error.
//!
//! DataFusion's `sum` of whole numbers and decimals wraps around
//! (apache/datafusion#17539): two sessions of 9e18 minutes have a negative sum.
//! Here the sum of all rows is kept with more digits than its type has, and that
//! of a group notices when it wraps.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, AsArray, BooleanArray, PrimitiveArray,
};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, DecimalType, FieldRef, Int64Type, UInt64Type,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, SetMonotonicity,
    Signature,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::delegate::as_inner;
use super::overflow::too_large;

/// `sum`, in the place of DataFusion's.
pub(in crate::engine) fn sum() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Sum { inner: sum_udaf() }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: Arc<AggregateUDF>,
}

/// Whether sums of the type are whole numbers, here or divided by a power of ten.
fn is_exact(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Int64 | DataType::UInt64 | DataType::Decimal128(..)
    )
}

impl AggregateUDFImpl for Sum {
    as_inner!();

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let kind = args.return_type().clone();
        match (is_exact(&kind), args.is_distinct) {
            (true, false) => Ok(Box::new(Total::of(kind))),
            (true, true) => Ok(Box::new(OfDifferent {
                inner: self.inner.accumulator(args)?,
                kind,
            })),
            (false, _) => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let kind = args.return_type().clone();
        match (is_exact(&kind), args.is_distinct) {
            (true, false) => Ok(Box::new(Total::of(kind))),
            (true, true) => Ok(Box::new(Sliding {
                rows: HashMap::new(),
                total: Total::of(kind),
            })),
            (false, _) => self.inner.create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let kind = args.return_type().clone();
        Ok(match kind {
            DataType::Int64 => Box::new(Totals::of::<Int64Type>(kind, i64::overflowing_add)),
            DataType::UInt64 => Box::new(Totals::of::<UInt64Type>(kind, u64::overflowing_add)),
            DataType::Decimal128(..) => {
                Box::new(Totals::of::<Decimal128Type>(kind, i128::overflowing_add))
            }
            _ => return self.inner.create_groups_accumulator(args),
        })
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(kind)
    }
}

/// The values as they are added up, nulls left out.
fn numbers(values: &ArrayRef) -> Result<Box<dyn Iterator<Item = i128> + '_>> {
    fn of<T: ArrowPrimitiveType>(values: &ArrayRef) -> Box<dyn Iterator<Item = i128> + '_>
    where
        T::Native: Into<i128>,
    {
        let values: &PrimitiveArray<T> = values.as_primitive::<T>();
        match values.null_count() {
            0 => Box::new(values.values().iter().map(|value| (*value).into())),
            _ => Box::new(values.iter().flatten().map(Into::into)),
        }
    }
    Ok(match values.data_type() {
        DataType::Int64 => of::<Int64Type>(values),
        DataType::UInt64 => of::<UInt64Type>(values),
        DataType::Decimal128(..) => of::<Decimal128Type>(values),
        other => return internal_err!("sums of {other} are not added up here"),
    })
}

/// The error for a sum that does not fit.
fn overflow(kind: &DataType) -> DataFusionError {
    DataFusionError::External(Box::new(too_large("a sum", kind)))
}

/// The sum of all rows.
#[derive(Debug)]
struct Total {
    sum: i128,
    /// Rows with a value.
    rows: u64,
    kind: DataType,
}

impl Total {
    fn of(kind: DataType) -> Self {
        Self {
            sum: 0,
            rows: 0,
            kind,
        }
    }

    fn add(&mut self, number: i128) -> Result<()> {
        let sum = self.sum.checked_add(number);
        self.sum = sum.ok_or_else(|| overflow(&self.kind))?;
        self.rows += 1;
        Ok(())
    }

    fn remove(&mut self, number: i128) -> Result<()> {
        let sum = self.sum.checked_sub(number);
        self.sum = sum.ok_or_else(|| overflow(&self.kind))?;
        self.rows -= 1;
        Ok(())
    }

    fn value(&self) -> Result<ScalarValue> {
        if self.rows == 0 {
            return ScalarValue::try_from(&self.kind);
        }
        let too_large = || overflow(&self.kind);
        Ok(match &self.kind {
            DataType::Int64 => {
                ScalarValue::Int64(Some(i64::try_from(self.sum).map_err(|_| too_large())?))
            }
            DataType::UInt64 => {
                ScalarValue::UInt64(Some(u64::try_from(self.sum).map_err(|_| too_large())?))
            }
            DataType::Decimal128(digits, scale) => {
                Decimal128Type::validate_decimal_precision(self.sum, *digits, *scale)
                    .map_err(|_| too_large())?;
                ScalarValue::Decimal128(Some(self.sum), *digits, *scale)
            }
            other => return internal_err!("sums of {other} are not added up here"),
        })
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0])?.try_for_each(|number| self.add(number))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0])?.try_for_each(|number| self.remove(number))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.value()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value()?])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sum of the different values, which DataFusion collects.
#[derive(Debug)]
struct OfDifferent {
    inner: Box<dyn Accumulator>,
    kind: DataType,
}

impl Accumulator for OfDifferent {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut total = Total::of(self.kind.clone());
        for different in self.inner.state()? {
            if let ScalarValue::List(lists) = different {
                total.update_batch(&[Arc::clone(lists.values())])?;
            }
        }
        total.value()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

/// The sum of the different values of a frame that slides.
#[derive(Debug)]
struct Sliding {
    /// How often each value is in the frame.
    rows: HashMap<i128, u64>,
    total: Total,
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for number in numbers(&values[0])? {
            let rows = self.rows.entry(number).or_default();
            *rows += 1;
            if *rows == 1 {
                self.total.add(number)?;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        internal_err!("windows have no states to unite")
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for number in numbers(&values[0])? {
            let Some(rows) = self.rows.get_mut(&number) else {
                return internal_err!("a row leaves a frame that it is not in");
            };
            *rows -= 1;
            if *rows == 0 {
                self.rows.remove(&number);
                self.total.remove(number)?;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.total.value()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("windows have no states to unite")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rows.capacity() * size_of::<(i128, u64)>()
    }
}

/// Sums of groups, each in its own type; whether one did not fit is noticed.
struct Totals {
    inner: Box<dyn GroupsAccumulator>,
    wrapped: Arc<AtomicBool>,
    kind: DataType,
}

impl Totals {
    fn of<T>(
        kind: DataType,
        add: impl Fn(T::Native, T::Native) -> (T::Native, bool) + Copy + Send + Sync + 'static,
    ) -> Self
    where
        T: ArrowPrimitiveType + Send,
        T::Native: ArrowNativeTypeOp,
    {
        let wrapped = Arc::new(AtomicBool::new(false));
        let notice = Arc::clone(&wrapped);
        let add = move |sum: &mut T::Native, value: T::Native| {
            let (more, wraps) = add(*sum, value);
            *sum = more;
            if wraps {
                notice.store(true, Ordering::Relaxed);
            }
        };
        Self {
            inner: Box::new(PrimitiveGroupsAccumulator::<T, _>::new(&kind, add)),
            wrapped,
            kind,
        }
    }

    fn noticed(&self) -> Result<()> {
        match self.wrapped.load(Ordering::Relaxed) {
            true => Err(overflow(&self.kind)),
            false => Ok(()),
        }
    }

    fn fitting(&self, sums: ArrayRef) -> Result<ArrayRef> {
        if let DataType::Decimal128(digits, _) = &self.kind {
            let decimals = sums.as_primitive::<Decimal128Type>();
            let fits = decimals.validate_decimal_precision(*digits);
            fits.map_err(|_| overflow(&self.kind))?;
        }
        Ok(sums)
    }
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, count)?;
        self.noticed()
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, count)?;
        self.noticed()
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let sums = self.inner.evaluate(emit)?;
        self.fitting(sums)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
