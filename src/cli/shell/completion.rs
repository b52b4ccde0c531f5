//! What Tab offers: tables, columns of the tables that the text names,
//! functions, keywords, words of the shell.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;

use super::words::Word;
use crate::cli::output::Format;
use crate::engine::Session;
use crate::name::TableName;

/// The columns of a table.
type Columns = Box<dyn Fn(&TableName) -> Vec<String>>;

/// Everything that can be named.
pub(super) struct Vocabulary {
    tables: BTreeSet<TableName>,
    functions: BTreeSet<String>,
    reports: Vec<String>,
    words: Vec<String>,
    columns: Columns,
    known: RefCell<BTreeMap<TableName, Vec<String>>>,
}

impl Vocabulary {
    /// What `session` knows, and the `reports`.
    pub(super) fn of(session: Session, reports: Vec<String>) -> Self {
        Self {
            tables: session.tables().clone(),
            functions: session.functions(),
            reports,
            words: Word::all(),
            columns: Box::new(move |table| {
                // Only when Tab is hit: most tables are never named. A table
                // that cannot be read has no columns to offer.
                let columns = session.columns(table);
                let columns = tokio::runtime::Handle::current().block_on(columns);
                columns.unwrap_or_default()
            }),
            known: RefCell::default(),
        }
    }

    /// Where the word before `at` begins, and what it may become.
    pub(super) fn complete(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let before = line.get(..at).unwrap_or(line);
        let start = word_start(before);
        let typed = before.get(start..).unwrap_or_default();
        if let Some(said) = before.trim_start().strip_prefix('\\') {
            return self.word(before, said, start, typed);
        }
        (
            start,
            self.sql(line, before.get(..start).unwrap_or_default(), typed),
        )
    }

    fn word(&self, before: &str, said: &str, start: usize, typed: &str) -> (usize, Vec<String>) {
        let Some((word, _)) = said.split_once(char::is_whitespace) else {
            return (before.len() - said.len(), starting(&self.words, said));
        };
        let tables = || self.tables.iter().map(ToString::to_string);
        let formats = Format::value_variants()
            .iter()
            .filter_map(|f| f.to_possible_value());
        let offered = match word {
            "sql" | "i" => starting(&self.reports, typed),
            "format" => starting(formats.map(|f| f.get_name().to_owned()), typed),
            "timing" => starting(["on", "off"], typed),
            "ls" => starting(["tables", "reports", "sources", "checks"], typed),
            _ => starting(tables(), typed),
        };
        (start, offered)
    }

    fn sql(&self, line: &str, before: &str, typed: &str) -> Vec<String> {
        if let Some((owner, _)) = typed.rsplit_once('.') {
            return self.owned(line, owner, typed);
        }
        let last = before.split_whitespace().next_back().unwrap_or_default();
        let names_a_table = matches!(last.to_lowercase().as_str(), "from" | "join");
        if names_a_table {
            return self.tables(typed);
        }
        if typed.is_empty() {
            return Vec::new();
        }
        let columns = self
            .named(line)
            .into_iter()
            .flat_map(|table| self.columns(&table));
        let mut offered = starting(columns, typed);
        offered.extend(self.tables(typed));
        offered.extend(
            starting(&self.functions, typed)
                .iter()
                .map(|f| format!("{f}(")),
        );
        let upper = typed.chars().all(|c| c.is_ascii_uppercase());
        let cased = |word: &str| {
            if upper {
                word.to_uppercase()
            } else {
                word.to_owned()
            }
        };
        offered.extend(starting(KEYWORDS, typed).iter().map(|word| cased(word)));
        let mut seen = BTreeSet::new();
        offered.retain(|word| seen.insert(word.clone()));
        offered
    }

    /// What stands behind `owner.`: a layer's tables, or a table's columns.
    fn owned(&self, line: &str, owner: &str, typed: &str) -> Vec<String> {
        let owner_ = owner.to_lowercase();
        if self.tables.iter().any(|table| table.layer == owner_) {
            return self.tables(typed);
        }
        let table = match owner_.parse() {
            Ok(table) => Some(table),
            Err(_) => aliased(line, &owner_),
        };
        let table = table.filter(|table| self.tables.contains(table));
        let columns = table.map(|table| self.columns(&table)).unwrap_or_default();
        let whole = columns.iter().map(|column| format!("{owner}.{column}"));
        starting(whole, typed)
    }

    /// Tables by their full names or, without a layer, by their own.
    fn tables(&self, typed: &str) -> Vec<String> {
        let typed = typed.to_lowercase();
        let fits = |table: &&TableName| {
            let whole = table.to_string();
            whole.starts_with(&typed) || table.table.starts_with(&typed)
        };
        self.tables
            .iter()
            .filter(fits)
            .map(ToString::to_string)
            .collect()
    }

