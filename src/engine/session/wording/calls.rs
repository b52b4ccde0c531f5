//! Words for calls of functions with arguments that they do not take.

use std::collections::BTreeSet;

use super::first_lines;
use crate::error::Error;

/// The error for a function that does not take such arguments.
pub(super) fn no_signature(text: &str) -> Option<Error> {
    let (said, call) =
        text.split_once("No function matches the given name and argument types '")?;
    let (name, given) = call
        .split("'.")
        .next()?
        .trim_end_matches('\'')
        .split_once('(')?;
    let given: Vec<String> = listed(given.strip_suffix(')')?).map(sql_name).collect();
    let error = Error::usage(format!("no function `{name}({})`", given.join(", ")));
    let after = |word: &str| {
        let parts = said.split(word).skip(1);
        let words = parts.filter_map(|part| part.split([' ', ',']).next());
        words.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let (counts, kinds): (BTreeSet<_>, BTreeSet<_>) = after(" expects ")
        .into_iter()
        .partition(|word| word.parse::<u32>().is_ok());
    let kinds: BTreeSet<String> = kinds
        .into_iter()
        .chain(after(" requires "))
        .filter_map(|kind| wanted(&kind))
        .collect();
    let any = |all: BTreeSet<String>| Vec::from_iter(all).join(" or ");
    Some(match (kinds.is_empty(), counts.is_empty()) {
        (false, _) => error.hint(format!(
            "it takes {}; `cast(x as …)` makes one type of another",
            any(kinds)
        )),
        (true, false) => error.hint(format!("arguments that it takes: {}", any(counts))),
        (true, true) => error.hint(first_lines(said)),
    })
}

/// The parts of a list of types, which may have lists of their own.
fn listed(types: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let parts = types.split(move |c| {
        depth += i32::from(matches!(c, '(' | '<')) - i32::from(matches!(c, ')' | '>'));
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// What SQL calls a type of the engine.
fn sql_name(kind: &str) -> String {
    match kind {
        "Utf8" | "Utf8View" | "LargeUtf8" => "text".to_owned(),
        "Int64" => "bigint".to_owned(),
        "Int32" => "integer".to_owned(),
        "Int16" => "smallint".to_owned(),
        "Float64" => "double".to_owned(),
        "Float32" => "real".to_owned(),
        "Date32" => "date".to_owned(),
        kind if kind.starts_with("Timestamp") => "timestamp".to_owned(),
        kind => kind.replace("Decimal128", "decimal").to_lowercase(),
    }
}

/// What a function takes, in the words of SQL; none of what others stand for.
fn wanted(kind: &str) -> Option<String> {
    Some(match kind {
        "String" => "text".to_owned(),
        "Numeric" => "numbers".to_owned(),
        "Integer" => "integer".to_owned(),
        "UInt64" | "Float32" | "Duration" => return None,
        kind => sql_name(kind),
    })
}
