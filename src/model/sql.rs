//! What a SQL text reads and calls, found in the parsed statement.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use sqlparser::ast::{Expr, Ident, ObjectName, Query, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};

use super::{LAYERS, TableName};
use crate::error::{Error, Result, did_you_mean};

/// A table that a statement reads, with the line that names it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The table read.
    pub table: TableName,
    /// Where the file names it first, counted from 1.
    pub line: u64,
}

/// One parsed query and what was found in it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The tables read, by name, each once.
    pub inputs: Vec<Input>,
    /// The statement printed from its parsed form: comments and layout gone.
    pub canonical: String,
    volatile: Option<(String, u64)>,
}

/// Functions whose result is not decided by their arguments.
const WALL_CLOCK: [&str; 9] = [
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "today",
    "localtime",
    "localtimestamp",
    "getdate",
    "sysdate",
];
const CHANCE: [&str; 5] = ["random", "rand", "uuid", "gen_random_uuid", "newid"];

impl Statement {
    /// Parses `text`, which must hold exactly one query.
    ///
    /// # Errors
    /// With the line, when the text does not parse, holds none or several
    /// statements, or one that is no query.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut statements =
            Parser::parse_sql(&GenericDialect {}, text).map_err(|e| syntax_error(&e).file(path))?;
        let statement = match statements.len() {
            1 => statements.remove(0),
            0 => {
                return Err(Error::usage("the file holds no query")
                    .file(path)
                    .hint("a file is one `select`, after its comment"));
            }
            n => {
                return Err(
                    Error::usage(format!("{n} statements in one file, expected one"))
                        .file(path)
                        .hint("a file is one query; give each table or report a file of its own"),
                );
            }
        };
        if !matches!(statement, sqlparser::ast::Statement::Query(_)) {
            let word = statement.to_string();
            let word = word.split_whitespace().next().unwrap_or_default();
            return Err(
                Error::usage(format!("`{}` is no query", word.to_lowercase()))
                    .file(path)
                    .hint(
                        "a file says what its table holds with a `select`; the refresh writes it",
                    ),
            );
        }
        let mut finder = Finder::default();
        let _: ControlFlow<()> = statement.visit(&mut finder);
        finder.into_statement(path, statement.to_string())
    }

    /// Refuses functions that read the wall clock or chance.
    ///
    /// # Errors
    /// With the line of the first such call.
    pub fn refuse_volatile(&self, path: &Path) -> Result<()> {
        let Some((function, line)) = &self.volatile else {
            return Ok(());
        };
        let error = Error::usage(format!(
            "`{function}` would give another answer at each refresh"
        ))
        .file(path)
        .line(*line);
        Err(if CHANCE.contains(&function.as_str()) {
            error.hint("derive the value from the row, for example `md5(cast(user_id as text))`")
        } else {
            error.hint(
                "read the date from the data: `cross join silver.as_of`; \
                 `refresh --as-of DATE` sets it",
            )
        })
    }
}

/// Words a parse error as ours, with its line.
pub(super) fn syntax_error(error: &ParserError) -> Error {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "nested too deeply".to_owned(),
    };
    let (what, line) = match text.rsplit_once(" at Line: ") {
        Some((what, place)) => {
            let line = place.split(',').next().and_then(|n| n.trim().parse().ok());
            (what.to_owned(), line.unwrap_or(0))
        }
        None => (text, 0),
    };
    let what = what.replacen("Expected:", "expected", 1);
    Error::usage(format!("syntax error: {what}")).line(line)
}

