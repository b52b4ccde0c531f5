//! The fields of records, and the values that are written plainly in them.

use super::times::{iso_date, iso_timestamp};

/// The bit of a place that says more than the place.
const FLAG: u32 = 1 << 31;

/// Where a field's text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    start: u32,
    end: u32,
}

impl Piece {
    /// From `start` up to `end`, below 2 GiB: `quoted` or not, of the bytes
    /// themselves or `elsewhere`.
    #[must_use]
    pub fn new(start: usize, end: usize, quoted: bool, elsewhere: bool) -> Self {
        let place = |at: usize, flag: bool| {
            let at = u32::try_from(at).unwrap_or(u32::MAX) & !FLAG;
            if flag { at | FLAG } else { at }
        };
        Self {
            start: place(start, elsewhere),
            end: place(end, quoted),
        }
    }

    /// Its first byte and the one after its last.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        (self.start & !FLAG) as usize..(self.end & !FLAG) as usize
    }

    /// Whether it stood in quotes.
    #[must_use]
    pub fn is_quoted(self) -> bool {
        self.end & FLAG != 0
    }

    /// Whether its text lies elsewhere.
    #[must_use]
    pub fn is_elsewhere(self) -> bool {
        self.start & FLAG != 0
    }
}

/// Appends the pieces of `bytes[start..end]` between delimiters.
pub fn split(bytes: &[u8], start: usize, end: usize, delimiter: u8, pieces: &mut Vec<Piece>) {
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let pattern = u64::from_ne_bytes([delimiter; 8]);
    let mut from = start;
    let record = &bytes[start..end];
    let (words, rest) = record.as_chunks::<8>();
    let mut at = start;
    for word in words {
        let other = u64::from_le_bytes(*word) ^ pattern;
        // The highest bit of each byte that is the delimiter.
        let mut found = !(((other & LOW) + LOW) | other | LOW);
        while found != 0 {
            let place = at + (found.trailing_zeros() / 8) as usize;
            pieces.push(Piece::new(from, place, false, false));
            from = place + 1;
            found &= found - 1;
        }
        at += 8;
    }
    for (place, _) in (at..).zip(rest).filter(|(_, byte)| **byte == delimiter) {
        pieces.push(Piece::new(from, place, false, false));
        from = place + 1;
    }
    pieces.push(Piece::new(from, end, false, false));
}

/// One column of records that have `width` fields each.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// What the pieces are of.
    pub bytes: &'a [u8],
    /// The fields, record by record.
    pub pieces: &'a [Piece],
    /// Fields of a record.
    pub width: usize,
    /// The field that is the column.
    pub column: usize,
}

/// The value of each row; of those that are `odd` any value. An odd one is not
/// written plainly: it may have another form, be missing or be wrong.
#[derive(Debug, PartialEq)]
pub struct Plain<T> {
    /// Row by row.
    pub values: Vec<T>,
    /// The rows that are odd.
    pub odd: Vec<usize>,
}

impl Cells<'_> {
    #[inline]
    fn each<T: Copy + Default>(&self, plain: impl Fn(&[u8]) -> Option<T>) -> Plain<T> {
        let records = self.pieces.chunks_exact(self.width.max(1));
        let mut values = Vec::with_capacity(records.len());
        let mut odd = Vec::new();
        for (row, record) in records.enumerate() {
            let piece = record[self.column];
            let text = match piece.is_elsewhere() {
                true => None,
                false => self.bytes.get(piece.range()),
            };
            values.push(text.and_then(&plain).unwrap_or_else(|| {
                odd.push(row);
                T::default()
            }));
        }
        Plain { values, odd }
    }

    /// Whole numbers of up to 18 digits.
    #[must_use]
    pub fn bigints(&self) -> Plain<i64> {
        self.each(whole)
    }

    /// Whole numbers of 32 bits.
    #[must_use]
    pub fn integers(&self) -> Plain<i32> {
        self.each(|text| i32::try_from(whole(text)?).ok())
    }

    /// Whole numbers of 16 bits.
    #[must_use]
    pub fn smallints(&self) -> Plain<i16> {
        self.each(|text| i16::try_from(whole(text)?).ok())
    }

    /// Numbers of up to 15 digits, with a point or without.
    #[must_use]
    pub fn doubles(&self) -> Plain<f64> {
        self.each(|text| {
            let (negative, digits, after) = decimal(text, 15)?;
            // Both are exact, so their quotient is the nearest there is.
            #[allow(clippy::cast_precision_loss)]
            let value = digits as f64 / TENS.get(after)?;
            Some(if negative { -value } else { value })
        })
    }

    /// Numbers with up to `scale` digits after the point, times ten to its power:
    /// those below `limit`.
    #[must_use]
    pub fn decimals(&self, scale: usize, limit: i128) -> Plain<i128> {
        self.each(|text| {
            let (negative, digits, after) = decimal(text, 18)?;
            let more = u32::try_from(scale.checked_sub(after)?).ok()?;
            let value = i128::from(digits).checked_mul(10_i128.checked_pow(more)?)?;
            (value < limit).then_some(if negative { -value } else { value })
        })
    }

    /// Days since 1970-01-01, written `YYYY-MM-DD`.
    #[must_use]
    pub fn dates(&self) -> Plain<i32> {
        self.each(iso_date)
    }

    /// Microseconds since 1970-01-01, written `YYYY-MM-DD HH:MM:SS` and the like.
    #[must_use]
    pub fn timestamps(&self) -> Plain<i64> {
        self.each(iso_timestamp)
    }
}

