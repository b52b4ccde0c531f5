//! Parameters: text from the command line to typed values.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;

use crate::error::{Error, Result};

/// The value of a parameter of the SQL type `sql_type`, written as `text`.
/// `null` is null. Without a type: a whole number, a date, or text.
///
/// # Errors
/// When the text is no value of that type.
pub fn parse_value(name: &str, sql_type: Option<&str>, text: &str) -> Result<ScalarValue> {
    let text = text.trim();
    let Some(sql_type) = sql_type else {
        return Ok(guessed(text));
    };
    let kind = match sql_type {
        "bigint" => DataType::Int64,
        "integer" => DataType::Int32,
        "double" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8View,
    };
    let wrong = || {
        Error::usage(format!("parameter `{name}` is a {sql_type}, not `{text}`"))
            .maybe_hint((sql_type == "date").then(|| "write a date as 2024-01-31".to_owned()))
    };
    if text.eq_ignore_ascii_case("null") {
        return ScalarValue::try_new_null(&kind).map_err(|e| wrong().because(e));
    }
    let bare = text
        .strip_prefix('\'')
        .and_then(|t| t.strip_suffix('\''))
        .unwrap_or(text);
    ScalarValue::try_from_string(bare.to_owned(), &kind)
        .ok()
        .filter(|value| !value.is_null())
        .ok_or_else(wrong)
}

fn guessed(text: &str) -> ScalarValue {
    let typed = [DataType::Int64, DataType::Date32]
        .into_iter()
        .find_map(|kind| {
            let value = ScalarValue::try_from_string(text.to_owned(), &kind).ok()?;
            (!value.is_null()).then_some(value)
        });
    typed.unwrap_or_else(|| ScalarValue::Utf8View(Some(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_declared_type() {
        assert_eq!(
            parse_value("n", Some("bigint"), "3").unwrap(),
            ScalarValue::Int64(Some(3))
        );
        let date = parse_value("d", Some("date"), "1970-01-02").unwrap();
        assert_eq!(date, ScalarValue::Date32(Some(1)));
        assert_eq!(
            parse_value("d", Some("date"), "null").unwrap(),
            ScalarValue::Date32(None)
        );
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_parameter() {
        let error = parse_value("as_of", Some("date"), "yesterday").unwrap_err();
        assert_eq!(
            error.message(),
            "parameter `as_of` is a date, not `yesterday`"
        );
        assert!(parse_value("n", Some("bigint"), "many").is_err());
    }

    #[test]
    fn without_a_type_it_is_guessed() {
        assert_eq!(guessed("3"), ScalarValue::Int64(Some(3)));
        assert_eq!(guessed("1970-01-02"), ScalarValue::Date32(Some(1)));
        assert_eq!(guessed("US"), ScalarValue::Utf8View(Some("US".to_owned())));
    }
}
