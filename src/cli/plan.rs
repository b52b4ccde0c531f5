//! `cinelake plan`: what a refresh would do, and why.

use super::diff::Shown;
use super::progress::Progress;
use super::report::{counted, say_failed, say_not_landed};
use super::{Context, Status, refresh};
use crate::error::{Error, Result};
use crate::refresh::{Access, FileAction, Planned, RefreshOptions, Workspace};

/// Show what a refresh would do, and why
#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    #[command(flatten)]
    refresh: refresh::Refresh,
    /// Do all of it aside, and show which rows and metrics would change
    #[arg(long)]
    impact: bool,
    #[command(flatten)]
    shown: Shown,
}

impl Plan {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Write)?;
        if self.impact {
            return show_impact(context, &workspace, self.refresh.options(), &self.shown).await;
        }
        if !self.shown.is_default() {
            return Err(Error::usage(
                "`--table`, `--limit`, `--format` and `--output` go with `--impact`",
            )
            .hint("`cinelake plan --impact` shows which rows and metrics would change"));
        }
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

/// Shows what a refresh would change; red where it would publish nothing.
async fn show_impact(
    context: &Context,
    workspace: &Workspace,
    options: RefreshOptions,
    shown: &Shown,
) -> Result<Status> {
    let console = &context.console;
    let progress = Progress::new(*console);
    let (nothing, on) = match &options.branch {
        None => ("nothing is published", String::new()),
        Some(branch) => ("nothing is kept", format!(" --branch {branch}")),
    };
    let impact = workspace
        .impact(&options, &shown.options(), &progress)
        .await?;
    say_not_landed(console, &impact.outcome.landing);
    say_failed(console, &impact.outcome.checks)?;
    shown.show(console, &impact.difference)?;
    if impact.outcome.is_red() {
        console.red("red: a check failed, a refresh would publish nothing");
        return Ok(Status::Red);
    }
    console.say(&format!("{nothing}: `cinelake refresh{on}` does it"));
    Ok(Status::Fine)
}
