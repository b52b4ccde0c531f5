//! Words the engine's errors as ours: what is wrong, on which line, a hint.

mod calls;
mod types;

use std::collections::BTreeSet;

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::parquet::errors::ParquetError;

use crate::error::{Error, Kind, Result, did_you_mean};
use crate::name::TableName;
use calls::no_signature;
use types::in_sql_words;

const TOO_LITTLE_MEMORY: &str = "the query needs more memory than it may use";

/// Whether a query failed because it may not use more memory.
#[must_use]
pub fn is_short_of_memory(error: &Error) -> bool {
    error.kind() == Kind::Io && error.message() == TOO_LITTLE_MEMORY
}

/// Words errors of a session that knows these tables.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Wording {
    tables: BTreeSet<TableName>,
}

impl Wording {
    pub(in crate::engine) fn new(tables: BTreeSet<TableName>) -> Self {
        Self { tables }
    }

    /// `error` in one voice.
    pub(in crate::engine) fn error(&self, error: DataFusionError) -> Error {
        let error = match own_error(error) {
            Ok(own) => return own,
            Err(error) => error,
        };
        let line = line_of(&error);
        let root = error.find_root();
        let text = first_lines(&root.strip_backtrace());
        let worded = match root {
            DataFusionError::ResourcesExhausted(_) => Error::new(Kind::Io, TOO_LITTLE_MEMORY)
                .hint("give more with `--memory`, or ask for fewer rows or groups"),
            DataFusionError::SQL(parser, _) => syntax(&parser.to_string()),
            DataFusionError::SchemaError(schema, _) => missing_column(schema),
            DataFusionError::Plan(_) => self.plan_error(&text),
            DataFusionError::NotImplemented(_) if text.contains("single SQL statement") => {
                Error::usage("several statements, expected one").hint("run them one by one")
            }
            DataFusionError::NotImplemented(_) => {
                Error::usage(format!("not possible: {}", in_sql_words(&text)))
            }
            DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => Error::io(text),
            DataFusionError::ParquetError(parquet) => file_error(parquet, &text),
            DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => {
                Error::data(format!("the query failed: {}", in_sql_words(&text)))
            }
            DataFusionError::Internal(_) => Error::usage(format!(
                "the engine cannot carry out the query: {}",
                in_sql_words(text.split("\nThis issue").next().unwrap_or(&text))
            ))
            .hint("write it in steps, with `with`, or with a cast where types differ"),
            _ => Error::usage(in_sql_words(&text)),
        };
        match line {
            Some(line) => worded.line(line),
            None => worded,
        }
    }

    fn plan_error(&self, text: &str) -> Error {
        if let Some(name) = text
            .strip_prefix("table '")
            .and_then(|t| t.split('\'').next())
        {
            return self.missing_table(name);
        }
        for (start, what) in [
            ("DDL not supported", "would define something"),
            ("DML not supported", "would change data"),
            ("Statement not supported", "is no query"),
        ] {
            if let Some(rest) = text.strip_prefix(start) {
                let name = spaced(rest.trim_start_matches([':', ' ']));
                return Error::usage(format!("`{name}` {what}; statements here only read")).hint(
                    "tables are made by files in `queries/` and `cinelake refresh`; \
                     `--output FILE` keeps a result",
                );
            }
        }
        if let Some(name) = between(text, "Invalid function '", "'") {
            let likely = between(text, "Did you mean '", "'");
            return Error::usage(format!("no function `{name}`"))
                .maybe_hint(likely.map(|likely| format!("did you mean `{likely}`?")));
        }
        // What a function of our own has to say of its arguments.
        let coercion = "user-defined coercion failed with: ";
        if let Some(said) = between(text, coercion, ". No function matches") {
            return Error::usage(first_lines(said));
        }
        if let Some(error) = no_signature(text) {
            return error;
        }
        if text.starts_with("Projections require unique expression names") {
            let names: Vec<&str> = text.split('"').skip(1).step_by(2).take(2).collect();
            let [one, other] = names.as_slice() else {
                return Error::usage(text.to_owned());
            };
            let (one, other) = (shortened(one), shortened(other));
            return Error::usage(format!("two columns have one name: `{one}` and `{other}`"))
                .hint("give one of them another name with `as`");
        }
        if text.starts_with("No SQL statements") {
            return Error::usage("the text holds no query").hint("write one `select`");
        }
        Error::usage(in_sql_words(text))
    }

