//! `cinelake rollback`: an older snapshot's tables, published again.

use super::progress::Progress;
use super::report::{counted, held};
use super::{Context, Status};
use crate::error::Result;
use crate::lake::Becomes;
use crate::model::TableName;
use crate::refresh::{Access, Rollback as RolledBack};

/// Files that are named one by one.
const NAMED: usize = 10;

/// Publish an older snapshot's tables again
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// The snapshot to go back to; the one before the newest where left out
    #[arg(long, value_name = "SNAPSHOT")]
    to: Option<u64>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Rollback {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let rollback = if self.dry_run {
            workspace.plan_rollback(self.to).await?
        } else {
            let progress = Progress::new(context.console);
            workspace.rollback(self.to, &progress).await?
        };
        let (from, to) = (rollback.from.id, rollback.to.id);
        if rollback.tables.is_empty() {
            let why = match from == to {
                true => format!("snapshot {to} is the newest"),
                false => format!("snapshot {from} holds the tables of snapshot {to}"),
            };
            context.console.say(&format!("nothing to do: {why}"));
            return Ok(Status::Fine);
        }
        if self.dry_run {
            context.console.result(&table_lines(&rollback))?;
        }
        let tables = counted(rollback.tables.len() as u64, "table");
        context.console.say(&match &rollback.snapshot {
            Some(new) => format!(
                "rolled back to snapshot {to}, published as snapshot {}: {tables} changed",
                new.id
            ),
            None => format!("{tables} would change"),
        });
        say_unlanded(context, &rollback);
        Ok(Status::Fine)
    }
}

fn table_lines(rollback: &RolledBack) -> String {
    let line = |(name, becomes): &(TableName, Becomes)| match becomes {
        Becomes::Other => format!(
            "restore {name}: {}, now {}\n",
            held(&rollback.to, name),
            held(&rollback.from, name)
        ),
        Becomes::There => format!("restore {name}: {}, now gone\n", held(&rollback.to, name)),
        Becomes::Gone => format!("drop    {name}: snapshot {} lacks it\n", rollback.to.id),
    };
    rollback.tables.iter().map(line).collect()
}

fn say_unlanded(context: &Context, rollback: &RolledBack) {
    let console = &context.console;
    for file in rollback.unlanded.iter().take(NAMED) {
        let gone = match file.is_there {
            true => "",
            false => ", and gone from the landing folder",
        };
        let (path, source) = (&file.path, &file.source);
        console.say(&format!(
            "no longer landed in bronze.{source}: {path}{gone}"
        ));
    }
    if let Some(more) = rollback.unlanded.len().checked_sub(NAMED + 1) {
        let files = counted(more as u64 + 1, "more file");
        console.say(&format!("no longer landed: {files}"));
    }
    let (again, lost): (Vec<_>, Vec<_>) = rollback.unlanded.iter().partition(|f| f.is_there);
    if !again.is_empty() {
        console.say(&format!(
            "hint: the next refresh lands {} again; what should stay out must leave the landing folder",
            counted(again.len() as u64, "file")
        ));
    }
    if !lost.is_empty() {
        console.say(&format!(
            "hint: {} cannot land again unless put back; snapshot {} still holds the rows",
            counted(lost.len() as u64, "file"),
            rollback.from.id
        ));
    }
}
