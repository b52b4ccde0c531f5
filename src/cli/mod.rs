//! The command line: the only module that prints.
//!
//! Results go to stdout, messages and progress to stderr. One file a command;
//! [`Command`] dispatches. Exit codes are those of [`Kind`](crate::error::Kind).

mod ask;
mod at;
mod branches;
mod check;
mod console;
mod demo;
mod describe;
mod diff;
mod docs;
mod doctor;
mod generate;
mod init;
mod land;
mod lineage;
mod ls;
mod maintain;
mod output;
mod plan;
mod progress;
mod publish;
mod refresh;
mod rejects;
mod report;
mod rollback;
mod shell;
mod snapshots;
mod sql;
mod verify;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};

use crate::clock::SystemClock;
use crate::config::{self, Config, Overrides};
use crate::error::{Error, Result};
use crate::lake::{Failpoints, Faults};
use crate::refresh::{Access, Workspace};
use console::{Console, LogFormat};

/// Raw exports of a streaming-media company in, numbers it can trust out.
#[derive(Debug, Parser)]
#[command(
    name = "cinelake",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The project's folder
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Where the lake is
    #[arg(long, global = true, value_name = "DIR|URL")]
    lake: Option<String>,
    /// The folder whose files land
    #[arg(long, global = true, value_name = "DIR")]
    landing: Option<PathBuf>,
    /// Memory for queries and builds, such as `4GiB`; work beyond spills to disk
    #[arg(long, global = true, value_name = "SIZE")]
    memory: Option<String>,
    /// Threads for queries and builds
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// How messages are written to stderr
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a project folder that works
    Init(init::Init),
    /// Generate data, refresh, print some reports: the main job on an empty machine
    Demo(demo::Demo),
    /// Write deterministic demo data of any size
    Generate(generate::Generate),
    /// Land new files only
    Land(land::Land),
    /// Show what a refresh would do, and why
    Plan(plan::Plan),
    /// Land, build what changed, check, publish
    Refresh(refresh::Refresh),
    /// Run a SQL file, a report or a text; without one, ask for queries
    Sql(sql::Sql),
    /// List tables, reports, sources or checks
    Ls(ls::Ls),
    /// Show a table's columns, checks and lineage
    Describe(describe::Describe),
    /// Show what a table is built from, and what is built from it
    Lineage(lineage::ShowLineage),
    /// Write the data dictionary: tables, columns, checks and lineage
    Docs(docs::Docs),
    /// Make all checks against the published tables, and plan every report
    Check(check::Check),
    /// Build tables again aside and compare them with what is published
    Verify(verify::Verify),
    /// Show rejected rows with file, line, column and reason
    Rejects(rejects::Rejects),
    /// Show what was published when
    Snapshots(snapshots::Snapshots),
    /// Show what changed between two snapshots, in rows and metrics
    Diff(diff::Diff),
    /// List the branches that `refresh --branch` made, or end one
    Branches(branches::Branches),
    /// Publish a branch's tables on main, and end the branch
    Publish(publish::Publish),
    /// Publish an older snapshot's tables again
    Rollback(rollback::Rollback),
    /// Check the project, the lake and the machine
    Doctor(doctor::Doctor),
    /// Show the files and lines behind numbers of a table
    Why(why::Why),
    /// Put small files together, drop old snapshots, remove files that nobody needs
    Maintain(maintain::Maintain),
    /// Write shell completions to stdout
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How a command that ran to its end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Everything is fine.
    Fine,
    /// The data or a check is wrong.
    Red,
}

/// What a command gets to work with.
struct Context {
    console: Console,
    overrides: Overrides,
}

impl Context {
    fn config(&self) -> Result<Config> {
        Config::load(&self.overrides)
    }

    fn workspace(&self, access: Access) -> Result<Workspace> {
        Workspace::open(self.config()?, access, Arc::new(SystemClock))
    }

    /// What is published, whatever `queries/` says.
    fn published(&self) -> Result<Workspace> {
        Workspace::published(self.config()?, Arc::new(SystemClock))
    }
}

/// Parses the command line, runs the command, gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // Nothing is left to report to when this fails.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let global = arguments.global;
    let console = Console::new(global.log_format, global.quiet, global.verbose);
    console.trace(config::log_level().as_deref());
    let context = Context {
        overrides: Overrides {
            project: global.project,
            lake: global.lake,
            landing: global.landing,
            memory: global.memory,
            threads: global.threads,
        },
        console,
    };
    match on_a_deep_stack(|| start(arguments.command, &context)) {
        Ok(Status::Fine) => ExitCode::SUCCESS,
        Ok(Status::Red) => ExitCode::from(1),
        Err(error) => {
            context.console.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Bytes of a thread's stack: a plan is as deep as a query is long, and the engine
/// goes down into it. What is not used takes no memory.
const STACK: usize = 256 << 20;

fn on_a_deep_stack(work: impl FnOnce() -> Result<Status> + Send) -> Result<Status> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            Err(e) => Err(Error::io("could not start a thread").because(e)),
        }
    })
}

fn start(command: Command, context: &Context) -> Result<Status> {
    if let Some(armed) = config::armed_failpoint() {
        Failpoints::arm(&armed)?;
    }
    if let Some(armed) = config::armed_fault() {
        Faults::arm(&armed)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .map_err(|e| Error::io("could not start").because(e))?;
    let result = runtime.block_on(async {
        if command.is_shell() {
            return command.run(context).await;
        }
        tokio::select! {
            // Heard from the start.
            biased;
            _ = tokio::signal::ctrl_c() => Err(Error::io("interrupted")
                .hint("the lake is as it was published last; run the command again")),
            result = command.run(context) => result,
        }
    });
    runtime.shutdown_background();
    // What a test armed, and what became of it.
    let hits = Failpoints::traced().into_iter();
    for line in hits
        .map(|hit| format!("failpoint {hit}"))
        .chain(Faults::report())
    {
        context.console.say(&line);
    }
    if result.is_ok() {
        Faults::end();
    }
    result
}

impl Command {
    /// Whether it asks for one query after the other, and takes an interrupt
    /// for the end of a query only.
    fn is_shell(&self) -> bool {
        matches!(self, Self::Sql(sql) if sql.is_shell())
    }

    async fn run(self, context: &Context) -> Result<Status> {
        match self {
            Self::Init(command) => command.run(context),
            Self::Demo(command) => command.run(context).await,
            Self::Generate(command) => command.run(context),
            Self::Land(command) => command.run(context).await,
            Self::Plan(command) => command.run(context).await,
            Self::Refresh(command) => command.run(context).await,
            Self::Sql(command) => command.run(context).await,
            Self::Ls(command) => command.run(context).await,
            Self::Describe(command) => command.run(context).await,
            Self::Lineage(command) => command.run(context).await,
            Self::Docs(command) => command.run(context).await,
            Self::Check(command) => command.run(context).await,
            Self::Verify(command) => command.run(context).await,
            Self::Rejects(command) => command.run(context).await,
            Self::Snapshots(command) => command.run(context).await,
            Self::Diff(command) => command.run(context).await,
            Self::Branches(command) => command.run(context).await,
            Self::Publish(command) => command.run(context).await,
            Self::Rollback(command) => command.run(context).await,
            Self::Doctor(command) => command.run(context).await,
            Self::Why(command) => command.run(context).await,
            Self::Maintain(command) => command.run(context).await,
            Self::Completions { shell } => {
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Arguments::command(), "cinelake", &mut text);
                context.console.result(&String::from_utf8_lossy(&text))?;
                Ok(Status::Fine)
            }
        }
    }
}
