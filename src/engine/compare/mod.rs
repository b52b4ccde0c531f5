//! Two scopes side by side, and what differs between them.
//!
//! In a [`Comparison`]'s session every table stands twice: as
//! `before.layer.table` and as `after.layer.table`. Files are immutable, so
//! those that both sides hold cancel out and are never opened; what is left is
//! compared row by row, by value, as [`Comparison::counts`] says. `queries.rs`
//! beside this file has the SQL, `rows.rs` lists single rows.

mod queries;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};

use self::queries::{by_key, quoted};
use crate::engine::{Engine, Scope, Session, Staged, Strategy, sql_type};
use crate::error::Result;
use crate::lake::{EntryKind, TableEntry, TableFiles};
use crate::name::TableName;

pub use rows::ChangedRows;

/// The names of the two sides.
const BEFORE: &str = "before";
const AFTER: &str = "after";

/// Two scopes, and the tables that may differ between them.
pub struct Comparison {
    session: Session,
    pairs: BTreeMap<TableName, TablePair>,
}

/// A table that may differ.
#[derive(Debug, Clone)]
pub struct TablePair {
    /// The table.
    pub name: TableName,
    /// How it stands before; `None` when it is new.
    pub before: Option<Standing>,
    /// How it stands after; `None` when it is dropped.
    pub after: Option<Standing>,
    /// Columns of both sides, in the order of the after side.
    pub columns: Vec<SharedColumn>,
    /// Columns of the after side only.
    pub columns_added: Vec<String>,
    /// Columns of the before side only.
    pub columns_removed: Vec<String>,
}

/// One side of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its rows.
    pub rows: u64,
    /// A view's query.
    pub view: Option<String>,
    /// The name under which what may differ of it is queried.
    queried: String,
}

/// A column of both sides.
#[derive(Debug, Clone)]
pub struct SharedColumn {
    /// Its name.
    pub name: String,
    /// Its type after.
    pub data_type: DataType,
    /// Its types before and after in SQL's words, where they differ.
    pub retyped: Option<(String, String)>,
    /// Whether only the texts of its values can be compared.
    as_text: bool,
}

/// How many rows differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows of the after side only.
    pub added: u64,
    /// Rows of the before side only.
    pub removed: u64,
    /// Rows of both sides with other values: one key, one row each.
    pub changed: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.added + self.removed + self.changed
    }
}

/// One side of a table, as its scope gives it.
enum Side {
    Files(Arc<TableFiles>),
    View(String),
}

impl Engine {
    /// Opens a session over two scopes and finds the tables that may differ,
    /// among those that are `wanted`.
    ///
    /// # Errors
    /// When a log cannot be read, or a view cannot be planned.
    pub async fn compare(
        self: &Arc<Self>,
        mut before: Scope,
        mut after: Scope,
        wanted: &(dyn Fn(&TableName) -> bool + Sync),
    ) -> Result<Comparison> {
        let names: BTreeSet<TableName> = before.names().chain(after.names()).cloned().collect();
        let mut sides = Vec::new();
        for name in names {
            if !wanted(&name) || unchanged(&before, &after, &name) {
                continue;
            }
            let old = self.side(&before, &name).await?;
            let new = self.side(&after, &name).await?;
            let mut queried = name.clone();
            if let (Some(Side::Files(old)), Some(Side::Files(new))) = (&old, &new) {
                let (only_old, only_new) = (old.without(new), new.without(old));
                if only_old.files.is_empty()
                    && only_new.files.is_empty()
                    && old.schema == new.schema
                {
                    continue;
                }
                // No model can have this name.
                queried.table = format!("#{}", name.table);
                for (scope, files) in [(&mut before, only_old), (&mut after, only_new)] {
                    let staged = Staged::Files(Arc::new(files));
                    scope.staged.insert(queried.clone(), staged);
                }
            }
            sides.push((name, queried, old, new));
        }
        let scopes = vec![(BEFORE, before), (AFTER, after)];
        let session = Session::over(Arc::clone(self), scopes, Strategy::Fastest)?;
        let mut pairs = BTreeMap::new();
        for (name, queried, old, new) in sides {
            let old = stand(&session, BEFORE, &name, &queried, old).await?;
            let new = stand(&session, AFTER, &name, &queried, new).await?;
            pairs.insert(name.clone(), TablePair::new(name, old, new));
        }
        Ok(Comparison { session, pairs })
    }

