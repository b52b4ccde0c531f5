//! `cinelake refresh`: the main job.

use super::progress::Progress;
use super::report::{counted, say_failed, say_not_landed, say_restated};
use super::{Context, Status};
use crate::error::Result;
use crate::lake::BranchName;
use crate::refresh::{Access, Outcome, RefreshOptions};

/// Land, build what changed, check, publish
#[derive(Debug, clap::Args)]
pub(super) struct Refresh {
    /// Build every model, changed or not
    #[arg(long)]
    full: bool,
    /// Build only these models and what they read, such as `gold.*`
    #[arg(long, value_name = "MODEL")]
    select: Vec<String>,
    /// The date that stands for today; the latest event where left out
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Make the result visible on this branch only, which begins at main's newest snapshot
    #[arg(long, value_name = "BRANCH")]
    branch: Option<BranchName>,
}

impl Refresh {
    pub(super) fn options(self) -> RefreshOptions {
        RefreshOptions {
            full: self.full,
            select: self.select,
            as_of: self.as_of,
            branch: self.branch,
        }
    }

    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Write)?;
        let progress = Progress::new(context.console);
        let outcome = workspace.refresh(&self.options(), &progress).await?;
        conclude(context, &outcome)
    }
}

/// Says how a run ended.
pub(super) fn conclude(context: &Context, outcome: &Outcome) -> Result<Status> {
    let console = &context.console;
    say_not_landed(console, &outcome.landing);
    say_failed(console, &outcome.checks)?;
    for table in &outcome.dropped {
        console.say(&format!("{table} is gone: its file was removed"));
    }
    let rejected: u64 = outcome.landed.iter().map(|f| f.rows_rejected).sum();
    if rejected > 0 {
        let command = match (&outcome.snapshot, &outcome.branch) {
            (None, _) => "land --dry-run".to_owned(),
            (Some(_), None) => "rejects".to_owned(),
            (Some(_), Some(branch)) => format!("rejects --at {branch}"),
        };
        let rows = counted(rejected, "rejected row");
        console.say(&format!("{rows}: `cinelake {command}` shows them"));
    }
    if outcome.is_red() {
        let kept = match (&outcome.before, &outcome.branch) {
            (_, Some(branch)) => format!("branch `{branch}` is as it was"),
            (Some(before), None) => format!("snapshot {} stays visible", before.id),
            (None, None) => "nothing is visible yet".to_owned(),
        };
        console.red(&format!(
            "red: a check failed, nothing is published; {kept}"
        ));
        return Ok(Status::Red);
    }
    match (&outcome.snapshot, &outcome.before) {
        (Some(snapshot), _) => {
            let changed = snapshot
                .tables
                .values()
                .filter(|t| t.changed_in == snapshot.id)
                .count();
            let checks = match outcome.checks.len() as u64 {
                0 => String::new(),
                n => format!(", {} made", counted(n, "check")),
            };
            let verb = match &outcome.branch {
                None => "published",
                Some(_) => "made",
            };
            console.say(&format!(
                "{verb} {}: {} changed{checks}",
                snapshot.label(),
                counted(changed as u64, "table")
            ));
            say_restated(console, &outcome.restatements, snapshot.id);
            if let Some(branch) = &outcome.branch {
                console.say(&format!(
                    "nothing is published: `cinelake diff {branch}` shows what differs, \
                     `cinelake publish {branch}` publishes it"
                ));
            }
        }
        (None, Some(before)) => {
            console.say(&format!("nothing new: {} is up to date", before.label()));
        }
        (None, None) => console.say("nothing to do"),
    }
    Ok(Status::Fine)
}
