//! The texts below `queries/`: from a project folder or from the binary.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The warehouse that the binary carries: paths below `queries/` and texts.
const WAREHOUSE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/warehouse.rs"));

/// One file below `queries/`.
#[derive(Debug, Clone)]
pub struct QueryFile {
    /// The first folder: `bronze`, `silver`, `gold`, `reports` or `checks`.
    pub folder: String,
    /// The file name without its extension.
    pub stem: String,
    /// As shown in messages, such as `queries/gold/dim_users.sql`.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
}

/// Every file below `queries/`, by path.
#[derive(Debug, Clone, Default)]
pub struct QueryFiles(pub Vec<QueryFile>);

impl QueryFiles {
    /// The warehouse that the binary carries.
    #[must_use]
    pub fn embedded() -> Self {
        Self::of(WAREHOUSE)
    }

    /// Files given as paths below `queries/` and texts.
    #[must_use]
    pub fn of(texts: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| query_file(Path::new(path), (*text).to_owned());
        Self(texts.iter().filter_map(file).collect())
    }

    /// Paths below `queries/` and texts of the embedded warehouse, for `init`.
    #[must_use]
    pub fn embedded_texts() -> &'static [(&'static str, &'static str)] {
        WAREHOUSE
    }

    /// Reads the `queries/` folder of the project at `project`.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, a folder is unknown, or a
    /// file lies where no table can be named after it.
    pub fn read(project: &Path) -> Result<Self> {
        let root = project.join("queries");
        if !root.is_dir() {
            return Err(Error::usage("this folder has no `queries/`")
                .file(&root)
                .hint(
                    "`cinelake init` writes a project that works; `--project DIR` names another",
                ));
        }
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let entry = entry.map_err(|e| Error::io("could not list").file(&root).because(e))?;
            let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
            if !entry.file_type().is_file() || is_hidden(below) {
                continue;
            }
            let extension = below.extension().and_then(|e| e.to_str()).unwrap_or("");
            let folder = below.iter().next().and_then(|f| f.to_str()).unwrap_or("");
            check_place(below, folder, extension)?;
            if extension != extension_of(folder) {
                continue;
            }
            let text = fs::read_to_string(entry.path())
                .map_err(|e| Error::io("could not read").file(entry.path()).because(e))?;
            files.extend(query_file(below, text));
        }
        Ok(Self(files))
    }
}

const FOLDERS: [&str; 5] = ["bronze", "silver", "gold", "reports", "checks"];

fn extension_of(folder: &str) -> &'static str {
    if folder == "bronze" { "toml" } else { "sql" }
}

fn is_hidden(path: &Path) -> bool {
    path.iter()
        .any(|part| part.to_str().is_some_and(|p| p.starts_with('.')))
}

fn check_place(below: &Path, folder: &str, extension: &str) -> Result<()> {
    if !matches!(extension, "sql" | "toml") {
        return Ok(());
    }
    let shown = Path::new("queries").join(below);
    if !FOLDERS.contains(&folder) {
        return Err(Error::usage(format!("`queries/{folder}` names no layer"))
            .file(shown)
            .hint(
                crate::error::did_you_mean(folder, FOLDERS).unwrap_or_else(|| {
                    "files lie in `bronze`, `silver`, `gold`, `reports` or `checks`".to_owned()
                }),
            ));
    }
    if extension != extension_of(folder) {
        return Err(Error::usage(format!(
            "`.{extension}` files do not belong in `queries/{folder}`"
        ))
        .file(shown)
        .hint("sources are `queries/bronze/*.toml`, everything else is `.sql`"));
    }
    Ok(())
}

fn query_file(below: &Path, text: String) -> Option<QueryFile> {
    Some(QueryFile {
        folder: below.iter().next()?.to_str()?.to_owned(),
        stem: below.file_stem()?.to_str()?.to_owned(),
        path: Path::new("queries").join(below),
        text,
    })
}
