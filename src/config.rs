//! `cinelake.toml`, the environment and the command line, settled into one
//! [`Config`]. Everything after sees only the settled form.
//!
//! The command line wins over the environment, the environment over the file,
//! the file over the defaults. The only reader of environment variables.

mod maintain;

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use serde::Deserialize;
use url::Url;

use crate::calendar::parse_zone;
use crate::error::{Error, Result, did_you_mean};
use crate::memory;

pub use maintain::MaintainSettings;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "cinelake.toml";

/// Where things are and what a run may use.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder with `queries/`.
    pub project: PathBuf,
    /// Where the lake is.
    pub lake: LakeLocation,
    /// The drop zone for files to land.
    pub landing: PathBuf,
    /// The zone in which days and months are counted.
    pub zone: Tz,
    /// What queries and builds may use.
    pub engine: EngineLimits,
    /// What `cinelake maintain` keeps.
    pub maintain: MaintainSettings,
}

/// Where a lake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeLocation {
    /// A folder on this machine.
    Dir(PathBuf),
    /// A prefix in an object store.
    Url {
        /// For example `s3://bucket/lake`.
        url: Url,
        /// The store's settings, from the environment (`AWS_…` and the like).
        options: Vec<(String, String)>,
    },
}

impl LakeLocation {
    /// Reads a folder or URL; a relative folder is below `base`.
    ///
    /// # Errors
    /// When a URL names a store that is not known.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        let Some((scheme, _)) = text.split_once("://") else {
            return Ok(Self::Dir(base.join(text)));
        };
        let url =
            Url::parse(text).map_err(|e| Error::usage(format!("`{text}` is no URL")).because(e))?;
        match scheme {
            "file" => url.to_file_path().map(Self::Dir).map_err(|()| {
                Error::usage(format!("`{text}` names no folder")).hint("write `file:///path`")
            }),
            "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss" | "azure" => Ok(Self::Url {
                url,
                options: store_options(),
            }),
            _ => Err(
                Error::usage(format!("`{scheme}://` names no store that cinelake knows"))
                    .hint("a lake is a folder, `s3://`, `gs://`, `az://` or `abfss://`"),
            ),
        }
    }
}

impl std::fmt::Display for LakeLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dir(dir) => write!(f, "{}", dir.display()),
            Self::Url { url, .. } => write!(f, "{url}"),
        }
    }
}

/// What queries and builds may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// Bytes of memory; work beyond spills to disk.
    pub memory: u64,
    /// Threads.
    pub threads: usize,
    /// Tables of so many rows or more are built row by row where the plan
    /// proves that it can be done; smaller ones are as fast without. 0: also
    /// where it saves nothing.
    pub by_rows_from: u64,
}

/// What the command line said; nothing means look further.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--project`
    pub project: Option<PathBuf>,
    /// `--lake`
    pub lake: Option<String>,
    /// `--landing`
    pub landing: Option<PathBuf>,
    /// `--memory`
    pub memory: Option<String>,
    /// `--threads`
    pub threads: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lake: Option<String>,
    landing: Option<String>,
    zone: Option<String>,
    #[serde(default)]
    engine: EngineFile,
    #[serde(default)]
    maintain: maintain::MaintainFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EngineFile {
    memory: Option<String>,
    threads: Option<usize>,
    by_rows_from: Option<u64>,
}

/// Rows from which on a table is built row by row.
const BY_ROWS_FROM: u64 = 10_000;

impl Config {
    /// Settles file, environment and command line.
    ///
    /// # Errors
    /// When the file does not parse (with its line) or a value makes no sense.
    pub fn load(overrides: &Overrides) -> Result<Self> {
        let here = || PathBuf::from(".");
        let project = overrides.project.clone().unwrap_or_else(here);
        let path = project.join(PROJECT_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io("could not read").file(&path).because(e)),
        };
        let file = parse_file(&text).map_err(|e| e.file(&path))?;
        let maintain = file.maintain.settle(&text).map_err(|e| e.file(&path))?;
        let lake = match overrides.lake.clone().or_else(|| variable("CINELAKE_LAKE")) {
            Some(text) => LakeLocation::parse(&text, Path::new(""))?,
            None => LakeLocation::parse(file.lake.as_deref().unwrap_or("lake"), &project)?,
        };
        let landing = overrides.landing.clone();
        let landing = landing.or_else(|| variable("CINELAKE_LANDING").map(PathBuf::from));
        let landing = match (landing, &file.landing, &lake) {
            (Some(dir), _, _) => {
                if !dir.is_dir() {
                    return Err(Error::usage("the landing folder does not exist").file(dir));
                }
                dir
            }
            (None, Some(dir), _) => project.join(dir),
            (None, None, LakeLocation::Dir(lake)) => lake.join("landing"),
            (None, None, LakeLocation::Url { .. }) => project.join("landing"),
        };
        let zone = match &file.zone {
            Some(name) => parse_zone(name).map_err(|e| e.file(&path))?,
            None => Tz::UTC,
        };
        let memory = overrides
            .memory
            .clone()
            .or_else(|| variable("CINELAKE_MEMORY"));
        let memory = match memory.or(file.engine.memory) {
            Some(text) => parse_bytes(&text)?,
            None => default_memory(),
        };
        let threads = overrides
            .threads
            .or_else(|| variable("CINELAKE_THREADS").and_then(|t| t.parse().ok()))
            .or(file.engine.threads)
            .unwrap_or_else(default_threads);
        let by_rows_from = variable("CINELAKE_BY_ROWS_FROM")
            .and_then(|rows| rows.parse().ok())
            .or(file.engine.by_rows_from)
            .unwrap_or(BY_ROWS_FROM);
        if threads == 0 {
            return Err(Error::usage("`threads` is at least 1"));
        }
        Ok(Self {
            project,
            lake,
            landing,
            zone,
            engine: EngineLimits {
                memory,
                threads,
                by_rows_from,
            },
            maintain,
        })
    }

    /// Refuses a folder that is no project.
    ///
    /// # Errors
    /// When it has neither `cinelake.toml` nor `queries/`.
    pub fn require_project(&self) -> Result<()> {
        let is_project =
            self.project.join(PROJECT_FILE).is_file() || self.project.join("queries").is_dir();
        if is_project {
            return Ok(());
        }
        Err(Error::usage("this folder is no cinelake project")
            .file(&self.project)
            .hint("`cinelake init` writes one here; `--project DIR` names another"))
    }
}

