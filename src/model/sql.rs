//! What a SQL text reads and calls, found in the parsed statement.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use sqlparser::ast::{
    Expr, Function, FunctionArgumentClause, FunctionArguments, Ident, NamedWindowDefinition,
    NamedWindowExpr, ObjectName, Query, SetExpr, TableFactor, Visit, Visitor, WindowSpec,
    WindowType,
};
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
    volatile: Option<Volatile>,
}

/// A call whose answer the tables do not decide.
#[derive(Debug, Clone)]
struct Volatile {
    function: String,
    line: u64,
    why: Why,
}

#[derive(Debug, Clone, Copy)]
enum Why {
    Clock,
    Chance,
    /// Of rows in no order.
    Rows,
    /// Of a window's rows in no order.
    Window,
    /// An estimate that depends on which rows are seen together.
    Estimate,
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
/// Aggregates whose result is decided by the order of rows.
const OF_ORDERED_ROWS: [&str; 5] = [
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
    "nth_value",
];
/// What only a window has, of rows in an order.
const OF_ORDERED_WINDOWS: [&str; 4] = ["row_number", "lag", "lead", "ntile"];
/// Aggregates whose result is decided by which rows are put together first.
const ESTIMATES: [&str; 3] = [
    "approx_percentile_cont",
    "approx_percentile_cont_with_weight",
    "approx_median",
];

/// Why the answer of `function`, called `name`, is not decided by the tables;
/// windows called as in `unordered` have no order.
fn why_volatile(name: &str, function: &Function, unordered: &BTreeSet<String>) -> Option<Why> {
    if WALL_CLOCK.contains(&name) {
        return Some(Why::Clock);
    }
    if CHANCE.contains(&name) {
        return Some(Why::Chance);
    }
    if ESTIMATES.contains(&name) {
        return Some(Why::Estimate);
    }
    let by_rows = OF_ORDERED_ROWS.contains(&name);
    let by_window = by_rows || OF_ORDERED_WINDOWS.contains(&name);
    match &function.over {
        Some(WindowType::WindowSpec(window)) => {
            let matters = by_window || window.window_frame.is_some();
            (matters && is_unordered(window)).then_some(Why::Window)
        }
        Some(WindowType::NamedWindow(window)) => {
            (by_window && unordered.contains(&folded(window))).then_some(Why::Window)
        }
        None => {
            let clauses = match &function.args {
                FunctionArguments::List(list) => list.clauses.as_slice(),
                _ => &[],
            };
            let by = |clause: &FunctionArgumentClause| {
                matches!(clause, FunctionArgumentClause::OrderBy(_))
            };
            let ordered = !function.within_group.is_empty() || clauses.iter().any(by);
            (by_rows && !ordered).then_some(Why::Rows)
        }
    }
}

/// Whether nothing says in which order a window's rows come.
fn is_unordered(window: &WindowSpec) -> bool {
    window.order_by.is_empty() && window.window_name.is_none()
}

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

    /// Refuses functions whose answer the tables do not decide: they read the
    /// wall clock, chance, or the order in which rows happen to come.
    ///
    /// # Errors
    /// With the line of the first such call.
    pub fn refuse_volatile(&self, path: &Path) -> Result<()> {
        let Some(Volatile {
            function,
            line,
            why,
        }) = &self.volatile
        else {
            return Ok(());
        };
        let when = match why {
            Why::Clock | Why::Chance => "at each refresh",
            Why::Rows | Why::Window | Why::Estimate => "when rows come in another order",
        };
        let hint = match why {
            Why::Clock => "read the date from the data: `cross join silver.as_of`; \
                           `refresh --as-of DATE` sets it"
                .to_owned(),
            Why::Chance => {
                "derive the value from the row, for example `md5(cast(user_id as text))`".to_owned()
            }
            Why::Rows => format!("say which: `{function}(… order by …)`"),
            Why::Window => format!("say which: `{function}(…) over (… order by …)`"),
            Why::Estimate => "`percentile_cont(0.5) within group (order by …)` is exact; \
                              `ddsketch_quantile(ddsketch_agg(…), 0.5)` estimates the same value in any order"
                .to_owned(),
        };
        Err(
            Error::usage(format!("`{function}` would give another answer {when}"))
                .file(path)
                .line(*line)
                .hint(hint),
        )
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
    /// Named windows without an order.
    unordered: BTreeSet<String>,
    volatile: Option<Volatile>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.insert(folded(&cte.alias.name));
        }
        if let SetExpr::Select(select) = query.body.as_ref() {
            for NamedWindowDefinition(name, window) in &select.named_window {
                if matches!(window, NamedWindowExpr::WindowSpec(window) if is_unordered(window)) {
                    self.unordered.insert(folded(name));
                }
            }
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
            let why =
                why_volatile(&name, function, &self.unordered).filter(|_| self.volatile.is_none());
            if let Some(why) = why {
                self.volatile = Some(Volatile {
                    line: line_of(&function.name),
                    function: name,
                    why,
                });
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
    fn answers_that_the_order_of_rows_decides_are_refused() {
        let select = |what: &str| error(&format!("select\n  {what} as x\nfrom silver.x"));
        insta::assert_snapshot!(select("array_agg(a)"), @r"
        queries/gold/x.sql:2: `array_agg` would give another answer when rows come in another order
        hint: say which: `array_agg(… order by …)`
        ");
        insta::assert_snapshot!(select("row_number() over (partition by a)"), @r"
        queries/gold/x.sql:2: `row_number` would give another answer when rows come in another order
        hint: say which: `row_number(…) over (… order by …)`
        ");
        insta::assert_snapshot!(select("first_value(a) over ()"), @r"
        queries/gold/x.sql:2: `first_value` would give another answer when rows come in another order
        hint: say which: `first_value(…) over (… order by …)`
        ");
        let named = "select row_number() over w from silver.x window w as (partition by a)";
        assert!(error(named).contains("say which"));
        let framed = "sum(a) over (rows between unbounded preceding and current row)";
        assert!(select(framed).contains("say which"));
        insta::assert_snapshot!(select("approx_median(a)"), @r"
        queries/gold/x.sql:2: `approx_median` would give another answer when rows come in another order
        hint: `percentile_cont(0.5) within group (order by …)` is exact; `ddsketch_quantile(ddsketch_agg(…), 0.5)` estimates the same value in any order
        ");
        for fine in [
            "array_agg(a order by b)",
            "string_agg(a, ', ' order by b)",
            "row_number() over (partition by a order by b)",
            "last_value(a) over w",
            "percentile_cont(0.5) within group (order by a)",
            "count(*) over (partition by a)",
        ] {
            let text = format!("select {fine} as x from silver.x window w as (order by a)");
            let statement = Statement::parse(Path::new("x.sql"), &text).unwrap();
            statement.refuse_volatile(Path::new("x.sql")).unwrap();
        }
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
