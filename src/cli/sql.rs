//! `cinelake sql`: a file, a report, a text, stdin or what is typed, read-only.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use datafusion::common::ScalarValue;

use super::ask::Question;
use super::at::At;
use super::output::{self, Format, OutputOptions};
use super::shell::Shell;
use super::{Context, Status};
use crate::engine::parse_value;
use crate::error::{Error, Result, did_you_mean};
use crate::model::{Report, Statements};
use crate::refresh::{Access, Workspace};

/// Run a SQL file, a report or a text; without one, ask for queries
#[derive(Debug, clap::Args)]
pub(super) struct Sql {
    /// A SQL file, the name of a report, or `-` for stdin
    file: Option<String>,
    /// The SQL itself
    #[arg(short, long, value_name = "SQL", conflicts_with = "file")]
    command: Option<String>,
    /// A parameter, `$name` in the SQL
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    #[command(flatten)]
    at: At,
    /// Show the plan instead of the rows
    #[arg(long)]
    explain: bool,
    /// Say what planning and running took, and the most memory that was held
    #[arg(long, conflicts_with = "explain")]
    timing: bool,
    /// Run the query this often, each run timed, and show the rows of the last
    #[arg(
        long,
        value_name = "TIMES",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=1000),
        requires = "timing"
    )]
    repeat: u32,
    /// Of several statements, go on after one that fails; with `--format json` its
    /// line is `null`
    #[arg(long, conflicts_with = "timing")]
    keep_going: bool,
    #[command(flatten)]
    output: OutputOptions,
}

impl Sql {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        if self.is_shell() {
            let shell = Shell::new(context, self.at, self.output, self.params, self.timing);
            return shell?.run().await;
        }
        let workspace = match self.names_a_report() {
            true => context.workspace(Access::Read)?,
            false => context.published()?,
        };
        refuse_lake(&workspace, self.output.output.as_deref())?;
        let query = self.query(&workspace)?;
        let params = settle_params(&query, &self.params)?;
        let statements = statements(&query);
        if statements.len() > 1 && self.output.output.is_some() {
            return Err(
                Error::usage("several statements, and one file for their answers")
                    .hint("ask them one by one, each with its own `--output`"),
            );
        }
        let mut status = Status::Fine;
        for (at, statement) in statements.iter().enumerate() {
            let answered = self.answer(context, &workspace, statement, &params).await;
            let Err(error) = answered.map_err(|error| at_file(error, &query)) else {
                continue;
            };
            if !self.keep_going {
                return Err(error);
            }
            context.console.red(&format!("statement {}:", at + 1));
            context.console.error(&error);
            if self.output.format == Some(Format::Json) {
                output::nothing()?;
            }
            status = Status::Red;
        }
        Ok(status)
    }

    async fn answer(
        &self,
        context: &Context,
        workspace: &Workspace,
        statement: &str,
        params: &[(String, ScalarValue)],
    ) -> Result<()> {
        let sql = match self.explain {
            true => format!("explain {statement}"),
            false => statement.to_owned(),
        };
        let question = Question {
            workspace,
            at: self.at.snapshot.as_ref(),
            sql: &sql,
            params,
            output: &self.output,
            runs: self.timing.then_some(self.repeat),
            most: usize::MAX,
        };
        question.answer(&context.console).await.map(|_| ())
    }

    /// Whether it asks for queries one by one: none is given, and somebody is
    /// there to type them.
    pub(super) fn is_shell(&self) -> bool {
        let none = self.file.is_none() && self.command.is_none() && !self.explain;
        none && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    fn names_a_report(&self) -> bool {
        let file = self.file.as_deref();
        file.is_some_and(|file| file != "-" && !Path::new(file).is_file())
    }

    fn query(&self, workspace: &Workspace) -> Result<Report> {
        let inline = |text: &str| Report::parse("", Path::new(""), text);
        match (&self.command, self.file.as_deref()) {
            (Some(text), _) => inline(text),
            (None, Some("-")) => inline(&from_stdin()?),
            (None, Some(file)) => named(workspace, file),
            (None, None) if std::io::stdin().is_terminal() => Err(Error::usage("no SQL was given")
                .hint("name a file or a report, say `-c 'select …'`, or pipe SQL in")),
            (None, None) => inline(&from_stdin()?),
        }
    }
}