    async fn side(&self, scope: &Scope, name: &TableName) -> Result<Option<Side>> {
        match scope.staged.get(name) {
            Some(Staged::Files(files)) => return Ok(Some(Side::Files(Arc::clone(files)))),
            Some(Staged::View(sql)) => return Ok(Some(Side::View(sql.clone()))),
            None => {}
        }
        Ok(match scope.entry(name) {
            Some(entry) => Some(match &entry.kind {
                EntryKind::View { sql } => Side::View(sql.clone()),
                EntryKind::Table { .. } | EntryKind::Files(_) => {
                    Side::Files(self.files(name, entry).await?)
                }
            }),
            None => None,
        })
    }
}

impl Scope {
    fn entry(&self, name: &TableName) -> Option<&TableEntry> {
        self.snapshot.as_ref()?.tables.get(name)
    }

    fn names(&self) -> impl Iterator<Item = &TableName> {
        let published = self.snapshot.iter().flat_map(|s| s.tables.keys());
        published.chain(self.staged.keys())
    }
}

impl Comparison {
    /// The tables that may differ, by name: of each at least one file, the
    /// columns or what a view reads.
    pub fn pairs(&self) -> impl Iterator<Item = &TablePair> {
        self.pairs.values()
    }

    /// The table `name`, where it may differ.
    #[must_use]
    pub fn pair(&self, name: &TableName) -> Option<&TablePair> {
        self.pairs.get(name)
    }

    /// The session in which tables are named `before.layer.table` and
    /// `after.layer.table`.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// How many rows differ. Equal rows of both sides cancel out, each as
    /// often as it occurs; of what is left, a row that came and one that went
    /// with the same `key` are one changed row. Without a key none are.
    /// Columns of one side only are not compared.
    ///
    /// # Errors
    /// When a side cannot be read.
    pub async fn counts(&self, pair: &TablePair, key: &[String]) -> Result<Counts> {
        let (Some(before), Some(after)) = (&pair.before, &pair.after) else {
            return Ok(Counts {
                added: pair.after.as_ref().map_or(0, |s| s.rows),
                removed: pair.before.as_ref().map_or(0, |s| s.rows),
                changed: 0,
            });
        };
        if pair.columns.is_empty() {
            return Ok(Counts {
                added: after.rows,
                removed: before.rows,
                changed: 0,
            });
        }
        let by_key = by_key(pair, key, "");
        let sql = format!(
            "select coalesce(sum(came - changed), 0), coalesce(sum(went - changed), 0), \
             coalesce(sum(changed), 0) from ({by_key}) as by_key"
        );
        let batches = self.session.query(&sql, &[]).await?.collect().await?;
        let column = |i: usize| numbers(&batches, i).first().copied().unwrap_or(0);
        Ok(Counts {
            added: column(0),
            removed: column(1),
            changed: column(2),
        })
    }

    /// How many rows differ for each value of the date column `month`, which
    /// is part of `key`; values as text.
    ///
    /// # Errors
    /// When a side cannot be read.
    pub async fn counts_by(
        &self,
        pair: &TablePair,
        key: &[String],
        month: &str,
    ) -> Result<Vec<(String, u64)>> {
        let shown = format!("cast({} as text) as \"#month\", ", quoted(month));
        let by_key = by_key(pair, key, &shown);
        let sql = format!(
            "select \"#month\", sum(came + went - changed) \
             from ({by_key}) as by_key group by \"#month\" order by \"#month\""
        );
        let batches = self.session.query(&sql, &[]).await?.collect().await?;
        let months = batches.iter().flat_map(|b| {
            let texts = b.column(0).as_string_view();
            texts.iter().map(|text| text.unwrap_or("").to_owned())
        });
        Ok(months.zip(numbers(&batches, 1)).collect())
    }
}

