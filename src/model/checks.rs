//! What a header can ask of a table, and how it is written.

use super::TableName;
use crate::error::{Error, Result};

/// One condition on a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What must hold.
    pub kind: CheckKind,
    /// What happens when it does not.
    pub severity: Severity,
    /// The header line that asks for it.
    pub line: u64,
}

/// What a check asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// The column has a value in every row.
    NotNull(String),
    /// No two rows agree in all these columns.
    Unique(Vec<String>),
    /// Every value of `column` stands in `target_column` of `table`; nulls pass.
    References {
        /// The column that refers.
        column: String,
        /// The table referred to.
        table: TableName,
        /// The column referred to.
        target_column: String,
    },
    /// The column holds only these values; nulls pass.
    Accepted {
        /// The column.
        column: String,
        /// The values it may hold, as text.
        values: Vec<String>,
    },
    /// The SQL condition is true in every row; null counts as failed.
    Condition(String),
    /// The column is not the same in every one of three or more periods.
    Varies {
        /// The column, a metric.
        column: String,
        /// The column that names the periods.
        over: String,
    },
}

/// What happens when a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is published.
    Error,
    /// The failure is reported and stored; the refresh goes on.
    Warn,
}

impl CheckKind {
    /// What the header line `key: value` asks for: one check, or one a column.
    ///
    /// # Errors
    /// When the value does not read as the key wants it.
    pub(super) fn parse(key: &str, value: &str) -> Result<Vec<Self>> {
        match key {
            "not_null" => {
                let names = columns(key, value)?;
                Ok(names.into_iter().map(Self::NotNull).collect())
            }
            "unique" => Ok(vec![Self::Unique(columns(key, value)?)]),
            "references" => Ok(vec![references(value)?]),
            "accepted" => Ok(vec![accepted(value)?]),
            "varies" => varies(value),
            _ => Ok(vec![Self::Condition(condition(value)?)]),
        }
    }
}

impl std::fmt::Display for CheckKind {
    /// As a header line, such as `not_null: user_id`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotNull(column) => write!(f, "not_null: {column}"),
            Self::Unique(columns) => write!(f, "unique: {}", columns.join(", ")),
            Self::References {
                column,
                table,
                target_column,
            } => write!(f, "references: {column} -> {table}.{target_column}"),
            Self::Accepted { column, values } => {
                write!(f, "accepted: {column} in ({})", values.join(", "))
            }
            Self::Condition(condition) => write!(f, "check: {condition}"),
            Self::Varies { column, over } => write!(f, "varies: {column} over {over}"),
        }
    }
}

/// Column names, separated by commas.
pub(super) fn columns(key: &str, value: &str) -> Result<Vec<String>> {
    let names: Vec<String> = value.split(',').map(|c| c.trim().to_owned()).collect();
    let bad = names.iter().find(|name| !is_column(name));
    match bad {
        None => Ok(names),
        Some(name) => Err(Error::usage(format!(
            "`{key}` takes column names separated by commas, found `{name}`"
        ))),
    }
}

fn is_column(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn references(value: &str) -> Result<CheckKind> {
    let malformed = || {
        Error::usage(format!("`references` cannot be read: `{value}`"))
            .hint("write `references: title_id -> silver.titles.title_id`")
    };
    let (column, target) = value.split_once("->").ok_or_else(malformed)?;
    let (table, target_column) = target.trim().rsplit_once('.').ok_or_else(malformed)?;
    let column = column.trim();
    if !is_column(column) || !is_column(target_column) {
        return Err(malformed());
    }
    Ok(CheckKind::References {
        column: column.to_owned(),
        table: table.parse().map_err(|_| malformed())?,
        target_column: target_column.to_owned(),
    })
}

fn accepted(value: &str) -> Result<CheckKind> {
    let malformed = || {
        Error::usage(format!("`accepted` cannot be read: `{value}`"))
            .hint("write `accepted: status in (active, cancelled)`")
    };
    let (column, list) = value.split_once(" in ").ok_or_else(malformed)?;
    let list = list.trim().strip_prefix('(').ok_or_else(malformed)?;
    let list = list.strip_suffix(')').ok_or_else(malformed)?;
    let unquoted = |v: &str| v.trim().trim_matches('\'').to_owned();
    let values: Vec<String> = list.split(',').map(unquoted).collect();
    if !is_column(column.trim()) || values.iter().any(String::is_empty) {
        return Err(malformed());
    }
    Ok(CheckKind::Accepted {
        column: column.trim().to_owned(),
        values,
    })
}

fn varies(value: &str) -> Result<Vec<CheckKind>> {
    let malformed = || {
        Error::usage(format!("`varies` cannot be read: `{value}`"))
            .hint("write `varies: completion_rate, stickiness over month`")
    };
    let (metrics, over) = value.rsplit_once(" over ").ok_or_else(malformed)?;
    let over = over.trim().to_owned();
    if !is_column(&over) {
        return Err(malformed());
    }
    let of = |column| CheckKind::Varies {
        column,
        over: over.clone(),
    };
    Ok(columns("varies", metrics)?.into_iter().map(of).collect())
}

fn condition(value: &str) -> Result<String> {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;
    Parser::new(&GenericDialect {})
        .try_with_sql(value)
        .and_then(|mut parser| {
            parser.parse_expr()?;
            parser.expect_token(&sqlparser::tokenizer::Token::EOF)
        })
        .map_err(|e| {
            Error::usage(format!(
                "`check` is no condition: {}",
                super::sql::syntax_error(&e).message()
            ))
            .hint("write a condition that every row must meet, such as `viewers <= sessions`")
        })?;
    Ok(value.to_owned())
}
