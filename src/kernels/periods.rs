//! Hours, days, weeks, months, quarters and years: when those of days and
//! instants begin.

/// A span of the calendar, by the clocks of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// 60 minutes.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first day of a month.
    Month,
    /// Three months, from January, April, July or October.
    Quarter,
    /// From January.
    Year,
}

impl Period {
    /// The period called so, in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// The first days of the periods that `days` lie in, all in days since 1970.
    /// A day that would be before the first of 32 bits is that one.
    #[must_use]
    pub fn of_days(self, days: &[i32]) -> Vec<i32> {
        match self {
            Self::Hour | Self::Day => days.to_vec(),
            Self::Week => first(days, week),
            Self::Month => first(days, month),
            Self::Quarter => first(days, quarter),
            Self::Year => first(days, year),
        }
    }

    /// The first instants of the periods that `instants` lie in, all in ticks
    /// since 1970, of which a day has `per_day`; none where one is too early for
    /// 64 bits.
    #[must_use]
    pub fn of_instants(self, instants: &[i64], per_day: i64) -> Option<Vec<i64>> {
        let per_hour = per_day / 24;
        match self {
            Self::Hour => begun(instants, |at| at.wrapping_sub(at.rem_euclid(per_hour))),
            Self::Day => begun(instants, |at| at.wrapping_sub(at.rem_euclid(per_day))),
            Self::Week => begun(instants, by_day(per_day, week)),
            Self::Month => begun(instants, by_day(per_day, month)),
            Self::Quarter => begun(instants, by_day(per_day, quarter)),
            Self::Year => begun(instants, by_day(per_day, year)),
        }
    }
}

/// The days since 1970 that `instants` lie in, in ticks since 1970, of which a
/// day has `per_day`; none where one is beyond the days of 32 bits.
#[must_use]
pub fn days_of(instants: &[i64], per_day: i64) -> Option<Vec<i32>> {
    let mut fits = true;
    let days = instants.iter().map(|at| {
        let day = at.div_euclid(per_day);
        fits &= i32::try_from(day).is_ok();
        narrow(day)
    });
    let days = days.collect();
    fits.then_some(days)
}

/// The first day of a day's month, both in days since 1970-01-01.
#[must_use]
pub fn month_start(day: i32) -> i32 {
    narrow(month(day.into()))
}

fn first(days: &[i32], start: impl Fn(i64) -> i64) -> Vec<i32> {
    days.iter()
        .map(|day| narrow(start((*day).into())))
        .collect()
}

fn by_day(per_day: i64, start: impl Fn(i64) -> i64) -> impl Fn(i64) -> i64 {
    move |at| start(at.div_euclid(per_day)).wrapping_mul(per_day)
}

/// The beginnings of instants; one that is after its instant has wrapped around.
fn begun(instants: &[i64], begin: impl Fn(i64) -> i64) -> Option<Vec<i64>> {
    let mut fits = true;
    let begun = instants.iter().map(|at| {
        let begun = begin(*at);
        fits &= begun <= *at;
        begun
    });
    let begun = begun.collect();
    fits.then_some(begun)
}

fn narrow(day: i64) -> i32 {
    i32::try_from(day).unwrap_or(match day < 0 {
        true => i32::MIN,
        false => i32::MAX,
    })
}

/// 1970 began on a Thursday.
fn week(day: i64) -> i64 {
    day - (day + 3).rem_euclid(7)
}

fn month(day: i64) -> i64 {
    day - Date::of(day).day
}

fn quarter(day: i64) -> i64 {
    let Date { year, month, .. } = Date::of(day);
    first_of(year, month - month % 3)
}

fn year(day: i64) -> i64 {
    first_of(Date::of(day).year, 0)
}

/// A date of the Gregorian calendar, month and day counted from 0.
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// Days of 400 years, and from 0000-03-01 to 1970.
const ERA: i64 = 146_097;
const EPOCH: i64 = 719_468;
/// Eras before year 0, so that none has a negative number; no second of 64 bits
/// is earlier.
const BEFORE: i64 = 1 << 32;

