//! Periods of days and instants, by arithmetic.
//!
//! DataFusion's `date_trunc` makes nanoseconds of a day, of which those after
//! April 2262 have too many, so that it fails of the 9999-12-31 that sources
//! write for "no end"; and it asks a calendar about each instant in UTC. Ours
//! answers the same, of all days, and of instants twenty times as fast. What it
//! does not know by arithmetic it leaves to DataFusion's.
//!
//! Most models want a day rather than an instant: that is one step, too
//! ([`FirstDays`](super::first_day::FirstDays)).

use std::sync::Arc;

use cinelake_kernels::Period;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit};
use datafusion::common::types::{logical_date, logical_string};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions::datetime::date_trunc::DateTruncFunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, TypeSignatureClass, Volatility,
};

/// The functions that stand in for DataFusion's.
pub(in crate::engine) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![Arc::new(ScalarUDF::from(DateTrunc::new()))]
}

/// `date_trunc(period, at)`: when the period of a day or an instant begins.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct DateTrunc {
    plain: DateTruncFunc,
    signature: Signature,
}

impl DateTrunc {
    fn new() -> Self {
        let plain = DateTruncFunc::new();
        // A day stays one: so it need not be an instant first.
        let mut signatures = vec![TypeSignature::Coercible(vec![
            Coercion::new_exact(TypeSignatureClass::Native(logical_string())),
            Coercion::new_exact(TypeSignatureClass::Native(logical_date())),
        ])];
        match &plain.signature().type_signature {
            TypeSignature::OneOf(others) => signatures.extend(others.iter().cloned()),
            other => signatures.push(other.clone()),
        }
        let signature = Signature::one_of(signatures, Volatility::Immutable);
        Self { plain, signature }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &'static str {
        "date_trunc"
    }

    fn aliases(&self) -> &[String] {
        self.plain.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of `date_trunc` is that of its fields")
    }

    /// Of a day the instant at which the period begins, in microseconds, as the
    /// lake stores instants; of a constant in nanoseconds where they hold it, as
    /// table functions want them.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [_, at] if is_date(at.data_type()) => {
                let constant = args.scalar_arguments.get(1).copied().flatten();
                let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
                let kind = match constant {
                    Some(day) if day.cast_to(&nanos).is_ok() => nanos,
                    _ => instants_of_days(),
                };
                Ok(Arc::new(Field::new(self.name(), kind, at.is_nullable())))
            }
            _ => self.plain.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [period, at] = args.args.as_mut_slice() else {
            return self.plain.invoke_with_args(args);
        };
        if is_date(&at.data_type()) {
            *at = at.cast_to(args.return_field.data_type(), None)?;
        }
        // Of a constant the other one rounds towards 1970 (apache/datafusion#25425).
        let is_constant =
            matches!(at, ColumnarValue::Scalar(constant) if !constant.data_type().is_null());
        if is_constant {
            *at = ColumnarValue::Array(at.to_array(1)?);
        }
        let begun = match (known(period), &*at) {
            (Some(period), ColumnarValue::Array(at)) => instants(at, period)?,
            _ => None,
        };
        let begun = match begun {
            Some(begun) => ColumnarValue::Array(begun),
            None => self.plain.invoke_with_args(args)?,
        };
        Ok(match begun {
            ColumnarValue::Array(begun) if is_constant => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&begun, 0)?)
            }
            begun => begun,
        })
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.plain.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.plain.documentation()
    }
}

/// The period that a first argument names; none where it is no constant or is
/// shorter than an hour.
pub(in crate::engine) fn known(period: &ColumnarValue) -> Option<Period> {
    match period {
        ColumnarValue::Scalar(name) => named(name),
        ColumnarValue::Array(_) => None,
    }
}

pub(in crate::engine) fn named(name: &ScalarValue) -> Option<Period> {
    Period::named(&name.try_as_str()??.to_lowercase())
}

fn is_date(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64)
}

fn instants_of_days() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// The parts of which a day has so many, where days are equally long: in UTC,
/// and by clocks that no zone is known of.
pub(in crate::engine) fn ticks_of_a_day(instants: &DataType) -> Option<i64> {
    let DataType::Timestamp(unit, zone) = instants else {
        return None;
    };
    let is_utc = |zone: &str| ["UTC", "+00:00"].contains(&zone);
    zone.as_deref().is_none_or(is_utc).then_some(match unit {
        TimeUnit::Second => 86_400,
        TimeUnit::Millisecond => 86_400_000,
        TimeUnit::Microsecond => 86_400_000_000,
        TimeUnit::Nanosecond => 86_400_000_000_000,
    })
}

/// When the periods of instants begin; none where arithmetic does not tell.
fn instants(at: &ArrayRef, period: Period) -> Result<Option<ArrayRef>> {
    let Some(per_day) = ticks_of_a_day(at.data_type()) else {
        return Ok(None);
    };
    let ticks = cast(at, &DataType::Int64)?;
    let ticks = ticks.as_primitive::<Int64Type>();
    let Some(begun) = period.of_instants(ticks.values(), per_day) else {
        return Ok(None);
    };
    let begun = Int64Array::new(begun.into(), ticks.nulls().cloned());
    Ok(Some(cast(&begun, at.data_type())?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Array, TimestampMicrosecondArray, TimestampNanosecondArray};
    use datafusion::config::ConfigOptions;
    use proptest::prelude::*;

    use super::*;

    fn asked(function: &dyn ScalarUDFImpl, period: &str, at: ColumnarValue) -> Option<ArrayRef> {
        let kind = at.data_type();
        let field = |kind| Arc::new(Field::new("", kind, true));
        let args = ScalarFunctionArgs {
            number_rows: match &at {
                ColumnarValue::Array(at) => at.len(),
                ColumnarValue::Scalar(_) => 1,
            },
            args: vec![ColumnarValue::Scalar(ScalarValue::from(period)), at],
            arg_fields: vec![field(DataType::Utf8), field(kind.clone())],
            return_field: field(kind),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let begun = function.invoke_with_args(args).ok()?;
        begun.into_array(1).ok()
    }

    proptest! {
        #[test]
        fn what_is_told_by_arithmetic_is_what_the_calendar_tells(
            at in prop::collection::vec(prop::option::of(any::<i64>()), 1..4),
            period in 0..10_usize,
            zone in 0..4_usize,
        ) {
            let periods = ["microsecond", "millisecond", "second", "minute", "hour", "day", "Week",
                "month", "QUARTER", "year"];
            let zone = [None, Some("UTC"), Some("+00:00"), Some("Asia/Kolkata")][zone];
            // The years that DataFusion's knows of.
            let micros = at.iter().map(|at| at.map(|at| at / 1_024)).collect::<Vec<_>>();
            let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(at).with_timezone_opt(zone));
            let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros).with_timezone_opt(zone));
            for at in [nanos, micros] {
                let plain = asked(&DateTruncFunc::new(), periods[period], ColumnarValue::Array(Arc::clone(&at)));
                let own = asked(&DateTrunc::new(), periods[period], ColumnarValue::Array(Arc::clone(&at)));
                prop_assert_eq!(&own, &plain);
                let one = ScalarValue::try_from_array(&at, 0).unwrap();
                let one = asked(&DateTrunc::new(), periods[period], ColumnarValue::Scalar(one));
                if let (Some(own), Some(one)) = (own, one) {
                    prop_assert_eq!(own.slice(0, 1).to_data(), one.to_data());
                }
            }
        }
    }
}
