//! What begins with a backslash.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::cli::Command;
use crate::cli::output::Format;
use crate::error::{Error, Result};
use crate::lake::SnapshotRef;

#[derive(Debug, Parser)]
#[command(
    name = "\\",
    no_binary_name = true,
    disable_help_flag = true,
    help_template = "{subcommands}",
    subcommand_help_heading = "Commands"
)]
struct Line {
    #[command(subcommand)]
    word: Word,
}

/// A setting of the shell, or a command.
#[derive(Debug, Subcommand)]
pub(super) enum Word {
    /// Leave the shell; so does Ctrl-D
    #[command(visible_alias = "q", alias = "exit")]
    Quit,
    /// Read a snapshot or a branch from now on; main's newest without one
    At {
        /// A number, `main` or a branch
        snapshot: Option<SnapshotRef>,
    },
    /// Show answers in this format from now on; as a table without one
    Format {
        /// The format
        #[arg(value_enum)]
        format: Option<Format>,
    },
    /// Write the next answer to a file
    Output {
        /// The file; its ending tells the format where none was set
        file: PathBuf,
    },
    /// Show so many rows of an answer, or `all`
    Rows {
        /// A number, or `all`
        rows: Most,
    },
    /// Tell planning, running and memory apart, `on` or `off`
    Timing {
        /// `on` or `off`
        #[arg(value_enum)]
        switch: Switch,
    },
    /// Set a parameter, `$name` in the SQL
    Param {
        /// The parameter and its value; without a value it is dropped
        #[arg(value_name = "NAME=VALUE")]
        given: String,
    },
    /// A command of cinelake.
    #[command(flatten)]
    Command(Command),
}

/// On or off.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Switch {
    /// From now on
    On,
    /// No more
    Off,
}

/// A number of rows, or all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most(pub(super) usize);

impl FromStr for Most {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "all" => Ok(Self(usize::MAX)),
            _ => text.parse().map(Self).map_err(|_| {
                Error::usage(format!("`{text}` is neither a number of rows nor `all`"))
            }),
        }
    }
}

impl Word {
    /// The word that `text` is, or why it is none; nothing where `text` is SQL.
    pub(super) fn parse(text: &str) -> Option<Result<Self, clap::Error>> {
        if !Self::is(text) {
            return None;
        }
        let text = text.trim().trim_end_matches(';').trim_end();
        let mut words = split(text.strip_prefix('\\').unwrap_or(text));
        match (words.first().map(String::as_str), words.len()) {
            // As other shells have it.
            (Some("?") | None, _) => words = vec!["help".to_owned()],
            (Some("d" | "dt"), 1) => words = vec!["ls".to_owned()],
            (Some("d"), _) => words[0] = "describe".to_owned(),
            (Some("i"), _) => words[0] = "sql".to_owned(),
            _ => {}
        }
        Some(Line::try_parse_from(words).map(|line| line.word))
    }

    /// Whether `text` is meant to be a word.
    pub(super) fn is(text: &str) -> bool {
        let text = text.trim().trim_end_matches(';').trim_end();
        text.starts_with('\\') || BARE.contains(&text)
    }

    /// Every word.
    pub(super) fn all() -> Vec<String> {
        let line = Line::command();
        let words = line
            .get_subcommands()
            .map(|word| word.get_name().to_owned());
        words.chain(["help".to_owned()]).collect()
    }
}

/// Words that need no backslash.
const BARE: [&str; 3] = ["exit", "quit", "help"];

/// The words of a line; those in quotes may hold blanks.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Word::parse(text).unwrap().unwrap_err().to_string()
    }

    #[test]
    fn sql_is_no_word() {
        assert!(Word::parse("select 1;").is_none());
        assert!(Word::parse("quitting").is_none());
    }

    #[test]
    fn words_are_settings_or_commands() {
        for text in ["\\q", "exit;", " quit ", "\\quit"] {
            assert!(matches!(Word::parse(text), Some(Ok(Word::Quit))), "{text}");
        }
        let Some(Ok(Word::Rows { rows })) = Word::parse("\\rows all") else {
            unreachable!("`\\rows all` is a word");
        };
        assert_eq!(rows.0, usize::MAX);
        for text in [
            "\\d",
            "\\d gold.x",
            "\\sql 'a report' --param n=5",
            "\\ls checks",
        ] {
            let word = Word::parse(text);
            assert!(matches!(word, Some(Ok(Word::Command(_)))), "{text}");
        }
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(
            split("why gold.x --where  \"plan = 'Basic plan'\" ''"),
            ["why", "gold.x", "--where", "plan = 'Basic plan'", ""]
        );
    }

    #[test]
    fn a_mistyped_word_is_told() {
        insta::assert_snapshot!(error("\\fromat csv"), @r"
        error: unrecognized subcommand 'fromat'

          tip: a similar subcommand exists: 'format'

        Usage: \ <COMMAND>

        For more information, try 'help'.
        ");
        insta::assert_snapshot!(error("\\rows many"), @"error: invalid value 'many' for '<ROWS>': `many` is neither a number of rows nor `all`");
        insta::assert_snapshot!(error("\\format cvs"), @r"
        error: invalid value 'cvs' for '[FORMAT]'
          [possible values: table, csv, tsv, json, ndjson, markdown, parquet, arrow]
        ");
    }
}
