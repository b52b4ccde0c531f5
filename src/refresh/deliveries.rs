//! Deliveries: which file versions were landed, and what is new.
//!
//! A delivery is identified by its source and content, and by what its path
//! says where the contract lands that: the same again is nothing new under any
//! name; other content under a known name replaces that delivery, and so does
//! the same content that left one folder for another.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use futures::{StreamExt, TryStreamExt};

use super::workspace::{Workspace, fingerprint};
use crate::engine::{Scope, Session, Strategy};
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::name::TableName;
use crate::source::{Candidate, Contract, content_hash, find_deliveries};

/// One landed file version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number, `_delivery` in bronze.
    pub id: i64,
    /// Its source.
    pub source: String,
    /// Its path below the landing folder.
    pub path: String,
    /// Its size in bytes.
    pub size: i64,
    /// When the file was changed last, in microseconds since 1970.
    pub modified: i64,
    /// BLAKE3 of its bytes.
    pub content_hash: String,
    /// Hash of the contract it was landed by.
    pub contract_hash: String,
    /// When it was landed, in microseconds since 1970.
    pub landed_at: i64,
    /// Rows in the file.
    pub rows_in: i64,
    /// Rows landed.
    pub rows_landed: i64,
    /// Rows rejected.
    pub rows_rejected: i64,
    /// Columns kept that the contract does not know, separated by commas.
    pub unknown_columns: String,
    /// The delivery that replaced it; its rows are gone.
    pub replaced_by: Option<i64>,
}

impl Delivery {
    /// Equal for what one contract landed of one content.
    pub(super) fn content_key(&self) -> [&str; 3] {
        [&self.source, &self.content_hash, &self.contract_hash]
    }
}

/// What is to happen to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// The file.
    pub file: Candidate,
    /// What happens.
    pub action: FileAction,
    /// BLAKE3 of its bytes, where it was compared with that of another file of
    /// its size.
    pub content_hash: Option<String>,
}

/// What happens to a file of the landing folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAction {
    /// It is landed.
    Land,
    /// Its content changed: it is landed and this delivery's rows go.
    Replace {
        /// The delivery that goes.
        old: i64,
    },
    /// The contract changed: it is landed anew and this delivery's rows go.
    Again {
        /// The delivery that goes.
        old: i64,
    },
    /// It is landed already, under this name.
    Known,
    /// It is this delivery's file under a new name: another took the old one.
    Moved(i64),
    /// Its content is landed already, under the name given here.
    SameContent(String),
}

impl FileAction {
    /// Whether the file is to be landed.
    fn lands(&self) -> bool {
        match self {
            Self::Land | Self::Replace { .. } | Self::Again { .. } => true,
            Self::Known | Self::Moved(_) | Self::SameContent(_) => false,
        }
    }

    /// The delivery whose rows go.
    pub(super) fn replaced(&self) -> Option<i64> {
        match self {
            Self::Replace { old } | Self::Again { old } => Some(*old),
            _ => None,
        }
    }
}

/// What landing would do.
#[derive(Debug, Clone, Default)]
pub struct LandingPlan {
    /// Every file that a contract claims.
    pub files: Vec<PlannedFile>,
    /// Files that no contract claims, with the reason.
    pub ignored: Vec<(String, String)>,
}

impl LandingPlan {
    /// The files to land, in order.
    pub fn to_land(&self) -> impl Iterator<Item = &PlannedFile> {
        self.files.iter().filter(|f| f.action.lands())
    }
}

/// The table of deliveries.
pub(super) fn deliveries_table() -> TableName {
    TableName::new("system", "deliveries")
}

/// A file whose time of change lies this close to its landing may have been
/// changed again within the clock's resolution: its content is compared.
const SETTLED: TimeDelta = TimeDelta::seconds(2);

