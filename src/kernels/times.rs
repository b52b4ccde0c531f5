//! Texts and days: ISO 8601, and the calendar that it counts by.

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Days from 1970-01-01 to a date of the Gregorian calendar; none where there is
/// no such date, or its year is not 0 to 9999.
///
/// By eras of 400 years that begin in March, as Howard Hinnant counts days.
#[must_use]
pub fn day_of(year: u32, month: u32, day: u32) -> Option<i32> {
    if year > 9999 || !(1..=12).contains(&month) || day == 0 || day > length(year, month) {
        return None;
    }
    // From March on, so that a leap day is a year's last.
    let (year, month) = match month > 2 {
        true => (year + 400, month - 3),
        false => (year + 399, month + 9),
    };
    let (era, year) = (year / 400, year % 400);
    let day = (153 * month + 2) / 5 + day - 1;
    let day = era * 146_097 + year * 365 + year / 4 - year / 100 + day;
    // 0000-03-01 lies so many days before 1970, an era before it is ours.
    i32::try_from(i64::from(day) - 719_468 - 146_097).ok()
}

fn length(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
#[must_use]
pub fn iso_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    day_of(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

/// Microseconds since 1970-01-01 of `YYYY-MM-DD[ T]HH:MM[:SS[.f]]` or
/// `YYYY-MM-DD`. Digits that would be lost are refused.
#[must_use]
pub fn iso_timestamp(text: &[u8]) -> Option<i64> {
    let days = i64::from(iso_date(text.get(..10)?)?);
    let time = match text.get(10..)? {
        [] => 0,
        [b' ' | b'T', time @ ..] => time_of_day(time)?,
        _ => return None,
    };
    Some(days * MICROS_PER_DAY + time)
}

fn time_of_day(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else {
        return None;
    };
    let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    let (seconds, fraction) = match rest {
        [] => (0, 0),
        [b':', s1, s2, fraction @ ..] => {
            let micros = match fraction {
                [] => 0,
                [b'.', digits @ ..] if !digits.is_empty() => micros_of(digits)?,
                _ => return None,
            };
            (number(&[*s1, *s2])?, micros)
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let whole = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
    Some(whole * MICROS_PER_SECOND + fraction)
}

/// Digits after the point as microseconds.
fn micros_of(digits: &[u8]) -> Option<i64> {
    let (kept, lost) = digits.split_at(digits.len().min(6));
    if lost.iter().any(|b| *b != b'0') {
        return None;
    }
    let zeros = u32::try_from(6 - kept.len()).ok()?;
    Some(i64::from(number(kept)?) * 10_i64.pow(zeros))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + u32::from(byte - b'0'))
    })
}

/// The text without white space at both ends.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    // As good as always there is none.
    let solid = |byte: Option<&u8>| byte.is_some_and(|b| (b'!'..=b'~').contains(b));
    let bytes = text.as_bytes();
    match solid(bytes.first()) && solid(bytes.last()) {
        true => text,
        false => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::month_start;

    #[test]
    fn days_follow_each_other() {
        let mut day = day_of(0, 1, 1).unwrap();
        assert_eq!(day_of(1970, 1, 1), Some(0));
        for year in 0..=9999 {
            for month in 1..=12 {
                let first = day;
                for date in 1..=length(year, month) {
                    assert_eq!(
                        day_of(year, month, date),
                        Some(day),
                        "{year}-{month}-{date}"
                    );
                    assert_eq!(month_start(day), first, "{year}-{month}-{date}");
                    day += 1;
                }
                assert_eq!(day_of(year, month, length(year, month) + 1), None);
            }
        }
        for (year, month, date) in [(10_000, 1, 1), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0)] {
            assert_eq!(day_of(year, month, date), None);
        }
        let leaps = (0..=9999).filter(|year| length(*year, 2) == 29).count();
        assert_eq!(leaps, 2425);
    }

    proptest! {
        #[test]
        fn white_space_goes_as_the_standard_says(text in "\\PC{0,4}[ \t\u{a0}\u{2003}a]{0,3}") {
            prop_assert_eq!(trimmed(&text), text.trim());
        }
    }
}
