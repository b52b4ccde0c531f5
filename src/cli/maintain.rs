//! `cinelake maintain`: puts small files together, removes what nobody needs.

use super::progress::{Progress, human_bytes};
use super::report::counted;
use super::{Context, Status};
use crate::error::Result;
use crate::lake::{DataFile, Removable, RemovableKind, Snapshot, date_text};
use crate::refresh::{Access, Compacted, MaintainOptions, Maintained};

/// Put small files together, drop old snapshots, remove files that nobody needs
#[derive(Debug, clap::Args)]
pub(super) struct Maintain {
    /// Only these tables, such as `bronze.payments` or `gold.*`; snapshots stay
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    /// List what would be put together and removed, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Maintain {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let options = MaintainOptions { tables: self.table };
        let maintained = if self.dry_run {
            workspace.plan_maintain(&options).await?
        } else {
            let progress = Progress::new(context.console);
            workspace.maintain(&options, &progress).await?
        };
        context.console.result(&lines(&maintained))?;
        if maintained.is_nothing() {
            context.console.say("nothing to maintain");
            return Ok(Status::Fine);
        }
        for line in summary(&maintained, self.dry_run) {
            context.console.say(&line);
        }
        if !maintained.dropped.is_empty() {
            let hours = counted(workspace.config.maintain.safe_hours, "hour");
            context.console.say(&format!(
                "files of dropped snapshots stay for {hours}: readers may be at them"
            ));
        }
        Ok(Status::Fine)
    }
}

fn lines(maintained: &Maintained) -> String {
    let mut text = String::new();
    for compacted in &maintained.compacted {
        text.push_str(&compacted_line(compacted));
    }
    for (table, version) in &maintained.checkpoints {
        text.push_str(&format!("checkpoint {table}: version {version}\n"));
    }
    for snapshot in &maintained.dropped {
        text.push_str(&dropped_line(snapshot));
    }
    for file in &maintained.removed {
        text.push_str(&removed_line(file));
    }
    text
}

fn compacted_line(compacted: &Compacted) -> String {
    let partition = match &compacted.partition {
        None => String::new(),
        Some((column, value)) => {
            let value = value.map_or("null".to_owned(), date_text);
            format!(" {column}={value}")
        }
    };
    let after = match compacted.after.as_slice() {
        [] => String::new(),
        after => format!(" into {}, {}", after.len(), human_bytes(bytes(after))),
    };
    format!(
        "compact {}{partition}: {}, {}{after}\n",
        compacted.table,
        counted(compacted.before.len() as u64, "file"),
        human_bytes(bytes(&compacted.before)),
    )
}

fn dropped_line(snapshot: &Snapshot) -> String {
    format!(
        "drop    snapshot {}: {}, published {}\n",
        snapshot.id,
        snapshot.command,
        snapshot.published_at.format("%Y-%m-%d %H:%M")
    )
}

fn removed_line(file: &Removable) -> String {
    let what = match file.kind {
        RemovableKind::Data => "",
        RemovableKind::Log => ", of a table that is gone",
        RemovableKind::Begun => ", begun by a run that died",
    };
    format!("remove  {}: {}{what}\n", file.path, human_bytes(file.bytes))
}

fn bytes(files: &[DataFile]) -> u64 {
    files.iter().map(|f| f.size).sum()
}

/// One sentence a kind of work.
fn summary(maintained: &Maintained, dry_run: bool) -> Vec<String> {
    let would = if dry_run { "would be " } else { "" };
    let mut lines = Vec::new();
    let before: usize = maintained.compacted.iter().map(|c| c.before.len()).sum();
    if before > 0 {
        let files = counted(before as u64, "small file");
        let into = match &maintained.snapshot {
            None => maintained.compacted.len(),
            Some(_) => maintained.compacted.iter().map(|c| c.after.len()).sum(),
        };
        let published = match &maintained.snapshot {
            None => String::new(),
            Some(snapshot) => format!(", published as snapshot {}", snapshot.id),
        };
        lines.push(format!(
            "{files} {would}put together into {into}{published}"
        ));
    }
    if !maintained.checkpoints.is_empty() {
        let checkpoints = counted(maintained.checkpoints.len() as u64, "checkpoint");
        lines.push(format!("{checkpoints} {would}written"));
    }
    if !maintained.dropped.is_empty() {
        let snapshots = counted(maintained.dropped.len() as u64, "snapshot");
        lines.push(format!("{snapshots} {would}dropped"));
    }
    if !maintained.removed.is_empty() {
        let files = counted(maintained.removed.len() as u64, "file");
        let bytes = human_bytes(maintained.removed.iter().map(|f| f.bytes).sum());
        lines.push(format!("{files} {would}removed, {bytes}"));
    }
    lines
}
