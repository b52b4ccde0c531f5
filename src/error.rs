//! The one error type: what failed, where, why, and a hint.
//!
//! Every error that reaches a user is worded once, here or where it is made:
//! lowercase, no final period, literals in backticks, then a hint. The
//! [`Kind`] says whose fault it was and becomes the exit code.

use std::fmt;
use std::path::{Path, PathBuf};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an error is. Decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The data or a check is wrong (exit code 1).
    Data,
    /// The command, the project or a query is wrong (exit code 2).
    Usage,
    /// Something could not be reached, read or written (exit code 3).
    Io,
    /// Another refresh holds the lake (exit code 75, `EX_TEMPFAIL`).
    Busy,
}

impl Kind {
    /// The process exit code of an error of this kind.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Usage => 2,
            Self::Io => 3,
            Self::Busy => 75,
        }
    }
}

/// What failed, where, and what to do about it.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    file: Option<PathBuf>,
    line: Option<u64>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            file: None,
            line: None,
            hint: None,
            source: None,
        }))
    }

    /// The data or a check is wrong.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Kind::Data, message)
    }

    /// The command, the project or a query is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Something could not be reached, read or written.
    pub fn io(message: impl Into<String>) -> Self {
        Self::new(Kind::Io, message)
    }

    /// Names the file the error is about.
    #[must_use]
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.0.file = Some(path.as_ref().to_path_buf());
        self
    }

    /// Names the line (counted from 1) in the file.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.0.line = (line > 0).then_some(line);
        self
    }

    /// Says what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says what the user can do, if there is something to say.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint.or(self.0.hint);
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What failed, without place, cause and hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the user can do.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where it failed: `file` or `file:line`.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let file = self.0.file.as_ref()?.display();
        Some(match self.0.line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_string(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.0.message)?;
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            write!(f, ": {source}")?;
            cause = source.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

/// The candidate most like `word`, as a hint: ``did you mean `x`?``.
///
/// Nothing when no candidate is close enough to be a plausible typo.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&word, &c.to_lowercase()), c))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| format!("did you mean `{c}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_place_message_and_cause() {
        let cause = std::io::Error::other("disk on fire");
        let error = Error::io("could not read the contract")
            .file("queries/bronze/users.toml")
            .line(3)
            .because(cause);
        assert_eq!(
            error.to_string(),
            "queries/bronze/users.toml:3: could not read the contract: disk on fire"
        );
    }

    #[test]
    fn a_typo_gets_a_suggestion_and_nonsense_does_not() {
        let keys = ["grain", "partition_by"];
        assert_eq!(
            did_you_mean("grian", keys).as_deref(),
            Some("did you mean `grain`?")
        );
        assert_eq!(did_you_mean("zzz", keys), None);
    }
}
