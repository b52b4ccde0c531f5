//! Days and months as a company counts them: in its own time zone.
//!
//! Instants are stored in UTC; a session that starts at 00:30 on New Year's Day
//! in Bucharest belongs to January there, whatever the day is in UTC.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;
use cinelake_kernels::{Encode, Period, days_of, month_start};
use datafusion::arrow::array::{Array, Date32Array, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::Date32Type;

use crate::error::{Error, Result};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grain {
    /// One calendar day.
    Day,
    /// One calendar month, named by its first day.
    Month,
}

impl Grain {
    /// The first day of the period in which `date` lies, in days since 1970.
    #[must_use]
    pub fn start(self, date: NaiveDate) -> i32 {
        let first = match self {
            Self::Day => date,
            Self::Month => date.with_day(1).unwrap_or(date),
        };
        Date32Type::from_naive_date(first)
    }
}

/// The zone called `name` in the IANA database.
///
/// # Errors
/// When there is none.
pub fn parse_zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::usage(format!("unknown time zone `{name}`"))
            .hint("zones are named as in the IANA database, such as `Europe/Bucharest`")
    })
}

/// The period of each instant, by the clocks of `zone`.
#[must_use]
pub fn local_periods(instants: &TimestampMicrosecondArray, zone: Tz, grain: Grain) -> Date32Array {
    if zone == Tz::UTC {
        // All days are equally long there.
        let calendar = [NaiveDate::MIN, NaiveDate::MAX].map(Date32Type::from_naive_date);
        if let Some(days) = days_of(instants.values(), MICROS_PER_DAY)
            && i32::bounds(&days).is_some_and(|(a, b)| calendar[0] <= a && b <= calendar[1])
        {
            let period = match grain {
                Grain::Day => Period::Day,
                Grain::Month => Period::Month,
            };
            return Date32Array::new(period.of_days(&days).into(), instants.nulls().cloned());
        }
        let day = |micros: i64| {
            let day = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok();
            day.filter(|day| (calendar[0]..=calendar[1]).contains(day))
        };
        return match grain {
            Grain::Day => instants.unary_opt(day),
            Grain::Month => instants.unary_opt(|micros| day(micros).map(month_start)),
        };
    }
    let period = |micros: i64| {
        let utc = DateTime::from_timestamp_micros(micros)?.naive_utc();
        let local = utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix())?;
        Some(grain.start(local.date()))
    };
    instants
        .iter()
        .map(|micros| micros.and_then(period))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_year_begins_when_the_zone_says_so() {
        // 2023-12-31 22:30 UTC is half past midnight in Bucharest.
        let instants = TimestampMicrosecondArray::from(vec![Some(1_704_061_800_000_000), None]);
        let day = |y, m, d| {
            Some(Date32Type::from_naive_date(NaiveDate::from_ymd_opt(
                y, m, d,
            )?))
        };
        let bucharest = local_periods(&instants, Tz::Europe__Bucharest, Grain::Month);
        assert_eq!(bucharest, Date32Array::from(vec![day(2024, 1, 1), None]));
        let utc = local_periods(&instants, Tz::UTC, Grain::Day);
        assert_eq!(utc, Date32Array::from(vec![day(2023, 12, 31), None]));
    }

    proptest! {
        #[test]
        fn days_and_months_are_those_of_the_calendar(micros in any::<i64>()) {
            let instants = TimestampMicrosecondArray::from(vec![micros]);
            for grain in [Grain::Day, Grain::Month] {
                let date = DateTime::from_timestamp_micros(micros).map(|utc| grain.start(utc.date_naive()));
                // A zone that never was anywhere but at UTC takes the long way.
                for zone in [Tz::UTC, Tz::Etc__UTC] {
                    let found = local_periods(&instants, zone, grain);
                    prop_assert_eq!(found, Date32Array::from(vec![date]));
                }
            }
        }
    }

    #[test]
    fn a_day_depends_on_no_other_row() {
        // Clocks in St John's were set back one minute after midnight.
        let (before, after) = (Some(1_289_097_030_000_000), Some(1_289_097_090_000_000));
        let days = |instants: [Option<i64>; 2]| {
            let instants = TimestampMicrosecondArray::from(instants.to_vec());
            let days = local_periods(&instants, Tz::America__St_Johns, Grain::Day);
            [days.value(0), days.value(1)]
        };
        let [first, second] = days([before, after]);
        assert_eq!([second, first], days([after, before]));
        assert_eq!(first, second + 1);
    }

    #[test]
    fn an_instant_beyond_the_calendar_has_no_day() {
        let instants = TimestampMicrosecondArray::from(vec![8_210_266_876_799_999_999]);
        let days = local_periods(&instants, Tz::Asia__Tokyo, Grain::Day);
        assert_eq!(days, Date32Array::from(vec![None]));
    }
}
