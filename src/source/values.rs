//! Text to typed values, exactly: what does not fit is refused, never bent.

use std::borrow::Cow;
use std::sync::Arc;

use chrono_tz::Tz;
use cinelake_kernels::{Cells, Plain, trimmed};
use datafusion::arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, StringViewBuilder,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::contract::{Column, ColumnType, Contract};
use super::fields::{Field, Fields};
use super::times::{LocalClock, date, timestamp};

/// Why a value was refused, worded for the rejects table.
pub(super) type Refused = String;

/// Reads the values of one column.
#[derive(Debug)]
pub(super) struct ColumnReader {
    data_type: DataType,
    kind: ColumnType,
    scale: i8,
    formats: Vec<String>,
    clock: LocalClock,
    decimal_comma: bool,
    thousands: Option<char>,
    nulls: Vec<String>,
    required: bool,
    /// Whether what is written plainly has one meaning, whatever the contract.
    is_plain: bool,
}

/// Where the texts of a column's values are.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// In a field of each record.
    Field(&'a Fields<'a>, usize),
    /// All are the same, or none.
    Same(Option<&'a str>),
}

impl ColumnReader {
    /// Reads values of `column`, written as `contract` says.
    pub(super) fn new(column: &Column, contract: &Contract) -> Self {
        // A null may look like a number.
        let mut nulls = contract.nulls.iter();
        let told_apart = nulls.all(|null| !null.contains(|c: char| c.is_ascii_digit()));
        let as_written = match column.kind {
            ColumnType::Double => !contract.decimal_comma && column.scale == 0,
            ColumnType::Decimal(..) => !contract.decimal_comma,
            ColumnType::Timestamp => contract.zone == Tz::UTC,
            _ => true,
        };
        Self {
            data_type: column.data_type(),
            kind: column.kind,
            scale: column.scale,
            formats: column.formats.clone(),
            clock: LocalClock::of(contract),
            decimal_comma: contract.decimal_comma,
            thousands: contract.thousands,
            nulls: contract.nulls.clone(),
            required: column.required,
            is_plain: told_apart && as_written,
        }
    }

    /// Reads fields that the contract does not name: text.
    pub(super) fn of_text(contract: &Contract) -> Self {
        Self {
            data_type: DataType::Utf8View,
            kind: ColumnType::Text,
            scale: 0,
            formats: Vec::new(),
            clock: LocalClock::of(contract),
            decimal_comma: false,
            thousands: None,
            nulls: contract.nulls.clone(),
            required: false,
            is_plain: true,
        }
    }

    /// The values of so many rows; of those that are refused null.
    pub(super) fn read(
        &self,
        source: Source<'_>,
        rows: usize,
        refuse: &mut dyn FnMut(usize, Refused),
    ) -> ArrayRef {
        let mut values = Values {
            reader: self,
            source,
            rows,
            refuse,
        };
        let (kind, comma) = (self.kind, self.decimal_comma);
        match (kind, &self.data_type) {
            (ColumnType::BigInt, _) => {
                values.numbers::<Int64Type>(|cells| cells.bigints(), |text| integer(text, comma))
            }
            (ColumnType::Integer, _) => values.numbers::<Int32Type>(
                |cells| cells.integers(),
                |text| i32::try_from(integer(text, comma)?).ok(),
            ),
            (ColumnType::SmallInt, _) => values.numbers::<Int16Type>(
                |cells| cells.smallints(),
                |text| i16::try_from(integer(text, comma)?).ok(),
            ),
            (ColumnType::Double, _) => values.numbers::<Float64Type>(
                |cells| cells.doubles(),
                |text| Some(scaled(double(text, comma)?, self.scale)),
            ),
            (ColumnType::Decimal(..), DataType::Decimal128(precision, scale)) => {
                // A unit shifts the point; the digits stay as written.
                let target = scale + self.scale;
                let limit = 10_i128.pow(u32::from(*precision));
                values.numbers::<Decimal128Type>(
                    |cells| match usize::try_from(target) {
                        Ok(scale) => cells.decimals(scale, limit),
                        Err(_) => all_odd(cells, rows),
                    },
                    |text| {
                        let digits = decimal(text, target, comma)?;
                        (digits.unsigned_abs() < limit.unsigned_abs()).then_some(digits)
                    },
                )
            }
            (ColumnType::Date, _) => values
                .numbers::<Date32Type>(|cells| cells.dates(), |text| date(text, &self.formats)),
            (ColumnType::Timestamp, _) => values.array::<TimestampMicrosecondType>(
                |cells| cells.timestamps(),
                |text| {
                    let at = timestamp(text, &self.formats, self.clock);
                    at.map_err(|why| why.unwrap_or_else(|| self.unlike(text)))
                },
            ),
            (ColumnType::Boolean, _) => values.booleans(),
            (ColumnType::Text | ColumnType::Decimal(..), _) => values.texts(),
        }
    }

