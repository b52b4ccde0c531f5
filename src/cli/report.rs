//! The words for what a run did, shared by several commands.

use super::console::Console;
use super::output::text_table;
use crate::error::Result;
use crate::lake::Restatement;
use crate::lake::Snapshot;
use crate::model::TableName;
use crate::refresh::{CheckOutcome, CheckReport, FileAction, LandedFile, LandingPlan};

/// Failing rows that are printed with a check, and numbers that are restated.
const SHOWN: usize = 5;

/// `1 row`, `2,000 rows`.
pub(super) fn counted(n: u64, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(n))
}

/// A number with separators.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a snapshot holds of a table: rows, or a query.
pub(super) fn held(snapshot: &Snapshot, name: &TableName) -> String {
    match snapshot.tables.get(name) {
        Some(entry) if entry.is_stored() => counted(entry.rows, "row"),
        _ => "a view".to_owned(),
    }
}

/// What landing a file gave.
pub(super) fn landed_lines(file: &LandedFile) -> Vec<String> {
    let verb = if file.replaces { "replaced" } else { "landed" };
    let mut first = format!(
        "{verb} {} as bronze.{}: {}",
        file.path,
        file.source,
        counted(file.rows_landed, "row")
    );
    if file.rows_rejected > 0 {
        first.push_str(&format!(
            " of {}, {} rejected",
            thousands(file.rows_in),
            thousands(file.rows_rejected)
        ));
    }
    let mut lines = vec![first];
    if let Some(reject) = &file.first_reject {
        let column = reject
            .column
            .as_ref()
            .map(|c| format!("column `{c}`: "))
            .unwrap_or_default();
        lines.push(format!(
            "  first reject: {}:{}: {column}{}",
            file.path, reject.line, reject.reason
        ));
    }
    if !file.unknown_columns.is_empty() {
        lines.push(format!(
            "  columns the contract does not name, kept as text: {}",
            file.unknown_columns.join(", ")
        ));
    }
    if !file.unknown_columns.is_empty() && !file.missing_columns.is_empty() {
        lines.push(format!(
            "  columns of the contract that the file lacks, null in every row: {}",
            file.missing_columns.join(", ")
        ));
    }
    lines
}

/// What the landing folder holds that does not land.
pub(super) fn say_not_landed(console: &Console, plan: &LandingPlan) {
    for planned in &plan.files {
        let path = &planned.file.path;
        match &planned.action {
            FileAction::SameContent(other) => {
                console.say(&format!(
                    "{path}: the same content as {other}, nothing to land"
                ));
            }
            FileAction::Moved(delivery) => {
                console.say(&format!(
                    "{path}: the new name of delivery {delivery}, nothing to land"
                ));
            }
            _ => {}
        }
    }
    for (path, reason) in &plan.ignored {
        console.detail(&format!("{path}: left alone: {reason}"));
    }
    if !plan.ignored.is_empty() && !console.verbose() {
        let files = counted(plan.ignored.len() as u64, "file");
        console.say(&format!(
            "{files} in the landing folder left alone; `-v` says which and why"
        ));
    }
}

/// Numbers of closed months that a publish changed.
pub(super) fn say_restated(console: &Console, restated: &[Restatement], snapshot: u64) {
    for one in restated.iter().take(SHOWN) {
        let row = one.row.as_ref().map(|row| format!(" {row}"));
        let row = row.unwrap_or_default();
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
        let what = match &one.metric {
            Some(metric) => {
                let (before, after) = (value(&one.before), value(&one.after));
                format!("{metric} {before} -> {after}")
            }
            None => format!("{} changed", counted(one.rows, "row")),
        };
        let causes = match one.causes.is_empty() {
            true => String::new(),
            false => format!(" ({})", one.causes.join("; ")),
        };
        console.say(&format!(
            "restated: {}, {}{row}: {what}{causes}",
            one.table, one.month
        ));
    }
    if let Some(more) = restated.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        console.say(&format!(
            "restated: {more} more: \
             `cinelake sql -c 'select * from system.restatements where snapshot = {snapshot}'`"
        ));
    }
}

/// Failed checks with their first failing rows.
pub(super) fn say_failed(console: &Console, checks: &[CheckReport]) -> Result<()> {
    for check in checks.iter().filter(|c| c.outcome != CheckOutcome::Passed) {
        let place = match check.line {
            0 => check.path.display().to_string(),
            line => format!("{}:{line}", check.path.display()),
        };
        let subject = match &check.table {
            Some(table) => format!("{table}: {}", check.check),
            None => check.check.clone(),
        };
        let rows = counted(check.failing_rows, "failing row");
        let text = format!("{subject}: {rows} ({place})");
        let is_failed = check.outcome == CheckOutcome::Failed;
        if is_failed {
            console.red(&format!("failed: {text}"));
        } else {
            console.warn(&text);
        }
        if let Some(first) = check.samples.first() {
            let shown = first.slice(0, first.num_rows().min(SHOWN));
            let table = text_table(&shown.schema(), &[shown], false)?;
            if is_failed {
                console.red(&table.to_string());
            } else {
                console.say(&table.to_string());
            }
        }
    }
    Ok(())
}
