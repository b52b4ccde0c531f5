//! Which models to build, and why. Pure: looks at texts and versions only.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::workspace::fingerprint;
use crate::error::{Error, Result, did_you_mean};
use crate::lake::{Snapshot, TableEntry};
use crate::model::{CheckKind, Model, Project, TableName};

/// A model to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The table.
    pub table: TableName,
    /// Why.
    pub reason: Reason,
}

/// Why a model is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is not published yet.
    New,
    /// Its text changed.
    TextChanged,
    /// These inputs changed.
    InputsChanged(Vec<TableName>),
    /// `--full` asks for it.
    Asked,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("not published yet"),
            Self::TextChanged => f.write_str("its text changed"),
            Self::Asked => f.write_str("a full refresh was asked for"),
            Self::InputsChanged(inputs) => {
                let names: Vec<String> = inputs.iter().map(ToString::to_string).collect();
                write!(f, "{} changed", names.join(", "))
            }
        }
    }
}

/// What the plan depends on besides project and snapshot.
#[derive(Debug, Default)]
pub(super) struct PlanInput<'a> {
    /// Landed tables that change in this run.
    pub(super) landed: BTreeSet<TableName>,
    /// Build everything.
    pub(super) full: bool,
    /// Only these models and what they read.
    pub(super) select: &'a [String],
    /// The replaced text of `silver.as_of`.
    pub(super) as_of: Option<String>,
    /// The zone in which days and months are counted.
    pub(super) zone: Tz,
}

/// The models to build, each after its inputs.
pub(super) fn plan(
    project: &Project,
    snapshot: Option<&Snapshot>,
    input: &PlanInput<'_>,
) -> Result<Vec<Step>> {
    let selected = selection(project, input.select)?;
    let mut changing = input.landed.clone();
    let mut steps = Vec::new();
    for name in &project.build_order {
        let Some(model) = project.models.get(name).filter(|_| selected.contains(name)) else {
            continue;
        };
        let entry = snapshot.and_then(|s| s.tables.get(name));
        let text = build_fingerprint(model, input.as_of.as_deref(), input.zone);
        if let Some(reason) = reason(model, entry, snapshot, &text, &changing, input.full) {
            changing.insert(name.clone());
            steps.push(Step {
                table: name.clone(),
                reason,
            });
        }
    }
    Ok(steps)
}

fn reason(
    model: &Model,
    entry: Option<&TableEntry>,
    snapshot: Option<&Snapshot>,
    text: &str,
    changing: &BTreeSet<TableName>,
    full: bool,
) -> Option<Reason> {
    let Some(entry) = entry else {
        return Some(Reason::New);
    };
    if full {
        return Some(Reason::Asked);
    }
    if entry.fingerprint != text {
        return Some(Reason::TextChanged);
    }
    let now = |table: &TableName| snapshot?.tables.get(table).map(|t| t.changed_in);
    let changed = |table: &TableName| {
        changing.contains(table) || now(table) != entry.inputs.get(table).copied()
    };
    let inputs = model.statement.inputs.iter().map(|i| &i.table);
    let changed: Vec<TableName> = inputs.filter(|t| changed(t)).cloned().collect();
    (!changed.is_empty()).then_some(Reason::InputsChanged(changed))
}

/// The hash of what builds a model.
pub(super) fn build_fingerprint(model: &Model, as_of: Option<&str>, zone: Tz) -> String {
    let replaced = as_of.filter(|_| is_as_of(&model.name)).unwrap_or("");
    fingerprint(&format!("{zone}{}{replaced}", model.build_text()))
}

/// Whether this is the table that `--as-of` replaces.
pub(super) fn is_as_of(name: &TableName) -> bool {
    name.layer == "silver" && name.table == "as_of"
}

/// The models that `--select` means, with everything they read.
fn selection(project: &Project, select: &[String]) -> Result<BTreeSet<TableName>> {
    if select.is_empty() {
        return Ok(project.models.keys().cloned().collect());
    }
    let mut todo = Vec::new();
    for pattern in select {
        let matching: Vec<&TableName> = project
            .models
            .keys()
            .filter(|name| matches(pattern, &name.to_string()))
            .collect();
        if matching.is_empty() {
            let names: Vec<String> = project.models.keys().map(ToString::to_string).collect();
            return Err(
                Error::usage(format!("`--select {pattern}` matches no model")).hint(
                    did_you_mean(pattern, names.iter().map(String::as_str))
                        .unwrap_or_else(|| "write `gold.dim_users` or `gold.*`".to_owned()),
                ),
            );
        }
        todo.extend(matching.into_iter().cloned());
    }
    let mut selected = BTreeSet::new();
    while let Some(name) = todo.pop() {
        if let Some(model) = project.models.get(&name)
            && selected.insert(name)
        {
            todo.extend(model.statement.inputs.iter().map(|i| i.table.clone()));
        }
    }
    Ok(selected)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// The tables that a model's checks refer to.
pub(super) fn referred(model: &Model) -> BTreeSet<TableName> {
    let tables = model.header.checks.iter().filter_map(|c| match &c.kind {
        CheckKind::References { table, .. } => Some(table.clone()),
        _ => None,
    });
    tables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("gold.*", "gold.dim_users"));
        assert!(matches("*.users", "silver.users"));
        assert!(!matches("gold.*", "silver.users"));
        assert!(matches("gold.x", "gold.x") && !matches("gold.x", "gold.xy"));
    }
}
