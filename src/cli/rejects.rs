//! `cinelake rejects`: rows that did not fit, and why.

use super::ask::run_query;
use super::at::At;
use super::output::OutputOptions;
use super::report::counted;
use super::{Context, Status};
use crate::engine::parse_value;
use crate::error::{Error, Result, did_you_mean};
use crate::refresh::Access;

/// Show rejected rows with file, line, column and reason
#[derive(Debug, clap::Args)]
pub(super) struct Rejects {
    /// Only rows of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// At most this many rows
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: OutputOptions,
}

impl Rejects {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let (session, snapshot) = workspace.session(self.at.snapshot.as_ref()).await?;
        if let Some(source) = &self.source
            && !workspace.contracts.iter().any(|c| c.name == *source)
        {
            let names = workspace.contracts.iter().map(|c| c.name.as_str());
            return Err(Error::usage(format!("no source `{source}`")).hint(
                did_you_mean(source, names)
                    .unwrap_or_else(|| "`cinelake ls sources` lists them".to_owned()),
            ));
        }
        let filter = if self.source.is_some() {
            "where source = $source"
        } else {
            ""
        };
        let sql = format!(
            "select source, path, line, \"column\", reason, raw from bronze._rejects {filter} \
             order by source, path, line limit {}",
            self.limit
        );
        let params = match &self.source {
            Some(source) => vec![(
                "source".to_owned(),
                parse_value("source", Some("text"), source)?,
            )],
            None => Vec::new(),
        };
        let shown = run_query(&session, &sql, &params, &self.output).await?;
        let all = snapshot
            .tables
            .iter()
            .find(|(n, _)| n.table == "_rejects")
            .map_or(0, |(_, e)| e.rows);
        context.console.say(&format!(
            "{shown} of {} shown",
            counted(all, "rejected row")
        ));
        Ok(Status::Fine)
    }
}
