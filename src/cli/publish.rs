//! `cinelake publish`: a branch's tables become main's.

use super::progress::Progress;
use super::report::{counted, held};
use super::{Context, Status};
use crate::error::Result;
use crate::lake::{Becomes, BranchName};
use crate::model::TableName;
use crate::refresh::{Access, Published};

/// Publish a branch's tables on main, and end the branch
#[derive(Debug, clap::Args)]
pub(super) struct Publish {
    /// The branch
    branch: BranchName,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Publish {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let (name, console) = (&self.branch, &context.console);
        let published = if self.dry_run {
            workspace.plan_publish_branch(name).await?
        } else {
            let progress = Progress::new(*console);
            workspace.publish_branch(name, &progress).await?
        };
        if published.is_nothing {
            let gone = match self.dry_run {
                true => "",
                false => "; it is gone",
            };
            console.say(&format!(
                "nothing to do: snapshot {} holds the tables of branch `{name}`{gone}",
                published.main.id
            ));
            return Ok(Status::Fine);
        }
        if self.dry_run {
            console.result(&table_lines(&published))?;
        }
        let tables = counted(published.tables.len() as u64, "table");
        console.say(&match &published.snapshot {
            Some(new) => format!(
                "published branch `{name}` as snapshot {}: {tables} changed",
                new.id
            ),
            None => format!("{tables} would change"),
        });
        Ok(Status::Fine)
    }
}

fn table_lines(published: &Published) -> String {
    let (main, branch) = (&published.main, &published.branch);
    let line = |(name, becomes): &(TableName, Becomes)| match becomes {
        Becomes::Other => format!(
            "change {name}: {}, now {}\n",
            held(branch, name),
            held(main, name)
        ),
        Becomes::There => format!("add    {name}: {}\n", held(branch, name)),
        Becomes::Gone => format!("drop   {name}: the branch lacks it\n"),
    };
    published.tables.iter().map(line).collect()
}
