//! Of several rows with one key the newest counts: keeps `_current` right.
//!
//! Every landed row stays in bronze; `_current` says whether it counts. After
//! new deliveries are staged, keys that occur more than once are ranked by
//! version, then delivery, then line, and the files in which a row's
//! `_current` is wrong are written anew. Without repeated keys nothing is
//! rewritten.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Date32Type, Int64Type};

use super::build::write_rows;
use super::near::Near;
use super::replace::deliveries_in;
use super::stage::{Provenance, Stage};
use super::workspace::fingerprint;
use crate::error::Result;
use crate::lake::{DataFile, TableLayout};
use crate::name::TableName;
use crate::source::{CURRENT, Column, ColumnType, Contract, DELIVERY, LINE};

/// Rows of one delivery in one partition.
type Place = (Option<i32>, i64);

/// Settles `_current` in the staged table of `contract`.
pub(super) async fn settle(
    stage: &mut Stage<'_>,
    contract: &Contract,
    rows_went: bool,
) -> Result<()> {
    if contract.key.is_empty() {
        return Ok(());
    }
    let name = TableName::bronze(&contract.name);
    let Some(staged) = stage.staged(&name) else {
        return Ok(());
    };
    if staged.adds.is_empty() && !rows_went {
        return Ok(());
    }
    let only_arrived = !staged.kept.is_empty() && !rows_went;
    let sql = Queries::new(contract, &name, only_arrived);
    let mut near = staged.adds.clone();
    if only_arrived {
        let of_key = Near::new(&staged, &contract.key);
        near.extend(staged.kept.iter().filter(|f| of_key.may_share(f)).cloned());
    }
    let parts = [
        (arrived(&name), staged.adds.as_slice()),
        (around(&name), near.as_slice()),
    ];
    let session = stage.session_with(&name, &staged.layout, &parts)?;
    if let Some(differing) = sql.differing()
        && session.number(&differing).await? == 0
    {
        return Ok(());
    }
    let batches = session
        .query(&sql.misplaced(), &[])
        .await?
        .collect()
        .await?;
    let mut places: BTreeSet<Place> = BTreeSet::new();
    for batch in &batches {
        let partition = batch.column(0).as_primitive::<Date32Type>();
        let delivery = batch.column(1).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            places.insert((
                partition.is_valid(row).then(|| partition.value(row)),
                delivery.value(row),
            ));
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let span = |file: &DataFile| deliveries_in(file, &staged.layout.schema, DELIVERY).into_inner();
    // A file may hold several deliveries: it is affected when it can hold a
    // row that is wrong.
    let affected = |file: &DataFile| {
        let (least, most) = span(file);
        let mut inside = places.range((file.partition, least)..=(file.partition, most));
        inside.next().is_some()
    };
    let (stale, adds): (Vec<_>, Vec<_>) = staged.adds.iter().cloned().partition(&affected);
    let (mut removes, kept): (Vec<_>, Vec<_>) = staged.kept.iter().cloned().partition(&affected);
    let mut adds = adds;
    let (engine, clock) = (&stage.workspace.engine, &stage.workspace.clock);
    // One query a delivery, or a span of them, so that memory suffices.
    let mut rewritten: BTreeMap<(i64, i64), Vec<DataFile>> = BTreeMap::new();
    for file in stale.iter().chain(&removes) {
        rewritten.entry(span(file)).or_default().push(file.clone());
    }
    for files in rewritten.into_values() {
        let [arrived, around] = parts.clone();
        let parts = [arrived, around, (settling(&name), files.as_slice())];
        let session = stage.session_with(&name, &staged.layout, &parts)?;
        let answer = session.model(&sql.settled(&staged.layout)).await?;
        let rows = answer.stream().await?;
        let budget = engine.write_budget();
        adds.extend(write_rows(engine, clock, &name, &staged.layout, budget, rows).await?);
    }
    let lake = stage.workspace.lake();
    lake.delete_staged(&name, &stale).await;
    removes.extend(staged.removes);
    let provenance = Provenance {
        fingerprint: fingerprint(&contract.landing_text()),
        inputs: BTreeSet::new(),
    };
    stage.table(&name, staged.layout, kept, adds, removes, provenance);
    Ok(())
}

fn arrived(name: &TableName) -> TableName {
    TableName::bronze(format!("_arrived_{}", name.table))
}

/// The new files and those that may hold keys of theirs.
fn around(name: &TableName) -> TableName {
    TableName::bronze(format!("_around_{}", name.table))
}

fn settling(name: &TableName) -> TableName {
    TableName::bronze(format!("_settling_{}", name.table))
}

struct Queries<'a> {
    contract: &'a Contract,
    name: &'a TableName,
    key: String,
    /// Whether only keys of new rows can be repeated.
    only_arrived: bool,
}

