//! Text to dates and instants, exactly: ISO 8601 or a declared format, and a
//! local time only where it happened once.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use cinelake_kernels::{iso_date, iso_timestamp};
use datafusion::arrow::datatypes::Date32Type;

use super::contract::{AmbiguousTimes, Contract};
use super::values::Refused;

/// Days since 1970-01-01.
pub(super) fn date(text: &str, formats: &[String]) -> Option<i32> {
    iso_date(text.as_bytes()).or_else(|| {
        let parse = |f: &String| NaiveDate::parse_from_str(text, f).ok();
        formats.iter().find_map(parse).map(days_of)
    })
}

fn days_of(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}

/// Microseconds since 1970-01-01 UTC. `Err(None)`: not a timestamp at all.
pub(super) fn timestamp(
    text: &str,
    formats: &[String],
    clock: LocalClock,
) -> Result<i64, Option<Refused>> {
    if let Some(local) = iso_timestamp(text.as_bytes()) {
        return clock.to_utc(local, text);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.with_timezone(&Utc).timestamp_micros());
    }
    for format in formats {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Ok(instant.with_timezone(&Utc).timestamp_micros());
        }
        let local = NaiveDateTime::parse_from_str(text, format)
            .ok()
            .or_else(|| {
                let date = NaiveDate::parse_from_str(text, format).ok()?;
                date.and_hms_opt(0, 0, 0)
            });
        if let Some(local) = local {
            return clock.to_utc(local.and_utc().timestamp_micros(), text);
        }
    }
    Err(None)
}

/// How times that name no zone are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalClock {
    zone: Tz,
    ambiguous: AmbiguousTimes,
}

impl LocalClock {
    pub(super) fn of(contract: &Contract) -> Self {
        Self {
            zone: contract.zone,
            ambiguous: contract.ambiguous_times,
        }
    }

    fn to_utc(self, local_micros: i64, text: &str) -> Result<i64, Option<Refused>> {
        let zone = self.zone;
        if zone == Tz::UTC {
            return Ok(local_micros);
        }
        let local = DateTime::from_timestamp_micros(local_micros)
            .ok_or(None)?
            .naive_utc();
        match (zone.from_local_datetime(&local), self.ambiguous) {
            (LocalResult::Single(instant), _)
            | (LocalResult::Ambiguous(instant, _), AmbiguousTimes::Earlier)
            | (LocalResult::Ambiguous(_, instant), AmbiguousTimes::Later) => {
                Ok(instant.timestamp_micros())
            }
            (LocalResult::Ambiguous(..), AmbiguousTimes::Refuse) => Err(Some(format!(
                "`{text}` happened twice in {zone}, when clocks were set back; \
                 `ambiguous_times` in the contract says which is meant"
            ))),
            (LocalResult::None, _) => Err(Some(format!(
                "`{text}` never happened in {zone}, where clocks were set forward"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clock(zone: Tz) -> LocalClock {
        LocalClock {
            zone,
            ambiguous: AmbiguousTimes::Refuse,
        }
    }

    #[test]
    fn dates_are_iso_or_of_a_declared_format() {
        assert_eq!(date("1970-01-02", &[]), Some(1));
        assert_eq!(date("2023-02-29", &[]), None);
        assert_eq!(date("01/02/2023", &[]), None);
        assert_eq!(date("January 2, 1970", &["%B %d, %Y".to_owned()]), Some(1));
    }

    #[test]
    fn timestamps_are_read_in_their_zone() {
        let utc = |text| timestamp(text, &[], clock(Tz::UTC)).unwrap();
        assert_eq!(utc("1970-01-01 00:00:01"), 1_000_000);
        assert_eq!(utc("1970-01-01T00:01"), 60_000_000);
        assert_eq!(utc("1970-01-01 00:00:00.5"), 500_000);
        assert_eq!(utc("1970-01-01T02:00:00+02:00"), 0);
        let jakarta = timestamp("1970-01-01 07:00:00", &[], clock(Tz::Asia__Jakarta)).unwrap();
        assert_eq!(jakarta, 0);
    }

    #[test]
    fn local_times_that_are_ambiguous_or_missing_are_refused() {
        let bucharest = |text| {
            timestamp(text, &[], clock(Tz::Europe__Bucharest))
                .unwrap_err()
                .unwrap()
        };
        insta::assert_snapshot!(bucharest("2024-03-31 03:30:00"), @"`2024-03-31 03:30:00` never happened in Europe/Bucharest, where clocks were set forward");
        insta::assert_snapshot!(bucharest("2024-10-27 03:30:00"), @"`2024-10-27 03:30:00` happened twice in Europe/Bucharest, when clocks were set back; `ambiguous_times` in the contract says which is meant");
    }

    #[test]
    fn impossible_times_are_refused() {
        for bad in [
            "2024-01-01 24:00:00",
            "2024-01-01 23:59:60",
            "2024-01-01 1:00",
            "12:00",
            "",
        ] {
            assert!(timestamp(bad, &[], clock(Tz::UTC)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = (date(&text, &[]), timestamp(&text, &[], clock(Tz::UTC)));
        }
    }
}