impl TablePair {
    fn new(
        name: TableName,
        before: Option<(Standing, SchemaRef)>,
        after: Option<(Standing, SchemaRef)>,
    ) -> Self {
        let names = |side: &Option<(Standing, SchemaRef)>| -> Vec<String> {
            let fields = side.iter().flat_map(|(_, schema)| schema.fields());
            fields.map(|f| f.name().clone()).collect()
        };
        let (old, new) = (names(&before), names(&after));
        let both = before.is_some() && after.is_some();
        let only = |some: &[String], others: &[String]| match both {
            true => some
                .iter()
                .filter(|n| !others.contains(n))
                .cloned()
                .collect(),
            false => Vec::new(),
        };
        let columns = match (&before, &after) {
            (Some((_, old)), Some((_, new))) => shared(old, new),
            (None, Some((_, one))) | (Some((_, one)), None) => shared(one, one),
            (None, None) => Vec::new(),
        };
        Self {
            name,
            columns,
            columns_added: only(&new, &old),
            columns_removed: only(&old, &new),
            before: before.map(|(standing, _)| standing),
            after: after.map(|(standing, _)| standing),
        }
    }

    /// Whether rows can be told apart by `key`: both sides have its columns.
    #[must_use]
    pub fn has_key(&self, key: &[String]) -> bool {
        let has = |name: &String| self.columns.iter().any(|c| c.name == *name);
        !key.is_empty() && key.iter().all(has)
    }
}

/// Whether a table's rows are the same without looking: nothing is staged, and
/// both snapshots say so. A view's rows are when those that it reads are.
fn unchanged(before: &Scope, after: &Scope, name: &TableName) -> bool {
    if before.staged.contains_key(name) || after.staged.contains_key(name) {
        return false;
    }
    let (Some(old), Some(new)) = (before.entry(name), after.entry(name)) else {
        return before.entry(name).is_none() && after.entry(name).is_none();
    };
    match (&old.kind, &new.kind) {
        (EntryKind::View { sql: old_sql }, EntryKind::View { sql: new_sql }) => {
            let mut inputs = old.inputs.keys().chain(new.inputs.keys());
            old_sql == new_sql && inputs.all(|input| unchanged(before, after, input))
        }
        (old_kind, new_kind) => old.changed_in == new.changed_in && old_kind == new_kind,
    }
}

async fn stand(
    session: &Session,
    side: &str,
    name: &TableName,
    queried: &TableName,
    given: Option<Side>,
) -> Result<Option<(Standing, SchemaRef)>> {
    let sql = |name: &TableName| format!("{side}.{}.{}", quoted(&name.layer), quoted(&name.table));
    Ok(match given {
        None => None,
        Some(Side::Files(files)) => {
            let standing = Standing {
                rows: files.rows(),
                view: None,
                queried: sql(queried),
            };
            Some((standing, Arc::clone(&files.schema)))
        }
        Some(Side::View(view)) => {
            let queried = sql(name);
            let count = format!("select count(*) from {queried}");
            let columns = format!("select * from {queried} limit 0");
            let standing = Standing {
                rows: u64::try_from(session.number(&count).await?).unwrap_or(0),
                view: Some(view),
                queried,
            };
            let rows = session.query(&columns, &[]).await?.stream().await?;
            Some((standing, rows.schema()))
        }
    })
}

fn shared(old: &SchemaRef, new: &SchemaRef) -> Vec<SharedColumn> {
    let pairs = new
        .fields()
        .iter()
        .filter_map(|f| Some((f, old.field_with_name(f.name()).ok()?)));
    let column = |new: &DataType, old: &DataType, name: &str| {
        let (before, after) = (sql_type(old), sql_type(new));
        let retyped = (before != after).then_some((before, after));
        SharedColumn {
            name: name.to_owned(),
            data_type: new.clone(),
            as_text: retyped.is_some() && !(old.is_numeric() && new.is_numeric()),
            retyped,
        }
    };
    pairs
        .map(|(new, old)| column(new.data_type(), old.data_type(), new.name()))
        .collect()
}

/// The numbers of a column.
fn numbers(batches: &[RecordBatch], column: usize) -> Vec<u64> {
    let of = |array: &ArrayRef| -> Vec<u64> {
        let Some(array) = array.as_primitive_opt::<Int64Type>() else {
            return Vec::new();
        };
        let value = |row: usize| u64::try_from(array.value(row)).unwrap_or(0);
        (0..array.len()).map(value).collect()
    };
    batches.iter().flat_map(|b| of(b.column(column))).collect()
}
