//! `cinelake sql` without a query, on a terminal: a shell.
//!
//! Statements end with a semicolon; what begins with a backslash is a
//! [`Word`]: a setting of the shell, or any command of cinelake. Each
//! statement reads what is published when it is asked, unless a snapshot was
//! chosen.

mod completion;
mod editor;
mod words;

use std::path::Path;

use super::ask::Question;
use super::at::At;
use super::output::{Format, OutputOptions};
use super::sql::{refuse_lake, settle_params};
use super::{Context, Status};
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::model::{Report, Statements};
use crate::refresh::{Access, Workspace};
use completion::Vocabulary;
use editor::{Editor, Read};
use words::{Switch, Word};

/// The rows of an answer that are shown at first.
const ROWS: usize = 100;

/// A shell over one project.
pub(super) struct Shell<'a> {
    context: &'a Context,
    workspace: Workspace,
    /// The snapshot that was read last.
    seen: Option<u64>,
    at: At,
    output: OutputOptions,
    params: Vec<String>,
    rows: usize,
    timing: bool,
}

/// Whether the shell goes on.
enum Next {
    Ask,
    Leave,
}

impl<'a> Shell<'a> {
    /// A shell that begins with what the command line asked for.
    pub(super) fn new(
        context: &'a Context,
        at: At,
        output: OutputOptions,
        params: Vec<String>,
        timing: bool,
    ) -> Result<Self> {
        Ok(Self {
            workspace: context.published()?,
            context,
            seen: None,
            at,
            output,
            params,
            rows: ROWS,
            timing,
        })
    }

    /// Reads and answers until the user leaves.
    ///
    /// # Errors
    /// When nothing can be read from the lake at the start, or the terminal
    /// fails.
    pub(super) async fn run(mut self) -> Result<Status> {
        let mut editor = Editor::open(crate::config::history_file(), &self.context.console)?;
        let snapshot = self.workspace.snapshot(self.at.snapshot.as_ref()).await?;
        self.context.console.say(&format!(
            "cinelake {}, {}; `\\help` lists what begins with a backslash, `\\q` leaves",
            env!("CARGO_PKG_VERSION"),
            described(&snapshot),
        ));
        loop {
            if let Err(error) = self.look(&mut editor).await {
                self.context.console.error(&error);
            }
            let text = match editor.read()? {
                Read::Text(text) => text,
                Read::Dropped => continue,
                Read::End => return Ok(Status::Fine),
            };
            let done = tokio::select! {
                // Heard from the first row on.
                biased;
                _ = tokio::signal::ctrl_c() => Err(Error::io("interrupted")),
                done = self.obey(&text) => done,
            };
            match done {
                Ok(Next::Ask) => {}
                Ok(Next::Leave) => return Ok(Status::Fine),
                Err(error) => self.context.console.error(&in_words(error)),
            }
        }
    }

    /// Looks at what is published: says so when it is new, and lets the editor
    /// complete its names.
    async fn look(&mut self, editor: &mut Editor) -> Result<()> {
        let (session, snapshot) = self.workspace.session(self.at.snapshot.as_ref()).await?;
        if self.seen == Some(snapshot.id) {
            return Ok(());
        }
        if self.seen.is_some() {
            let now = described(&snapshot);
            self.context.console.say(&format!("reading {now}"));
        }
        self.seen = Some(snapshot.id);
        let project = self.context.workspace(Access::Read);
        let reports = project.map(|w| w.project.reports.into_keys().collect());
        editor.complete(Vocabulary::of(session, reports.unwrap_or_default()));
        Ok(())
    }

    async fn obey(&mut self, text: &str) -> Result<Next> {
        if let Some(word) = Word::parse(text) {
            return match word {
                Ok(word) => self.word(word).await,
                Err(told) => {
                    // Nothing is left to report to when this fails.
                    let _ = told.print();
                    Ok(Next::Ask)
                }
            };
        }
        let cut = Statements::of(text);
        for sql in cut
            .whole
            .iter()
            .copied()
            .chain(cut.open.then_some(cut.rest))
        {
            self.answer(sql).await?;
        }
        Ok(Next::Ask)
    }

    async fn answer(&mut self, sql: &str) -> Result<()> {
        let query = Report::parse("", Path::new(""), sql.trim())?;
        let params = settle_params(&query, &self.params)?;
        let for_people = matches!(self.output.format, None | Some(Format::Table));
        let whole = self.output.output.is_some() || !for_people;
        let question = Question {
            workspace: &self.workspace,
            at: self.at.snapshot.as_ref(),
            sql: &query.sql,
            params: &params,
            output: &self.output,
            runs: self.timing.then_some(1),
            most: if whole { usize::MAX } else { self.rows },
        };
        if question.answer(&self.context.console).await? {
            let more = "there are more: `\\rows all` shows them, `\\output FILE` keeps them";
            self.context.console.say(more);
        }
        // A second answer would take the place of the first.
        if let Some(file) = self.output.output.take() {
            let file = file.display();
            self.context.console.say(&format!("written to {file}"));
        }
        Ok(())
    }

    async fn word(&mut self, word: Word) -> Result<Next> {
        match word {
            Word::Quit => return Ok(Next::Leave),
            Word::At { snapshot } => {
                self.workspace.snapshot(snapshot.as_ref()).await?;
                self.at = At { snapshot };
            }
            Word::Format { format } => self.output.format = format,
            Word::Output { file } => {
                refuse_lake(&self.workspace, Some(&file))?;
                self.output.output = Some(file);
            }
            Word::Rows { rows } => self.rows = rows.0,
            Word::Timing { switch } => self.timing = matches!(switch, Switch::On),
            Word::Param { given } => self.param(&given)?,
            Word::Command(command) => {
                if command.is_shell() {
                    return Err(Error::usage("this is the shell already")
                        .hint("name a report or a file: `\\sql NAME`"));
                }
                // The commands of the shell are commands that may be a shell.
                Box::pin(command.run(self.context)).await?;
            }
        }
        Ok(Next::Ask)
    }

    /// Sets a parameter, or drops it where it has no value.
    fn param(&mut self, given: &str) -> Result<()> {
        let (name, value) = given.split_once('=').ok_or_else(|| {
            Error::usage(format!("`\\param {given}` has no value")).hint(format!(
                "write `\\param {given}=…`; `\\param {given}=` drops it"
            ))
        })?;
        self.params.retain(|p| p.split('=').next() != Some(name));
        if !value.is_empty() {
            self.params.push(given.to_owned());
        }
        Ok(())
    }
}

/// The error, whose hint names what is typed here.
fn in_words(error: Error) -> Error {
    match error
        .hint_text()
        .map(|hint| hint.replace("`--param ", "`\\param "))
    {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn described(snapshot: &Snapshot) -> String {
    let when = snapshot.published_at.format("%Y-%m-%d %H:%M UTC");
    format!("snapshot {} of {when}", snapshot.id)
}
