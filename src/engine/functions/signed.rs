//! Numbers of things as `bigint`.
//!
//! DataFusion counts the values of a list without a sign, so that
//! `array_length(a) - array_length(b)` wraps around where `b` is longer.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Documentation, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// Functions that count without a sign.
const COUNTING: [&str; 6] = [
    "array_dims",
    "array_length",
    "array_ndims",
    "array_position",
    "array_positions",
    "cardinality",
];
/// Aggregates that do.
const COUNTING_ALL: [&str; 2] = ["approx_distinct", "regr_count"];

/// The functions, those that count without a sign replaced.
pub(in crate::engine) fn signed(functions: Vec<Arc<ScalarUDF>>) -> Vec<Arc<ScalarUDF>> {
    let replaced = functions
        .into_iter()
        .map(|inner| match COUNTING.contains(&inner.name()) {
            true => Arc::new(ScalarUDF::from(Signed { inner })),
            false => inner,
        });
    replaced.collect()
}

/// The aggregates, those that count without a sign replaced.
pub(in crate::engine) fn signed_aggregates(all: Vec<Arc<AggregateUDF>>) -> Vec<Arc<AggregateUDF>> {
    let replaced = all
        .into_iter()
        .map(|inner| match COUNTING_ALL.contains(&inner.name()) {
            true => Arc::new(AggregateUDF::from(SignedAggregate { inner })),
            false => inner,
        });
    replaced.collect()
}

/// The type with signs.
fn with_sign(kind: &DataType) -> DataType {
    match kind {
        DataType::UInt64 => DataType::Int64,
        DataType::List(item) => {
            let item = item.as_ref().clone();
            let kind = with_sign(item.data_type());
            DataType::List(Arc::new(item.with_data_type(kind)))
        }
        other => other.clone(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Signed {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Signed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        Ok(with_sign(&self.inner.return_type(kinds)?))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = self.inner.return_field_from_args(args)?;
        let kind = with_sign(field.data_type());
        Ok(Arc::new(field.as_ref().clone().with_data_type(kind)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let wanted = args.return_field.data_type().clone();
        let kinds: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        let kind = self.inner.return_type(&kinds)?;
        args.return_field = Arc::new(Field::new(self.name(), kind, true));
        match self.inner.invoke_with_args(args)? {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(cast(&values, &wanted)?)),
            ColumnarValue::Scalar(value) => Ok(ColumnarValue::Scalar(value.cast_to(&wanted)?)),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SignedAggregate {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for SignedAggregate {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let inner = self.inner.accumulator(args)?;
        Ok(Box::new(Counted { inner }))
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// A count with a sign.
#[derive(Debug)]
struct Counted {
    inner: Box<dyn Accumulator>,
}

impl Accumulator for Counted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.inner.evaluate()?.cast_to(&DataType::Int64)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}