/// The failpoint that a test asks for.
#[must_use]
pub fn armed_failpoint() -> Option<String> {
    variable("CINELAKE_FAILPOINT")
}

/// The fault of the disk that a test asks for.
#[must_use]
pub fn armed_fault() -> Option<String> {
    variable("CINELAKE_FAULT")
}

/// Options of the query engine that a test sets, by their names:
/// `datafusion.execution.batch_size=100;cinelake.own_rules=false`.
#[must_use]
pub fn engine_options() -> Vec<(String, String)> {
    let text = variable("CINELAKE_ENGINE_OPTIONS").unwrap_or_default();
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// This machine's name, where it can be told.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| variable("HOSTNAME"))?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// How much of its own working the program is to log: `CINELAKE_LOG=debug`.
#[must_use]
pub fn log_level() -> Option<String> {
    variable("CINELAKE_LOG")
}

fn parse_file(text: &str) -> Result<File> {
    toml::from_str(text).map_err(|e| crate::config::toml_error(&e, text))
}

/// Words a TOML error as ours, with its line.
pub(crate) fn toml_error(error: &toml::de::Error, text: &str) -> Error {
    let line = error.span().map_or(0, |span| line_at(text, span.start));
    let message = error.message();
    let Some(key) = unknown_field(message) else {
        let first = message.lines().next().unwrap_or(message);
        return Error::usage(first.to_owned()).line(line);
    };
    let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    let hint = did_you_mean(key, known.iter().copied())
        .unwrap_or_else(|| format!("keys are {}", known.join(", ")));
    Error::usage(format!("unknown key `{key}`"))
        .line(line)
        .hint(hint)
}

/// The line, counted from 1, of the byte `at`.
fn line_at(text: &str, at: usize) -> u64 {
    text[..at.min(text.len())].matches('\n').count() as u64 + 1
}

/// The key that serde does not know, from its message.
pub(crate) fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// Bytes of `512MiB`, `4GiB`, `2GB` or a plain number.
///
/// # Errors
/// When the text is no size, or less than 64 MiB, below which nothing runs.
pub fn parse_bytes(text: &str) -> Result<u64> {
    let text = text.trim();
    let Some(bytes) = size(text) else {
        return Err(Error::usage(format!("`{text}` is no amount of memory"))
            .hint("write for example `512MiB` or `4GiB`"));
    };
    if bytes < 64 << 20 {
        return Err(
            Error::usage(format!("`{text}` is too little memory")).hint("give at least 64MiB")
        );
    }
    Ok(bytes)
}

/// Bytes of `512MiB`, `4GiB`, `2GB` or a plain number.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size"
    )]
    let bytes = number.parse::<f64>().ok().map(|n| (n * factor) as u64);
    bytes
}

/// Half of what the machine or its container has.
fn default_memory() -> u64 {
    (memory::of_machine().unwrap_or(4 << 30) / 2).max(256 << 20)
}

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn store_options() -> Vec<(String, String)> {
    let known = |key: &str| {
        ["AWS_", "GOOGLE_", "AZURE_"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    };
    #[allow(
        clippy::disallowed_methods,
        reason = "the one reader of the environment"
    )]
    let variables = std::env::vars();
    variables
        .filter(|(key, _)| known(key))
        .map(|(key, value)| (key.to_lowercase(), value))
        .collect()
}

/// Where the shell keeps what was typed: with the user's other state, as the
/// XDG base directory specification has it.
#[must_use]
pub fn history_file() -> Option<PathBuf> {
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.filter(|path| path.is_absolute()).or_else(|| {
        let home = variable("HOME").map(PathBuf::from)?;
        Some(home.join(".local/state"))
    });
    Some(state?.join("cinelake").join("history"))
}

fn variable(name: &str) -> Option<String> {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one reader of the environment"
    )]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(parse_bytes("1GiB").unwrap(), 1 << 30);
        assert_eq!(parse_bytes("1.5 GB").unwrap(), 1_500_000_000);
        assert!(parse_bytes("lots").is_err());
        assert!(parse_bytes("1MiB").is_err());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = parse_file("lake = \"x\"\nlandign = \"y\"\n").unwrap_err();
        assert_eq!(error.message(), "unknown key `landign`");
        assert_eq!(error.hint_text(), Some("did you mean `landing`?"));
    }

    #[test]
    fn a_lake_is_a_folder_or_a_known_store() {
        let base = Path::new("/project");
        let folder = LakeLocation::parse("lake", base).unwrap();
        assert_eq!(folder, LakeLocation::Dir(PathBuf::from("/project/lake")));
        assert!(matches!(
            LakeLocation::parse("s3://b/l", base),
            Ok(LakeLocation::Url { .. })
        ));
        assert!(LakeLocation::parse("ftp://b/l", base).is_err());
    }
}