    fn unlike(&self, text: &str) -> Refused {
        format!("expected {}, found `{}`", self.kind, shortened(text))
    }

    fn is_null(&self, field: &Field<'_>) -> bool {
        let is_text = self.kind == ColumnType::Text;
        if field.quoted {
            return !is_text && field.text.is_empty();
        }
        let value = match is_text {
            true => field.text,
            false => trimmed(field.text),
        };
        self.nulls.iter().any(|null| null == value)
    }

    /// A number's text without what may surround it and stand in it.
    fn bare<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, Refused> {
        let text = trimmed(text);
        match self.thousands.filter(|_| self.kind.is_number()) {
            Some(mark) => {
                let point = if self.decimal_comma { ',' } else { '.' };
                ungrouped(text, mark, point).ok_or_else(|| self.unlike(text))
            }
            None => Ok(Cow::Borrowed(text)),
        }
    }
}

fn all_odd<T: Clone + Default>(_: Cells<'_>, rows: usize) -> Plain<T> {
    Plain {
        values: vec![T::default(); rows],
        odd: (0..rows).collect(),
    }
}

/// One column's values while they are read.
struct Values<'a, 'r> {
    reader: &'a ColumnReader,
    source: Source<'a>,
    rows: usize,
    refuse: &'r mut dyn FnMut(usize, Refused),
}

impl<'a> Values<'a, '_> {
    /// The text of a row's value; none where it has none.
    fn text(&mut self, row: usize) -> Option<&'a str> {
        let text = match self.source {
            Source::Same(text) => text,
            Source::Field(fields, field) => {
                let field = fields.get(row, field);
                (!self.reader.is_null(&field)).then_some(field.text)
            }
        };
        if text.is_none() && self.reader.required {
            (self.refuse)(row, "a value is required, found none".to_owned());
        }
        text
    }

    /// The value of a row, as `one` reads it.
    fn value<T>(&mut self, row: usize, one: impl Fn(&str) -> Result<T, Refused>) -> Option<T> {
        let text = self.text(row)?;
        match self.reader.bare(text).and_then(|text| one(&text)) {
            Ok(value) => Some(value),
            Err(reason) => {
                (self.refuse)(row, reason);
                None
            }
        }
    }

    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        plain: impl Fn(Cells<'_>) -> Plain<T::Native>,
        one: impl Fn(&str) -> Option<T::Native>,
    ) -> ArrayRef {
        let reader = self.reader;
        self.array::<T>(plain, |text| one(text).ok_or_else(|| reader.unlike(text)))
    }

    /// Values that are read at once where they are written plainly, and one by
    /// one where not.
    fn array<T: ArrowPrimitiveType>(
        &mut self,
        plain: impl Fn(Cells<'_>) -> Plain<T::Native>,
        one: impl Fn(&str) -> Result<T::Native, Refused>,
    ) -> ArrayRef {
        let Plain { mut values, odd } = match self.source {
            Source::Field(fields, field) if self.reader.is_plain => plain(fields.cells(field)),
            _ => Plain {
                values: vec![T::Native::default(); self.rows],
                odd: (0..self.rows).collect(),
            },
        };
        let mut nulls = Vec::new();
        for row in odd {
            match self.value(row, &one) {
                Some(value) => values[row] = value,
                None => nulls.push(row),
            }
        }
        let nulls = (!nulls.is_empty()).then(|| {
            let mut valid = vec![true; self.rows];
            for row in nulls {
                valid[row] = false;
            }
            NullBuffer::from(valid)
        });
        let array = PrimitiveArray::<T>::new(values.into(), nulls);
        Arc::new(array.with_data_type(self.reader.data_type.clone()))
    }

    fn booleans(&mut self) -> ArrayRef {
        let reader = self.reader;
        let one = |text: &str| boolean(text).ok_or_else(|| reader.unlike(text));
        let values = (0..self.rows).map(|row| self.value(row, one));
        Arc::new(values.collect::<BooleanArray>())
    }

    fn texts(&mut self) -> ArrayRef {
        let mut texts = StringViewBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            texts.append_option(self.text(row));
        }
        Arc::new(texts.finish())
    }
}

/// `text`, cut to what fits a message.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace(char::is_control, "�")
}

/// A number without the `mark` between its thousands: `26,300` is `26300`.
/// Refuses marks that stand elsewhere, such as in `1,5`.
fn ungrouped(text: &str, mark: char, point: char) -> Option<Cow<'_, str>> {
    if !text.contains(mark) {
        return Some(Cow::Borrowed(text));
    }
    let at_point = text.find(point).unwrap_or(text.len());
    let (whole, fraction) = text.split_at(at_point);
    let mut groups = whole.trim_start_matches(['-', '+']).split(mark);
    let first = groups.next()?;
    let three = |group: &str| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit());
    let leads = (1..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_digit());
    let fits = leads && groups.all(three) && !fraction.contains(mark);
    fits.then(|| Cow::Owned(format!("{}{fraction}", whole.replace(mark, ""))))
}

