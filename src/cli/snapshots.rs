//! `cinelake snapshots`: what was published when.

use super::ask::run_query;
use super::output::OutputOptions;
use super::{Context, Status};
use crate::error::Result;
use crate::refresh::Access;

/// Show what was published when
#[derive(Debug, clap::Args)]
pub(super) struct Snapshots {
    #[command(flatten)]
    output: OutputOptions,
}

impl Snapshots {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let (session, _) = workspace.session(None).await?;
        let sql = "select snapshot, published_at, command, tables, tables_changed, total_rows, run \
                   from system.snapshots order by snapshot desc";
        run_query(&session, sql, &[], &self.output).await?;
        Ok(Status::Fine)
    }
}
