//! The first day of a period as one step.
//!
//! [`FirstDays`] makes `cast(at as date)` and `cast(date_trunc('month', at) as
//! date)` a function that has a value for whatever it is asked.

use std::sync::Arc;

use cinelake_kernels::{Period, days_of};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::functions::datetime::date_trunc::DateTruncFunc;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, lit,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::engine::functions::calendar::{DateTrunc, known, named, ticks_of_a_day};

/// What [`FirstDays`] calls its function; it has a value for any day.
pub(in crate::engine) const FIRST_DAY: &str = "first_day";

/// Makes `cast(at as date)` and `cast(date_trunc(…, at) as date)` one step.
#[derive(Debug)]
pub(in crate::engine) struct FirstDays(Arc<ScalarUDF>);

impl FirstDays {
    pub(in crate::engine) fn new() -> Self {
        let signature = Signature::any(2, Volatility::Immutable);
        Self(Arc::new(ScalarUDF::from(FirstDay { signature })))
    }

    /// `expr` as one step; none where it makes no day of an instant.
    fn first_day(&self, expr: &Expr, rows: &DFSchema) -> Option<Expr> {
        let Expr::Cast(Cast { expr: at, field }) = expr else {
            return None;
        };
        if *field.data_type() != DataType::Date32 {
            return None;
        }
        let has_days = |at: &Expr| at.get_type(rows).is_ok_and(|kind| has_first_days(&kind));
        let args = match at.as_ref() {
            Expr::ScalarFunction(begun) if begun.func.inner().is::<DateTrunc>() => {
                match begun.args.as_slice() {
                    [Expr::Literal(period, _), at] if named(period).is_some() && has_days(at) => {
                        begun.args.clone()
                    }
                    _ => return None,
                }
            }
            at if has_days(at) => vec![lit("day"), at.clone()],
            _ => return None,
        };
        let first = ScalarFunction::new_udf(Arc::clone(&self.0), args);
        Some(Expr::ScalarFunction(first))
    }
}

/// Whether each value of the type lies on a day of 32 bits.
fn has_first_days(kind: &DataType) -> bool {
    let fine = matches!(
        kind,
        DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
    );
    *kind == DataType::Date32 || fine && ticks_of_a_day(kind).is_some()
}

impl OptimizerRule for FirstDays {
    fn name(&self) -> &'static str {
        "first_day"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        // Of a day within bounds, files can be left out; of a function's they cannot.
        if matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::TableScan(_)) {
            return Ok(Transformed::no(plan));
        }
        let rows = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            // Its name is not one of a column.
            if matches!(expr, Expr::GroupingSet(_)) {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| {
                Ok(match self.first_day(&expr, &rows) {
                    Some(first) => Transformed::yes(first),
                    None => Transformed::no(expr),
                })
            })?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    }
}

/// The first day of the period that a day or an instant lies in.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FirstDay {
    signature: Signature,
}

impl ScalarUDFImpl for FirstDay {
    fn name(&self) -> &'static str {
        FIRST_DAY
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [period, at] = args.args.as_slice() else {
            return internal_err!("`{FIRST_DAY}` takes a period and a time");
        };
        let Some(period) = known(period) else {
            return internal_err!("`{FIRST_DAY}` takes a known period");
        };
        match at {
            ColumnarValue::Array(at) => Ok(ColumnarValue::Array(first_days(at, period)?)),
            ColumnarValue::Scalar(at) => {
                let first = first_days(&at.to_array()?, period)?;
                let first = ScalarValue::try_from_array(&first, 0)?;
                Ok(ColumnarValue::Scalar(first))
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        DateTruncFunc::new().output_ordering(inputs)
    }
}

fn first_days(at: &ArrayRef, period: Period) -> Result<ArrayRef> {
    let first = match ticks_of_a_day(at.data_type()) {
        Some(per_day) => {
            let ticks = cast(at, &DataType::Int64)?;
            let days = days_of(ticks.as_primitive::<Int64Type>().values(), per_day);
            days.map(|days| period.of_days(&days))
        }
        None => {
            let days = at.as_primitive_opt::<Date32Type>();
            days.map(|days| period.of_days(days.values()))
        }
    };
    let Some(first) = first else {
        return internal_err!("`{FIRST_DAY}` of {}", at.data_type());
    };
    Ok(Arc::new(Date32Array::new(
        first.into(),
        at.nulls().cloned(),
    )))
}

/// The period and the column whose first day an expression is.
pub(in crate::engine) fn first_day_of(expr: &Arc<dyn PhysicalExpr>) -> Option<(Period, usize)> {
    let function = expr.downcast_ref::<ScalarFunctionExpr>()?;
    let [period, at] = function.args() else {
        return None;
    };
    let period = named(period.downcast_ref::<Literal>()?.value())?;
    let column = at.downcast_ref::<Column>()?.index();
    let is_first = function.fun().inner().is::<FirstDay>();
    is_first.then_some((period, column))
}

/// The first day, in days since 1970, of the period that a value lies in.
pub(in crate::engine) fn first_day(period: Period, at: &ScalarValue) -> Option<i64> {
    let first = first_days(&at.to_array().ok()?, period).ok()?;
    let first = first.as_primitive::<Date32Type>();
    first.is_valid(0).then(|| first.value(0).into())
}