impl Date {
    /// By eras of 400 years that begin in March, so that a leap day is a year's
    /// last, as Howard Hinnant counts days.
    fn of(day: i64) -> Self {
        let days = (day + EPOCH + BEFORE * ERA).cast_unsigned();
        let era = days / ERA.cast_unsigned();
        // Few enough for 32 bits, which divide faster.
        let of_era = u32::try_from(days % ERA.cast_unsigned()).unwrap_or_default();
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        Self {
            year: (era.cast_signed() - BEFORE) * 400
                + i64::from(year)
                + i64::from(from_march >= 10),
            month: i64::from((from_march + 2) % 12),
            day: i64::from(of_year - (153 * from_march + 2) / 5),
        }
    }
}

/// The first day of a month, which is counted from 0.
fn first_of(year: i64, month: i64) -> i64 {
    let (year, from_march) = match month < 2 {
        true => (year - 1, month + 10),
        false => (year, month - 2),
    };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * from_march + 2) / 5;
    year.div_euclid(400) * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Period; 6] = [
        Period::Hour,
        Period::Day,
        Period::Week,
        Period::Month,
        Period::Quarter,
        Period::Year,
    ];
    const PER_DAY: i64 = 86_400_000_000;

    #[test]
    fn periods_begin_where_the_calendar_says() {
        // A leap day, a century without one, before 1970, year 0, and the last of four digits.
        for (day, starts) in [
            (19_782, [19_782, 19_779, 19_754, 19_723, 19_723]),
            (47_541, [47_541, 47_541, 47_541, 47_482, 47_482]),
            (-1, [-1, -3, -31, -92, -365]),
            (-719_528, [-719_528, -719_533, -719_528, -719_528, -719_528]),
            (
                2_932_896,
                [2_932_896, 2_932_892, 2_932_866, 2_932_805, 2_932_532],
            ),
        ] {
            for (period, start) in ALL[1..].iter().zip(starts) {
                assert_eq!(period.of_days(&[day]), [start], "{period:?} of {day}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_period_begins_once(day in -3_000_000..3_000_000_i32) {
            for period in ALL {
                let starts = period.of_days(&[day, day + 1]);
                prop_assert!(starts[0] <= day && day - starts[0] < 366);
                prop_assert_eq!(period.of_days(&starts), starts.clone());
                prop_assert!(starts[1] == starts[0] || starts[1] == day + 1);
            }
        }

        #[test]
        fn months_lie_in_quarters_and_quarters_in_years(day in any::<i32>()) {
            let within = |inner: Period, outer: Period| {
                outer.of_days(&inner.of_days(&[day])) == outer.of_days(&[day])
            };
            prop_assert!(within(Period::Month, Period::Quarter));
            prop_assert!(within(Period::Quarter, Period::Year));
        }

        #[test]
        fn instants_begin_with_their_days(at in any::<i64>()) {
            for period in &ALL[1..] {
                let days = days_of(&[at], PER_DAY).unwrap();
                let day = i64::from(period.of_days(&days)[0]);
                let start = day.checked_mul(PER_DAY).map(|start| vec![start]);
                prop_assert_eq!(period.of_instants(&[at], PER_DAY), start);
            }
            let hour = at.checked_sub(at.rem_euclid(PER_DAY / 24)).map(|start| vec![start]);
            prop_assert_eq!(Period::Hour.of_instants(&[at], PER_DAY), hour);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_wrapped() {
        assert_eq!(Period::Month.of_instants(&[i64::MIN], PER_DAY), None);
        assert_eq!(Period::Hour.of_instants(&[i64::MIN], PER_DAY), None);
        assert_eq!(days_of(&[i64::MAX], 86_400), None);
        assert_eq!(Period::Year.of_days(&[i32::MIN]), [i32::MIN]);
    }
}
