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
    if let Some(at) = text.try_into().ok().and_then(to_the_second) {
        return Some(at);
    }
    let days = i64::from(iso_date(text.get(..10)?)?);
    let time = match text.get(10..)? {
        [] => 0,
        [b' ' | b'T', time @ ..] => time_of_day(time)?,
        _ => return None,
    };
    Some(days * MICROS_PER_DAY + time)
}

/// Microseconds since 1970-01-01 of `YYYY-MM-DD[ T]HH:MM:SS`, eight bytes at a
/// time; none of all else.
fn to_the_second(text: &[u8; 19]) -> Option<i64> {
    let [month @ .., _, _, _, _, _, _, _, _, _, _, _] = *text;
    let [_, _, _, _, _, _, _, _, d1, d2, between, time @ ..] = *text;
    let month = pairs(month, *b"0000-00-")?;
    let time = pairs(time, *b"00:00:00")?;
    let day = pairs([d1, d2, b'0', b'0', b'0', b'0', b'0', b'0'], [b'0'; 8])?;
    let [hour, minute, second] = [time[0], time[3], time[6]].map(i64::from);
    if !matches!(between, b' ' | b'T') || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let year = u32::from(month[0]) * 100 + u32::from(month[2]);
    let day = day_of(year, month[5].into(), day[0].into())?;
    let seconds = hour * 3600 + minute * 60 + second;
    Some(i64::from(day) * MICROS_PER_DAY + seconds * MICROS_PER_SECOND)
}

/// Of each byte of `text` the number that it and the next one are, where `form`
/// has zeros; none where the text has other than digits there, or is not as the
/// form elsewhere.
fn pairs(text: [u8; 8], form: [u8; 8]) -> Option<[u8; 8]> {
    // What makes a byte overflow that is not allowed: ten, or anything.
    let over = form.map(|byte| if byte == b'0' { 0x80 - 10 } else { 0x7f });
    let digits = u64::from_le_bytes(text) ^ u64::from_le_bytes(form);
    let odd = digits.wrapping_add(u64::from_le_bytes(over)) | digits;
    if odd & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    Some((digits.wrapping_mul(10).wrapping_add(digits >> 8)).to_le_bytes())
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
        fn timestamps_are_those_that_are_written(
            year in 0_u32..10_000,
            month in 1_u32..13,
            day in 1_u32..29,
            second in 0_i64..86_400,
            between in "[ T]",
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let days = i64::from(day_of(year, month, day).unwrap());
            let micros = days * MICROS_PER_DAY + second * MICROS_PER_SECOND;
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let date = format!("{year:04}-{month:02}-{day:02}");
            let mut text = format!("{date}{between}{hour:02}:{minute:02}:{second:02}").into_bytes();
            prop_assert_eq!(iso_timestamp(&text), Some(micros));
            let slowly = |text: &[u8]| {
                let day = iso_date(&text[..10])?;
                let time = matches!(text[10], b' ' | b'T').then(|| time_of_day(&text[11..]))??;
                Some(i64::from(day) * MICROS_PER_DAY + time)
            };
            text[at.index(19)] = byte;
            prop_assert_eq!(iso_timestamp(&text), slowly(&text));
        }

        #[test]
        fn white_space_goes_as_the_standard_says(text in "\\PC{0,4}[ \t\u{a0}\u{2003}a]{0,3}") {
            prop_assert_eq!(trimmed(&text), text.trim());
        }
    }
}
