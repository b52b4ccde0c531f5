//! Casts that lose something.
//!
//! DataFusion cuts: `cast(2.7 as integer)` is 2, where PostgreSQL and DuckDB
//! round. And it compares what is cast with the cast taken off: of
//! `cast(amount as integer) = 9` it makes `amount = 9.00`
//! (apache/datafusion#23095, #24702). [`RoundCasts`] has such casts computed by
//! [`Narrow`], into which no rule looks.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TryCast, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::plans::with_parts;

/// Has casts that lose something round, and kept from being taken off. It comes
/// after the types are settled.
#[derive(Debug)]
pub(in crate::engine) struct RoundCasts;

impl AnalyzerRule for RoundCasts {
    fn name(&self) -> &'static str {
        "round_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_parts(plan, &mut rounded)
    }
}

fn rounded(expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr: inner, field }) => {
            match loses(&inner.get_type(rows)?, field.data_type()) {
                true => Ok(Transformed::yes(narrow(*inner, field.data_type(), false))),
                false => Ok(Transformed::no(Expr::Cast(Cast { expr: inner, field }))),
            }
        }
        Expr::TryCast(TryCast { expr: inner, field }) => {
            let from = inner.get_type(rows)?;
            // What does not fit is null, which a comparison without the cast forgets.
            let to_number = field.data_type().is_numeric() && from.is_numeric();
            match to_number || loses(&from, field.data_type()) {
                true => Ok(Transformed::yes(narrow(*inner, field.data_type(), true))),
                false => Ok(Transformed::no(Expr::TryCast(TryCast {
                    expr: inner,
                    field,
                }))),
            }
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Whether two values of a type can become one of another.
pub(super) fn loses(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Decimal128(..) | DataType::Decimal256(..), to) if to.is_integer() => true,
        (from, to) if from.is_floating() && to.is_integer() => true,
        (DataType::Decimal128(digits, scale), DataType::Decimal128(to_digits, to_scale)) => {
            to_scale < scale
                || i32::from(*to_digits) - i32::from(*to_scale)
                    < i32::from(*digits) - i32::from(*scale)
        }
        _ => false,
    }
}

fn narrow(inner: Expr, to: &DataType, or_null: bool) -> Expr {
    let function = Narrow {
        to: to.clone(),
        or_null,
        signature: Signature::any(1, Volatility::Immutable),
    };
    let function = Arc::new(ScalarUDF::from(function));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![inner]))
}

/// A cast that rounds: exact numbers half away from zero, doubles to the even
/// neighbour, as PostgreSQL does.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Narrow {
    to: DataType,
    /// Whether what does not fit is null rather than an error.
    or_null: bool,
    signature: Signature,
}

impl Narrow {
    fn cast(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let options = CastOptions {
            safe: self.or_null,
            ..CastOptions::default()
        };
        let whole: ArrayRef = match values.data_type() {
            DataType::Decimal128(digits, scale) if *scale > 0 && self.to.is_integer() => {
                // One digit more: 9.9 becomes 10.
                let whole = DataType::Decimal128((*digits + 1).min(38), 0);
                cast_with_options(values, &whole, &options)?
            }
            kind if kind.is_floating() && self.to.is_integer() => {
                let doubles = cast_with_options(values, &DataType::Float64, &options)?;
                let doubles = doubles.as_primitive::<Float64Type>();
                Arc::new(doubles.unary::<_, Float64Type>(f64::round_ties_even))
            }
            _ => Arc::clone(values),
        };
        Ok(cast_with_options(&whole, &self.to, &options)?)
    }
}

impl ScalarUDFImpl for Narrow {
    fn name(&self) -> &'static str {
        "narrow"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = self.or_null || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.to.clone(), nullable)))
    }

    /// As DataFusion calls a cast.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [inner] = take_function_args(self.name(), args)?;
        Ok(inner.schema_name().to_string())
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let [inner] = take_function_args(self.name(), args)?;
        Ok(format!("CAST({inner} AS {})", self.to))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = take_function_args(self.name(), args.args)?;
        match value {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(self.cast(&values)?)),
            ColumnarValue::Scalar(value) => {
                let one = self.cast(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        // Rounding keeps the order; what becomes null does not.
        match inputs {
            [only] if !self.or_null => Ok(only.sort_properties),
            _ => Ok(SortProperties::Unordered),
        }
    }
}
