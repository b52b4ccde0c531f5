//! `cinelake refresh`: the main job.

use super::progress::Progress;
use super::report::{counted, say_failed, say_not_landed};
use super::{Context, Status};
use crate::error::Result;
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
}

impl Refresh {
    pub(super) fn options(self) -> RefreshOptions {
        RefreshOptions {
            full: self.full,
            select: self.select,
            as_of: self.as_of,
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
        let command = if outcome.snapshot.is_some() {
            "rejects"
        } else {
            "land --dry-run"
        };
        let rows = counted(rejected, "rejected row");
        console.say(&format!("{rows}: `cinelake {command}` shows them"));
    }
    if outcome.is_red() {
        let kept = match &outcome.before {
            Some(before) => format!("snapshot {} stays visible", before.id),
            None => "nothing is visible yet".to_owned(),
        };
        console.say(&format!(
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
            console.say(&format!(
                "published snapshot {}: {} changed{checks}",
                snapshot.id,
                counted(changed as u64, "table")
            ));
        }
        (None, Some(before)) => {
            console.say(&format!(
                "nothing new: snapshot {} is up to date",
                before.id
            ));
        }
        (None, None) => console.say("nothing to do"),
    }
    Ok(Status::Fine)
}
