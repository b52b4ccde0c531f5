//! Differences of days and times.
//!
//! A difference of days is a number of days, as in PostgreSQL and DuckDB:
//! DataFusion makes seconds of it, which cannot be compared with a number and
//! become one by a cast without a word. Of differences of times it takes parts
//! as totals, without fractions, and null where they are large
//! (apache/datafusion#14817): here `hour` is what is left of whole days. And a day
//! minus 30 hours is a time, not a day whose hours are forgotten.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast as cast_expr,
};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::plans::with_parts;

/// The name of the difference of two days.
pub(super) const DAYS: &str = "days_between";

/// Has differences of days and parts of differences computed here. It comes
/// before the types are settled.
#[derive(Debug)]
pub(in crate::engine) struct Spans;

impl AnalyzerRule for Spans {
    fn name(&self) -> &'static str {
        "spans"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_parts(plan, &mut within)
    }
}

fn within(expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Plus | Operator::Minus)
                && has_hours(&right, rows)
                && is_day(&left, rows) =>
        {
            let at = DataType::Timestamp(TimeUnit::Microsecond, None);
            let left = Box::new(cast_expr(*left, at));
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                left,
                op,
                right,
            })))
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Minus,
            right,
        }) => {
            if !is_day(&left, rows) || !is_day(&right, rows) {
                let op = Operator::Minus;
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                    left,
                    op,
                    right,
                })));
            }
            Ok(Transformed::yes(call(Days::new(), vec![*left, *right])))
        }
        Expr::ScalarFunction(function) if function.func.name() == "date_part" => {
            let [part, of] = function.args.as_slice() else {
                return Ok(Transformed::no(Expr::ScalarFunction(function)));
            };
            let is_span = matches!(of.get_type(rows), Ok(DataType::Duration(_)));
            let name = match part {
                Expr::Literal(value, _) => value.try_as_str().flatten(),
                _ => None,
            };
            match name {
                Some(name) if is_span => {
                    let part = Part::named(name)?;
                    Ok(Transformed::yes(call(part, vec![of.clone()])))
                }
                _ => Ok(Transformed::no(Expr::ScalarFunction(function))),
            }
        }
        other => Ok(Transformed::no(other)),
    }
}

fn is_day(side: &Expr, rows: &DFSchema) -> bool {
    side.get_type(rows)
        .is_ok_and(|kind| kind == DataType::Date32)
}

/// Whether an interval may be no number of whole days.
fn has_hours(interval: &Expr, rows: &DFSchema) -> bool {
    const DAY: i64 = 86_400_000_000_000;
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(of)), _) => of.nanoseconds % DAY != 0,
        Expr::Literal(..) => false,
        other => matches!(other.get_type(rows), Ok(DataType::Interval(_))),
    }
}

fn call(function: impl ScalarUDFImpl + 'static, args: Vec<Expr>) -> Expr {
    let function = Arc::new(ScalarUDF::from(function));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

/// How many days a day lies after another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Days {
    signature: Signature,
}

impl Days {
    fn new() -> Self {
        Self {
            signature: Signature::exact(
                vec![DataType::Date32, DataType::Date32],
                Volatility::Immutable,
            ),
        }
    }
}

impl ScalarUDFImpl for Days {
    fn name(&self) -> &'static str {
        DAYS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [left, right] = take_function_args(DAYS, args)?;
        Ok(format!("{} - {}", left.schema_name(), right.schema_name()))
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let [left, right] = take_function_args(DAYS, args)?;
        Ok(format!("{left} - {right}"))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let [left, right] = take_function_args(DAYS, args.args)?;
        let scalar = [&left, &right]
            .iter()
            .all(|side| matches!(side, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { rows };
        let days = |side: ColumnarValue| -> Result<ArrayRef> {
            let days = cast(&side.into_array(rows)?, &DataType::Int32)?;
            Ok(cast(&days, &DataType::Int64)?)
        };
        given(numeric::sub_wrapping(&days(left)?, &days(right)?)?, scalar)
    }
}

fn given(values: ArrayRef, scalar: bool) -> Result<ColumnarValue> {
    Ok(match scalar {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?),
        false => ColumnarValue::Array(values),
    })
}