impl<'a> Queries<'a> {
    fn new(contract: &'a Contract, name: &'a TableName, only_arrived: bool) -> Self {
        let quoted: Vec<String> = contract.key.iter().map(|k| quoted(k)).collect();
        Self {
            contract,
            name,
            key: quoted.join(", "),
            only_arrived,
        }
    }

    /// How many rows there are beyond one a key, and how many do not count: of
    /// one number that is counted much faster than rows are grouped by it.
    fn differing(&self) -> Option<String> {
        let Self { key, name, .. } = self;
        let mut columns = self.contract.columns.iter();
        let is_number = |column: &&Column| {
            self.contract.key == [column.name.as_str()]
                && matches!(column.kind, ColumnType::Integer | ColumnType::BigInt)
        };
        let is_one = columns.find(is_number).is_some() && !self.only_arrived;
        is_one.then(|| {
            format!(
                "select count(*) - count(distinct {key}) + count(*) filter (where not {CURRENT}) from {}.{}",
                name.layer,
                quoted(&name.table)
            )
        })
    }

    /// Rows whose key occurs more than once, and whether they win.
    ///
    /// Where only keys of new rows can be repeated, rows of other keys count or
    /// do not as before.
    fn ranked(&self) -> String {
        let Self { name, key, .. } = self;
        let (table, among) = if self.only_arrived {
            let new = quoted(&arrived(name).table);
            let among =
                format!("left semi join (select distinct {key} from bronze.{new}) using ({key})");
            (quoted(&around(name).table), among)
        } else {
            (quoted(&name.table), String::new())
        };
        let others = match self.only_arrived {
            true => String::new(),
            false => format!("union select {key} from bronze.{table} where not {CURRENT}"),
        };
        let version = match &self.contract.version_by {
            Some(column) => format!("{} desc nulls last, ", quoted(column)),
            None => String::new(),
        };
        let partition = match &self.contract.partition {
            Some(partition) => quoted(&partition.column),
            None => "cast(null as date)".to_owned(),
        };
        format!(
            "with repeated as (
                select {key} from bronze.{table} {among} group by {key} having count(*) > 1
            ),
            suspects as (
                select {key} from repeated {others}
            ),
            ranked as (
                select
                    {partition} as _partition, {DELIVERY}, {LINE}, {CURRENT},
                    row_number() over (
                        partition by {key} order by {version}{DELIVERY} desc, {LINE} desc
                    ) = 1 as _wins
                from bronze.{table} left semi join suspects using ({key})
            )"
        )
    }

    /// Where rows lie whose `_current` is wrong.
    fn misplaced(&self) -> String {
        format!(
            "{} select distinct _partition, {DELIVERY} from ranked where _wins <> {CURRENT}",
            self.ranked()
        )
    }

    /// The rows to write anew, `_current` set right.
    fn settled(&self, layout: &TableLayout) -> String {
        let columns: Vec<String> = layout
            .schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                CURRENT => format!("coalesce(r._wins, t.{CURRENT}) as {CURRENT}"),
                name => format!("t.{}", quoted(name)),
            })
            .collect();
        format!(
            "{} select {} from bronze.{} as t left join ranked as r \
             on t.{DELIVERY} = r.{DELIVERY} and t.{LINE} = r.{LINE}",
            self.ranked(),
            columns.join(", "),
            quoted(&settling(self.name).table),
        )
    }
}

/// A name as SQL reads it back.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
