//! One question being answered: table after table, against the order in which
//! they are built.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use super::lines::Found;
use super::{
    LANDED, LineRole, WAYS, WhyAnswer, WhyRequest, grains, is_landed, other_text, rejects,
};
use crate::engine::{Gap, Picked, Role, Session, TracedInput};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::lake::Snapshot;
use crate::model::TableName;
use crate::refresh::plan::is_as_of;
use crate::refresh::workspace::Workspace;

/// Rows of one table up to which they are followed.
const MOST: usize = 1_000_000;

/// Rows that wait to be followed.
#[derive(Default)]
struct Pending {
    picked: Vec<Picked>,
    ways: BTreeSet<Vec<TableName>>,
}

/// One question being answered.
pub(super) struct Asking<'a> {
    workspace: &'a Workspace,
    session: Session,
    snapshot: Arc<Snapshot>,
    grains: BTreeMap<TableName, Vec<String>>,
    pending: BTreeMap<(TableName, Role), Pending>,
    found: Found,
    passed: Vec<(TableName, usize)>,
    whole: BTreeSet<TableName>,
    compared: BTreeSet<TableName>,
    cut: BTreeSet<TableName>,
    absent: BTreeMap<TableName, BTreeSet<TableName>>,
    unfollowed: BTreeSet<String>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(workspace: &'a Workspace, session: Session, snapshot: Arc<Snapshot>) -> Self {
        Self {
            workspace,
            session,
            grains: grains(workspace, &snapshot),
            snapshot,
            pending: BTreeMap::new(),
            found: Found::default(),
            passed: Vec::new(),
            whole: BTreeSet::new(),
            compared: BTreeSet::new(),
            cut: BTreeSet::new(),
            absent: BTreeMap::new(),
            unfollowed: BTreeSet::new(),
        }
    }

    /// Picks the rows that are asked about; gives their number.
    pub(super) async fn begin(&mut self, request: &WhyRequest) -> Result<usize> {
        let table = &request.table;
        let all = self.columns(table).await?;
        let columns = match &request.column {
            None => self.measures(table, &all),
            Some(column) if all.contains(column) => vec![column.clone()],
            Some(column) => {
                let hint = did_you_mean(column, all.iter().map(String::as_str));
                return Err(Error::usage(format!("`{table}` has no column `{column}`"))
                    .hint(hint.unwrap_or_else(|| format!("columns are {}", all.join(", ")))));
            }
        };
        let told_by = self.told_by(table).await?;
        let condition = request.condition.as_deref();
        let picked = self.session.pick(table, &told_by, condition, MOST).await;
        let picked = picked.map_err(|e| at_condition(e, condition))?;
        let selected = picked.rows();
        let met = condition
            .map(|c| format!(" meets `{c}`"))
            .unwrap_or_default();
        if selected == 0 {
            return Err(
                Error::usage(format!("no row of `{table}`{met}")).hint(format!(
                    "`cinelake sql -c 'select * from {table} limit 10'` shows what it holds"
                )),
            );
        }
        if selected > MOST {
            return Err(
                Error::usage(format!("more than {MOST} rows of `{table}`{met}"))
                    .hint("ask about fewer: a narrower `--where`"),
            );
        }
        if is_landed(table) {
            self.found.add(
                table,
                LineRole::Value,
                &picked,
                &BTreeSet::from([Vec::new()]),
            );
            return Ok(selected);
        }
        let role = Role::Value {
            columns: columns.into_iter().collect(),
            counted: false,
        };
        let pending = Pending {
            picked: vec![picked],
            ways: BTreeSet::from([vec![table.clone()]]),
        };
        self.pending.insert((table.clone(), role), pending);
        Ok(selected)
    }

    /// Follows every table after all of its readers.
    pub(super) async fn follow_all(&mut self) -> Result<()> {
        let order = &self.workspace.project.build_order;
        let places: BTreeMap<TableName, usize> = order.iter().cloned().zip(0..).collect();
        loop {
            let last = self
                .pending
                .keys()
                .max_by_key(|(table, _)| places.get(table));
            let Some((table, role)) = last.cloned() else {
                return Ok(());
            };
            let Some(pending) = self.pending.remove(&(table.clone(), role.clone())) else {
                return Ok(());
            };
            self.follow(&table, &role, &pending).await?;
        }
    }

    async fn follow(&mut self, table: &TableName, role: &Role, pending: &Pending) -> Result<()> {
        let Some(model) = self.workspace.project.models.get(table) else {
            self.unfollowed
                .insert(format!("{table} is built by no file of this project"));
            return Ok(());
        };
        let picked = self.session.merged(&pending.picked).await?;
        self.passed.push((table.clone(), picked.rows()));
        if picked.rows() > MOST {
            self.unfollowed.insert(format!(
                "{table}: more than {MOST} of its rows; ask with a narrower `--where`"
            ));
            return Ok(());
        }
        if other_text(self.workspace, &self.snapshot, model) {
            self.unfollowed.insert(format!(
                "{table} was built by another text than {} has now",
                model.path.display()
            ));
            return Ok(());
        }
        self.check_inputs(table);
        let at_model = |e: Error| match e.place() {
            Some(_) => e,
            None => e.file(&model.path),
        };
        let trace = self
            .session
            .trace(&model.sql, &picked, role, &self.grains)
            .await;
        let trace = trace.map_err(at_model)?;
        for gap in &trace.gaps {
            self.note(table, gap);
        }
        for input in &trace.inputs {
            if self.reach(input, &pending.ways).await.map_err(at_model)? {
                for gap in &input.gaps {
                    self.note(table, gap);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, table: &TableName, gap: &Gap) {
        match gap {
            Gap::Window => {
                self.compared.insert(table.clone());
            }
            Gap::Limit => {
                self.cut.insert(table.clone());
            }
            Gap::Absent(tables) => {
                let known = self.absent.entry(table.clone()).or_default();
                known.extend(tables.iter().cloned());
            }
            Gap::Step(what, tables) => {
                let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
                let text = format!("{table}: {what} cannot be followed to {}", names.join(", "));
                self.unfollowed.insert(text);
            }
        }
    }

    /// Takes the rows of one scan; says whether there are any.
    async fn reach(
        &mut self,
        input: &TracedInput,
        ways: &BTreeSet<Vec<TableName>>,
    ) -> Result<bool> {
        let table = &input.table;
        let only_filters = input.role == Role::Filter;
        if is_as_of(table) || (input.whole && only_filters) {
            let told_by = self.told_by(table).await?;
            let any = self.session.pick_from(input, &told_by, 0).await?;
            if any.rows() > 0 {
                self.whole.insert(table.clone());
            }
            return Ok(any.rows() > 0);
        }
        let is_model = self.workspace.project.models.contains_key(table);
        if !is_model && !is_landed(table) {
            self.unfollowed
                .insert(format!("{table} is not followed: it holds no landed rows"));
            return Ok(true);
        }
        let told_by = self.told_by(table).await?;
        let picked = self.session.pick_from(input, &told_by, MOST).await?;
        if picked.rows() == 0 {
            return Ok(false);
        }
        if is_model {
            let key = (table.clone(), input.role.clone());
            let pending = self.pending.entry(key).or_default();
            pending.picked.push(picked);
            let longer = ways.iter().map(|way| {
                let first = [table.clone()];
                first.into_iter().chain(way.iter().cloned()).collect()
            });
            pending.ways.extend(longer);
            while pending.ways.len() > WAYS {
                pending.ways.pop_last();
            }
            return Ok(true);
        }
        if picked.rows() > MOST {
            self.unfollowed.insert(format!(
                "{table}: only {MOST} of its rows are listed; ask with a narrower `--where`"
            ));
        }
        let role = match only_filters {
            true => LineRole::Filter,
            false => LineRole::Value,
        };
        self.found.add(table, role, &picked, ways);
        Ok(true)
    }

    /// Says when an input changed after `table` was built, as `land` alone does.
    fn check_inputs(&mut self, table: &TableName) {
        let Some(entry) = self.snapshot.tables.get(table) else {
            return;
        };
        for (input, built_from) in &entry.inputs {
            let now = self.snapshot.tables.get(input).map(|e| e.changed_in);
            if now.is_some_and(|now| now > *built_from) {
                self.unfollowed.insert(format!(
                    "{table} was built before {input} changed; refresh, then ask again"
                ));
            }
        }
    }

    /// The columns that tell the rows of `table` apart, as well as can be.
    async fn told_by(&self, table: &TableName) -> Result<Vec<String>> {
        if is_landed(table) {
            return Ok(LANDED.map(str::to_owned).to_vec());
        }
        let grain = self
            .workspace
            .project
            .models
            .get(table)
            .map(|m| &m.header.grain);
        if let Some(grain) = grain.filter(|g| !g.is_empty()) {
            return Ok(grain.clone());
        }
        let schema = self.schema(table).await?;
        // Floats may differ in their last digits from run to run.
        let exact = schema
            .fields()
            .iter()
            .filter(|f| !f.data_type().is_floating());
        let exact: Vec<String> = exact.map(|f| f.name().clone()).collect();
        match exact.is_empty() {
            true => self.columns(table).await,
            false => Ok(exact),
        }
    }

    /// What is asked about where no column is named: all but what tells the
    /// rows apart.
    fn measures(&self, table: &TableName, all: &[String]) -> Vec<String> {
        let model = self.workspace.project.models.get(table);
        let grain = model.map(|m| m.header.grain.as_slice()).unwrap_or_default();
        let others: Vec<String> = all.iter().filter(|c| !grain.contains(c)).cloned().collect();
        if others.is_empty() {
            all.to_vec()
        } else {
            others
        }
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<String>> {
        let schema = self.schema(table).await?;
        Ok(schema.fields().iter().map(|f| f.name().clone()).collect())
    }

    async fn schema(&self, table: &TableName) -> Result<SchemaRef> {
        let sql = format!(
            "select * from \"{}\".\"{}\" limit 0",
            table.layer, table.table
        );
        Ok(self
            .session
            .query(&sql, &[])
            .await?
            .stream()
            .await?
            .schema())
    }

    pub(super) async fn answer(self, request: &WhyRequest, selected: usize) -> Result<WhyAnswer> {
        let sources = self.found.sources();
        let rejects = rejects::near(&self.session, &sources, request.condition.as_deref()).await?;
        let mut whole = self.whole;
        // What is listed need not be named besides.
        whole.retain(|table| !self.found.holds(table));
        let lines = self.found.lines(&self.session, request.with_values).await?;
        let mut passed: BTreeMap<TableName, usize> = BTreeMap::new();
        for (table, rows) in self.passed.into_iter().filter(|(t, _)| *t != request.table) {
            let most = passed.entry(table).or_default();
            *most = rows.max(*most);
        }
        Ok(WhyAnswer {
            snapshot: self.snapshot,
            selected,
            lines,
            passed: passed.into_iter().collect(),
            whole,
            compared: self.compared,
            cut: self.cut,
            absent: self.absent,
            unfollowed: self.unfollowed,
            rejects,
        })
    }
}

/// Says that it is the condition that is wrong.
fn at_condition(error: Error, condition: Option<&str>) -> Error {
    match condition {
        Some(condition) if error.kind() == Kind::Usage => {
            Error::usage(format!("`--where {condition}`: {}", error.message()))
                .maybe_hint(error.hint_text().map(str::to_owned))
        }
        _ => error,
    }
}
