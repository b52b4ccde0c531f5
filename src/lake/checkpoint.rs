//! Checkpoints: a table's log up to a version as one file, so that opening
//! does not read every commit.
//!
//! A checkpoint that is not whole makes a table unreadable for everybody. So
//! it is made aside, read there, compared with what the commits say, and only
//! then written, synced before it gets its name; the hint that leads to it
//! comes last.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::SchemaRef;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::{DeltaTable, DeltaTableError};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::delta::DeltaVersion;
use super::files::table_folder;
use super::{DataFile, Lake, Lease, Snapshot, column_ranges, failpoint, store_error};
use crate::error::{Error, Result};
use crate::name::TableName;

/// Commits that a reader may have to read one by one.
const COMMITS: u64 = 20;

/// The end of a checkpoint's name.
pub(super) const ENDING: &str = ".checkpoint.parquet";
/// The file that leads to the newest checkpoint.
pub(super) const HINT: &str = "_last_checkpoint";

impl Lake {
    /// The tables among `names` whose logs want a checkpoint, and the version
    /// of each in `snapshot`.
    ///
    /// # Errors
    /// When a log cannot be listed.
    pub async fn due_checkpoints(
        &self,
        snapshot: &Snapshot,
        names: &[TableName],
    ) -> Result<Vec<(TableName, u64)>> {
        let mut due = Vec::new();
        for name in names {
            let version = snapshot.tables.get(name).and_then(|entry| entry.version());
            let Some(version) = version.filter(|version| *version >= COMMITS) else {
                continue;
            };
            let last = self.last_checkpoint(name).await?;
            if last.is_none_or(|last| last + COMMITS <= version) {
                due.push((name.clone(), version));
            }
        }
        Ok(due)
    }

    async fn last_checkpoint(&self, name: &TableName) -> Result<Option<u64>> {
        let log = self
            .list(&format!("{}/_delta_log", table_folder(name)))
            .await?;
        let version = |name: &str| name.strip_suffix(ENDING)?.parse().ok();
        Ok(log
            .iter()
            .filter_map(|meta| version(meta.location.filename()?))
            .max())
    }

    /// Writes the checkpoint of the table `name` at `version`.
    ///
    /// # Errors
    /// When it cannot be written, or does not say what the commits say. Then
    /// the log is as it was.
    pub async fn write_checkpoint(
        &self,
        _lease: &Lease,
        name: &TableName,
        version: u64,
    ) -> Result<()> {
        let gone = || Error::data(format!("the Delta log of `{name}` is gone"));
        let should = self.delta_version(name, Some(version)).await?;
        let should = should.ok_or_else(gone)?;
        let aside = self.aside();
        aside.make_checkpoint(name, version).await?;
        let is = aside.delta_version(name, Some(version)).await?;
        if !same(&is.ok_or_else(gone)?, &should) {
            return Err(Error::data(format!(
                "a checkpoint of `{name}` at version {version} does not say what its commits say"
            ))
            .hint("nothing was written; the commits are all there"));
        }
        let log = format!("{}/_delta_log", table_folder(name));
        let path = Path::from(format!("{log}/{version:020}{ENDING}"));
        self.copy_from(&aside, &path).await?;
        self.sync().await?;
        failpoint("maintain.checkpoint")?;
        self.copy_from(&aside, &Path::from(format!("{log}/{HINT}")))
            .await?;
        self.sync().await?;
        failpoint("maintain.checkpointed")
    }

    async fn make_checkpoint(&self, name: &TableName, version: u64) -> Result<()> {
        let failed = |e: DeltaTableError| {
            Error::io(format!("could not make a checkpoint of `{name}`")).because(e)
        };
        let mut table = DeltaTable::new(self.log_store(name)?);
        table.load_version(version).await.map_err(failed)?;
        create_checkpoint(&table, None).await.map_err(failed)
    }

    /// Writes the file `path` as `aside` has it, and reads it back.
    async fn copy_from(&self, aside: &Self, path: &Path) -> Result<()> {
        let bytes = aside.bytes(path).await?;
        let written = self.store.put(path, bytes.clone().into()).await;
        written.map_err(|e| store_error(format!("could not write `{path}`"), e))?;
        if self.bytes(path).await? == bytes {
            return Ok(());
        }
        // Not what was written: without it the commits tell.
        let _ = self.store.delete(path).await;
        Err(
            Error::io(format!("`{path}` does not read as it was written"))
                .hint("the disk may be at fault; the table's commits are all there"),
        )
    }

    async fn bytes(&self, path: &Path) -> Result<bytes::Bytes> {
        let failed = |e| store_error(format!("could not read `{path}`"), e);
        let got = self.store.get(path).await.map_err(failed)?;
        got.bytes().await.map_err(failed)
    }
}

/// Whether two readings of a version agree in everything that readers use.
fn same(left: &DeltaVersion, right: &DeltaVersion) -> bool {
    left.version == right.version
        && left.schema == right.schema
        && left.partition_by() == right.partition_by()
        && by_path(&left.files, &left.schema) == by_path(&right.files, &right.schema)
}

type Known = (u64, u64, Option<i32>, String);

fn by_path<'a>(files: &'a [DataFile], schema: &SchemaRef) -> BTreeMap<&'a str, Known> {
    let known = |file: &'a DataFile| {
        let ranges = column_ranges(file.stats.as_deref().unwrap_or("{}"), schema);
        let known = (file.size, file.rows, file.partition, format!("{ranges:?}"));
        (file.path.as_str(), known)
    };
    files.iter().map(known).collect()
}
