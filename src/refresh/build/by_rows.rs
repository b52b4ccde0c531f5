//! Builds of a model only those rows that its changed inputs can reach.
//!
//! Two proofs from the plan say which rows those are. Rows that were only added
//! to an input in which the model is *additive* ([`Session::additive`]) make
//! rows of their own. Of an input that is *read by* a column of the model
//! ([`Session::reach`]) only those rows of the model can differ of which that
//! column has a value of an input's row that came or went. What the model
//! answers for them, and what it holds of them, cancel out as far as they are
//! equal; the rest is what the table's files lack and what has to leave them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;

use super::super::audit::table_sql;
use super::super::delta::{Bag, Delta, MOST_ROWS, Sides, rows};
use super::super::plan::{Extent, Reason};
use super::Build;
use super::swap::Swap;
use crate::engine::{Answer, Condition, Reach, Scope, Session, Staged, Strategy};
use crate::error::{Error, Result};
use crate::lake::{ContentHash, DataFile, PartitionValue, TableFiles, TableLayout};
use crate::model::{Materialized, TableName};

/// Values that a plan is told one by one.
const MOST_VALUES: usize = 10_000;

/// An input's change reaches few rows when there are so many times more.
const FEW: u64 = 10;

/// A table's new state, told by what differs.
pub(in super::super) struct ByRows {
    pub(super) layout: TableLayout,
    pub(super) swap: Swap,
    pub(super) delta: Delta,
    /// Rows that the model's query answered.
    pub(super) answered: u64,
}

/// The rows of a model that may differ: those of which each of these columns
/// has one of its values, or none.
type Term = BTreeMap<String, HashSet<ScalarValue>>;

impl Build {
    /// Builds the rows that changed inputs reach; none where that is not proved
    /// to be all, or saves nothing.
    ///
    /// # Errors
    /// When a query fails, or a file cannot be read or written.
    pub(super) async fn by_rows(&self, budget: usize) -> Result<Option<ByRows>> {
        let Some(before) = self.before.as_ref().filter(|b| {
            b.is_stored()
                && b.rows >= self.engine.by_rows_from()
                && self.model.header.materialized == Materialized::Table
        }) else {
            return Ok(None);
        };
        let Some(changed) = self.changed_inputs() else {
            return Ok(None);
        };
        let files = self.engine.files(&self.model.name, before).await?;
        let session = self.session(self.scope.clone())?;
        let additive = session.additive(&self.sql).await?;
        let mut added = Vec::new();
        let mut others = Vec::new();
        for table in changed {
            let new = self.only_added(table).await?;
            match new.filter(|_| additive.contains(table)) {
                Some(files) => added.push((table, files)),
                None => others.push(table),
            }
        }
        let Some(terms) = self.terms(&session, &files, &others).await? else {
            return Ok(None);
        };
        // As long as the new rows are left out, those inputs are as they were.
        let mut scope = self.scope.clone();
        for (table, _) in &added {
            scope.staged.remove(table);
        }
        let mut answered = Rows::default();
        let mut published = Rows::default();
        for conditions in apart(&terms) {
            let model = self.session(scope.clone())?.model(&self.sql).await?;
            let stored = self.stored().await?;
            if !answered.take(model.only(&conditions)?).await?
                || !published.take(stored.only(&conditions)?).await?
            {
                return Ok(None);
            }
        }
        for (table, files) in added {
            let new = Staged::Files(Arc::new(files));
            scope.staged.insert(table.clone(), new);
            let session = self.session(scope.clone())?;
            let rows = session.rows_of(&self.sql, table).await?;
            if !answered.take(rows).await? {
                return Ok(None);
            }
            let whole = self.scope.staged.get(table).cloned();
            scope
                .staged
                .extend(whole.map(|whole| (table.clone(), whole)));
        }
        let Some(schema) = answered.schema else {
            return Ok(None);
        };
        let layout = self.layout(&schema);
        if layout.schema != files.schema
            || layout.partition_by != files.partition_by
            || layout.order_by != files.order_by
        {
            return Ok(None);
        }
        let rows = rows(&answered.batches);
        let delta = Delta::between(&published.batches, &answered.batches)?;
        let swap = self.patch(&files, &layout, &delta, budget).await?;
        Ok(Some(ByRows {
            layout,
            swap,
            delta,
            answered: rows,
        }))
    }

    /// The inputs whose changes are to be built; none where their earlier state
    /// is not that of the snapshot, from which the published rows were built.
    fn changed_inputs(&self) -> Option<Vec<&TableName>> {
        let Reason::InputsChanged(inputs) = &self.reason else {
            return None;
        };
        let (before, snapshot) = (self.before.as_ref()?, self.scope.snapshot.as_ref()?);
        let changed: Vec<&TableName> = inputs.aligned.iter().chain(&inputs.whole).collect();
        let was_read = |table: &&TableName| {
            let published = snapshot.tables.get(*table).map(|t| t.changed_in);
            published.is_some() && before.inputs.get(*table).copied() == published
        };
        changed.iter().all(was_read).then_some(changed)
    }