/// The powers of ten that are exact.
const TENS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

#[inline]
fn unsigned(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    }
}

#[inline]
fn whole(text: &[u8]) -> Option<i64> {
    let (negative, digits) = unsigned(text);
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// Whether a number of at most so many digits is negative, its digits and how
/// many of them stand after the point.
#[inline]
fn decimal(text: &[u8], most: usize) -> Option<(bool, i64, usize)> {
    let (negative, number) = unsigned(text);
    if number.len() > most {
        return None;
    }
    let mut value = 0;
    let mut point = None;
    for (at, byte) in number.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + i64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let last = number.len().checked_sub(1)?;
    match point {
        // A digit stands before it and after it.
        Some(point) if point > 0 && point < last => Some((negative, value, last - point)),
        Some(_) => None,
        None => Some((negative, value, 0)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column<T>(texts: &[String], read: impl Fn(Cells<'_>) -> Plain<T>) -> Plain<T> {
        let bytes = texts.join(",");
        let mut pieces = Vec::new();
        split(bytes.as_bytes(), 0, bytes.len(), b',', &mut pieces);
        read(Cells {
            bytes: bytes.as_bytes(),
            pieces: &pieces,
            width: 1,
            column: 0,
        })
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            "-?[0-9]{1,20}",
            "-?[0-9]{0,9}\\.[0-9]{0,9}",
            "[-+.0-9e ]{0,8}"
        ]
    }

    proptest! {
        #[test]
        fn pieces_are_what_stands_between_delimiters(
            before in "[a,é]{0,20}", record in "[a-c,é]{0,60}", after in "[a,]{0,9}",
        ) {
            let bytes = format!("{before}{record}{after}");
            let mut pieces = Vec::new();
            let (start, end) = (before.len(), before.len() + record.len());
            split(bytes.as_bytes(), start, end, b',', &mut pieces);
            let found: Vec<&str> = pieces.iter().map(|piece| &bytes[piece.range()]).collect();
            let expected: Vec<&str> = record.split(',').collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn plain_numbers_are_read_as_the_standard_reads_them(
            texts in prop::collection::vec(number(), 1..40),
        ) {
            let bigints = column(&texts, |cells| cells.bigints());
            let doubles = column(&texts, |cells| cells.doubles());
            let decimals = column(&texts, |cells| cells.decimals(3, 1_000_000));
            for (row, text) in texts.iter().enumerate() {
                if !bigints.odd.contains(&row) {
                    prop_assert_eq!(text.parse(), Ok(bigints.values[row]));
                }
                if !doubles.odd.contains(&row) {
                    let value: f64 = text.parse().unwrap();
                    prop_assert_eq!(value.to_bits(), doubles.values[row].to_bits());
                }
                if !decimals.odd.contains(&row) {
                    let value = decimals.values[row];
                    prop_assert!(value.abs() < 1_000_000);
                    let value = format!("{}{}.{:03}", if text.starts_with('-') { "-" } else { "" }, value.abs() / 1000, value.abs() % 1000);
                    prop_assert_eq!(value.parse::<f64>(), text.parse::<f64>());
                }
            }
        }

        #[test]
        fn what_is_written_plainly_is_not_odd(value in -1_000_000_000_i64..1_000_000_000, cents in 0_i64..100) {
            let texts = [value.to_string(), format!("{value}.{cents:02}")];
            prop_assert_eq!(column(&texts[..1], |cells| cells.bigints()), Plain { values: vec![value], odd: vec![] });
            prop_assert!(column(&texts, |cells| cells.doubles()).odd.is_empty());
            let units = |cents: i64| i128::from(if value < 0 { value * 100 - cents } else { value * 100 + cents });
            let decimals = column(&texts, |cells| cells.decimals(2, i128::MAX));
            if value != 0 {
                prop_assert_eq!(decimals, Plain { values: vec![units(0), units(cents)], odd: vec![] });
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_odd() {
        let texts = [
            "", "-", "+1", "1e3", " 1", "1.", ".5", "1.2.3", "0x1", "1_0", "٣",
        ]
        .map(str::to_owned);
        let all: Vec<usize> = (0..texts.len()).collect();
        assert_eq!(column(&texts, |cells| cells.bigints()).odd, all);
        assert_eq!(column(&texts, |cells| cells.doubles()).odd, all);
        assert_eq!(
            column(&texts, |cells| cells.decimals(9, i128::MAX)).odd,
            all
        );
        let large = ["32768", "-32769", "2147483648"].map(str::to_owned);
        assert_eq!(column(&large, |cells| cells.smallints()).odd, [0, 1, 2]);
        assert_eq!(column(&large, |cells| cells.integers()).odd, [2]);
        assert_eq!(column(&large, |cells| cells.decimals(0, 100_000)).odd, [2]);
    }
}
