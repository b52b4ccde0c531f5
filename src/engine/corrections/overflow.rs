//! Whole numbers and decimals that do not fit are an error.
//!
//! DataFusion's `+`, `-`, `*` and minus of whole numbers wrap around, and decimals
//! of more than 38 digits are kept as they come (apache/datafusion#17539).
//! [`CheckOverflow`] has them computed by [`Checked`], under the names that they
//! have.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Datum};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{ScalarFunction, schema_name_from_exprs};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::plans::with_parts;
use crate::error::Error;

/// Has arithmetic that can overflow checked. It comes after the types are
/// settled.
#[derive(Debug)]
pub(in crate::engine) struct CheckOverflow;

impl AnalyzerRule for CheckOverflow {
    fn name(&self) -> &'static str {
        "check_overflow"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_parts(plan, &mut checked)
    }
}

fn checked(expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    let (step, args) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let step = match op {
                Operator::Plus => Step::Plus,
                Operator::Minus => Step::Minus,
                Operator::Multiply => Step::Times,
                _ => {
                    return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                        left,
                        op,
                        right,
                    })));
                }
            };
            let kinds = (left.get_type(rows)?, right.get_type(rows)?);
            if !can_overflow(&kinds.0, op, &kinds.1) {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                    left,
                    op,
                    right,
                })));
            }
            (step, vec![*left, *right])
        }
        Expr::Negative(inner) => match inner.get_type(rows)?.is_integer() {
            true => (Step::Negative, vec![*inner]),
            false => return Ok(Transformed::no(Expr::Negative(inner))),
        },
        other => return Ok(Transformed::no(other)),
    };
    let function = Arc::new(ScalarUDF::from(Checked::new(step)));
    Ok(Transformed::yes(Expr::ScalarFunction(
        ScalarFunction::new_udf(function, args),
    )))
}

fn can_overflow(left: &DataType, op: Operator, right: &DataType) -> bool {
    if left.is_integer() && right.is_integer() {
        return left == right;
    }
    let both =
        matches!(left, DataType::Decimal128(..)) && matches!(right, DataType::Decimal128(..));
    // With fewer digits any result fits.
    both && matches!(
        result_of(left, op, right),
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, _))
    )
}

fn result_of(left: &DataType, op: Operator, right: &DataType) -> Result<DataType> {
    BinaryTypeCoercer::new(left, &op, right).get_result_type()
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Plus,
    Minus,
    Times,
    Negative,
}

impl Step {
    fn operator(self) -> Option<Operator> {
        match self {
            Self::Plus => Some(Operator::Plus),
            Self::Minus => Some(Operator::Minus),
            Self::Times => Some(Operator::Multiply),
            Self::Negative => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plus => "+",
            Self::Minus | Self::Negative => "-",
            Self::Times => "*",
        })
    }
}

/// Arithmetic whose result fits, or which fails.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    step: Step,
    signature: Signature,
}

impl Checked {
    fn new(step: Step) -> Self {
        let arguments = if step == Step::Negative { 1 } else { 2 };
        Self {
            step,
            signature: Signature::any(arguments, Volatility::Immutable),
        }
    }