#[derive(Default)]
struct Finder {
    ctes: BTreeSet<String>,
    tables: Vec<(Vec<String>, u64)>,
    volatile: Option<(String, u64)>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.insert(folded(&cte.alias.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            name, args: None, ..
        } = factor
        {
            self.tables.push((parts(name), line_of(name)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            let name = parts(&function.name).join(".");
            let volatile = WALL_CLOCK.contains(&name.as_str()) || CHANCE.contains(&name.as_str());
            if volatile && self.volatile.is_none() {
                self.volatile = Some((name, line_of(&function.name)));
            }
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    fn into_statement(self, path: &Path, canonical: String) -> Result<Statement> {
        let mut inputs: Vec<Input> = Vec::new();
        for (parts, line) in self.tables {
            let table = match &parts[..] {
                [name] if self.ctes.contains(name) => continue,
                [layer, table] => TableName::new(layer, table),
                _ => return Err(unknown_name(&parts, &self.ctes, path, line)),
            };
            if !inputs.iter().any(|input| input.table == table) {
                inputs.push(Input { table, line });
            }
        }
        inputs.sort_by(|a, b| a.table.cmp(&b.table));
        Ok(Statement {
            inputs,
            canonical,
            volatile: self.volatile,
        })
    }
}

fn unknown_name(parts: &[String], ctes: &BTreeSet<String>, path: &Path, line: u64) -> Error {
    let name = parts.join(".");
    let hint = did_you_mean(&name, ctes.iter().map(String::as_str)).unwrap_or_else(|| {
        format!(
            "a table is named by layer and file, such as `silver.{}`; layers are {}",
            parts.last().map_or("users", String::as_str),
            LAYERS.map(|layer| format!("`{layer}`")).join(", "),
        )
    });
    Error::usage(format!(
        "`{name}` is neither a table nor a CTE of this file"
    ))
    .file(path)
    .line(line)
    .hint(hint)
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .filter_map(|part| part.as_ident().map(folded))
        .collect()
}

/// Unquoted names are lower-cased, as the engine does.
fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn line_of(name: &ObjectName) -> u64 {
    name.0
        .first()
        .and_then(|part| part.as_ident())
        .map_or(0, |ident| ident.span.start.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(sql: &str) -> Vec<String> {
        let statement = Statement::parse(Path::new("queries/gold/x.sql"), sql).unwrap();
        let name = |i: &Input| format!("{}@{}", i.table, i.line);
        statement.inputs.iter().map(name).collect()
    }

    fn error(sql: &str) -> String {
        let path = Path::new("queries/gold/x.sql");
        let parsed = Statement::parse(path, sql).and_then(|s| s.refuse_volatile(path));
        let error = parsed.unwrap_err();
        format!("{error}\nhint: {}", error.hint_text().unwrap_or("none"))
    }

    #[test]
    fn inputs_come_from_joins_ctes_subqueries_set_operations_and_quoted_names() {
        let sql = "with a as (select * from silver.x),\n\
                   b as (select * from a join \"silver\".\"Odd Name\" o on true)\n\
                   select * from b where id in (select id from bronze.y)\n\
                   union all select * from GOLD.Z";
        assert_eq!(
            inputs(sql),
            ["bronze.y@3", "gold.z@4", "silver.Odd Name@2", "silver.x@1"]
        );
    }

    #[test]
    fn table_functions_and_unnest_are_no_inputs() {
        let sql = "select unnest([1, 2]) as n from generate_series(1, 3) as g(v)";
        assert!(inputs(sql).is_empty());
    }

    #[test]
    fn a_bare_name_is_refused_with_its_line() {
        insta::assert_snapshot!(error("select 1\nfrom users"), @r"
        queries/gold/x.sql:2: `users` is neither a table nor a CTE of this file
        hint: a table is named by layer and file, such as `silver.users`; layers are `bronze`, `silver`, `gold`
        ");
    }

    #[test]
    fn a_misspelt_cte_is_suggested() {
        insta::assert_snapshot!(error("with totals as (select 1 as n)\nselect n from total"), @r"
        queries/gold/x.sql:2: `total` is neither a table nor a CTE of this file
        hint: did you mean `totals`?
        ");
    }

    #[test]
    fn the_wall_clock_is_refused_with_a_hint_to_as_of() {
        insta::assert_snapshot!(error("select 1 as n,\n  current_date as d"), @r"
        queries/gold/x.sql:2: `current_date` would give another answer at each refresh
        hint: read the date from the data: `cross join silver.as_of`; `refresh --as-of DATE` sets it
        ");
    }

    #[test]
    fn chance_is_refused() {
        assert!(error("select random() as r").contains("would give another answer"));
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        insta::assert_snapshot!(error("select a,\nfrom silver.x where"), @r"
        queries/gold/x.sql: syntax error: expected an expression, found: EOF
        hint: none
        ");
    }

    #[test]
    fn statements_that_write_are_refused() {
        insta::assert_snapshot!(error("drop table silver.x"), @r"
        queries/gold/x.sql: `drop` is no query
        hint: a file says what its table holds with a `select`; the refresh writes it
        ");
    }

    #[test]
    fn layout_and_comments_do_not_change_the_canonical_text() {
        let path = Path::new("x.sql");
        let a = Statement::parse(path, "-- one\nselect a -- two\n from silver.x").unwrap();
        let b = Statement::parse(path, "select   a from silver.x").unwrap();
        assert_eq!(a.canonical, b.canonical);
    }
}
