//! The leading comment of a SQL file: a sentence, paragraphs, `key: value` lines.

use std::path::Path;

use super::checks::{Check, CheckKind, Severity, columns};
use crate::error::{Error, Result, did_you_mean};

/// What a file's leading comment says.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// The first paragraph, in one line.
    pub sentence: String,
    /// The paragraphs after it, separated by blank lines.
    pub description: String,
    /// Whether the table is stored or computed when read.
    pub materialized: Materialized,
    /// The date column by which files are split.
    pub partition_by: Option<String>,
    /// The columns that identify a row.
    pub grain: Vec<String>,
    /// The physical order within a partition; the grain where left out.
    pub order_by: Vec<String>,
    /// What must hold, in the order written; the grain's checks come first.
    pub checks: Vec<Check>,
    /// Who answers for the table.
    pub owner: Option<String>,
    /// Free words to find the table by.
    pub tags: Vec<String>,
    /// A report's parameters.
    pub params: Vec<Param>,
}

/// Whether a model's rows are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Materialized {
    /// Stored as files, rebuilt by the refresh.
    #[default]
    Table,
    /// Stored as a query, computed when read.
    View,
}

/// A report's parameter: `$name` in its SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// The name, without `$`.
    pub name: String,
    /// Its SQL type, such as `bigint` or `date`.
    pub sql_type: String,
    /// The value when none is given; a parameter without one must be given.
    pub default: Option<String>,
}

const KEYS: [&str; 13] = [
    "materialized",
    "partition_by",
    "grain",
    "order_by",
    "not_null",
    "unique",
    "references",
    "accepted",
    "check",
    "varies",
    "owner",
    "tags",
    "param",
];

/// The types a parameter may have.
const PARAM_TYPES: [&str; 7] = [
    "text",
    "bigint",
    "integer",
    "double",
    "boolean",
    "date",
    "timestamp",
];

impl Header {
    /// Reads the comment block at the start of `text`.
    ///
    /// # Errors
    /// With file and line, for an unknown key, a malformed value, or a key
    /// given twice that may be given once.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self> {
        let lines = comment_lines(text);
        // Within a paragraph a word with a colon is prose, unless it is a key or
        // looks like one that does not exist.
        let begins_keys = |at: usize| {
            let after_blank = at > 0 && lines[at - 1].1.is_empty();
            let is_key =
                |key: &str| after_blank || key.contains('_') || did_you_mean(key, KEYS).is_some();
            split_key(lines[at].1).is_some_and(|(key, _)| KEYS.contains(&key) || is_key(key))
        };
        let keys_start = (0..lines.len())
            .find(|at| begins_keys(*at))
            .unwrap_or(lines.len());
        let (prose, keys) = lines.split_at(keys_start);
        let mut header = Self::default();
        header.read_prose(prose);
        let mut seen = Vec::new();
        for (number, key, value) in entries(path, keys)? {
            header
                .set(&key, &value, number, &mut seen)
                .map_err(|e| e.file(path).line(number))?;
        }
        header.finish();
        Ok(header)
    }

    fn read_prose(&mut self, lines: &[(u64, &str)]) {
        let text: Vec<&str> = lines.iter().map(|(_, line)| *line).collect();
        let mut paragraphs = text
            .split(|line| line.is_empty())
            .filter(|lines| !lines.is_empty())
            .map(|lines| lines.join(" "));
        self.sentence = paragraphs.next().unwrap_or_default();
        self.description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }

    fn set(&mut self, key: &str, value: &str, line: u64, seen: &mut Vec<String>) -> Result<()> {
        let repeatable = matches!(
            key,
            "not_null" | "unique" | "references" | "accepted" | "check" | "varies" | "param"
        );
        if !repeatable && seen.iter().any(|k| k == key) {
            return Err(Error::usage(format!("`{key}` is given twice")).hint("keep one of the two"));
        }
        seen.push(key.to_owned());
        if value.is_empty() {
            return Err(Error::usage(format!("`{key}` has no value")));
        }
        match key {
            "materialized" => self.materialized = materialized(value)?,
            "partition_by" => self.partition_by = Some(one_column(key, value)?),
            "grain" => self.grain = columns(key, value)?,
            "order_by" => self.order_by = columns(key, value)?,
            "owner" => self.owner = Some(value.to_owned()),
            "tags" => self.tags = columns(key, value)?,
            "param" => self.params.push(param(value)?),
            _ => self.add_checks(key, value, line)?,
        }
        Ok(())
    }

    fn add_checks(&mut self, key: &str, value: &str, line: u64) -> Result<()> {
        let (value, severity) = match value.strip_suffix("(warn)") {
            Some(rest) => (rest.trim_end(), Severity::Warn),
            None => (value, Severity::Error),
        };
        let kinds = CheckKind::parse(key, value)?;
        // A metric may rightly stand still: that is for people to judge.
        let severity = match key {
            "varies" => Severity::Warn,
            _ => severity,
        };
        self.checks.extend(kinds.into_iter().map(|kind| Check {
            kind,
            severity,
            line,
        }));
        Ok(())
    }

    /// The grain is documentation and a check in one.
    fn finish(&mut self) {
        if self.order_by.is_empty() {
            self.order_by.clone_from(&self.grain);
        }
        if self.grain.is_empty() {
            return;
        }
        let error = |kind| Check {
            kind,
            severity: Severity::Error,
            line: 0,
        };
        let mut checks = vec![error(CheckKind::Unique(self.grain.clone()))];
        checks.extend(
            self.grain
                .iter()
                .cloned()
                .map(CheckKind::NotNull)
                .map(error),
        );
        checks.append(&mut self.checks);
        self.checks = checks;
    }
}

