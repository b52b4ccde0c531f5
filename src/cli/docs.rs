//! `cinelake docs`: the data dictionary as Markdown and as one HTML page.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::at::At;
use super::report::counted;
use super::{Context, Status};
use crate::clock::SystemClock;
use crate::config::{Config, LakeLocation};
use crate::docs::{Dictionary, html, markdown};
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::refresh::{Access, Workspace};

/// Write the data dictionary: tables, columns, checks and lineage
#[derive(Debug, clap::Args)]
pub(super) struct Docs {
    /// The folder that gets `index.html` and `dictionary.md`
    #[arg(short, long, value_name = "DIR", default_value = "docs")]
    output: PathBuf,
    /// Write one of the two only
    #[arg(short, long, value_enum)]
    format: Option<Page>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Page {
    /// One page with search, `index.html`
    Html,
    /// `dictionary.md`
    Markdown,
}

impl Docs {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let (workspace, snapshot) = open(context.config()?, &self.at).await?;
        let dictionary = Dictionary::gather(&workspace, snapshot.as_ref()).await?;
        fs::create_dir_all(&self.output).map_err(|e| {
            Error::io("could not make the folder")
                .file(&self.output)
                .because(e)
        })?;
        let wanted = |page| self.format.is_none_or(|only| only == page);
        if wanted(Page::Html) {
            self.write(context, "index.html", &html(&dictionary))?;
        }
        if wanted(Page::Markdown) {
            self.write(context, "dictionary.md", &markdown(&dictionary))?;
        }
        context.console.say(&format!(
            "{}, {} and {} described",
            counted(dictionary.tables.len() as u64, "table"),
            counted(dictionary.reports.len() as u64, "report"),
            counted(dictionary.checks.len() as u64, "check"),
        ));
        Ok(Status::Fine)
    }

    fn write(&self, context: &Context, name: &str, page: &str) -> Result<()> {
        let path = self.output.join(name);
        fs::write(&path, page).map_err(|e| Error::io("could not write").file(&path).because(e))?;
        context.console.say(&format!("wrote {}", path.display()));
        Ok(())
    }
}

/// The project and, where one is published, its newest snapshot or the one
/// asked for.
pub(super) async fn open(mut config: Config, at: &At) -> Result<(Workspace, Option<Snapshot>)> {
    let missing =
        at.snapshot.is_none() && matches!(&config.lake, LakeLocation::Dir(dir) if !dir.is_dir());
    if missing {
        // A project can be described before it has a lake: nothing is read
        // from the folder that stands in for it.
        config.lake = LakeLocation::Dir(config.project.clone());
    }
    let workspace = Workspace::open(config, Access::Read, Arc::new(SystemClock))?;
    let snapshot = match (missing, &at.snapshot) {
        (true, _) => None,
        (false, None) => workspace.lake().latest().await?,
        (false, Some(at)) => Some(workspace.lake().snapshot_of(at).await?),
    };
    Ok((workspace, snapshot))
}