impl Workspace {
    /// Compares the landing folder with what is landed in `base`.
    pub(super) async fn plan_landing(
        &self,
        base: Option<&Arc<Snapshot>>,
    ) -> Result<(LandingPlan, Vec<Delivery>)> {
        let found = find_deliveries(&self.config.landing, &self.contracts)?;
        let known = of_snapshot(self, base.cloned()).await?;
        let mut plan = LandingPlan {
            files: Vec::new(),
            ignored: found.ignored,
        };
        let contracts: BTreeMap<&str, Agreed<'_>> = self
            .contracts
            .iter()
            .map(|c| (c.name.as_str(), Agreed::new(c)))
            .collect();
        let sizes = Sizes::of(&found.candidates, &known);
        let seen: Vec<Seen<'_>> = futures::stream::iter(found.candidates)
            .map(|file| Seen::compare(file, &sizes, &known, &contracts))
            .buffered(self.engine.threads())
            .try_collect()
            .await?;
        for at in 0..seen.len() {
            let action = decide(&seen, at, &known, &contracts);
            plan.files.push(PlannedFile {
                file: seen[at].file.clone(),
                action,
                content_hash: seen[at].content_hash.clone(),
            });
        }
        let landed_again = |delivery: &Delivery| {
            plan.files
                .iter()
                .any(|f| f.action.replaced() == Some(delivery.id))
        };
        for delivery in known.iter().filter(|d| d.replaced_by.is_none()) {
            let stale = contracts
                .get(delivery.source.as_str())
                .is_some_and(|now| now.hash != delivery.contract_hash);
            if stale && !landed_again(delivery) {
                return Err(Error::data(format!(
                    "the contract of `{}` changed, and its landed file is gone",
                    delivery.source
                ))
                .file(self.config.landing.join(&delivery.path))
                .hint(
                    "put the file back so that it can land by the new contract, or undo the change",
                ));
            }
        }
        Ok((plan, known))
    }
}

/// A source's contract, and the hash of what it says of landing.
struct Agreed<'a> {
    contract: &'a Contract,
    hash: String,
}

impl<'a> Agreed<'a> {
    fn new(contract: &'a Contract) -> Self {
        let hash = fingerprint(&contract.landing_text());
        Self { contract, hash }
    }
}

/// How many files and deliveries of a source are of one size.
struct Sizes(BTreeMap<(String, u64), usize>);

impl Sizes {
    fn of(files: &[Candidate], known: &[Delivery]) -> Self {
        let files = files.iter().map(|f| (f.source.clone(), f.size));
        let live = known.iter().filter(|d| d.replaced_by.is_none());
        let landed = live.map(|d| (d.source.clone(), d.size.unsigned_abs()));
        let mut sizes = BTreeMap::new();
        for size in files.chain(landed) {
            *sizes.entry(size).or_default() += 1;
        }
        Self(sizes)
    }

    /// Whether no other file or delivery can be of the content of `file`.
    fn is_only(&self, file: &Candidate) -> bool {
        self.0.get(&(file.source.clone(), file.size)) == Some(&1)
    }
}

/// A file beside what is landed under its name.
struct Seen<'a> {
    file: Candidate,
    /// The current delivery of that source and name.
    landed: Option<&'a Delivery>,
    /// BLAKE3 of its bytes, of an untouched file as it was landed. None where
    /// nothing else has its size: landing reads the file, and hashes it then.
    content_hash: Option<String>,
    /// What its path says, where the contract lands that.
    path_values: Vec<String>,
}

impl<'a> Seen<'a> {
    async fn compare(
        file: Candidate,
        sizes: &Sizes,
        known: &'a [Delivery],
        contracts: &BTreeMap<&str, Agreed<'_>>,
    ) -> Result<Self> {
        let agreed = contracts.get(file.source.as_str());
        let landed = known
            .iter()
            .find(|d| d.source == file.source && d.path == file.path && d.replaced_by.is_none());
        let settled = landed
            .filter(|d| untouched(&file, d) && agreed.is_some_and(|a| a.hash == d.contract_hash));
        let content_hash = match settled {
            Some(delivery) => Some(delivery.content_hash.clone()),
            None if sizes.is_only(&file) => None,
            None => {
                let path = file.full.clone();
                let hash = tokio::task::spawn_blocking(move || content_hash(&path));
                let failed = |e| Error::io("could not read").file(&file.full).because(e);
                Some(hash.await.map_err(failed)??)
            }
        };
        Ok(Self {
            path_values: agreed.map_or(Vec::new(), |a| a.contract.path_values(&file.path)),
            file,
            landed,
            content_hash,
        })
    }

