//! Quotients of decimals, with digits enough.
//!
//! DataFusion gives a quotient four digits more than its dividend and cuts the
//! rest: `1 / 3.0` is 0.3333. [`DivideExactly`] has 16 digits after the point
//! computed, as PostgreSQL does at least, and rounds the last one.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, DecimalType, Field, FieldRef, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::overflow::too_large;
use crate::engine::support::plans::with_parts;

/// Digits after the point, where there is room.
const SCALE: i8 = 16;
const DIGITS: u8 = 38;

/// Has decimals divided by [`Divided`]. It comes before types are settled: what is
/// compared with a quotient becomes like it.
#[derive(Debug)]
pub(in crate::engine) struct DivideExactly;

impl AnalyzerRule for DivideExactly {
    fn name(&self) -> &'static str {
        "divide_exactly"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_parts(plan, &mut divided)
    }
}

fn divided(expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Divide,
        right,
    }) = expr
    else {
        return Ok(Transformed::no(expr));
    };
    let kinds = left.get_type(rows).ok().zip(right.get_type(rows).ok());
    if kinds.is_none_or(|(left, right)| quotient(&left, &right).is_none()) {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Divide,
            right,
        })));
    }
    let function = Arc::new(ScalarUDF::from(Divided {
        signature: Signature::any(2, Volatility::Immutable),
    }));
    let function = ScalarFunction::new_udf(function, vec![*left, *right]);
    Ok(Transformed::yes(Expr::ScalarFunction(function)))
}

/// The digits of an exact number, and how many of them come after the point.
fn digits(kind: &DataType) -> Option<(u8, i8)> {
    Some(match kind {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
            if *scale >= 0 =>
        {
            (*digits, *scale)
        }
        _ => return None,
    })
}

/// The type of a quotient; none where neither side is a decimal, or one is no
/// exact number.
fn quotient(left: &DataType, right: &DataType) -> Option<DataType> {
    let ((left_digits, left_scale), (right_digits, right_scale)) = (digits(left)?, digits(right)?);
    if !left.is_decimal() && !right.is_decimal() || right_digits > DIGITS {
        return None;
    }
    let whole = i16::from(left_digits) - i16::from(left_scale) + i16::from(right_scale);
    let room = i16::from(DIGITS) - whole;
    let least = i16::from(left_scale).max(6);
    let scale = room.clamp(least, i16::from(SCALE).max(least));
    let digits = (whole + scale).min(i16::from(DIGITS));
    Some(DataType::Decimal128(
        u8::try_from(digits).ok()?,
        i8::try_from(scale).ok()?,
    ))
}

/// A decimal divided by another, rounded half away from zero.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Divided {
    signature: Signature,
}

impl ScalarUDFImpl for Divided {
    fn name(&self) -> &'static str {
        "divided"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        let [left, right] = take_function_args(self.name(), kinds)?;
        match quotient(left, right) {
            Some(kind) => Ok(kind),
            None => internal_err!("{left} is not divided by {right} here"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [left, right] = take_function_args(self.name(), args.arg_fields)?;
        let kind = self.return_type(&[left.data_type().clone(), right.data_type().clone()])?;
        let nullable = left.is_nullable() || right.is_nullable();
        Ok(Arc::new(Field::new(self.name(), kind, nullable)))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [left, right] = take_function_args(self.name(), args)?;
        Ok(format!("{} / {}", left.schema_name(), right.schema_name()))
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let [left, right] = take_function_args(self.name(), args)?;
        Ok(format!("{left} / {right}"))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Decimal128(all, scale) = *args.return_field.data_type() else {
            return internal_err!("a quotient is a decimal");
        };
        let [left, right] = take_function_args(self.name(), args.args)?;
        let scalar = matches!(
            (&left, &right),
            (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_))
        );
        let rows = if scalar { 1 } else { args.number_rows };
        let (left, left_scale) = decimals(&left.into_array(rows)?)?;
        let (right, right_scale) = decimals(&right.into_array(rows)?)?;
        let more = i32::from(scale) + i32::from(right_scale) - i32::from(left_scale);
        let quotients: Decimal128Array = left
            .iter()
            .zip(right.iter())
            .map(|pair| match pair {
                (Some(left), Some(right)) => divide(left, right, more, all, scale).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<_>>()?;
        let quotients: ArrayRef = Arc::new(quotients.with_precision_and_scale(all, scale)?);
        match scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &quotients, 0,
            )?)),
            false => Ok(ColumnarValue::Array(quotients)),
        }
    }
}

/// The values in their smallest unit, and its place after the point.
fn decimals(values: &ArrayRef) -> Result<(Decimal128Array, i8)> {
    let Some((digits, scale)) = digits(values.data_type()) else {
        return internal_err!("{} is no exact number", values.data_type());
    };
    let values = cast(values, &DataType::Decimal128(digits, scale))?;
    Ok((values.as_primitive::<Decimal128Type>().clone(), scale))
}

/// `left` times ten to `more`, divided by `right`.
fn divide(left: i128, right: i128, more: i32, digits: u8, scale: i8) -> Result<i128> {
    if right == 0 {
        return Err(ArrowError::DivideByZero.into());
    }
    let too_large = || {
        let kind = DataType::Decimal128(digits, scale);
        DataFusionError::External(Box::new(too_large("a quotient", &kind)))
    };
    let factor = 10_i128
        .checked_pow(more.unsigned_abs())
        .ok_or_else(too_large)?;
    let (wide_left, wide_right) = match more >= 0 {
        true => (left.checked_mul(factor), Some(right)),
        false => (Some(left), right.checked_mul(factor)),
    };
    let quotient = match (wide_left, wide_right) {
        (Some(left), Some(right)) => {
            let (quotient, rest) = (left.wrapping_div(right), left.wrapping_rem(right));
            let up = rest.unsigned_abs() >= right.unsigned_abs().div_ceil(2);
            quotient
                + if up {
                    rest.signum() * right.signum()
                } else {
                    0
                }
        }
        (None, _) => {
            let left = i256::from_i128(left).wrapping_mul(i256::from_i128(factor));
            let by = i256::from_i128(right);
            let quotient = left.wrapping_div(by).to_i128().ok_or_else(too_large)?;
            let rest = left.wrapping_rem(by).to_i128().ok_or_else(too_large)?;
            let up = rest.unsigned_abs() >= right.unsigned_abs().div_ceil(2);
            quotient
                + if up {
                    rest.signum() * right.signum()
                } else {
                    0
                }
        }
        // The divisor is larger than any dividend.
        _ => 0,
    };
    Decimal128Type::validate_decimal_precision(quotient, digits, scale).map_err(|_| too_large())?;
    Ok(quotient)
}
