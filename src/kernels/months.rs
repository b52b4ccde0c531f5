//! First days of months as digits, for groups by place.

use super::periods::month_start;

/// The first days of the months between two of them, as digits: 0 is a missing
/// one.
#[derive(Debug)]
pub struct Months {
    first: i64,
    /// In order.
    starts: Vec<i32>,
    /// The digit of each day from the first on; 0 where no month begins.
    digits: Vec<u32>,
}

impl Months {
    /// The months from `first` to `last`, which are first days of months, in days
    /// since 1970; none where they are not.
    #[must_use]
    pub fn between(first: i32, last: i32) -> Option<Self> {
        Self::count(first, last)?;
        let days = first..=last;
        let starts: Vec<i32> = days
            .clone()
            .filter(|day| month_start(*day) == *day)
            .collect();
        let mut digits = vec![0; days.count()];
        for (digit, start) in (1..).zip(&starts) {
            digits[start.abs_diff(first) as usize] = digit;
        }
        Some(Self {
            first: first.into(),
            starts,
            digits,
        })
    }

    /// How many months begin from `first` to `last`; none where not both begin one.
    #[must_use]
    pub fn count(first: i32, last: i32) -> Option<u32> {
        // So many days are no calendar.
        const MOST: u32 = 1 << 20;
        let days = last
            .checked_sub(first)
            .and_then(|days| u32::try_from(days).ok())?;
        let begin = month_start(first) == first && month_start(last) == last;
        // A month has 30.44 days, and none is a week off.
        (begin && days < MOST).then(|| (f64::from(days) / 30.436_875).round() as u32 + 1)
    }

    /// How many digits there are.
    #[must_use]
    pub fn digits(&self) -> u32 {
        // No more than days of 32 bits.
        self.starts.len() as u32 + 1
    }

    /// Appends the digit of each day to its place, where `missing` says that none
    /// is missing. Whether all of them begin one of the months; places are of no
    /// use where they do not.
    #[must_use]
    pub fn append(&self, days: &[i64], missing: Option<&[bool]>, places: &mut [u32]) -> bool {
        let digits = self.digits();
        let mut within = true;
        for (row, (place, day)) in places.iter_mut().zip(days).enumerate() {
            let is_missing = missing.is_some_and(|missing| missing[row]);
            let distance = usize::try_from(day.wrapping_sub(self.first)).ok();
            let digit = distance.and_then(|distance| self.digits.get(distance).copied());
            let digit = digit.filter(|_| !is_missing).unwrap_or(0);
            within &= digit > 0 || is_missing;
            *place = place.wrapping_mul(digits).wrapping_add(digit);
        }
        within
    }

    /// The day of a digit.
    #[must_use]
    pub fn day(&self, digit: u32) -> Option<i32> {
        let at = usize::try_from(digit.checked_sub(1)?).ok()?;
        self.starts.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day_of;

    #[test]
    fn months_are_counted_as_they_begin() {
        let first = day_of(1969, 11, 1).unwrap();
        let mut count = 0;
        for year in 1969..2400 {
            for month in 1..=12 {
                let Some(last) = day_of(year, month, 1).filter(|last| *last >= first) else {
                    continue;
                };
                count += 1;
                assert_eq!(Months::count(first, last), Some(count), "{year}-{month}");
                assert_eq!(Months::count(first, last + 1), None);
            }
        }
        let last = day_of(2399, 12, 1).unwrap();
        let months = Months::between(first, last).unwrap();
        assert_eq!(months.digits(), count + 1);
        assert_eq!(months.day(count), Some(last));
        assert_eq!([months.day(0), months.day(count + 1)], [None, None]);
        assert!(Months::between(first + 1, last).is_none());
        assert!(Months::between(last, first).is_none());
        assert!(Months::between(i32::MIN, i32::MAX).is_none());
    }

    #[test]
    fn digits_are_of_first_days_and_of_missing_ones() {
        let [january, march] = [1, 3].map(|month| day_of(2024, month, 1).unwrap());
        let months = Months::between(january, march).unwrap();
        let days = [january, march, january + 31, january].map(i64::from);
        let mut places = [1; 4];
        assert!(months.append(&days, Some(&[false, false, false, true]), &mut places));
        assert_eq!(places, [5, 7, 6, 4]);
        for other in [january + 1, january - 1, march + 31] {
            let other = [i64::from(other)];
            assert!(!months.append(&other, None, &mut [0]), "{other:?}");
            assert!(months.append(&other, Some(&[true]), &mut [0]));
        }
        assert!(!months.append(&[i64::MIN], None, &mut [0]));
    }
}
