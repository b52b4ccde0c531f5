//! `min` and `max` of doubles that are no numbers.
//!
//! DataFusion compares the doubles of groups so that the last of them wins where
//! one is NaN (apache/datafusion#24432), begins with the greatest finite number,
//! which loses infinities, and takes bounds of files for the answer, in which NaN
//! does not count. Here NaN is the greatest of all, as in PostgreSQL, and minus
//! zero is zero.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, SetMonotonicity, Signature,
    StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::delegate::as_inner;

/// `min` and `max`, in the place of DataFusion's.
pub(in crate::engine) fn extremes() -> Vec<Arc<AggregateUDF>> {
    let of = |inner, greatest| Arc::new(AggregateUDF::from(Extreme { inner, greatest }));
    vec![of(min_udaf(), false), of(max_udaf(), true)]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    inner: Arc<AggregateUDF>,
    greatest: bool,
}

impl AggregateUDFImpl for Extreme {
    as_inner!();

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        macro_rules! of {
            ($kind:ty, $native:ident) => {{
                let greatest = self.greatest;
                let sign = if greatest { -1.0 } else { 1.0 };
                let first = $native::NAN.copysign(sign);
                let lead = move |held: &mut $native, value: $native| {
                    let order = value.total_cmp(held);
                    if (greatest && order.is_gt()) || (!greatest && order.is_lt()) {
                        *held = value;
                    }
                };
                Box::new(
                    PrimitiveGroupsAccumulator::<$kind, _>::new(args.return_type(), lead)
                        .with_starting_value(first),
                )
            }};
        }
        Ok(match args.return_type() {
            DataType::Float64 => of!(Float64Type, f64),
            DataType::Float32 => of!(Float32Type, f32),
            _ => return self.inner.create_groups_accumulator(args),
        })
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        match args.return_type.is_floating() {
            true => None,
            false => self.inner.value_from_stats(args),
        }
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(kind)
    }
}
