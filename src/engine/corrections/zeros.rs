//! Doubles that are equal and not the same.
//!
//! Minus zero equals zero, and what is no number comes with either sign. Strategy,
//! groups and comparisons treat them alike; DataFusion's lists, orders, windows,
//! extremes, sets of different values, `nullif` and `case` do not. [`OneZero`] has them see one zero and one NaN.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, SortExpr, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::plans::{with_parts, with_plans};

/// Has lists, orders, windows and extremes of doubles see one zero. It comes
/// after the types are settled.
#[derive(Debug)]
pub(in crate::engine) struct OneZero;

impl AnalyzerRule for OneZero {
    fn name(&self) -> &'static str {
        "one_zero"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_parts(plan, &mut within)?;
        with_plans(plan, &mut |plan| {
            let LogicalPlan::Sort(mut sort) = plan else {
                return Ok(Transformed::no(plan));
            };
            let rows = Arc::clone(sort.input.schema());
            let any = sorted(&mut sort.expr, &rows)?;
            Ok(Transformed::new_transformed(LogicalPlan::Sort(sort), any))
        })
    }
}

fn within(mut expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::InList(InList { expr, list, .. }) => {
            let mut any = one_zero(expr, rows)?;
            for value in list {
                any |= one_zero(value, rows)?;
            }
            any
        }
        Expr::WindowFunction(window) => {
            let params = &mut window.params;
            let mut any = sorted(&mut params.order_by, rows)?;
            for key in &mut params.partition_by {
                any |= one_zero(key, rows)?;
            }
            if ["min", "max"].contains(&window.fun.name()) {
                for value in &mut params.args {
                    any |= one_zero(value, rows)?;
                }
            }
            any
        }
        Expr::AggregateFunction(function) => {
            let params = &mut function.params;
            let mut any = sorted(&mut params.order_by, rows)?;
            if params.distinct || ["min", "max"].contains(&function.func.name()) {
                for value in &mut params.args {
                    any |= one_zero(value, rows)?;
                }
            }
            any
        }
        Expr::Case(Case {
            expr: Some(expr),
            when_then_expr,
            ..
        }) => {
            let mut any = one_zero(expr, rows)?;
            for (when, _) in when_then_expr {
                any |= one_zero(when, rows)?;
            }
            any
        }
        Expr::ScalarFunction(function)
            if ["greatest", "least", "nullif"].contains(&function.func.name()) =>
        {
            let mut any = false;
            for value in &mut function.args {
                any |= one_zero(value, rows)?;
            }
            any
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, changed))
}

fn sorted(order: &mut [SortExpr], rows: &DFSchema) -> Result<bool> {
    let mut any = false;
    for key in order {
        any |= one_zero(&mut key.expr, rows)?;
    }
    Ok(any)
}

/// Puts the function over a double; tells whether it did.
fn one_zero(expr: &mut Expr, rows: &DFSchema) -> Result<bool> {
    let is_done = match &*expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => *value != 0.0 && !value.is_nan(),
        Expr::Literal(ScalarValue::Float32(Some(value)), _) => *value != 0.0 && !value.is_nan(),
        Expr::ScalarFunction(function) => function.func.name() == NAME,
        _ => false,
    };
    if is_done || !expr.get_type(rows)?.is_floating() {
        return Ok(false);
    }
    let function = Arc::new(ScalarUDF::from(Zero {
        signature: Signature::any(1, Volatility::Immutable),
    }));
    let inner = std::mem::take(expr);
    *expr = Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![inner]));
    Ok(true)
}

const NAME: &str = "one_zero";

/// The same double; of minus zero zero, and one of all that are no numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Zero {
    signature: Signature,
}

impl ScalarUDFImpl for Zero {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        Ok(kinds[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let of = args.arg_fields[0].as_ref();
        let (kind, nullable) = (of.data_type().clone(), of.is_nullable());
        Ok(Arc::new(Field::new(NAME, kind, nullable)))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [inner] = take_function_args(NAME, args)?;
        Ok(inner.schema_name().to_string())
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let [inner] = take_function_args(NAME, args)?;
        Ok(inner.to_string())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = take_function_args(NAME, args.args)?;
        match value {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(normal(&values))),
            ColumnarValue::Scalar(value) => {
                let one = normal(&value.to_array()?);
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(inputs[0].sort_properties)
    }
}

fn normal(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            let one = |value: f64| {
                if value.is_nan() {
                    f64::NAN
                } else {
                    value + 0.0
                }
            };
            Arc::new(
                values
                    .as_primitive::<Float64Type>()
                    .unary::<_, Float64Type>(one),
            )
        }
        DataType::Float32 => {
            let one = |value: f32| {
                if value.is_nan() {
                    f32::NAN
                } else {
                    value + 0.0
                }
            };
            Arc::new(
                values
                    .as_primitive::<Float32Type>()
                    .unary::<_, Float32Type>(one),
            )
        }
        _ => Arc::clone(values),
    }
}