    fn computed(&self, values: &[&dyn Datum]) -> Result<ArrayRef, ArrowError> {
        match (self.step, values) {
            (Step::Plus, [left, right]) => numeric::add(*left, *right),
            (Step::Minus, [left, right]) => numeric::sub(*left, *right),
            (Step::Times, [left, right]) => numeric::mul(*left, *right),
            (Step::Negative, [only]) => numeric::neg(only.get().0),
            _ => Err(ArrowError::InvalidArgumentError("two values".to_owned())),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.step {
            Step::Plus => "checked_plus",
            Step::Minus => "checked_minus",
            Step::Times => "checked_times",
            Step::Negative => "checked_negative",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        match (self.step.operator(), kinds) {
            (Some(op), [left, right]) => result_of(left, op, right),
            (None, [only]) => Ok(only.clone()),
            _ => internal_err!("`{}` of {kinds:?}", self.name()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let kinds = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone());
        let kind = self.return_type(&kinds.collect::<Vec<_>>())?;
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), kind, nullable)))
    }

    /// As DataFusion calls what it stands for.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!(
                "{} {} {}",
                left.schema_name(),
                self.step,
                right.schema_name()
            )),
            _ => Ok(format!("(- {})", schema_name_from_exprs(args)?)),
        }
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("{left} {} {right}", self.step)),
            _ => Ok(format!("(- {})", args[0])),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalars = args
            .args
            .iter()
            .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let values = args.args.iter().map(|value| match value {
            ColumnarValue::Array(array) => Ok(Box::new(Arc::clone(array)) as Box<dyn Datum>),
            ColumnarValue::Scalar(scalar) => Ok(Box::new(scalar.to_scalar()?) as Box<dyn Datum>),
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        let values: Vec<&dyn Datum> = values.iter().map(AsRef::as_ref).collect();
        let computed = match self.computed(&values) {
            Ok(computed) => computed,
            Err(_) => return Err(self.overflow(&values, args.return_field.data_type())),
        };
        if let DataType::Decimal128(digits, scale) = computed.data_type() {
            let decimals = computed.as_primitive::<Decimal128Type>();
            if decimals.validate_decimal_precision(*digits).is_err() {
                let kind = DataType::Decimal128(*digits, *scale);
                return Err(self.overflow(&values, &kind));
            }
        }
        match scalars {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &computed, 0,
            )?)),
            false => Ok(ColumnarValue::Array(computed)),
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(match (self.step, inputs) {
            (Step::Plus, [left, right]) => left.sort_properties.add(&right.sort_properties),
            (Step::Minus, [left, right]) => left.sort_properties.sub(&right.sort_properties),
            (Step::Negative, [only]) => -only.sort_properties,
            _ => SortProperties::Unordered,
        })
    }
}

impl Checked {
    /// The error for values whose result does not fit into `kind`; names the
    /// first of them.
    fn overflow(&self, values: &[&dyn Datum], kind: &DataType) -> DataFusionError {
        let rows = values.iter().map(|value| match value.get() {
            (_, true) => 1,
            (array, false) => array.len(),
        });
        let rows = rows.max().unwrap_or(0);
        let at = |row: usize| -> Vec<ArrayRef> {
            let of = |value: &&dyn Datum| match value.get() {
                (array, true) => array.slice(0, 1),
                (array, false) => array.slice(row, 1),
            };
            values.iter().map(of).collect()
        };
        let fails = |row: &usize| {
            let row = at(*row);
            let row: Vec<&dyn Datum> = row.iter().map(|value| value as &dyn Datum).collect();
            match (self.computed(&row), kind) {
                (Err(_), _) => true,
                (Ok(computed), DataType::Decimal128(digits, _)) => computed
                    .as_primitive::<Decimal128Type>()
                    .validate_decimal_precision(*digits)
                    .is_err(),
                _ => false,
            }
        };
        let texts = (0..rows).find(fails).map(|row| {
            let texts = at(row)
                .iter()
                .map(|value| array_value_to_string(value, 0))
                .collect();
            let texts: Result<Vec<String>, ArrowError> = texts;
            texts.unwrap_or_default()
        });
        let texts = texts.unwrap_or_default();
        let what = match texts.as_slice() {
            [left, right] => format!("{left} {} {right}", self.step),
            [only] => format!("-({only})"),
            _ => "a result".to_owned(),
        };
        DataFusionError::External(Box::new(too_large(&what, kind)))
    }
}

/// The error for what a type does not hold.
pub(in crate::engine) fn too_large(what: &str, kind: &DataType) -> Error {
    let (name, wider) = match kind {
        DataType::Int64 | DataType::UInt64 => ("a bigint", "`cast(… as decimal(38, 0))`"),
        DataType::Decimal128(..) => ("38 digits", "`cast(… as double)`, which rounds"),
        DataType::Int32 | DataType::UInt32 => ("an integer", "`cast(… as bigint)`"),
        _ => ("its type", "`cast(… as bigint)`"),
    };
    Error::data(format!("{what} does not fit into {name}"))
        .hint(format!("compute it with a wider type: {wider}"))
}
