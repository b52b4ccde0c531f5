//! `cinelake land`: new files into bronze, nothing else.

use super::progress::{Progress, human_bytes};
use super::report::{counted, say_not_landed, thousands};
use super::{Context, Status};
use crate::error::Result;
use crate::refresh::{Access, FileAction, PlannedFile, Preview, Workspace, preview};
use crate::source::Contract;

/// Land new files only
#[derive(Debug, clap::Args)]
pub(super) struct Land {
    /// Show dialect, columns and rejects of each new file, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Land {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Write)?;
        if self.dry_run {
            return dry_run(context, &workspace).await;
        }
        let progress = Progress::new(context.console);
        let outcome = workspace.land(&progress).await?;
        super::refresh::conclude(context, &outcome)
    }
}

async fn dry_run(context: &Context, workspace: &Workspace) -> Result<Status> {
    let plan = workspace.plan_land().await?;
    let mut rejected = 0;
    for planned in plan.to_land() {
        let Some(contract) = workspace
            .contracts
            .iter()
            .find(|c| c.name == planned.file.source)
        else {
            continue;
        };
        let preview = preview(contract, &planned.file, workspace.engine.threads()).await?;
        rejected += preview.rows_rejected;
        context
            .console
            .result(&describe(planned, contract, &preview))?;
    }
    say_not_landed(&context.console, &plan);
    let files = counted(plan.to_land().count() as u64, "file");
    context
        .console
        .say(&format!("{files} would land; nothing was written"));
    Ok(if rejected > 0 {
        Status::Red
    } else {
        Status::Fine
    })
}

fn describe(planned: &PlannedFile, contract: &Contract, preview: &Preview) -> String {
    let file = &planned.file;
    let action = match planned.action {
        FileAction::Replace { .. } => "replaces what was landed under this name",
        FileAction::Again { .. } => "lands again, its contract changed",
        _ => "is new",
    };
    let mut text = format!("{} ({}) {action}\n", file.path, human_bytes(file.size));
    let quote = preview
        .dialect
        .quote
        .map_or("none".to_owned(), |q| char::from(q).to_string());
    text.push_str(&format!(
        "  source bronze.{} ({}), separator {:?}, quote {quote}\n",
        contract.name,
        contract.path.display(),
        char::from(preview.dialect.delimiter),
    ));
    for (column, field) in contract.columns.iter().zip(&preview.header.fields) {
        let from = match field {
            Some(field) if preview.dialect.header[*field] == column.name => String::new(),
            Some(field) => format!(", from `{}`", preview.dialect.header[*field]),
            None => ", not in this file: null".to_owned(),
        };
        text.push_str(&format!("  {} {}{from}\n", column.name, column.kind));
    }
    for (name, _) in &preview.header.unknown {
        text.push_str(&format!("  {name} text, not named by the contract\n"));
    }
    text.push_str(&format!(
        "  {}: {} would land, {} would be rejected\n",
        counted(preview.rows_in, "row"),
        thousands(preview.rows_in - preview.rows_rejected),
        thousands(preview.rows_rejected)
    ));
    let shown = preview.rejects.len() as u64;
    for reject in &preview.rejects {
        let column = reject
            .column
            .as_ref()
            .map(|c| format!("column `{c}`: "))
            .unwrap_or_default();
        text.push_str(&format!(
            "    {}:{}: {column}{}\n",
            file.path, reject.line, reject.reason
        ));
    }
    if preview.rows_rejected > shown {
        let more = thousands(preview.rows_rejected - shown);
        text.push_str(&format!("    and {more} more\n"));
    }
    text
}
