//! Named places where a test can stop the process or make a step fail.
//!
//! They are compiled into every build, so that crash tests run the very
//! binary that ships; one that is not armed costs an atomic load. Arm one with
//! `CINELAKE_FAILPOINT=<name>[@<hit>]=<abort|error>`, read by `config`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// The armed failpoint.
#[derive(Debug)]
pub struct Failpoints {
    name: String,
    hit: u64,
    action: Action,
    hits: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Abort,
    Fail,
}

static ARMED: OnceLock<Failpoints> = OnceLock::new();

impl Failpoints {
    /// Arms what `text` says, for the rest of the process.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn arm(text: &str) -> Result<()> {
        let wrong = || {
            Error::usage(format!("`{text}` arms no failpoint"))
                .hint("write `name=abort`, or `name@3=error` for the third hit")
        };
        let (place, action) = text.split_once('=').ok_or_else(wrong)?;
        let (name, hit) = place.split_once('@').unwrap_or((place, "1"));
        let action = match action {
            "abort" => Action::Abort,
            "error" => Action::Fail,
            _ => return Err(wrong()),
        };
        let armed = Self {
            name: name.to_owned(),
            hit: hit.parse().map_err(|_| wrong())?,
            action,
            hits: AtomicU64::new(0),
        };
        ARMED.set(armed).map_err(|_| wrong())
    }
}

/// Passes the place called `name`.
///
/// # Errors
/// When a test armed it to fail.
pub fn failpoint(name: &str) -> Result<()> {
    let Some(armed) = ARMED.get().filter(|armed| armed.name == name) else {
        return Ok(());
    };
    if armed.hits.fetch_add(1, Ordering::Relaxed) + 1 != armed.hit {
        return Ok(());
    }
    match armed.action {
        Action::Abort => std::process::abort(),
        Action::Fail => Err(Error::io(format!("failpoint `{name}` fired"))),
    }
}
