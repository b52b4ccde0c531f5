//! Which checks of a table are due, and which of its rows each has to look at.
//!
//! What held of the published rows holds of those that are still there, so a
//! table that only got other files is checked where they are: rows one by one in
//! the new files, and keys in these and in files that may hold the same ones,
//! as the files' bounds tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::near::Near;
use super::stage::{Stage, StagedTable};
use crate::engine::Session;
use crate::error::Result;
use crate::lake::{Audit, DataFile};
use crate::model::{Check, CheckKind, Model, TableName};

/// A check to make.
#[derive(Clone)]
pub(super) struct Due {
    pub(super) check: Check,
    pub(super) look: Look,
}

/// The rows that a check looks at.
#[derive(Clone)]
pub(super) struct Look {
    /// Sees all of the table or some of its files.
    pub(super) session: Arc<Session>,
    /// Only these partitions, in days since 1970.
    pub(super) days: Option<Vec<i32>>,
}

impl Look {
    /// All that `session` sees.
    pub(super) fn at(session: &Arc<Session>) -> Self {
        Self {
            session: Arc::clone(session),
            days: None,
        }
    }

    /// Whether both look at the same rows.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session) && self.days == other.days
    }
}

/// The checks of `model` to make since its audit `before`, where its checks
/// are told by `checks` and what they refer to is `now`; `session` sees all
/// that is staged.
///
/// # Errors
/// When a session cannot be made.
pub(super) fn due(
    stage: &Stage<'_>,
    session: &Arc<Session>,
    model: &Model,
    before: &Audit,
    checks: &str,
    now: &BTreeMap<TableName, u64>,
) -> Result<Vec<Due>> {
    let all = Look::at(session);
    let looks = Looks {
        stage,
        model,
        all: &all,
        grown: stage.grown(&model.name),
        days: match stage.changed_partitions(&model.name) {
            // A partition without value cannot be named.
            Some(changed) => changed.into_iter().collect(),
            None => None,
        },
    };
    let added = match &looks.grown {
        Some(table) => looks.at_files(table, table.adds.iter())?,
        None => None,
    };
    let mut due = Vec::new();
    for check in &model.header.checks {
        let refers_anew = match &check.kind {
            CheckKind::References { table, .. } => before.referred.get(table) != now.get(table),
            _ => false,
        };
        // A check that warned may warn of rows elsewhere.
        let warned = before.warned.contains(&check.kind.to_string());
        let look = if before.checks != checks || refers_anew {
            Some(all.clone())
        } else if warned || matches!(check.kind, CheckKind::Varies { .. }) {
            looks.is_changed().then(|| all.clone())
        } else {
            looks.of(check, added.as_ref())?
        };
        due.extend(look.map(|look| Due {
            check: check.clone(),
            look,
        }));
    }
    Ok(due)
}

/// What there is of a table to look at.
struct Looks<'a> {
    stage: &'a Stage<'a>,
    model: &'a Model,
    all: &'a Look,
    /// The table where it was published in this shape, and has other files now.
    grown: Option<StagedTable>,
    /// The partitions that changed, where they can be named.
    days: Option<Vec<i32>>,
}

impl Looks<'_> {
    fn is_changed(&self) -> bool {
        self.days.as_ref().is_none_or(|days| !days.is_empty())
    }

    /// What a check that held before looks at; none where it holds still.
    fn of(&self, check: &Check, added: Option<&Look>) -> Result<Option<Look>> {
        if !self.is_changed() {
            return Ok(None);
        }
        match (&check.kind, &self.grown) {
            (CheckKind::Unique(columns), Some(table)) => {
                let near = Near::new(table, columns);
                let kept = table.kept.iter().filter(|file| near.may_share(file));
                self.at_files(table, table.adds.iter().chain(kept))
            }
            // It may look at other rows, too.
            (CheckKind::Condition(condition), _) if has_subquery(condition) => {
                Ok(Some(self.all.clone()))
            }
            (_, Some(_)) => Ok(added.cloned()),
            (_, None) => Ok(Some(self.at_days(check))),
        }
    }

    /// The partitions that changed, where the check holds of a table when it
    /// holds of each.
    fn at_days(&self, check: &Check) -> Look {
        let column = self.model.header.partition_by.as_ref();
        let is_local = match &check.kind {
            // Rows that agree in all these columns lie in one partition.
            CheckKind::Unique(columns) => column.is_some_and(|column| columns.contains(column)),
            _ => true,
        };
        Look {
            days: self.days.clone().filter(|_| is_local),
            ..self.all.clone()
        }
    }

    /// These files of the table; none where there are none.
    fn at_files<'f>(
        &self,
        table: &StagedTable,
        files: impl Iterator<Item = &'f DataFile>,
    ) -> Result<Option<Look>> {
        let files: Vec<DataFile> = files.cloned().collect();
        if files.is_empty() {
            return Ok(None);
        }
        if files.len() == table.kept.len() + table.adds.len() {
            return Ok(Some(self.all.clone()));
        }
        let name = &self.model.name;
        let part = [(name.clone(), files.as_slice())];
        let session = self.stage.session_with(name, &table.layout, &part)?;
        Ok(Some(Look::at(&Arc::new(session))))
    }
}

fn has_subquery(condition: &str) -> bool {
    condition.to_ascii_lowercase().contains("select")
}
