//! Which models to build, which partitions of them, and why.
//!
//! The decisions are pure: they look at texts, versions and at what the
//! optimizer says of a model's reach ([`Reach`]), not at data.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::workspace::fingerprint;
use crate::engine::Reach;
use crate::error::{Error, Result, did_you_mean};
use crate::lake::TableEntry;
use crate::model::{CheckKind, Materialized, Model, Project, TableName};

/// A model to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The table.
    pub table: TableName,
    /// How much of it.
    pub extent: Extent,
    /// Why.
    pub reason: Reason,
}

/// How much of a model is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some of its partitions.
    Partitions {
        /// The column by which it is split.
        column: String,
        /// Their values, in days since 1970.
        days: Vec<i32>,
        /// Partitions that it has, these among them.
        of: usize,
    },
}

/// Why a model is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is not published yet.
    New,
    /// Its text changed.
    TextChanged,
    /// `--full` asks for it.
    Asked,
    /// Inputs changed.
    InputsChanged(ChangedInputs),
}

/// The changed inputs of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedInputs {
    /// Those that the model reads partition by partition, as its own.
    pub aligned: Vec<TableName>,
    /// Those that it reads whole.
    pub whole: Vec<TableName>,
    /// Those that it names, but that the optimizer found it need not read.
    pub unread: Vec<TableName>,
}

impl Reason {
    /// The reason of a model that is always built whole.
    pub(super) fn inputs_changed(whole: Vec<TableName>) -> Self {
        Self::InputsChanged(ChangedInputs {
            whole,
            ..ChangedInputs::default()
        })
    }
}

impl std::fmt::Display for Step {
    /// What is built and why, such as `2 of 24 partitions (2024-03, 2024-04),
    /// because bronze.watch_sessions changed there`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inputs = match &self.reason {
            Reason::New => return f.write_str("not published yet"),
            Reason::TextChanged => return f.write_str("its text changed"),
            Reason::Asked => return f.write_str("a full refresh was asked for"),
            Reason::InputsChanged(inputs) => inputs,
        };
        match &self.extent {
            Extent::Whole => write!(f, "{} changed", names(&inputs.whole))?,
            Extent::Partitions { column, days, of } => write!(
                f,
                "{} of {of} partitions ({}), because {} changed there",
                days.len(),
                values(column, days),
                names(&inputs.aligned)
            )?,
        }
        match inputs.unread.as_slice() {
            [] => Ok(()),
            unread => write!(f, "; {} changed but is not read", names(unread)),
        }
    }
}

fn names(tables: &[TableName]) -> String {
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Partitions that a message names before it only counts them.
const NAMED: usize = 6;

/// Partition values as people read them: those of `month` without the day.
fn values(column: &str, days: &[i32]) -> String {
    let text = |day: &i32| {
        let date = crate::lake::date_text(*day);
        match date.strip_suffix("-01") {
            Some(month) if column.ends_with("month") => month.to_owned(),
            _ => date,
        }
    };
    let mut named: Vec<String> = days.iter().take(NAMED).map(text).collect();
    if days.len() > NAMED {
        named.push("…".to_owned());
    }
    named.join(", ")
}

/// What the decisions depend on besides project and tables.
#[derive(Debug, Default)]
pub(super) struct PlanInput<'a> {
    /// Build everything.
    pub(super) full: bool,
    /// Only these models and what they read.
    pub(super) select: &'a [String],
    /// The replaced text of `silver.as_of`.
    pub(super) as_of: Option<&'a str>,
    /// The zone in which days and months are counted.
    pub(super) zone: Tz,
}

/// What texts and versions say of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as its inputs and its text want it.
    UpToDate,
    /// It is built whole.
    Whole(Reason),
    /// These inputs changed; how much is built depends on its reach.
    Changed(Vec<TableName>),
}

/// Compares a model with its `published` entry; `now` gives the tables as they
/// are in this run.
pub(super) fn compare<'a>(
    project: &Project,
    model: &Model,
    published: Option<&TableEntry>,
    now: &dyn Fn(&TableName) -> Option<&'a TableEntry>,
    input: &PlanInput<'_>,
) -> Verdict {
    let Some(entry) = published else {
        return Verdict::Whole(Reason::New);
    };
    if input.full {
        return Verdict::Whole(Reason::Asked);
    }
    if entry.fingerprint != build_fingerprint(project, model, input.as_of, input.zone) {
        return Verdict::Whole(Reason::TextChanged);
    }
    let changed =
        |table: &TableName| now(table).map(|t| t.changed_in) != entry.inputs.get(table).copied();
    let inputs = stored_inputs(project, model).into_iter();
    let changed: Vec<TableName> = inputs.filter(changed).collect();
    if changed.is_empty() {
        Verdict::UpToDate
    } else {
        Verdict::Changed(changed)
    }
}