    /// Whether other content was landed under this name.
    fn changed(&self) -> bool {
        self.landed.is_some_and(|d| !self.has_content_of(d))
    }

    fn has_content_of(&self, delivery: &Delivery) -> bool {
        self.content_hash.as_ref() == Some(&delivery.content_hash)
    }
}

fn decide(
    seen: &[Seen<'_>],
    at: usize,
    known: &[Delivery],
    contracts: &BTreeMap<&str, Agreed<'_>>,
) -> FileAction {
    let this = &seen[at];
    let agreed = contracts.get(this.file.source.as_str());
    let contract = agreed.map(|a| &a.hash);
    let path_values = |path: &str| agreed.map_or(Vec::new(), |a| a.contract.path_values(path));
    let same_source = |other: &&Seen<'_>| other.file.source == this.file.source;
    let same_content = |other: &&Seen<'_>| {
        let same_bytes = this.content_hash.is_some() && other.content_hash == this.content_hash;
        same_bytes && other.path_values == this.path_values
    };
    if let Some(delivery) = this.landed {
        let old = delivery.id;
        if this.changed() {
            // The old content under a new name: it has moved, nothing goes.
            let moved = seen
                .iter()
                .filter(same_source)
                .filter(|other| other.path_values == this.path_values)
                .any(|other| other.landed.is_none() && other.has_content_of(delivery));
            return match moved {
                true => FileAction::Land,
                false => FileAction::Replace { old },
            };
        }
        return match contract == Some(&delivery.contract_hash) {
            true => FileAction::Known,
            false => FileAction::Again { old },
        };
    }
    let before = seen[..at]
        .iter()
        .filter(same_source)
        .filter(same_content)
        .find(|other| other.landed.is_none());
    if let Some(before) = before {
        return FileAction::SameContent(before.file.path.clone());
    }
    let same_bytes: Vec<&Delivery> = known
        .iter()
        .filter(|d| d.source == this.file.source && d.replaced_by.is_none())
        .filter(|d| this.has_content_of(d))
        .collect();
    let twin = same_bytes
        .iter()
        .find(|d| path_values(&d.path) == this.path_values);
    let Some(twin) = twin else {
        let mut others = seen.iter().filter(same_source).filter(same_content);
        if let Some(other) = others.find(|other| other.changed()) {
            return FileAction::SameContent(other.file.path.clone());
        }
        // A file that left one folder for another took its rows along.
        let is_gone = |d: &&&Delivery| !seen.iter().any(|s| s.file.path == d.path);
        return match same_bytes.iter().find(is_gone) {
            Some(moved) => FileAction::Replace { old: moved.id },
            None => FileAction::Land,
        };
    };
    let at_old_name = seen
        .iter()
        .filter(same_source)
        .find(|other| other.file.path == twin.path);
    match at_old_name {
        Some(other) if !other.changed() => FileAction::SameContent(twin.path.clone()),
        _ if contract != Some(&twin.contract_hash) => FileAction::Again { old: twin.id },
        Some(_) => FileAction::Moved(twin.id),
        None => FileAction::SameContent(twin.path.clone()),
    }
}

/// Whether size and time say that the file is as it was landed.
fn untouched(file: &Candidate, delivery: &Delivery) -> bool {
    let settled = DateTime::<Utc>::from_timestamp_micros(delivery.landed_at)
        .zip(DateTime::from_timestamp_micros(file.modified))
        .is_some_and(|(landed, modified)| landed - modified > SETTLED);
    i64::try_from(file.size) == Ok(delivery.size) && file.modified == delivery.modified && settled
}

