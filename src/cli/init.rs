//! `cinelake init`: a project folder that works.

use std::fs;
use std::path::{Path, PathBuf};

use super::report::counted;
use super::{Context, Status};
use crate::config::PROJECT_FILE;
use crate::error::{Error, Result};
use crate::model::QueryFiles;

/// Write a project folder that works
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// The folder; the current one where left out
    dir: Option<PathBuf>,
}

/// The project file that `init` writes.
const SETTINGS: &str = "\
# Where the lake is: a folder beside this file, or an object store's URL.
lake = \"lake\"

# Files that land. Sources find theirs by name, wherever they lie below.
landing = \"lake/landing\"

# Where days and months begin, and how times without a zone are read.
# zone = \"Europe/Bucharest\"

# What queries and builds may use; half of the memory and all cores by default.
# [engine]
# memory = \"4GiB\"
# threads = 4
# Tables of so many rows or more are built row by row where that is enough.
# by_rows_from = 10000

# What `cinelake maintain` keeps: so many of the newest snapshots, and all that
# are younger; files that nobody needs go this long after the last need of them.
# [maintain]
# keep_snapshots = 30
# keep_days = 30
# safe_hours = 24
# small_file = \"8MiB\"
";

impl Init {
    pub(super) fn run(self, context: &Context) -> Result<Status> {
        let dir = self.dir.or_else(|| context.overrides.project.clone());
        let dir = dir.unwrap_or_else(|| PathBuf::from("."));
        let files = write_project(&dir)?;
        context.console.say(&format!(
            "wrote {PROJECT_FILE} and {} to {}",
            counted(files, "query file"),
            dir.display()
        ));
        context
            .console
            .say("next: put CSV files into lake/landing, then `cinelake refresh`");
        Ok(Status::Fine)
    }
}

/// Writes the embedded warehouse to `dir`; gives the number of query files.
pub(super) fn write_project(dir: &Path) -> Result<u64> {
    for taken in [PROJECT_FILE, "queries"] {
        if dir.join(taken).exists() {
            return Err(
                Error::usage(format!("there is a project here already: `{taken}` exists"))
                    .file(dir)
                    .hint("choose an empty folder: `cinelake init DIR`"),
            );
        }
    }
    let texts = QueryFiles::embedded_texts();
    for (path, text) in texts {
        write(&dir.join("queries").join(path), text)?;
    }
    let landing = dir.join("lake/landing");
    fs::create_dir_all(&landing)
        .map_err(|e| Error::io("could not make").file(&landing).because(e))?;
    // Last: a folder with this file is a whole project.
    write(&dir.join(PROJECT_FILE), SETTINGS)?;
    Ok(texts.len() as u64)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let made = match path.parent() {
        Some(parent) => fs::create_dir_all(parent),
        None => Ok(()),
    };
    made.and_then(|()| fs::write(path, text))
        .map_err(|e| Error::io("could not write").file(path).because(e))
}
