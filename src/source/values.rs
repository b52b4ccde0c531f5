//! Text to typed values, exactly: what does not fit is refused, never bent.

use cinelake_kernels::trimmed;
use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, StringViewBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::DataType;
use std::borrow::Cow;
use std::sync::Arc;

use super::contract::{Column, ColumnType, Contract};
use super::times::{LocalClock, date, timestamp};

/// Why a value was refused, worded for the rejects table.
pub(super) type Refused = String;

/// Collects the values of one column.
pub(super) struct ColumnBuilder {
    values: Values,
    kind: ColumnType,
    scale: i8,
    formats: Vec<String>,
    clock: LocalClock,
    decimal_comma: bool,
    thousands: Option<char>,
}

enum Values {
    Text(StringViewBuilder),
    BigInt(Int64Builder),
    Integer(Int32Builder),
    SmallInt(Int16Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    /// Collects values of `column`, written as `contract` says.
    pub(super) fn new(column: &Column, contract: &Contract, rows: usize) -> Self {
        let data_type = column.data_type();
        let values = match column.kind {
            ColumnType::Text => Values::Text(StringViewBuilder::with_capacity(rows)),
            ColumnType::BigInt => Values::BigInt(Int64Builder::with_capacity(rows)),
            ColumnType::Integer => Values::Integer(Int32Builder::with_capacity(rows)),
            ColumnType::SmallInt => Values::SmallInt(Int16Builder::with_capacity(rows)),
            ColumnType::Double => Values::Double(Float64Builder::with_capacity(rows)),
            ColumnType::Boolean => Values::Boolean(BooleanBuilder::with_capacity(rows)),
            ColumnType::Date => Values::Date(Date32Builder::with_capacity(rows)),
            ColumnType::Timestamp => Values::Timestamp(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type),
            ),
            ColumnType::Decimal(p, s) => {
                let (precision, scale) = match data_type {
                    DataType::Decimal128(p, s) => (p, s),
                    _ => (p, s),
                };
                let builder = Decimal128Builder::with_capacity(rows)
                    .with_data_type(DataType::Decimal128(precision, scale));
                Values::Decimal(builder, precision, scale)
            }
        };
        Self {
            values,
            kind: column.kind,
            scale: column.scale,
            formats: column.formats.clone(),
            clock: LocalClock::of(contract),
            decimal_comma: contract.decimal_comma,
            thousands: contract.thousands,
        }
    }

    /// Appends the value written as `text`; nothing is appended when refused.
    pub(super) fn append(&mut self, text: &str) -> Result<(), Refused> {
        if let Values::Text(builder) = &mut self.values {
            builder.append_value(text);
            return Ok(());
        }
        let text = trimmed(text);
        let (kind, comma) = (self.kind, self.decimal_comma);
        let refuse = || format!("expected {kind}, found `{}`", shortened(text));
        let text = &*match self.thousands.filter(|_| kind.is_number()) {
            Some(mark) => {
                let point = if comma { ',' } else { '.' };
                ungrouped(text, mark, point).ok_or_else(refuse)?
            }
            None => Cow::Borrowed(text),
        };
        match &mut self.values {
            Values::Text(_) => {}
            Values::BigInt(b) => b.append_value(integer(text, comma).ok_or_else(refuse)?),
            Values::Integer(b) => {
                let value = integer(text, comma).and_then(|v| i32::try_from(v).ok());
                b.append_value(value.ok_or_else(refuse)?);
            }
            Values::SmallInt(b) => {
                let value = integer(text, comma).and_then(|v| i16::try_from(v).ok());
                b.append_value(value.ok_or_else(refuse)?);
            }
            Values::Double(b) => {
                let value = double(text, comma).ok_or_else(refuse)?;
                b.append_value(scaled(value, self.scale));
            }
            Values::Decimal(b, precision, scale) => {
                // A unit shifts the point; the digits stay as written.
                let target = *scale + self.scale;
                let digits = decimal(text, target, comma).ok_or_else(refuse)?;
                let fits = digits.unsigned_abs() < 10_u128.pow(u32::from(*precision));
                b.append_value(fits.then_some(digits).ok_or_else(refuse)?);
            }
            Values::Boolean(b) => b.append_value(boolean(text).ok_or_else(refuse)?),
            Values::Date(b) => b.append_value(date(text, &self.formats).ok_or_else(refuse)?),
            Values::Timestamp(b) => {
                let value = timestamp(text, &self.formats, self.clock);
                b.append_value(value.map_err(|why| why.unwrap_or_else(refuse))?);
            }
        }
        Ok(())
    }

    /// Appends a null.
    pub(super) fn append_null(&mut self) {
        match &mut self.values {
            Values::Text(b) => b.append_null(),
            Values::BigInt(b) => b.append_null(),
            Values::Integer(b) => b.append_null(),
            Values::SmallInt(b) => b.append_null(),
            Values::Double(b) => b.append_null(),
            Values::Decimal(b, ..) => b.append_null(),
            Values::Boolean(b) => b.append_null(),
            Values::Date(b) => b.append_null(),
            Values::Timestamp(b) => b.append_null(),
        }
    }

    /// Whether values are text, kept as written.
    pub(super) fn is_text(&self) -> bool {
        self.kind == ColumnType::Text
    }

    /// The values appended so far.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Text(b) => Arc::new(b.finish()),
            Values::BigInt(b) => Arc::new(b.finish()),
            Values::Integer(b) => Arc::new(b.finish()),
            Values::SmallInt(b) => Arc::new(b.finish()),
            Values::Double(b) => Arc::new(b.finish()),
            Values::Decimal(b, ..) => Arc::new(b.finish()),
            Values::Boolean(b) => Arc::new(b.finish()),
            Values::Date(b) => Arc::new(b.finish()),
            Values::Timestamp(b) => Arc::new(b.finish()),
        }
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
