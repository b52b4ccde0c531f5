//! `cinelake plan`: what a refresh would do, and why.

use super::progress::Progress;
use super::report::{counted, say_not_landed};
use super::{Context, Status, refresh};
use crate::error::Result;
use crate::refresh::{Access, FileAction, Planned};

/// Show what a refresh would do, and why
#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    #[command(flatten)]
    refresh: refresh::Refresh,
}

impl Plan {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Write)?;
        let progress = Progress::aside(context.console);
        let Planned {
            landing,
            steps,
            dropped,
        } = workspace.plan(&self.refresh.options(), &progress).await?;
        let mut text = String::new();
        for planned in landing.to_land() {
            let why = match planned.action {
                FileAction::Replace { .. } => "its content changed: replaces what was landed",
                FileAction::Again { .. } => "its contract changed: lands again",
                _ => "new",
            };
            text.push_str(&format!(
                "land  {} -> bronze.{}: {why}\n",
                planned.file.path, planned.file.source
            ));
        }
        for step in &steps {
            text.push_str(&format!("build {}: {step}\n", step.table));
        }
        for table in &dropped {
            text.push_str(&format!("drop  {table}: its file was removed\n"));
        }
        if text.is_empty() {
            text.push_str("nothing to do\n");
        }
        context.console.result(&text)?;
        say_not_landed(&context.console, &landing);
        context.console.say(&format!(
            "{} to land, {} to build of {}",
            counted(landing.to_land().count() as u64, "file"),
            counted(steps.len() as u64, "model"),
            workspace.project.models.len()
        ));
        Ok(Status::Fine)
    }
}