    /// The files that were added to `table`, where that is all that changed.
    async fn only_added(&self, table: &TableName) -> Result<Option<TableFiles>> {
        let sides = Sides::of(&self.engine, &self.scope, table).await?;
        let added = sides.filter(|s| s.earlier.files.is_empty() && s.later.rows() <= MOST_ROWS);
        Ok(added.map(|sides| sides.later))
    }

    /// Which rows the changes of `tables` reach; none where that is not proved,
    /// or too many.
    async fn terms(
        &self,
        session: &Session,
        published: &TableFiles,
        tables: &[&TableName],
    ) -> Result<Option<Vec<Term>>> {
        let mut terms: BTreeMap<Vec<String>, Term> = BTreeMap::new();
        if tables.is_empty() {
            return Ok(Some(Vec::new()));
        }
        for table in tables {
            let sides = Sides::of(&self.engine, &self.scope, table).await?;
            if sides.is_some_and(|sides| !self.is_few(sides.least())) {
                return Ok(None);
            }
        }
        let mut proofs = Proofs::new(self, session, published);
        for table in tables {
            let columns = proofs.keys_of(table).await?;
            if columns.is_empty() {
                return Ok(None);
            }
            let Some(delta) = self.deltas.of(&self.engine, &self.scope, table).await? else {
                return Ok(None);
            };
            if !self.is_few(delta.rows()) {
                return Ok(None);
            }
            // The more values, the fewer rows each of them reaches.
            let mut key: Option<(String, HashSet<ScalarValue>)> = None;
            for (own, theirs) in columns {
                let values = delta.values(&theirs, MOST_VALUES)?;
                let most = key.as_ref().map_or(0, |(_, values)| values.len());
                if let Some(values) = values.filter(|v| key.is_none() || v.len() > most) {
                    key = Some((own, values));
                }
            }
            let Some(key) = key else {
                return Ok(None);
            };
            let mut term = Term::from([key]);
            if let Some((column, days)) = proofs.days_of(table, &delta).await? {
                term.entry(column).or_insert(days);
            }
            let columns = term.keys().cloned().collect();
            let known: &mut Term = terms.entry(columns).or_default();
            for (column, values) in term {
                known.entry(column).or_default().extend(values);
            }
        }
        let values = |term: &Term| term.values().map(HashSet::len).max().unwrap_or(0);
        let values: usize = terms.values().map(values).sum();
        Ok((values <= MOST_VALUES).then(|| terms.into_values().collect()))
    }

    /// Whether so many rows of an input that came or went are few beside those
    /// that would be built.
    fn is_few(&self, rows: u64) -> bool {
        rows.saturating_mul(FEW) <= self.rows_to_build() || self.engine.by_rows_from() == 0
    }

    /// The published rows that would be built otherwise.
    fn rows_to_build(&self) -> u64 {
        let before = self.before.as_ref();
        match &self.extent {
            Extent::Whole => before.map_or(0, |b| b.rows),
            Extent::Partitions { days, .. } => {
                let partitions = before.into_iter().flat_map(|b| b.partitions.iter());
                let built = partitions.filter(|p| p.value.is_none_or(|day| days.contains(&day)));
                built.map(|p| p.rows).sum()
            }
        }
    }

    /// The rows as they are published.
    async fn stored(&self) -> Result<Answer> {
        let published = Scope {
            staged: HashMap::new(),
            ..self.scope.clone()
        };
        let sql = format!("select * from {}", table_sql(&self.model.name));
        self.session(published)?.query(&sql, &[]).await
    }

    fn session(&self, scope: Scope) -> Result<Session> {
        self.engine.session(scope, Strategy::Fastest)
    }

    /// Takes the rows that went out of `files`, and adds those that came.
    async fn patch(
        &self,
        files: &TableFiles,
        layout: &TableLayout,
        delta: &Delta,
        budget: usize,
    ) -> Result<Swap> {
        let mut swap = Swap::default();
        let mut writer = self.writer(layout, budget)?;
        let mut going: BTreeMap<PartitionValue, Bag> = BTreeMap::new();
        for batch in &delta.went {
            for (value, rows) in layout.split(batch)? {
                going.entry(value).or_default().add(&rows)?;
            }
        }
        for file in &files.files {
            let Some(bag) = going.get_mut(&file.partition).filter(|bag| bag.left() > 0) else {
                swap.kept.push(file.clone());
                continue;
            };
            let mut left = Vec::new();
            let mut content = ContentHash::default();
            for batch in self.engine.lake().read_file(files, file).await? {
                let taken = bag.take(&batch)?;
                content = content + taken.content;
                left.push(taken.others);
            }
            if rows(&left) == file.rows {
                swap.kept.push(file.clone());
                continue;
            }
            swap.removes.push(DataFile {
                content: Some(content),
                ..file.clone()
            });
            for batch in left {
                writer.write(batch).await?;
            }
        }
        if going.values().any(|bag| bag.left() > 0) {
            return Err(Error::data(format!(
                "`{}` holds other rows than the ones it answers",
                self.model.name
            ))
            .hint("`cinelake verify` says where; `cinelake refresh --full` builds it anew"));
        }
        for batch in &delta.came {
            writer.write(batch.clone()).await?;
        }
        swap.adds = writer.finish().await?;
        Ok(swap)
    }
}