/// How much of a model is built, whose inputs `changed`, given its `reach`;
/// none where it reads no changed input.
pub(super) fn narrow<'a>(
    model: &Model,
    published: &TableEntry,
    changed: Vec<TableName>,
    reach: &Reach,
    now: &dyn Fn(&TableName) -> Option<&'a TableEntry>,
) -> Option<Step> {
    let mut inputs = ChangedInputs::default();
    let mut days: BTreeSet<i32> = BTreeSet::new();
    for table in changed {
        let entry = now(&table);
        if !reach.reads(&table) {
            inputs.unread.push(table);
            continue;
        }
        match changed_days(published, &table, entry).filter(|_| reach.aligned.contains(&table)) {
            Some(changed) => {
                days.extend(changed);
                inputs.aligned.push(table);
            }
            None => inputs.whole.push(table),
        }
    }
    let table = model.name.clone();
    let column = model.header.partition_by.clone();
    let extent = match column.filter(|_| inputs.whole.is_empty()) {
        Some(_) if days.is_empty() => return None,
        Some(column) => {
            let own = published.partitions.filled().filter_map(|p| p.value);
            let all: BTreeSet<i32> = own.chain(days.iter().copied()).collect();
            Extent::Partitions {
                column,
                days: days.into_iter().collect(),
                of: all.len(),
            }
        }
        None => Extent::Whole,
    };
    Some(Step {
        table,
        extent,
        reason: Reason::InputsChanged(inputs),
    })
}

/// The partitions of `table` that changed since `reader` was built from it;
/// none where partitions do not tell.
fn changed_days(
    reader: &TableEntry,
    table: &TableName,
    now: Option<&TableEntry>,
) -> Option<Vec<i32>> {
    let now = now?;
    let built_from = *reader.inputs.get(table)?;
    // A table that went back to an earlier state says nothing of the way.
    if now.shaped_in > built_from || now.changed_in < built_from {
        return None;
    }
    // Rows without a partition value: no equality with a value finds them.
    now.partitions.changed_after(built_from).collect()
}

/// The stored tables that `model` reads, be it by way of views.
pub(super) fn stored_inputs(project: &Project, model: &Model) -> BTreeSet<TableName> {
    let mut stored = BTreeSet::new();
    for input in &model.statement.inputs {
        match view(project, &input.table) {
            Some(view) => stored.extend(stored_inputs(project, view)),
            None => {
                stored.insert(input.table.clone());
            }
        }
    }
    stored
}

fn view<'a>(project: &'a Project, table: &TableName) -> Option<&'a Model> {
    let model = project.models.get(table)?;
    (model.header.materialized == Materialized::View).then_some(model)
}

/// The hash of what builds a model: its text, and those of the views it reads.
pub(super) fn build_fingerprint(
    project: &Project,
    model: &Model,
    as_of: Option<&str>,
    zone: Tz,
) -> String {
    let replaced = as_of.filter(|_| is_as_of(&model.name)).unwrap_or("");
    let mut text = format!("{zone}{}{replaced}", model.build_text());
    for input in &model.statement.inputs {
        if let Some(view) = view(project, &input.table) {
            text.push_str(&build_fingerprint(project, view, None, zone));
        }
    }
    fingerprint(&text)
}

/// Whether this is the table that `--as-of` replaces.
pub(super) fn is_as_of(name: &TableName) -> bool {
    name.layer == "silver" && name.table == "as_of"
}

/// The models that `select` means, with everything they read.
pub(super) fn selection(project: &Project, select: &[String]) -> Result<BTreeSet<TableName>> {
    let mut todo: Vec<TableName> = selection_of(project, select)?.into_iter().collect();
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

/// The models that `select` means; all of them where it is empty.
pub(super) fn selection_of(project: &Project, select: &[String]) -> Result<BTreeSet<TableName>> {
    if select.is_empty() {
        return Ok(project.models.keys().cloned().collect());
    }
    let mut selected = BTreeSet::new();
    for pattern in select {
        let names = project.models.keys();
        let matching: Vec<&TableName> = names
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
        selected.extend(matching.into_iter().cloned());
    }
    Ok(selected)
}

pub(super) fn matches(pattern: &str, name: &str) -> bool {
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
