//! Finds the files of each source below the landing folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::contract::Contract;
use crate::error::{Error, Result};

/// A file that a contract claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The source whose contract claims it.
    pub source: String,
    /// Its path below the landing folder, with `/` between the parts.
    pub path: String,
    /// Where it is on this machine.
    pub full: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in microseconds since 1970; 0 where unknown.
    pub modified: i64,
}

/// What the landing folder holds.
#[derive(Debug, Default)]
pub struct Found {
    /// Files to land, by path.
    pub candidates: Vec<Candidate>,
    /// Files that no contract claims, with the reason.
    pub ignored: Vec<(String, String)>,
}

const FORMATS: [&str; 3] = ["csv", "tsv", "txt"];
const PACKED: [&str; 4] = ["gz", "gzip", "zst", "zstd"];
const UNFINISHED: [&str; 4] = ["part", "tmp", "partial", "crdownload"];

/// Lists the files below `landing` and the contracts that claim them.
///
/// Hidden files are left out, symbolic links are never followed.
///
/// # Errors
/// When a folder cannot be listed or two contracts claim one file.
pub fn find_deliveries(landing: &Path, contracts: &[Contract]) -> Result<Found> {
    let mut found = Found::default();
    if !landing.exists() {
        return Ok(found);
    }
    let hidden = |name: &std::ffi::OsStr| name.to_str().is_some_and(|n| n.starts_with('.'));
    let walk = walkdir::WalkDir::new(landing)
        .sort_by_file_name()
        .into_iter();
    for entry in walk.filter_entry(|e| e.depth() == 0 || !hidden(e.file_name())) {
        let entry = entry.map_err(|e| Error::io("could not list").file(landing).because(e))?;
        let below = entry.path().strip_prefix(landing).unwrap_or(entry.path());
        if entry.file_type().is_dir() {
            continue;
        }
        let path = below.to_string_lossy().replace('\\', "/");
        match claim(below, &entry, contracts)? {
            Ok(contract) => {
                let metadata = entry
                    .metadata()
                    .map_err(|e| Error::io("could not read").file(entry.path()).because(e))?;
                found.candidates.push(Candidate {
                    source: contract.name.clone(),
                    path,
                    full: entry.path().to_path_buf(),
                    size: metadata.len(),
                    modified: metadata.modified().map_or(0, micros),
                });
            }
            Err(reason) => found.ignored.push((path, reason)),
        }
    }
    Ok(found)
}

/// The contract that claims a file, or why none does.
fn claim<'a>(
    below: &Path,
    entry: &walkdir::DirEntry,
    contracts: &'a [Contract],
) -> Result<Result<&'a Contract, String>> {
    if !entry.file_type().is_file() {
        return Ok(Err("not a regular file; links are not followed".to_owned()));
    }
    if let Err(reason) = check_format(below) {
        return Ok(Err(reason));
    }
    let claims = |by_folder: bool| {
        contracts.iter().filter(move |c| {
            let mut patterns = c.files.iter().filter(|p| p.names_folder() == by_folder);
            patterns.any(|pattern| pattern.matches(below))
        })
    };
    // A pattern that names a folder is closer than one that names files only.
    let mut closest = claims(true).peekable();
    let mut others = claims(false);
    let claimed = if closest.peek().is_some() {
        (closest.next(), closest.next())
    } else {
        (others.next(), others.next())
    };
    match claimed {
        (Some(contract), None) => Ok(Ok(contract)),
        (None, _) => Ok(Err("no contract in `queries/bronze/` names it".to_owned())),
        (Some(one), Some(two)) => Err(Error::usage(format!(
            "two sources claim this file: `{}` and `{}`",
            one.name, two.name
        ))
        .file(entry.path())
        .hint(format!(
            "narrow `files` in {} or {}",
            one.path.display(),
            two.path.display()
        ))),
    }
}

fn check_format(path: &Path) -> Result<(), String> {
    let lower = |p: &Path| {
        p.extension()
            .and_then(|e| e.to_str())
            .map(str::to_lowercase)
    };
    let mut extension = lower(path);
    if extension.as_deref().is_some_and(|e| PACKED.contains(&e)) {
        extension = lower(Path::new(path.file_stem().unwrap_or_default()));
    }
    match extension.as_deref() {
        Some(e) if FORMATS.contains(&e) => Ok(()),
        Some(e) if UNFINISHED.contains(&e) => Err("still being written, by its name".to_owned()),
        _ => Err("not a `.csv`, `.tsv` or `.txt` file".to_owned()),
    }
}

fn micros(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|d| i64::try_from(d.as_micros()).ok())
        .unwrap_or(0)
}
