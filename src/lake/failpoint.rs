//! Named places where a test can stop the process or make a step fail.
//!
//! They are compiled into every build, so that crash tests run the very
//! binary that ships; where none is armed, one costs an atomic load. Armed
//! with `CINELAKE_FAILPOINT`, read by `config`:
//!
//! - `<name>[@<hit>]=<abort|error>` acts at the hit of that name,
//! - `any@<hit>=<abort|error>` at the hit of whatever name,
//! - `trace` acts nowhere, and lists every hit when the command ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};

/// What a test asked for.
#[derive(Debug)]
pub struct Failpoints {
    armed: Option<Armed>,
    passed: Mutex<Passed>,
}

#[derive(Debug)]
struct Armed {
    name: String,
    hit: u64,
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Abort,
    Fail,
}

/// The places passed so far.
#[derive(Debug, Default)]
struct Passed {
    hits: BTreeMap<String, u64>,
    all: Vec<String>,
}

static ASKED: OnceLock<Failpoints> = OnceLock::new();

impl Failpoints {
    /// Arms what `text` says, for the rest of the process.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn arm(text: &str) -> Result<()> {
        let wrong = || {
            Error::usage(format!("`{text}` arms no failpoint"))
                .hint("write `name=abort`, `name@3=error` for the third hit, or `trace`")
        };
        let asked = Self {
            armed: match text {
                "trace" => None,
                _ => Some(Armed::parse(text).ok_or_else(wrong)?),
            },
            passed: Mutex::default(),
        };
        ASKED.set(asked).map_err(|_| wrong())
    }

    /// Every hit so far as `name@hit`, in order, where a trace was asked for.
    #[must_use]
    pub fn traced() -> Vec<String> {
        match ASKED.get() {
            Some(asked) if asked.armed.is_none() => asked.lock().all.clone(),
            _ => Vec::new(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn parse(text: &str) -> Option<Self> {
        let (place, action) = text.split_once('=')?;
        let (name, hit) = place.split_once('@').unwrap_or((place, "1"));
        Some(Self {
            name: name.to_owned(),
            hit: hit.parse().ok()?,
            action: match action {
                "abort" => Action::Abort,
                "error" => Action::Fail,
                _ => return None,
            },
        })
    }
}

/// Passes the place called `name`.
///
/// # Errors
/// When a test armed it to fail.
pub fn failpoint(name: &str) -> Result<()> {
    let Some(asked) = ASKED.get() else {
        return Ok(());
    };
    let (hit, any) = {
        let mut passed = asked.lock();
        let hits = passed.hits.entry(name.to_owned()).or_default();
        *hits += 1;
        let hit = *hits;
        passed.all.push(format!("{name}@{hit}"));
        (hit, passed.all.len() as u64)
    };
    match &asked.armed {
        Some(armed) if armed.name == name && armed.hit == hit => armed.act(name),
        Some(armed) if armed.name == "any" && armed.hit == any => armed.act(name),
        _ => Ok(()),
    }
}

impl Armed {
    fn act(&self, name: &str) -> Result<()> {
        match self.action {
            Action::Abort => std::process::abort(),
            Action::Fail => Err(Error::io(format!("failpoint `{name}` fired"))),
        }
    }
}