    fn missing_table(&self, full: &str) -> Error {
        let name = full.strip_prefix("cinelake.").unwrap_or(full);
        let names: Vec<String> = self.tables.iter().map(TableName::to_string).collect();
        let bare = name.rsplit('.').next().unwrap_or(name);
        let elsewhere = self.tables.iter().find(|t| t.table == bare);
        let hint = match elsewhere {
            Some(table) => format!("did you mean `{table}`?"),
            None => did_you_mean(name, names.iter().map(String::as_str))
                .unwrap_or_else(|| "`cinelake ls` lists the tables".to_owned()),
        };
        Error::usage(format!("no table `{name}`")).hint(hint)
    }
}

/// A data file that cannot be read, or that holds something else.
fn file_error(error: &ParquetError, text: &str) -> Error {
    let text = text.trim_start_matches("Parquet error: ");
    let text = text.trim_start_matches("External: ");
    let is_unread =
        matches!(error, ParquetError::External(_)) || text.contains("Object Store error");
    let error = match is_unread {
        true => Error::io(format!("could not read a data file: {text}")),
        false => Error::data(format!("a data file is damaged: {text}")),
    };
    error.hint("`cinelake doctor` says which files are damaged or missing")
}

/// Our own error, where one came through the engine.
fn own_error(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) => Ok(*own),
            Err(other) => Err(DataFusionError::External(other)),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner)
            if is_own(&inner) =>
        {
            own_error(*inner)
        }
        other => Err(other),
    }
}

fn is_own(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::External(inner) => inner.is::<Error>(),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => is_own(inner),
        _ => false,
    }
}

fn line_of(error: &DataFusionError) -> Option<u64> {
    let spanned = error.iter().find_map(|e| e.diagnostic()?.span)?;
    (spanned.start.line > 0).then_some(spanned.start.line)
}

fn syntax(text: &str) -> Error {
    let text = text.trim_start_matches("sql parser error: ");
    let (what, line) = match text.rsplit_once(" at Line: ") {
        Some((what, place)) => {
            let line = place.split(',').next().and_then(|n| n.trim().parse().ok());
            (what, line.unwrap_or(0))
        }
        None => (text, 0),
    };
    Error::usage(format!(
        "syntax error: {}",
        what.replacen("Expected:", "expected", 1)
    ))
    .line(line)
}

fn missing_column(error: &SchemaError) -> Error {
    let (field, valid_fields) = match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => (field, valid_fields),
        SchemaError::AmbiguousReference { field } => return two_columns(&field.name),
        SchemaError::DuplicateUnqualifiedField { name }
        | SchemaError::DuplicateQualifiedField { name, .. } => return two_columns(name),
    };
    let valid: Vec<&str> = valid_fields.iter().map(|f| f.name.as_str()).collect();
    let hint = did_you_mean(&field.name, valid.iter().copied())
        .unwrap_or_else(|| format!("columns are {}", shown(&valid)));
    Error::usage(format!("no column `{}`", field.name)).hint(hint)
}

/// The error for a name that two columns have.
pub(in crate::engine) fn two_columns(name: &str) -> Error {
    Error::usage(format!("two columns are called `{name}`"))
        .hint("say which table's, or give one of them another name with `as`")
}

/// An expression as far as it fits a line.
fn shortened(expr: &str) -> String {
    match expr.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &expr[..end]),
        None => expr.to_owned(),
    }
}

/// `DropTable` as `drop table`.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_lower {
            text.push(' ');
        }
        before_lower = c.is_lowercase();
        text.extend(c.to_lowercase());
    }
    text
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split(end).next()
}

fn shown(names: &[&str]) -> String {
    let mut names: Vec<&str> = names.to_vec();
    names.dedup();
    let more = names.len().saturating_sub(20);
    names.truncate(20);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// The message without the engine's prefixes and its advice to developers.
fn first_lines(text: &str) -> String {
    let mut text = text.trim();
    for prefix in [
        "Error during planning: ",
        "Execution error: ",
        "Schema error: ",
        "Resources exhausted: ",
        "This feature is not implemented: ",
        "Arrow error: ",
        "Internal error: ",
        "Internal Assertion failed: ",
        "Compute error: ",
        "Cast error: ",
        "Invalid argument error: ",
        "Arithmetic overflow: ",
        "Parquet error: ",
        "Optimizer rule ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    if text == "Divide by zero error" {
        return "division by zero".to_owned();
    }
    let text = text.split("\n\tCandidate functions").next().unwrap_or(text);
    text.trim_end_matches('.').to_owned()
}
