//! `to_char(day, 'YYYY-MM-DD')`: formats as PostgreSQL writes them.
//!
//! DataFusion knows formats with `%` only, and answers others with themselves.

use datafusion::common::{Result, plan_err};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value,
};

/// Parts of a format, longer ones before those that they begin with, and what
/// they are with `%`.
const PARTS: [(&str, &str); 22] = [
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("FMDD", "%-d"),
    ("FMMM", "%-m"),
    ("DDD", "%j"),
    ("Mon", "%b"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("MI", "%M"),
    ("MS", "%3f"),
    ("DD", "%d"),
    ("Dy", "%a"),
    ("HH", "%I"),
    ("SS", "%S"),
    ("US", "%6f"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("AM", "%p"),
];

/// Writes the format of a call of `to_char` with `%`.
pub(super) fn write_out(call: &mut Expr) -> Result<()> {
    let Expr::Function(function) = call else {
        return Ok(());
    };
    let name = function.name.0.last().and_then(|part| part.as_ident());
    let is_to_char = name.is_some_and(|name| name.value.eq_ignore_ascii_case("to_char"));
    let FunctionArguments::List(list) = &mut function.args else {
        return Ok(());
    };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(format))] = list.args.as_mut_slice() else {
        return Ok(());
    };
    if !is_to_char {
        return Ok(());
    }
    let Expr::Value(value) = format else {
        return plan_err!("the format of `to_char` is one text, the same for all rows");
    };
    if let Value::SingleQuotedString(text) = &mut value.value
        && !text.contains('%')
    {
        *text = with_percents(text)?;
    }
    Ok(())
}

fn with_percents(format: &str) -> Result<String> {
    let mut text = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some((part, percent)) = PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
            text.push_str(percent);
            rest = &rest[part.len()..];
        } else if let Some(quoted) = rest.strip_prefix('"')
            && let Some((inner, after)) = quoted.split_once('"')
        {
            text.push_str(inner);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("PM") {
            text.push_str("%p");
            rest = after;
        } else if first.is_alphabetic() {
            return plan_err!(
                "`to_char` does not know `{rest}` in the format `{format}`: it knows YYYY, MM, DD, HH24, \
                 MI, SS, Mon, Dy, IYYY, IW and the like, or formats with `%`"
            );
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_become_those_with_percents() {
        let of = |format: &str| with_percents(format).unwrap();
        assert_eq!(of("YYYY-MM-DD"), "%Y-%m-%d");
        assert_eq!(of("DD.MM.YY HH24:MI:SS.MS"), "%d.%m.%y %H:%M:%S.%3f");
        assert_eq!(of("IYYY-\"W\"IW"), "%G-W%V");
        assert!(with_percents("Month").is_err());
        assert!(with_percents("Q").is_err());
    }
}