/// How values of a model's columns reach into its inputs, each column planned
/// once.
struct Proofs<'a> {
    build: &'a Build,
    session: &'a Session,
    published: &'a TableFiles,
    reaches: BTreeMap<String, Option<Reach>>,
}

impl<'a> Proofs<'a> {
    fn new(build: &'a Build, session: &'a Session, published: &'a TableFiles) -> Self {
        Self {
            build,
            session,
            published,
            reaches: BTreeMap::new(),
        }
    }

    /// Columns of the model, each with one of `table`: rows of both belong
    /// together only when they have the same value.
    async fn keys_of(&mut self, table: &TableName) -> Result<Vec<(String, String)>> {
        let mut keys = Vec::new();
        for column in &self.build.keys {
            let reach = self.reach(column).await?;
            let theirs = reach.and_then(|reach| reach.by.get(table)?.first().cloned());
            keys.extend(theirs.map(|theirs| (column.clone(), theirs)));
        }
        Ok(keys)
    }

    /// The model's partition column and the partitions that rows of `delta`
    /// reach, where the model reads `table` by it.
    async fn days_of(
        &mut self,
        table: &TableName,
        delta: &Delta,
    ) -> Result<Option<(String, HashSet<ScalarValue>)>> {
        let Some(column) = self.build.model.header.partition_by.as_ref() else {
            return Ok(None);
        };
        let Some(reach) = self.reach(column).await? else {
            return Ok(None);
        };
        let Some(theirs) = reach.by.get(table).and_then(BTreeSet::first).cloned() else {
            return Ok(None);
        };
        let days = delta.values(&theirs, MOST_VALUES)?;
        Ok(days.map(|days| (column.clone(), days)))
    }

    /// None where the model has no such column, or not of a kind whose equal
    /// values are the same.
    async fn reach(&mut self, column: &str) -> Result<Option<&Reach>> {
        if !self.reaches.contains_key(column) {
            let field = self.published.schema.field_with_name(column).ok();
            let reach = match field.filter(|field| is_key(field.data_type())) {
                Some(_) => Some(self.session.reach(&self.build.sql, column).await?),
                None => None,
            };
            self.reaches.insert(column.to_owned(), reach);
        }
        Ok(self.reaches.get(column).and_then(Option::as_ref))
    }
}

fn is_key(kind: &DataType) -> bool {
    !matches!(kind, DataType::Float64)
}

/// The rows of any of `terms`, each once: what one query after the other has to
/// meet.
fn apart(terms: &[Term]) -> Vec<Vec<Condition>> {
    let mut before: Vec<Vec<Condition>> = Vec::new();
    let mut all = Vec::new();
    for term in terms {
        let mut own: Vec<Vec<Condition>> = vec![Vec::new()];
        for (column, values) in term {
            let among = Condition::Among(column.clone(), values.iter().cloned().collect());
            let missing = Condition::Missing(column.clone());
            let has_values = !values.is_empty();
            own = own
                .into_iter()
                .flat_map(|conditions| {
                    let with = |one: &Condition| {
                        [conditions.as_slice(), std::slice::from_ref(one)].concat()
                    };
                    let mut both = vec![with(&missing)];
                    if has_values {
                        both.push(with(&among));
                    }
                    both
                })
                .collect();
        }
        for conditions in &own {
            let mut conditions = conditions.clone();
            if !before.is_empty() {
                conditions.push(Condition::Neither(before.clone()));
            }
            all.push(conditions);
        }
        before.extend(own);
    }
    all
}

/// What queries answered, as far as it fits.
#[derive(Default)]
struct Rows {
    schema: Option<SchemaRef>,
    batches: Vec<RecordBatch>,
}

impl Rows {
    /// Adds the rows of `answer`; false where they are too many.
    async fn take(&mut self, answer: Answer) -> Result<bool> {
        let mut stream = answer.stream().await?;
        self.schema.get_or_insert(stream.schema());
        while let Some(batch) = stream.next().await? {
            self.batches.push(batch);
            if rows(&self.batches) > MOST_ROWS {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
