//! The landed rows behind numbers of a table, back through the models to the
//! lines of the files.
//!
//! Goes model by model against the order in which they are built: the rows of
//! a table that are asked about become rows of its inputs
//! ([`Session::trace`](crate::engine::Session::trace)), and so on down to
//! bronze. A table that is reached on several ways is followed once for each
//! role its rows have.

mod follow;
mod lines;
mod rejects;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::{build_fingerprint, is_as_of};
use super::workspace::Workspace;
use crate::error::{Error, Result, did_you_mean};
use crate::lake::{Snapshot, SnapshotRef};
use crate::model::{Model, TableName};
use follow::Asking;

pub use rejects::{NearReject, RejectsNear};

/// Ways that are kept of a table that is reached on many.
const WAYS: usize = 8;
/// The columns that tell the rows of a landed table.
const LANDED: [&str; 2] = ["_delivery", "_line"];

/// Which numbers are asked about.
#[derive(Debug, Clone)]
pub struct WhyRequest {
    /// The table.
    pub table: TableName,
    /// The condition that its rows meet; all of them without one.
    pub condition: Option<String>,
    /// The column asked about; without one all but those of the grain.
    pub column: Option<String>,
    /// The snapshot; the newest without one.
    pub at: Option<SnapshotRef>,
    /// The first lines whose values are wanted too.
    pub with_values: usize,
}

/// What stands behind the numbers.
#[derive(Debug)]
pub struct WhyAnswer {
    /// The snapshot that was read.
    pub snapshot: Arc<Snapshot>,
    /// Rows of the table that are asked about.
    pub selected: usize,
    /// The landed rows: those from which the numbers are computed first, then
    /// by table, file and line.
    pub lines: Vec<Line>,
    /// The tables between, with the number of their rows that were followed.
    pub passed: Vec<(TableName, usize)>,
    /// Tables of which no row is left out, that only decide which rows count.
    pub whole: BTreeSet<TableName>,
    /// Tables whose rows are compared with each other by a window function: only
    /// those that came out of it are followed, not those they were compared with.
    pub compared: BTreeSet<TableName>,
    /// Tables that take the first rows of an order: those that came later are
    /// not followed.
    pub cut: BTreeSet<TableName>,
    /// Tables whose rows count because others hold none like them.
    pub absent: BTreeMap<TableName, BTreeSet<TableName>>,
    /// What cannot be followed, in words.
    pub unfollowed: BTreeSet<String>,
    /// Rejected lines of the same sources.
    pub rejects: RejectsNear,
}

/// A landed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it has to do with the numbers.
    pub role: LineRole,
    /// The landed table.
    pub table: TableName,
    /// The number of its delivery.
    pub delivery: i64,
    /// Its file, below the landing folder.
    pub path: String,
    /// Its line in the file.
    pub line: i64,
    /// Its values as a JSON object, where they were wanted.
    pub values: Option<String>,
    /// The tables through which it came, from the one that reads it to the one
    /// asked about; each way once.
    pub via: BTreeSet<Vec<TableName>>,
}

/// What a landed row has to do with the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineRole {
    /// They are computed from it.
    Value,
    /// It decides which rows count.
    Filter,
}

impl Workspace {
    /// The landed rows behind rows of a table.
    ///
    /// # Errors
    /// A usage error when table, column or condition are wrong, no row meets
    /// the condition, or the table was built by another text than the
    /// project's.
    pub async fn why(&self, request: &WhyRequest) -> Result<WhyAnswer> {
        let (session, snapshot) = self.session(request.at.as_ref()).await?;
        self.check_table(&snapshot, &request.table)?;
        let mut asking = Asking::new(self, session, snapshot);
        let selected = asking.begin(request).await?;
        asking.follow_all().await?;
        asking.answer(request, selected).await
    }

    fn check_table(&self, snapshot: &Snapshot, name: &TableName) -> Result<()> {
        let names: Vec<String> = snapshot.tables.keys().map(ToString::to_string).collect();
        if !snapshot.tables.contains_key(name) {
            let hint = did_you_mean(&name.to_string(), names.iter().map(String::as_str));
            return Err(Error::usage(format!("no table `{name}`"))
                .hint(hint.unwrap_or_else(|| "`cinelake ls` lists the tables".to_owned())));
        }
        if is_landed(name) {
            return Ok(());
        }
        let Some(model) = self.project.models.get(name) else {
            return Err(
                Error::usage(format!("`{name}` is built by no file of this project"))
                    .hint("only landed tables and those of `queries/` can be followed"),
            );
        };
        match other_text(self, snapshot, model) {
            true => Err(Error::usage(format!(
                "`{name}` was built by another text than its file has now"
            ))
            .file(&model.path)
            .hint("refresh first: rows are followed by the text that built them")),
            false => Ok(()),
        }
    }
}

/// Whether `name` holds rows of landed files.
fn is_landed(name: &TableName) -> bool {
    name.layer == "bronze" && !name.table.starts_with('_')
}

/// Whether the published table was built by another text than `model`'s.
fn other_text(workspace: &Workspace, snapshot: &Snapshot, model: &Model) -> bool {
    let entry = snapshot.tables.get(&model.name);
    let text = build_fingerprint(&workspace.project, model, None, workspace.config.zone);
    // What `--as-of` set is not followed anyway.
    !is_as_of(&model.name) && entry.is_some_and(|e| e.fingerprint != text)
}

/// The columns that tell the rows of the published tables apart: the grain,
/// and none where there is one row at most.
fn grains(workspace: &Workspace, snapshot: &Snapshot) -> BTreeMap<TableName, Vec<String>> {
    let models = workspace.project.models.values();
    let named = models
        .filter(|m| !m.header.grain.is_empty())
        .map(|m| (m.name.clone(), m.header.grain.clone()));
    let single = snapshot
        .tables
        .iter()
        .filter(|(_, e)| e.rows <= 1 && e.is_stored())
        .map(|(name, _)| (name.clone(), Vec::new()));
    named.chain(single).collect()
}
