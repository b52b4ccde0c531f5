//! `text similar to pattern`: the whole text, not some part of it.
//!
//! DataFusion takes the pattern for a regular expression that may match anywhere.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use regex::Regex;

/// `similar_to(text, pattern)`, and with the character that escapes others.
pub(in crate::engine) fn similar_to() -> Arc<ScalarUDF> {
    let texts = |count| TypeSignature::String(count);
    Arc::new(ScalarUDF::from(SimilarTo {
        signature: Signature::one_of(vec![texts(2), texts(3)], Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SimilarTo {
    signature: Signature,
}

impl ScalarUDFImpl for SimilarTo {
    fn name(&self) -> &'static str {
        "similar_to"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = |at: usize| match args.args.get(at) {
            None => Ok(None),
            Some(ColumnarValue::Scalar(value)) => Ok(value.try_as_str().flatten()),
            Some(ColumnarValue::Array(_)) => {
                plan_err!("the pattern of `similar to` is one text, the same for all rows")
            }
        };
        let escape = match constant(2)? {
            None => Some('\\'),
            Some(text) => text.chars().next(),
        };
        let rows = args.number_rows;
        let Some(pattern) = constant(1)? else {
            return Ok(ColumnarValue::Array(Arc::new(BooleanArray::new_null(rows))));
        };
        let pattern = expression(pattern, escape)?;
        let texts = args.args[0].to_array(rows)?;
        let texts = cast(&texts, &DataType::Utf8View)?;
        let similar: BooleanArray = texts
            .as_string_view()
            .iter()
            .map(|text| text.map(|text| pattern.is_match(text)))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(similar)))
    }
}

/// The regular expression of a pattern: `%` is any text, `_` any character, and
/// `|`, `*`, `+`, `?`, `{}`, `()` and `[]` mean what they do there.
fn expression(pattern: &str, escape: Option<char>) -> Result<Regex> {
    let mut text = String::from("^(?s:");
    let mut inside = false;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            match letters.next() {
                Some(next) => text.push_str(&regex::escape(&next.to_string())),
                None => {
                    return plan_err!("a pattern of `similar to` ends with its escape character");
                }
            }
            continue;
        }
        match letter {
            '%' if !inside => text.push_str(".*"),
            '_' if !inside => text.push('.'),
            '.' | '^' | '$' | '\\' if !inside => text.push_str(&regex::escape(&letter.to_string())),
            letter => {
                inside = match letter {
                    '[' => true,
                    ']' => false,
                    _ => inside,
                };
                text.push(letter);
            }
        }
    }
    text.push_str(")$");
    match Regex::new(&text) {
        Ok(expression) => Ok(expression),
        Err(_) => plan_err!("`{pattern}` is no pattern for `similar to`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let is =
            |text: &str, pattern: &str| expression(pattern, Some('\\')).unwrap().is_match(text);
        assert!(!is("abc", "b"));
        assert!(is("abc", "%b%"));
        assert!(is("abc", "(a|x)_c"));
        assert!(!is("abcd", "(a|x)_c"));
        assert!(is("a.c", "a.c"));
        assert!(!is("abc", "a.c"));
        assert!(is("a%c", "a\\%c"));
        assert!(!is("abc", "a\\%c"));
        assert!(is("ab\nc", "ab%"));
        assert!(is("aab", "a{2}b"));
        assert!(is("_", "[_%]"));
        assert!(is("abcd", "ab|abcd"));
        assert!(expression("(", Some('\\')).is_err());
    }
}