/// The statements of a text, each after as many lines as in the text.
fn statements(query: &Report) -> Vec<String> {
    let cut = Statements::of(&query.sql);
    let last = cut.open.then_some(cut.rest);
    let all: Vec<&str> = cut.whole.into_iter().chain(last).collect();
    if all.len() < 2 {
        return vec![query.sql.clone()];
    }
    let begins = |part: &str| part.as_ptr().addr() - query.sql.as_ptr().addr();
    let lines = |part: &str| query.sql[..begins(part)].matches('\n').count();
    let all = all.into_iter();
    all.map(|part| "\n".repeat(lines(part)) + part).collect()
}

fn named(workspace: &Workspace, file: &str) -> Result<Report> {
    let path = PathBuf::from(file);
    if path.is_file() {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Error::io("could not read").file(&path).because(e))?;
        return Report::parse(file, &path, &text);
    }
    let reports = &workspace.project.reports;
    if let Some(report) = reports.get(file) {
        return Ok(report.clone());
    }
    let hint = did_you_mean(file, reports.keys().map(String::as_str))
        .unwrap_or_else(|| "`cinelake ls reports` lists the reports".to_owned());
    Err(Error::usage(format!("`{file}` is neither a file nor a report")).hint(hint))
}

fn from_stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Error::io("could not read stdin").because(e))?;
    Ok(text)
}

/// Typed values for every declared or given parameter.
pub(super) fn settle_params(
    query: &Report,
    given: &[String],
) -> Result<Vec<(String, ScalarValue)>> {
    let declared = &query.header.params;
    let mut values: Vec<(String, ScalarValue)> = Vec::new();
    for text in given {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("`--param {text}` has no value"))
                .hint(format!("write `--param {text}=…`"))
        })?;
        if values.iter().any(|(given, _)| given == name) {
            return Err(Error::usage(format!("parameter `{name}` is given twice")));
        }
        let param = declared.iter().find(|p| p.name == name);
        if param.is_none() && !declared.is_empty() {
            let names: Vec<&str> = declared.iter().map(|p| p.name.as_str()).collect();
            return Err(Error::usage(format!("no parameter `{name}`")).hint(
                did_you_mean(name, names.iter().copied())
                    .unwrap_or_else(|| format!("parameters are {}", names.join(", "))),
            ));
        }
        if declared.is_empty() && !query.sql.contains(&format!("${name}")) {
            return Err(Error::usage(format!(
                "the query has no `${name}`, so `--param {name}` is for nothing"
            ))
            .hint(format!("write `${name}` where the value belongs")));
        }
        let kind = param.map(|p| p.sql_type.as_str());
        values.push((name.to_owned(), parse_value(name, kind, value)?));
    }
    for param in declared {
        if values.iter().any(|(name, _)| *name == param.name) {
            continue;
        }
        let Some(default) = &param.default else {
            return Err(
                Error::usage(format!("parameter `{}` has no value", param.name))
                    .hint(format!("give it: `--param {}=…`", param.name)),
            );
        };
        let value = parse_value(&param.name, Some(&param.sql_type), default)
            .map_err(|e| e.file(&query.path))?;
        values.push((param.name.clone(), value));
    }
    Ok(values)
}

fn at_file(error: Error, query: &Report) -> Error {
    if query.path.as_os_str().is_empty() || error.place().is_some() {
        return error;
    }
    error.file(&query.path)
}

/// The lake is changed by the refresh only.
pub(super) fn refuse_lake(workspace: &Workspace, output: Option<&Path>) -> Result<()> {
    let (Some(output), Some(lake)) = (output, workspace.lake().dir()) else {
        return Ok(());
    };
    let parent = output
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let inside = match (parent.canonicalize(), lake.canonicalize()) {
        (Ok(parent), Ok(lake)) => parent.starts_with(lake),
        _ => false,
    };
    if !inside {
        return Ok(());
    }
    Err(Error::usage("results do not go into the lake")
        .file(output)
        .hint("only a refresh writes there; make a table with a file in `queries/gold/`"))
}
