//! Who reads whom: build order, missing tables, cycles.

use std::collections::{BTreeMap, BTreeSet};

use super::project::Model;
use super::{LAYERS, TableName};
use crate::error::{Error, Result, did_you_mean};

/// The models in an order in which every model follows its inputs.
///
/// Among models that are ready at once the order is by name, so the same
/// project is always built in the same order.
///
/// # Errors
/// When a model reads a table that nothing provides, or itself through others;
/// with the file and line of the reference.
pub(super) fn build_order(
    models: &BTreeMap<TableName, Model>,
    sources: &BTreeSet<TableName>,
) -> Result<Vec<TableName>> {
    for model in models.values() {
        check_inputs(model, models, sources)?;
    }
    let mut order = Vec::new();
    let mut done = BTreeSet::new();
    for name in models.keys() {
        let mut path = Vec::new();
        visit(name, models, &mut path, &mut done, &mut order)?;
    }
    Ok(order)
}

fn check_inputs(
    model: &Model,
    models: &BTreeMap<TableName, Model>,
    sources: &BTreeSet<TableName>,
) -> Result<()> {
    for input in &model.statement.inputs {
        if !models.contains_key(&input.table) && !sources.contains(&input.table) {
            let known = models.keys().chain(sources);
            return Err(missing(&input.table, known)
                .file(&model.path)
                .line(input.line));
        }
    }
    Ok(())
}

/// The error for a table that nothing provides.
pub(super) fn missing<'a>(table: &TableName, known: impl Iterator<Item = &'a TableName>) -> Error {
    let shown = known.filter(|name| !name.table.starts_with('_'));
    let names: Vec<String> = shown.map(TableName::to_string).collect();
    let hint = did_you_mean(&table.to_string(), names.iter().map(String::as_str));
    let hint = hint.unwrap_or_else(|| match table.layer.as_str() {
        "bronze" => format!(
            "describe its files in `queries/bronze/{}.toml`",
            table.table
        ),
        "system" => "system tables may be read by reports, not by models".to_owned(),
        layer if LAYERS.contains(&layer) => {
            format!("write it as `queries/{layer}/{}.sql`", table.table)
        }
        _ => "layers are `bronze`, `silver` and `gold`".to_owned(),
    });
    Error::usage(format!("no table `{table}`")).hint(hint)
}

fn visit(
    name: &TableName,
    models: &BTreeMap<TableName, Model>,
    path: &mut Vec<TableName>,
    done: &mut BTreeSet<TableName>,
    order: &mut Vec<TableName>,
) -> Result<()> {
    let Some(model) = models.get(name) else {
        return Ok(());
    };
    if done.contains(name) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|seen| seen == name) {
        return Err(cycle(&path[start..], models));
    }
    path.push(name.clone());
    for input in &model.statement.inputs {
        visit(&input.table, models, path, done, order)?;
    }
    path.pop();
    done.insert(name.clone());
    order.push(name.clone());
    Ok(())
}

fn cycle(members: &[TableName], models: &BTreeMap<TableName, Model>) -> Error {
    let mut names: Vec<String> = members.iter().map(TableName::to_string).collect();
    names.push(members[0].to_string());
    let error = Error::usage(format!("models read each other: {}", names.join(" -> ")))
        .hint("move what both need into a table that reads neither");
    let next = members.get(1).unwrap_or(&members[0]);
    let reference = models.get(&members[0]).and_then(|model| {
        let input = model.statement.inputs.iter().find(|i| i.table == *next)?;
        Some((&model.path, input.line))
    });
    match reference {
        Some((path, line)) => error.file(path).line(line),
        None => error,
    }
}
