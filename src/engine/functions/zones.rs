//! `at time zone`: what the clocks of a zone show.
//!
//! DataFusion keeps the instant and names another zone, so that a cast to a plain
//! timestamp shows UTC again (apache/datafusion#25166). Here an instant becomes
//! what clocks there show, and what clocks show becomes the instant, as in
//! PostgreSQL. Of a time that clocks show twice it is the second, of one that they
//! skip what they would show without the change.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, did_you_mean};

/// `at_time_zone(at, zone)`.
pub(in crate::engine) fn at_time_zone() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(AtTimeZone {
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtTimeZone {
    signature: Signature,
}

fn instants() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn clock_times() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &'static str {
        "at_time_zone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        let [at, _] = take_function_args(self.name(), kinds)?;
        let at = match at {
            DataType::Timestamp(_, Some(_)) => instants(),
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 | DataType::Null => {
                clock_times()
            }
            other => return plan_err!("`at time zone` takes a timestamp, not {other}"),
        };
        Ok(vec![at, DataType::Utf8])
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        Ok(match kinds.first() {
            Some(DataType::Timestamp(_, Some(_))) => clock_times(),
            _ => instants(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let [at, zone] = take_function_args(self.name(), args.args)?;
        let ColumnarValue::Scalar(zone) = zone else {
            return plan_err!("the zone of `at time zone` is one text, the same for all rows");
        };
        let at = at.into_array(rows)?;
        let at = at.as_primitive::<TimestampMicrosecondType>();
        let Some(name) = zone.try_as_str().flatten() else {
            let none = TimestampMicrosecondArray::new_null(at.len());
            return Ok(ColumnarValue::Array(of_type(
                none,
                args.return_field.data_type(),
            )));
        };
        let zone = zone_of(name)?;
        let moved: TimestampMicrosecondArray = match at.timezone() {
            Some(_) => at.unary_opt(|micros| clock_time(micros, zone)),
            None => at.unary_opt(|micros| instant(micros, zone)),
        };
        Ok(ColumnarValue::Array(of_type(
            moved,
            args.return_field.data_type(),
        )))
    }
}

fn of_type(values: TimestampMicrosecondArray, kind: &DataType) -> ArrayRef {
    match kind {
        DataType::Timestamp(_, zone) => Arc::new(values.with_timezone_opt(zone.clone())),
        _ => Arc::new(values),
    }
}

fn zone_of(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let error = Error::usage(format!("no time zone `{name}`"));
        let hint = did_you_mean(name, names)
            .unwrap_or_else(|| "zones are named as `Europe/Berlin` is".to_owned());
        datafusion::common::DataFusionError::External(Box::new(error.hint(hint)))
    })
}

/// What the clocks of a zone show at an instant.
fn clock_time(micros: i64, zone: Tz) -> Option<i64> {
    let at = DateTime::from_timestamp_micros(micros)?;
    let shown = at.with_timezone(&zone).naive_local();
    Some(shown.and_utc().timestamp_micros())
}

/// The instant at which the clocks of a zone show a time.
fn instant(micros: i64, zone: Tz) -> Option<i64> {
    let shown: NaiveDateTime = DateTime::from_timestamp_micros(micros)?.naive_utc();
    if let Some(at) = zone.from_local_datetime(&shown).latest() {
        return Some(at.timestamp_micros());
    }
    // By what clocks showed before they were changed.
    let before = zone.offset_from_utc_datetime(&(shown - TimeDelta::days(1)));
    let seconds = i64::from(before.fix().local_minus_utc());
    micros.checked_sub(seconds * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_instants() {
        let micros = |text: &str| {
            let at: NaiveDateTime = text.parse().unwrap();
            at.and_utc().timestamp_micros()
        };
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        for (shown, at) in [
            ("2024-07-01T12:00:00", "2024-07-01T10:00:00"),
            ("2024-01-01T12:00:00", "2024-01-01T11:00:00"),
            // Twice, and skipped.
            ("2024-10-27T02:30:00", "2024-10-27T01:30:00"),
            ("2024-03-31T02:30:00", "2024-03-31T01:30:00"),
        ] {
            assert_eq!(instant(micros(shown), berlin), Some(micros(at)), "{shown}");
        }
        let shown = clock_time(micros("2024-07-01T10:00:00"), berlin);
        assert_eq!(shown, Some(micros("2024-07-01T12:00:00")));
        assert!(zone_of("Europe/Berln").is_err());
    }
}
