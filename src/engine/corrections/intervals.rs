//! Intervals in their order.
//!
//! `interval '30 hours' > interval '1 day'`: DataFusion compares months, days and
//! nanoseconds one after the other, so 30 hours are less than a day, and a
//! difference of times, all nanoseconds, is less than any day
//! (apache/datafusion#8468). [`IntervalOrder`] has them compared by their length,
//! a month of 30 days and a day of 24 hours, as PostgreSQL does.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Aggregate, Between, BinaryExpr, ColumnarValue, Distinct, Expr, ExprSchemable, LogicalPlan,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, SortExpr, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::spans::DAYS;
use crate::engine::support::exprs::compares;
use crate::engine::support::plans::{with_parts, with_plans};

const NAME: &str = "interval_order";

/// Has intervals compared by their length. It comes before types are settled:
/// differences of times are still told apart.
#[derive(Debug)]
pub(in crate::engine) struct IntervalOrder;

impl AnalyzerRule for IntervalOrder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_parts(plan, &mut within)?;
        with_plans(plan, &mut |plan| match plan {
            LogicalPlan::Sort(mut sort) => {
                let rows = Arc::clone(sort.input.schema());
                let any = sorted(&mut sort.expr, &rows)?;
                Ok(Transformed::new_transformed(LogicalPlan::Sort(sort), any))
            }
            LogicalPlan::Join(mut join) => {
                let mut any = false;
                for (left, right) in &mut join.on {
                    let kinds = [
                        left.get_type(join.left.schema()).ok(),
                        right.get_type(join.right.schema()).ok(),
                    ];
                    if kinds.iter().flatten().any(is_span) {
                        any |= lengths(&mut [left], join.left.schema())?;
                        any |= lengths(&mut [right], join.right.schema())?;
                    }
                }
                Ok(Transformed::new_transformed(LogicalPlan::Join(join), any))
            }
            plan => {
                refuse_groups(&plan)?;
                Ok(Transformed::no(plan))
            }
        })
    }
}

/// Groups by intervals are by their parts, so that equal ones could be two.
fn refuse_groups(plan: &LogicalPlan) -> Result<()> {
    let is_interval = |kind: &DataType| matches!(kind, DataType::Interval(_));
    let grouped = match plan {
        LogicalPlan::Aggregate(Aggregate {
            group_expr, input, ..
        }) => {
            let mut kinds = group_expr.iter().map(|key| key.get_type(input.schema()));
            kinds.any(|kind| kind.is_ok_and(|kind| is_interval(&kind)))
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let fields = input.schema().fields();
            fields.iter().any(|field| is_interval(field.data_type()))
        }
        _ => false,
    };
    match grouped {
        true => plan_err!(
            "groups of intervals are not possible, as 24 hours and a day are equal: group by \
             `extract(epoch from …)`"
        ),
        false => Ok(()),
    }
}

fn is_span(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_) | DataType::Duration(_))
}

fn within(mut expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
            lengths(&mut [left.as_mut(), right.as_mut()], rows)?
        }
        Expr::Between(Between {
            expr, low, high, ..
        }) => lengths(&mut [expr.as_mut(), low.as_mut(), high.as_mut()], rows)?,
        Expr::InList(InList { expr, list, .. }) => {
            let values = list.iter_mut().chain([expr.as_mut()]);
            lengths(&mut values.collect::<Vec<_>>(), rows)?
        }
        Expr::WindowFunction(window) => {
            let params = &mut window.params;
            let mut any = sorted(&mut params.order_by, rows)?;
            for key in &mut params.partition_by {
                any |= lengths(&mut [key], rows)?;
            }
            any
        }
        Expr::AggregateFunction(function) => {
            let name = function.func.name();
            let compared = ["min", "max"].contains(&name) || function.params.distinct;
            for value in function.params.args.iter().filter(|_| compared) {
                if matches!(value.get_type(rows)?, DataType::Interval(_)) {
                    return plan_err!(
                        "`{name}` of intervals is not possible: use `extract(epoch from …)`"
                    );
                }
            }
            sorted(&mut function.params.order_by, rows)?
        }
        Expr::ScalarFunction(function)
            if ["greatest", "least", "nullif"].contains(&function.func.name()) =>
        {
            for value in &function.args {
                if matches!(value.get_type(rows)?, DataType::Interval(_)) {
                    return plan_err!(
                        "`{}` of intervals is not possible: use `case`",
                        function.func.name()
                    );
                }
            }
            false
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, changed))
}

fn sorted(order: &mut [SortExpr], rows: &DFSchema) -> Result<bool> {
    let mut any = false;
    for key in order {
        any |= lengths(&mut [&mut key.expr], rows)?;
    }
    Ok(any)
}

/// Puts lengths in the place of intervals that are compared with each other,
/// where there is one; differences of times are compared as they are.
fn lengths(values: &mut [&mut Expr], rows: &DFSchema) -> Result<bool> {
    let mut intervals = false;
    for value in values.iter() {
        if let Expr::ScalarFunction(function) = &**value
            && function.func.name() == DAYS
        {
            continue;
        }
        match value.get_type(rows)? {
            DataType::Interval(_) => intervals = true,
            DataType::Duration(_) | DataType::Null => {}
            _ => return Ok(false),
        }
    }
    if !intervals {
        return Ok(false);
    }
    for value in values {
        let function = Arc::new(ScalarUDF::from(Length {
            signature: Signature::any(1, Volatility::Immutable),
        }));
        let inner = std::mem::take(*value);
        **value = Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![inner]));
    }
    Ok(true)
}

/// The length of an interval in nanoseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(38, 0))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [inner] = take_function_args(NAME, args)?;
        Ok(inner.schema_name().to_string())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = take_function_args(NAME, args.args)?;
        match value {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(length(&values)?)),
            ColumnarValue::Scalar(value) => {
                let one = length(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
        }
    }
}

fn length(values: &ArrayRef) -> Result<ArrayRef> {
    const DAY: i128 = 86_400_000_000_000;
    let lengths: Decimal128Array = match values.data_type() {
        DataType::Duration(unit) => {
            let nanos: i128 = match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
            let ticks = cast(values, &DataType::Int64)?;
            let ticks = ticks.as_primitive::<Int64Type>().iter();
            ticks
                .map(|at| at.map(|at| i128::from(at) * nanos))
                .collect()
        }
        DataType::Null => Decimal128Array::new_null(values.len()),
        // A difference of days.
        DataType::Int64 => {
            let days = values.as_primitive::<Int64Type>().iter();
            days.map(|days| days.map(|days| i128::from(days) * DAY))
                .collect()
        }
        _ => {
            let intervals = cast(values, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>().iter();
            let length = |of: datafusion::arrow::datatypes::IntervalMonthDayNano| {
                (i128::from(of.months) * 30 + i128::from(of.days)) * DAY
                    + i128::from(of.nanoseconds)
            };
            intervals.map(|of| of.map(length)).collect()
        }
    };
    Ok(Arc::new(lengths.with_precision_and_scale(38, 0)?))
}