    /// The tables that `line` names.
    fn named(&self, line: &str) -> Vec<TableName> {
        let names = names(line).filter_map(|name| name.to_lowercase().parse().ok());
        let known: BTreeSet<TableName> = names.filter(|t| self.tables.contains(t)).collect();
        known.into_iter().collect()
    }

    fn columns(&self, table: &TableName) -> Vec<String> {
        let mut known = self.known.borrow_mut();
        let columns = known.entry(table.clone());
        columns.or_insert_with(|| (self.columns)(table)).clone()
    }
}

/// The table that `alias` stands for: `from gold.titles as t`, `… titles t`, or
/// its own name.
fn aliased(line: &str, alias: &str) -> Option<TableName> {
    let words: Vec<String> = names(line).map(str::to_lowercase).collect();
    words.iter().enumerate().find_map(|(i, word)| {
        let table: TableName = word.parse().ok()?;
        let next = words.get(i + 1).map(String::as_str);
        let behind = match next {
            Some("as") => words.get(i + 2).map(String::as_str),
            other => other,
        };
        (table.table == alias || behind == Some(alias)).then_some(table)
    })
}

/// The words of a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_part_of_name(c))
        .filter(|word| !word.is_empty())
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

fn word_start(text: &str) -> usize {
    let behind = text.rfind(|c| !is_part_of_name(c));
    behind.map_or(0, |at| {
        at + text[at..].chars().next().map_or(0, char::len_utf8)
    })
}

/// The `words` that start with what was typed, in any case.
fn starting<W: AsRef<str>>(words: impl IntoIterator<Item = W>, typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase();
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    words
        .filter(|word| word.to_lowercase().starts_with(&typed))
        .collect()
}

/// What queries are written with.
const KEYWORDS: [&str; 49] = [
    "all",
    "and",
    "anti",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "cross",
    "current",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "false",
    "filter",
    "following",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "interval",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "order",
    "outer",
    "over",
    "partition",
    "select",
    "then",
    "true",
    "union",
    "when",
    "where",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let tables = ["gold.dim_titles", "gold.dim_users", "silver.sessions"];
        Vocabulary {
            tables: tables.iter().map(|t| t.parse().unwrap()).collect(),
            functions: ["date_trunc", "lower"].map(str::to_owned).into(),
            reports: vec!["top_titles".to_owned()],
            words: Word::all(),
            columns: Box::new(|table| match table.table.as_str() {
                "dim_titles" => vec!["title_id".to_owned(), "title".to_owned()],
                "dim_users" => vec!["user_id".to_owned(), "plan".to_owned()],
                _ => Vec::new(),
            }),
            known: RefCell::default(),
        }
    }

    /// Completes at the `|`; the word that stays, and what it may become.
    fn offered(text: &str) -> (String, Vec<String>) {
        let at = text.find('|').unwrap();
        let line = text.replace('|', "");
        let (start, offered) = vocabulary().complete(&line, at);
        (line[start..at].to_owned(), offered)
    }

    #[test]
    fn tables_stand_behind_from_and_join() {
        assert_eq!(
            offered("select * from |").1,
            ["gold.dim_titles", "gold.dim_users", "silver.sessions"]
        );
        assert_eq!(offered("select * FROM gold.dim_t|").1, ["gold.dim_titles"]);
        assert_eq!(offered("… join dim_u|").1, ["gold.dim_users"]);
    }

    #[test]
    fn columns_are_those_of_the_tables_that_are_named() {
        assert_eq!(
            offered("select ti| from gold.dim_titles").1,
            ["title_id", "title"]
        );
        assert_eq!(
            offered("select ti| from gold.dim_users").1,
            Vec::<String>::new()
        );
        assert_eq!(
            offered("select u.| from gold.dim_titles as t join gold.dim_users u").1,
            ["u.user_id", "u.plan"]
        );
        assert_eq!(
            offered("select dim_titles.title_| from gold.dim_titles").1,
            ["dim_titles.title_id"]
        );
        assert_eq!(
            offered("select x.| from gold.dim_titles t").1,
            Vec::<String>::new()
        );
    }

    #[test]
    fn functions_and_keywords_are_in_the_case_that_is_typed() {
        assert_eq!(offered("select DAT|").1, ["date_trunc("]);
        assert_eq!(offered("SEL|").1, ["SELECT"]);
        assert_eq!(offered("select lo|").1, ["lower("]);
        assert_eq!(
            offered("select 'é' as x wh|"),
            ("wh".to_owned(), vec!["when".to_owned(), "where".to_owned()])
        );
    }

    #[test]
    fn words_of_the_shell_and_what_stands_behind_them() {
        assert_eq!(offered("\\fo|").1, ["format"]);
        assert_eq!(offered("\\format nd|").1, ["ndjson"]);
        assert_eq!(offered("\\sql top|").1, ["top_titles"]);
        assert_eq!(offered("\\d gold.dim_u|").1, ["gold.dim_users"]);
    }
}
