//! SQL functions that DataFusion lacks and the warehouse needs.
//!
//! `local_date(at)` and `local_month(at)`: the day, and the first day of the
//! month, of an instant by the clocks of the project's zone. `stable_id(text)`:
//! the same whole number for the same text, today and in every later refresh.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};
use twox_hash::XxHash3_128;

use crate::calendar::{Grain, local_periods};

/// The functions, for a project in `zone`.
pub(in crate::engine) fn functions(zone: Tz) -> Vec<Arc<ScalarUDF>> {
    let local = |name, grain| Arc::new(ScalarUDF::from(Local::new(name, grain, zone)));
    vec![
        local("local_date", Grain::Day),
        local("local_month", Grain::Month),
        Arc::new(create_udf(
            "stable_id",
            vec![DataType::Utf8View],
            DataType::Int64,
            Volatility::Immutable,
            Arc::new(stable_id),
        )),
    ]
}

/// The low 63 bits of the text's XXH3 hash: never negative, and of a million
/// texts two agree with a chance of one in twenty million.
fn stable_id(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let [texts] = take_function_args("stable_id", arrays)?;
    let id = |text: &str| {
        let low = XxHash3_128::oneshot(text.as_bytes()) & u128::from(u64::MAX >> 1);
        i64::try_from(low).ok()
    };
    let ids: Int64Array = texts
        .as_string_view()
        .iter()
        .map(|text| text.and_then(id))
        .collect();
    Ok(ColumnarValue::Array(Arc::new(ids)))
}

/// `local_date` and `local_month`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Local {
    name: &'static str,
    grain: Grain,
    zone: Tz,
    signature: Signature,
}

impl Local {
    fn new(name: &'static str, grain: Grain, zone: Tz) -> Self {
        Self {
            name,
            grain,
            zone,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn periods(&self, values: &ArrayRef) -> ArrayRef {
        match values.data_type() {
            DataType::Date32 => {
                let dates = values.as_primitive::<Date32Type>();
                let start = |days| Date32Type::to_naive_date_opt(days).map(|d| self.grain.start(d));
                Arc::new(dates.unary_opt::<_, Date32Type>(start))
            }
            _ => {
                let instants = values.as_primitive::<TimestampMicrosecondType>();
                Arc::new(local_periods(instants, self.zone, self.grain))
            }
        }
    }
}

impl ScalarUDFImpl for Local {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [found] = take_function_args(self.name, types)?;
        match found {
            DataType::Date32 => Ok(vec![DataType::Date32]),
            DataType::Timestamp(..) | DataType::Null => Ok(vec![DataType::Timestamp(
                TimeUnit::Microsecond,
                Some("UTC".into()),
            )]),
            other => plan_err!("`{}` takes a timestamp or a date, not {other}", self.name),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [values] = take_function_args(self.name, arrays)?;
        Ok(ColumnarValue::Array(self.periods(&values)))
    }
}