/// A part of a difference of times, with its sign.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Part {
    unit: Unit,
    signature: Signature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    /// Years, months and quarters, of which a difference has none.
    None,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// All of it in seconds.
    Epoch,
}

impl Part {
    fn named(name: &str) -> Result<Self> {
        let name = name.to_lowercase();
        let unit = match name.trim_end_matches('s') {
            "year" | "month" | "quarter" => Unit::None,
            "day" => Unit::Day,
            "hour" => Unit::Hour,
            "minute" => Unit::Minute,
            "second" => Unit::Second,
            "millisecond" => Unit::Millisecond,
            "microsecond" => Unit::Microsecond,
            "epoch" => Unit::Epoch,
            _ => {
                return plan_err!(
                    "a difference of times has no `{name}`: it has day, hour, minute, second and epoch"
                );
            }
        };
        Ok(Self {
            unit,
            signature: Signature::any(1, Volatility::Immutable),
        })
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "seconds with a fraction are a double"
    )]
    fn fraction(&self, micros: i64) -> f64 {
        match self.unit {
            Unit::Epoch => micros as f64 / 1e6,
            Unit::Second => (micros % 60_000_000) as f64 / 1e6,
            _ => (micros % 60_000_000) as f64 / 1e3,
        }
    }

    fn whole(&self, micros: i64) -> i64 {
        const HOUR: i64 = 3_600_000_000;
        match self.unit {
            Unit::Day => micros / (24 * HOUR),
            Unit::Hour => micros % (24 * HOUR) / HOUR,
            Unit::Minute => micros % HOUR / 60_000_000,
            Unit::Microsecond => micros % 60_000_000,
            _ => 0,
        }
    }
}

impl ScalarUDFImpl for Part {
    fn name(&self) -> &'static str {
        "span_part"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.unit {
            Unit::Epoch | Unit::Second | Unit::Millisecond => DataType::Float64,
            _ => DataType::Int64,
        })
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [of] = take_function_args(self.name(), args)?;
        let part = format!("{:?}", self.unit).to_uppercase();
        Ok(format!("date_part(Utf8(\"{part}\"),{})", of.schema_name()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = take_function_args(self.name(), args.args)?;
        let scalar = matches!(of, ColumnarValue::Scalar(_));
        let micros = micros(&of.into_array(1)?)?;
        let parts: ArrayRef = match args.return_field.data_type() {
            DataType::Float64 => {
                let parts = micros.iter().map(|at| at.map(|at| self.fraction(at)));
                Arc::new(parts.collect::<Float64Array>())
            }
            _ => {
                let parts = micros.iter().map(|at| at.map(|at| self.whole(at)));
                Arc::new(parts.collect::<Int64Array>())
            }
        };
        given(parts, scalar)
    }
}

/// Differences in microseconds.
fn micros(of: &ArrayRef) -> Result<Int64Array> {
    let per_tick = match of.data_type() {
        DataType::Duration(TimeUnit::Second) => 1_000_000,
        DataType::Duration(TimeUnit::Millisecond) => 1_000,
        DataType::Duration(TimeUnit::Microsecond) => 1,
        DataType::Duration(TimeUnit::Nanosecond) => {
            let ticks = cast(of, &DataType::Int64)?;
            let ticks = ticks.as_primitive::<Int64Type>();
            return Ok(ticks.unary(|at| at.div_euclid(1_000)));
        }
        other => return internal_err!("{other} is no difference"),
    };
    let ticks = cast(of, &DataType::Int64)?;
    let ticks = ticks.as_primitive::<Int64Type>();
    Ok(ticks.try_unary(|at| {
        at.checked_mul(per_tick).ok_or_else(|| {
            datafusion::arrow::error::ArrowError::ArithmeticOverflow("a difference".to_owned())
        })
    })?)
}