/// An integer; `12.0` is one too, as spreadsheets write it.
fn integer(text: &str, comma: bool) -> Option<i64> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value);
    }
    let (whole, fraction) = text.split_once(if comma { ',' } else { '.' })?;
    let zeros = !fraction.is_empty() && fraction.bytes().all(|b| b == b'0');
    zeros.then(|| whole.parse().ok())?
}

fn double(text: &str, comma: bool) -> Option<f64> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_digit() || "+-.,".contains(c));
    if comma && text.contains('.') {
        return None;
    }
    let value = match comma {
        true => text.replacen(',', ".", 1).parse::<f64>(),
        false => text.parse(),
    };
    value.ok().filter(|v| starts_well && v.is_finite())
}

fn scaled(value: f64, powers_of_ten: i8) -> f64 {
    let factor = 10_f64.powi(i32::from(powers_of_ten.unsigned_abs()));
    if powers_of_ten < 0 {
        value / factor
    } else {
        value * factor
    }
}

/// The digits of a decimal with `scale` digits after the point. Refuses
/// digits that would be lost.
fn decimal(text: &str, scale: i8, comma: bool) -> Option<i128> {
    let point = if comma { b',' } else { b'.' };
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut value: i128 = 0;
    let mut after_point: Option<i32> = None;
    let mut any = false;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                any = true;
                let digit = i128::from(byte - b'0');
                if let Some(count) = &mut after_point {
                    *count += 1;
                    if *count > i32::from(scale) {
                        if digit != 0 {
                            return None;
                        }
                        continue;
                    }
                }
                value = value.checked_mul(10)?.checked_add(digit)?;
            }
            b if *b == point && after_point.is_none() => after_point = Some(0),
            _ => return None,
        }
    }
    let written = after_point.unwrap_or(0).min(i32::from(scale).max(0));
    let missing = i32::from(scale) - written;
    let value = match u32::try_from(missing) {
        Ok(zeros) => value.checked_mul(10_i128.checked_pow(zeros)?)?,
        Err(_) => return None,
    };
    any.then_some(if negative { -value } else { value })
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_exact() {
        assert_eq!(integer("-12", false), Some(-12));
        assert_eq!(integer("12.00", false), Some(12));
        assert_eq!(integer("12,00", true), Some(12));
        assert_eq!(integer("1.000", true), None);
        for bad in [
            "",
            "12.5",
            "1e3",
            "0x1",
            "12.",
            "9223372036854775808",
            "1,000",
        ] {
            assert_eq!(integer(bad, false), None, "{bad}");
        }
    }

    #[test]
    fn decimals_keep_their_digits_or_are_refused() {
        assert_eq!(decimal("9.99", 2, false), Some(999));
        assert_eq!(decimal("-0.5", 2, false), Some(-50));
        assert_eq!(decimal("5", 2, false), Some(500));
        assert_eq!(decimal("1.500", 2, false), Some(150));
        assert_eq!(decimal("1,5", 2, true), Some(150));
        for bad in ["", ".", "-", "1.505", "1e2", "1,5", "abc", "1.2.3", "--1"] {
            assert_eq!(decimal(bad, 2, false), None, "{bad}");
        }
    }

    #[test]
    fn marks_stand_between_thousands_and_nowhere_else() {
        let plain = |text| ungrouped(text, ',', '.').map(Cow::into_owned);
        for (text, number) in [
            ("580", "580"),
            ("26,300", "26300"),
            ("-1,234,567.89", "-1234567.89"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(number));
        }
        for bad in [
            "1,5",
            "1,2345",
            ",123",
            "1234,567",
            "1.234,567",
            "12,,345",
            "1e0,001",
        ] {
            assert_eq!(plain(bad), None, "{bad}");
        }
    }

    #[test]
    fn doubles_are_finite_numbers() {
        assert_eq!(double("1e3", false), Some(1000.0));
        assert_eq!(double("1e3", true), Some(1000.0));
        assert_eq!(double("1,5", true), Some(1.5));
        for bad in ["nan", "inf", "1e400", "", "infinity", "1.234,56", "1.500"] {
            assert_eq!(double(bad, true), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_decimal_reads_back_as_written(units in -1_000_000_000_i64..1_000_000_000, cents in 0_u32..100) {
            let text = format!("{units}.{cents:02}");
            let sign = if units < 0 { -1 } else { 1 };
            let expected = i128::from(units) * 100 + i128::from(sign) * i128::from(cents);
            prop_assert_eq!(decimal(&text, 2, false), Some(expected));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = (integer(&text, true), decimal(&text, 4, true), double(&text, true), boolean(&text));
        }
    }
}