/// Every delivery ever landed as `snapshot` shows it, by number.
pub(super) async fn of_snapshot(
    workspace: &Workspace,
    snapshot: Option<Arc<Snapshot>>,
) -> Result<Vec<Delivery>> {
    let Some(snapshot) = snapshot.filter(|s| s.tables.contains_key(&deliveries_table())) else {
        return Ok(Vec::new());
    };
    let scope = Scope {
        snapshot: Some(snapshot),
        ..Scope::default()
    };
    let session = workspace.engine.session(scope, Strategy::Fastest)?;
    read(&session, "system.deliveries").await
}

/// The deliveries that `table` of `session` holds, by number.
pub(super) async fn read(session: &Session, table: &str) -> Result<Vec<Delivery>> {
    let sql = format!(
        "select delivery, source, path, size_bytes, modified_at, content_hash, contract_hash, \
         landed_at, rows_in, rows_landed, rows_rejected, unknown_columns, replaced_by \
         from {table} order by delivery"
    );
    let batches = session.query(&sql, &[]).await?.collect().await?;
    Ok(batches.iter().flat_map(from_batch).collect())
}

fn from_batch(batch: &RecordBatch) -> Vec<Delivery> {
    let number =
        |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
    let text =
        |column: usize, row: usize| batch.column(column).as_string_view().value(row).to_owned();
    let instant = |column: usize, row: usize| {
        batch
            .column(column)
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
    };
    let delivery = |row| Delivery {
        id: number(0, row),
        source: text(1, row),
        path: text(2, row),
        size: number(3, row),
        modified: instant(4, row),
        content_hash: text(5, row),
        contract_hash: text(6, row),
        landed_at: instant(7, row),
        rows_in: number(8, row),
        rows_landed: number(9, row),
        rows_rejected: number(10, row),
        unknown_columns: text(11, row),
        replaced_by: batch.column(12).is_valid(row).then(|| number(12, row)),
    };
    (0..batch.num_rows()).map(delivery).collect()
}

/// The deliveries as rows of `system.deliveries`.
pub(super) fn to_batch(deliveries: &[Delivery]) -> Result<RecordBatch> {
    let number = |get: fn(&Delivery) -> Option<i64>| {
        Arc::new(deliveries.iter().map(get).collect::<Int64Array>()) as ArrayRef
    };
    let text = |get: fn(&Delivery) -> &str| {
        Arc::new(StringViewArray::from_iter_values(
            deliveries.iter().map(get),
        )) as ArrayRef
    };
    let instant = |get: fn(&Delivery) -> i64| {
        let values = TimestampMicrosecondArray::from_iter_values(deliveries.iter().map(get));
        Arc::new(values.with_timezone("UTC")) as ArrayRef
    };
    RecordBatch::try_from_iter_with_nullable(
        [
            ("delivery", number(|d| Some(d.id))),
            ("source", text(|d| &d.source)),
            ("path", text(|d| &d.path)),
            ("size_bytes", number(|d| Some(d.size))),
            ("modified_at", instant(|d| d.modified)),
            ("content_hash", text(|d| &d.content_hash)),
            ("contract_hash", text(|d| &d.contract_hash)),
            ("landed_at", instant(|d| d.landed_at)),
            ("rows_in", number(|d| Some(d.rows_in))),
            ("rows_landed", number(|d| Some(d.rows_landed))),
            ("rows_rejected", number(|d| Some(d.rows_rejected))),
            ("unknown_columns", text(|d| &d.unknown_columns)),
            ("replaced_by", number(|d| d.replaced_by)),
        ]
        .map(|(name, array)| (name, array, true)),
    )
    .map_err(|e| Error::data("deliveries do not fit their table").because(e))
}

/// The columns of `system.deliveries`.
pub(super) fn schema() -> Result<SchemaRef> {
    Ok(to_batch(&[])?.schema())
}
