//! `cinelake branches`: what stands beside main.

use super::ask::run_query;
use super::output::OutputOptions;
use super::progress::Progress;
use super::report::counted;
use super::{Context, Status};
use crate::error::Result;
use crate::lake::BranchName;
use crate::refresh::Access;

/// List the branches, or end one
#[derive(Debug, clap::Args)]
pub(super) struct Branches {
    /// End this branch without publishing it
    #[arg(long, value_name = "BRANCH", conflicts_with_all = ["format", "output"])]
    drop: Option<BranchName>,
    #[command(flatten)]
    output: OutputOptions,
}

impl Branches {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        if let Some(name) = &self.drop {
            let progress = Progress::new(context.console);
            workspace.drop_branch(name, &progress).await?;
            let hours = counted(workspace.config.maintain.safe_hours, "hour");
            context.console.say(&format!(
                "branch `{name}` is gone; its files stay for {hours}, then `cinelake maintain` \
                 removes them"
            ));
            return Ok(Status::Fine);
        }
        let (session, _) = workspace.session(None).await?;
        let sql = "select branch, snapshot, began_at, behind, published_at, tables_differ, run \
                   from system.branches order by branch";
        run_query(&session, sql, &[], &self.output).await?;
        Ok(Status::Fine)
    }
}
