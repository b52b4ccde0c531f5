//! The line that is edited: its history, its completion, where it ends.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Helper};

use super::completion::Vocabulary;
use super::words::Word;
use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::model::Statements;

/// Reads what the user types.
pub(super) struct Editor {
    lines: rustyline::Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

/// What was read.
pub(super) enum Read {
    /// Statements or a word.
    Text(String),
    /// Ctrl-C: what was typed does not count.
    Dropped,
    /// Ctrl-D: nothing comes any more.
    End,
}

impl Editor {
    /// An editor that remembers in the file `history`.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    pub(super) fn open(history: Option<PathBuf>, console: &Console) -> Result<Self> {
        let config = Config::builder()
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut lines = rustyline::Editor::with_config(config).map_err(failed)?;
        lines.set_helper(Some(Assistant::default()));
        if let Some(file) = history.as_deref().filter(|file| file.exists())
            && let Err(error) = lines.load_history(file)
        {
            let file = file.display();
            console.warn(&format!("the history in {file} is not read: {error}"));
        }
        Ok(Self { lines, history })
    }

    /// Completes with `vocabulary` from now on.
    pub(super) fn complete(&mut self, vocabulary: Vocabulary) {
        self.lines.set_helper(Some(Assistant {
            vocabulary: Some(vocabulary),
        }));
    }

    /// Reads until a statement or a word is whole.
    ///
    /// # Errors
    /// When the terminal fails.
    pub(super) fn read(&mut self) -> Result<Read> {
        let read = tokio::task::block_in_place(|| self.lines.readline("cinelake> "));
        match read {
            Ok(text) => {
                self.remember(text.trim_end());
                Ok(Read::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Read::Dropped),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(failed(error)),
        }
    }

    /// Keeps `text` in the history at once: a shell may end in any way. That it
    /// cannot be kept does not keep anybody from working.
    fn remember(&mut self, text: &str) {
        let new = self.lines.add_history_entry(text).unwrap_or(false);
        if let Some(file) = self.history.as_deref().filter(|_| new) {
            let folder = file.parent().map(std::fs::create_dir_all);
            if !matches!(folder, Some(Err(_))) {
                let _ = self.lines.append_history(file);
            }
        }
    }
}

fn failed(error: ReadlineError) -> Error {
    Error::io("could not read from the terminal").because(error)
}

#[derive(Default)]
struct Assistant {
    vocabulary: Option<Vocabulary>,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}
impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match is_whole(typed.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

/// Whether Enter ends `text` rather than its line.
fn is_whole(text: &str) -> bool {
    Word::is(text) || !Statements::of(text).open
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let found = self
            .vocabulary
            .as_ref()
            .map(|words| words.complete(line, at));
        Ok(found.unwrap_or((at, Vec::new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon_and_words_with_their_line() {
        for text in [
            "select 1;",
            "select ';';  ",
            "\\d",
            "quit",
            "",
            "  ",
            "-- nothing",
        ] {
            assert!(is_whole(text), "{text}");
        }
        for text in ["select 1", "select 'a;", "select 1; select", "/* ;"] {
            assert!(!is_whole(text), "{text}");
        }
    }
}
