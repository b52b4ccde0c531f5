//! `cinelake sql`: a file, a report, a text or stdin, read-only.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;

use super::at::At;
use super::output::{OutputOptions, ResultWriter};
use super::report::{counted, thousands};
use super::{Context, Status};
use crate::engine::{Answer, Joins, Rows, Session, is_short_of_memory, parse_value};
use crate::error::{Error, Result, did_you_mean};
use crate::memory;
use crate::model::Report;
use crate::refresh::{Access, Workspace};

/// Run a SQL file, a report or a text
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
    #[command(flatten)]
    output: OutputOptions,
}

impl Sql {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = match self.names_a_report() {
            true => context.workspace(Access::Read)?,
            false => context.published()?,
        };
        refuse_lake(&workspace, self.output.output.as_deref())?;
        let query = self.query(&workspace)?;
        let params = settle_params(&query, &self.params)?;
        let (session, _) = workspace.session(self.at.snapshot.as_ref()).await?;
        let sql = match self.explain {
            true => format!("explain {}", query.sql),
            false => query.sql.clone(),
        };
        let run = self.answer(context, &session, &sql, &params).await;
        let run = match run {
            Err(Unanswered::NotYet(error)) if is_short_of_memory(&error) => {
                context.console.say(
                    "not enough memory; asking again, on one thread and by sorting, which needs less",
                );
                let at = self.at.snapshot.as_ref();
                let (session, _) = workspace.session_by(at, Joins::Spilling).await?;
                self.answer(context, &session, &sql, &params).await
            }
            other => other,
        };
        run.map_err(|unanswered| at_file(unanswered.why(), &query))?;
        Ok(Status::Fine)
    }

    async fn answer(
        &self,
        context: &Context,
        session: &Session,
        sql: &str,
        params: &[(String, ScalarValue)],
    ) -> Result<(), Unanswered> {
        if self.timing {
            return self.timed(context, session, sql, params).await;
        }
        let started = Instant::now();
        let begun = Begun::of(session, sql, params).await;
        let rows = begun.map_err(Unanswered::NotYet)?.show(&self.output).await;
        context.console.say(&format!(
            "{} in {:.3} s",
            counted(rows.map_err(Unanswered::InPart)?, "row"),
            started.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// Runs the query and holds its rows, so that what is timed is the query
    /// and not the terminal or the disk; then shows those of the last run.
    async fn timed(
        &self,
        context: &Context,
        session: &Session,
        sql: &str,
        params: &[(String, ScalarValue)],
    ) -> Result<(), Unanswered> {
        for left in (0..self.repeat).rev() {
            let started = Instant::now();
            let answer = session.query(sql, params).await;
            let planned = started.elapsed();
            let (schema, batches) = held(answer).await.map_err(Unanswered::NotYet)?;
            let ran = started.elapsed().saturating_sub(planned);
            let count = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            let peak = match memory::peak() {
                Some(bytes) => format!(", at most {} MB held", thousands(bytes / 1_000_000)),
                None => String::new(),
            };
            context.console.say(&format!(
                "{}: planned in {:.4} s, ran in {:.4} s{peak}",
                counted(count, "row"),
                planned.as_secs_f64(),
                ran.as_secs_f64()
            ));
            if left == 0 {
                self.show(&schema, &batches).map_err(Unanswered::InPart)?;
            }
        }
        Ok(())
    }

    fn show(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<u64> {
        let mut writer = ResultWriter::open(&self.output, schema)?;
        for batch in batches {
            writer.write(batch)?;
        }
        writer.finish()
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

/// A query that failed: before any row was shown, or after some were.
enum Unanswered {
    NotYet(Error),
    InPart(Error),
}

impl Unanswered {
    fn why(self) -> Error {
        match self {
            Self::NotYet(error) | Self::InPart(error) => error,
        }
    }
}

/// An answer of which the first rows are there.
struct Begun {
    first: Option<RecordBatch>,
    rows: Rows,
}

impl Begun {
    async fn of(session: &Session, sql: &str, params: &[(String, ScalarValue)]) -> Result<Self> {
        let mut rows = session.query(sql, params).await?.stream().await?;
        let first = rows.next().await?;
        Ok(Self { first, rows })
    }

    /// Writes all rows; gives their number.
    async fn show(self, output: &OutputOptions) -> Result<u64> {
        let Self { first, mut rows } = self;
        let mut writer = ResultWriter::open(output, &rows.schema())?;
        let mut next = first;
        while let Some(batch) = next {
            writer.write(&batch)?;
            next = rows.next().await?;
        }
        writer.finish()
    }
}

/// All rows of an answer, and their columns.
async fn held(answer: Result<Answer>) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut rows = answer?.stream().await?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await? {
        batches.push(batch);
    }
    Ok((rows.schema(), batches))
}

/// Runs one query and writes its rows; gives their number.
pub(super) async fn run_query(
    session: &Session,
    sql: &str,
    params: &[(String, ScalarValue)],
    output: &OutputOptions,
) -> Result<u64> {
    let begun = Begun::of(session, sql, params).await?;
    begun.show(output).await
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
fn refuse_lake(workspace: &Workspace, output: Option<&Path>) -> Result<()> {
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