/// The leading `--` lines with their numbers, without the dashes.
fn comment_lines(text: &str) -> Vec<(u64, &str)> {
    text.lines()
        .map_while(|line| line.trim_start().strip_prefix("--"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .zip(1..)
        .map(|(line, number)| (number, line))
        .collect()
}

/// `key` and value of a line such as `grain: month, title_id`.
fn split_key(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    (is_key && (value.is_empty() || value.starts_with(' '))).then(|| (key, value.trim()))
}

/// The key lines, each with the indented lines that continue it.
fn entries(path: &Path, lines: &[(u64, &str)]) -> Result<Vec<(u64, String, String)>> {
    let mut entries: Vec<(u64, String, String)> = Vec::new();
    for (number, line) in lines {
        if line.is_empty() {
            continue;
        }
        match (split_key(line), entries.last_mut()) {
            (_, Some((_, _, value))) if line.starts_with("  ") => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (Some((key, value)), _) if KEYS.contains(&key) => {
                entries.push((*number, key.to_owned(), value.to_owned()));
            }
            (Some((key, _)), _) => {
                return Err(Error::usage(format!("unknown header key `{key}`"))
                    .file(path)
                    .line(*number)
                    .hint(
                        did_you_mean(key, KEYS)
                            .unwrap_or_else(|| format!("keys are {}", KEYS.join(", "))),
                    ));
            }
            (None, _) => {
                return Err(Error::usage("expected `key: value` here")
                    .file(path)
                    .line(*number)
                    .hint("prose comes before the keys; indent a line that continues a value"));
            }
        }
    }
    Ok(entries)
}

fn materialized(value: &str) -> Result<Materialized> {
    match value {
        "table" => Ok(Materialized::Table),
        "view" => Ok(Materialized::View),
        _ => Err(Error::usage(format!(
            "`materialized` is `table` or `view`, not `{value}`"
        ))),
    }
}

fn one_column(key: &str, value: &str) -> Result<String> {
    let mut names = columns(key, value)?;
    match names.len() {
        1 => Ok(names.remove(0)),
        n => Err(Error::usage(format!("`{key}` takes one column, found {n}"))
            .hint("partitions are dates: one column such as `month`")),
    }
}

fn param(value: &str) -> Result<Param> {
    let malformed = |what: String| {
        Error::usage(what).hint("write `param: months bigint = 3`; without `=` it must be given")
    };
    let (declaration, default) = match value.split_once('=') {
        Some((declaration, default)) => (declaration, Some(default.trim().to_owned())),
        None => (value, None),
    };
    let [name, sql_type] = declaration.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(malformed(format!("`param` cannot be read: `{value}`")));
    };
    if !PARAM_TYPES.contains(&sql_type) {
        return Err(malformed(format!(
            "parameter `{name}` has the unknown type `{sql_type}`; types are {}",
            PARAM_TYPES.join(", ")
        )));
    }
    Ok(Param {
        name: name.to_owned(),
        sql_type: sql_type.to_owned(),
        default,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header> {
        Header::parse(Path::new("queries/gold/x.sql"), text)
    }

    fn error(text: &str) -> String {
        let error = parse(text).unwrap_err();
        format!("{error}\nhint: {}", error.hint_text().unwrap_or("none"))
    }

    #[test]
    fn a_header_has_a_sentence_paragraphs_and_keys() {
        let header = parse(
            "-- How popular each title was,\n-- month by month.\n--\n-- One row per title.\n--\n\
             -- Two paragraphs: yes.\n--\n-- partition_by: month\n-- grain: month, title_id\n\
             -- references: title_id -> silver.titles.title_id\n\
             -- check: viewers <= sessions (warn)\n-- accepted: kind in (a, 'b')\n\
             -- not_null: viewers, sessions\n-- tags: one, two\nselect 1",
        )
        .unwrap();
        insta::assert_debug_snapshot!(header);
    }

    #[test]
    fn an_unknown_key_is_an_error_with_line_and_suggestion() {
        insta::assert_snapshot!(error("-- A table.\n--\n-- grian: month\nselect 1"), @r"
        queries/gold/x.sql:3: unknown header key `grian`
        hint: did you mean `grain`?
        ");
    }

    #[test]
    fn a_colon_within_a_paragraph_is_prose() {
        let header =
            parse("-- A table.\n--\n-- Left out are test\n-- accounts: all.\n--\n-- grain: a\n");
        let header = header.unwrap();
        assert_eq!(header.description, "Left out are test accounts: all.");
        assert_eq!(header.grain, ["a"]);
    }

    #[test]
    fn a_key_given_twice_is_an_error() {
        insta::assert_snapshot!(error("-- A.\n-- grain: a\n-- grain: b\n"), @r"
        queries/gold/x.sql:3: `grain` is given twice
        hint: keep one of the two
        ");
    }

    #[test]
    fn malformed_values_say_what_was_expected() {
        let cases = [
            "references: title_id = silver.titles",
            "accepted: status (a, b)",
            "check: viewers <=",
            "varies: completion_rate",
            "partition_by: month, day",
            "materialized: maybe",
            "grain: month title",
            "param: months int = 3",
            "owner:",
        ];
        let errors: Vec<String> = cases.map(|c| error(&format!("-- A.\n-- {c}\n"))).into();
        insta::assert_snapshot!(errors.join("\n\n"));
    }

    #[test]
    fn an_indented_line_continues_a_value() {
        let header = parse("-- A.\n-- check: a > 0\n--   and b > 0\n").unwrap();
        let CheckKind::Condition(condition) = &header.checks[0].kind else {
            panic!("no condition");
        };
        assert_eq!(condition, "a > 0 and b > 0");
    }

    #[test]
    fn a_file_without_a_comment_has_an_empty_header() {
        assert_eq!(parse("select 1 -- x: y").unwrap().sentence, "");
    }
}
