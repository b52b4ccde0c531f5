//! `cinelake check`: all checks against what is published.

use super::at::At;
use super::progress::Progress;
use super::report::{counted, say_failed};
use super::{Context, Status};
use crate::error::Result;
use crate::refresh::{Access, CheckOutcome};

/// Make all checks against the published tables, and plan every report
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    at: At,
}

impl Check {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let progress = Progress::new(context.console);
        let checks = workspace
            .check(self.at.snapshot.as_ref(), &progress)
            .await?;
        let mut text = String::new();
        for check in &checks {
            let word = match check.outcome {
                CheckOutcome::Passed => "passed",
                CheckOutcome::Warned => "warned",
                CheckOutcome::Failed => "failed",
            };
            let subject = match &check.table {
                Some(table) => format!("{table}: {}", check.check),
                None => format!("queries/checks/{}", check.check),
            };
            text.push_str(&format!("{word} {subject}\n"));
        }
        context.console.result(&text)?;
        say_failed(&context.console, &checks)?;
        let of = |outcome| checks.iter().filter(|c| c.outcome == outcome).count() as u64;
        let failed = of(CheckOutcome::Failed);
        context.console.say(&format!(
            "{}: {} passed, {} warned, {failed} failed",
            counted(checks.len() as u64, "check"),
            of(CheckOutcome::Passed),
            of(CheckOutcome::Warned),
        ));
        // A report that cannot run is a mistake in `queries/`, not in the data.
        let snapshot = workspace.snapshot(self.at.snapshot.as_ref()).await?;
        workspace.schemas(Some(&snapshot)).await?;
        Ok(if failed > 0 {
            Status::Red
        } else {
            Status::Fine
        })
    }
}
