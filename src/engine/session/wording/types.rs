//! Types and numbers in messages, as SQL writes them.

use std::sync::LazyLock;

use regex::Regex;

/// The message with types as SQL calls them.
pub(super) fn in_sql_words(text: &str) -> String {
    static TYPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"\b(Decimal(?:32|64|128|256)\((\d+), ?(-?\d+)\)|Decimal(?:32|64|128|256)\(Some\((-?\d+)\),\d+,(\d+)\)|Timestamp\([^()]*(?:\([^()]*\))?[^()]*\)|Utf8View|LargeUtf8|Utf8|U?Int(?:8|16|32|64)|Float(?:32|64)|Date(?:32|64)|Boolean|Interval\([^()]*\)|Duration\([^()]*\))",
        )
        .ok()
    });
    let Some(types) = TYPES.as_ref() else {
        return text.to_owned();
    };
    let named = types.replace_all(text, |found: &regex::Captures<'_>| {
        let (whole, part) = (&found[0], |at| {
            found.get(at).map_or("", |m: regex::Match<'_>| m.as_str())
        });
        match whole {
            _ if !part(2).is_empty() => format!("decimal({},{})", part(2), part(3)),
            _ if !part(4).is_empty() => decimal(part(4), part(5)),
            whole if whole.starts_with("Timestamp") => "timestamp".to_owned(),
            whole if whole.starts_with("Interval") || whole.starts_with("Duration") => {
                "interval".to_owned()
            }
            "Utf8" | "Utf8View" | "LargeUtf8" => "text".to_owned(),
            "Int64" | "UInt64" => "bigint".to_owned(),
            "Int32" | "UInt32" => "integer".to_owned(),
            "Date32" | "Date64" => "date".to_owned(),
            "Boolean" => "boolean".to_owned(),
            "Float64" => "double".to_owned(),
            "Float32" => "real".to_owned(),
            _ => "smallint".to_owned(),
        }
    });
    named.into_owned()
}

/// A decimal as it is written, of its digits and how many of them are behind the
/// point.
fn decimal(digits: &str, scale: &str) -> String {
    let scale: usize = scale.parse().unwrap_or(0);
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, rest) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_sql() {
        for (text, worded) in [
            (
                "Decimal128(16, 2) > Decimal128(17, 6)",
                "decimal(16,2) > decimal(17,6)",
            ),
            (
                "cannot cast Decimal128(Some(5),1,1) to Date32",
                "cannot cast 0.5 to date",
            ),
            (
                "Timestamp(Microsecond, Some(\"UTC\")) and Utf8View",
                "timestamp and text",
            ),
            ("Interval(MonthDayNano) - Int64", "interval - bigint"),
            ("no type here", "no type here"),
        ] {
            assert_eq!(in_sql_words(text), worded);
        }
    }
}
