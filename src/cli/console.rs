//! Where words go: results to stdout, messages and errors to stderr.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;

use crate::error::{Error, Kind, Result};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Writes what the user sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    format: LogFormat,
    quiet: bool,
    verbose: bool,
}

impl Console {
    pub(super) fn new(format: LogFormat, quiet: bool, verbose: bool) -> Self {
        Self {
            format,
            quiet,
            verbose,
        }
    }

    /// Writes what the program logs of its own working to stderr.
    pub(super) fn trace(&self, level: Option<&str>) {
        let Some(level) = level.and_then(|l| l.parse::<tracing::Level>().ok()) else {
            return;
        };
        let logs = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(std::io::stderr);
        match self.format {
            LogFormat::Text => logs.init(),
            LogFormat::Json => logs.json().init(),
        }
    }

    /// Whether progress bars may be drawn.
    pub(super) fn draws(&self) -> bool {
        !self.quiet && self.format == LogFormat::Text && std::io::stderr().is_terminal()
    }

    /// Whether details are wanted.
    pub(super) fn verbose(&self) -> bool {
        self.verbose
    }

    /// Writes a result to stdout.
    pub(super) fn result(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// Says something that is not the result.
    pub(super) fn say(&self, text: &str) {
        self.line("info", text);
    }

    /// Says why a run is red, also when only errors are wanted.
    pub(super) fn red(&self, text: &str) {
        self.put("error", text);
    }

    /// Says something only when details are wanted.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose {
            self.line("debug", text);
        }
    }

    /// Says something the user should look at.
    pub(super) fn warn(&self, text: &str) {
        match self.format {
            LogFormat::Text => self.line("warning", &format!("warning: {text}")),
            LogFormat::Json => self.line("warning", text),
        }
    }

    fn line(&self, level: &str, text: &str) {
        if !self.quiet {
            self.put(level, text);
        }
    }

    fn put(&self, level: &str, text: &str) {
        match self.format {
            LogFormat::Text => to_stderr(text),
            LogFormat::Json => {
                to_stderr(&serde_json::json!({"level": level, "message": text}).to_string());
            }
        }
    }

    /// Reports an error in the one voice.
    pub(super) fn error(&self, error: &Error) {
        match self.format {
            LogFormat::Text => {
                to_stderr(&format!("error: {error}"));
                if let Some(hint) = error.hint_text() {
                    to_stderr(&format!("hint: {hint}"));
                }
            }
            LogFormat::Json => {
                let kind = match error.kind() {
                    Kind::Data => "data",
                    Kind::Usage => "usage",
                    Kind::Io => "io",
                    Kind::Busy => "busy",
                };
                let object = serde_json::json!({
                    "level": "error",
                    "kind": kind,
                    "message": error.to_string(),
                    "place": error.place(),
                    "hint": error.hint_text(),
                });
                to_stderr(&object.to_string());
            }
        }
    }
}

fn to_stderr(text: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A reader that stops listening (`| head`) is no error.
pub(super) fn written(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("could not write the result").because(e))
        }
        _ => Ok(()),
    }
}
