//! The Delta log of one table: read a version's files, commit a change.
//!
//! Commits name a version and are one put-if-absent, without loading the log.
//! Tables stay at reader version 1 and writer version 2, so that every Delta
//! reader opens them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow as _, TryIntoKernel as _};
use deltalake_core::kernel::transaction::{CommitData, TransactionError};
use deltalake_core::kernel::{
    Action, Add, Metadata, MetadataExt as _, Protocol, Remove, StructType, Transaction,
    new_metadata,
};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use super::files::{DataFile, TableFiles, date_days, date_text, table_folder};
use super::{EntryKind, Lake, TableEntry};
use crate::error::{Error, Result};
use crate::name::TableName;

/// A table at one Delta version.
pub(super) struct DeltaVersion {
    pub(super) version: u64,
    pub(super) schema: SchemaRef,
    pub(super) files: Vec<DataFile>,
    metadata: Metadata,
}

impl DeltaVersion {
    /// The column by which files are split.
    pub(super) fn partition_by(&self) -> Option<&str> {
        self.metadata
            .partition_columns()
            .first()
            .map(String::as_str)
    }
}

/// What one commit does.
pub(super) struct Commit<'a> {
    pub(super) run: &'a str,
    /// Increases with every publish; names the publish in the log.
    pub(super) publish: u64,
    pub(super) schema: Option<SchemaChange<'a>>,
    pub(super) partition_by: Option<&'a str>,
    pub(super) adds: &'a [DataFile],
    pub(super) removes: &'a [DataFile],
    /// Whether what comes and what goes are the same rows.
    pub(super) same_rows: bool,
    pub(super) now: i64,
}

/// A table made, or given other columns.
pub(super) struct SchemaChange<'a> {
    pub(super) schema: &'a StructType,
    pub(super) partition_by: Option<&'a str>,
    /// The table before, when there was one.
    pub(super) before: Option<&'a DeltaVersion>,
}

/// Whether a commit took the version it wanted.
pub(super) enum Outcome {
    Committed,
    VersionTaken,
}

impl Lake {
    /// The files that `entry` of the table `name` stands for.
    ///
    /// # Errors
    /// When `entry` is a view, or the table's log cannot be read.
    pub async fn files(&self, name: &TableName, entry: &TableEntry) -> Result<TableFiles> {
        let (schema, files) = match &entry.kind {
            EntryKind::View { .. } => {
                return Err(Error::usage(format!("`{name}` is a view and has no files")));
            }
            EntryKind::Files(set) => (reading_schema(&set.schema)?, set.files.clone()),
            EntryKind::Table { version } => {
                let at = self.delta_version(name, Some(*version)).await?;
                let at = at.ok_or_else(|| {
                    Error::data(format!("the Delta log of `{name}` is gone"))
                        .hint("restore the lake's folder from a backup")
                })?;
                (at.schema, at.files)
            }
        };
        Ok(TableFiles {
            name: name.clone(),
            schema,
            partition_by: entry.partition_by.clone(),
            order_by: entry.order_by.clone(),
            files,
        })
    }

    /// The table at `version`, or at its newest; `None` when there is none.
    pub(super) async fn delta_version(
        &self,
        name: &TableName,
        version: Option<u64>,
    ) -> Result<Option<DeltaVersion>> {
        let failed = |e: DeltaTableError| {
            Error::io(format!("could not read the Delta log of `{name}`"))
                .because(e.to_string())
                .hint(super::doctor::HINT)
        };
        let mut table = DeltaTable::new(self.log_store(name)?);
        let loaded = match version {
            Some(version) => table.load_version(version).await,
            None => table.load().await,
        };
        match loaded {
            Ok(()) => {}
            Err(DeltaTableError::NotATable(_)) => return Ok(None),
            Err(e) => return Err(failed(e)),
        }
        let state = table.snapshot().map_err(failed)?;
        let metadata = state.metadata().clone();
        let kernel_schema = metadata.parse_schema().map_err(|e| {
            Error::data(format!("the schema of `{name}` cannot be read")).because(e)
        })?;
        let partition = metadata.partition_columns().first().cloned();
        let files = state
            .log_data()
            .iter()
            .map(|file| {
                let value = partition
                    .as_ref()
                    .and_then(|p| file.partition_values_map().remove(p).flatten());
                DataFile {
                    path: file.path().to_string(),
                    size: u64::try_from(file.size()).unwrap_or(0),
                    modified: file.modification_time(),
                    rows: file.num_records().unwrap_or(0) as u64,
                    partition: value.as_deref().and_then(date_days),
                    stats: file.stats(),
                    content: None,
                }
            })
            .collect();
        Ok(Some(DeltaVersion {
            version: table.version().unwrap_or_default(),
            schema: reading_schema(&kernel_schema)?,
            files,
            metadata,
        }))
    }

    /// Commits to `name` as exactly `version`.
    pub(super) async fn commit(
        &self,
        name: &TableName,
        version: u64,
        commit: &Commit<'_>,
    ) -> Result<Outcome> {
        let log_store = self.log_store(name)?;
        let mut actions = Vec::new();
        let mut operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: None,
            predicate: None,
        };
        if let Some(change) = &commit.schema {
            let (protocol, metadata) = table_actions(name, change)?;
            if change.before.is_none() {
                operation = DeltaOperation::Create {
                    mode: SaveMode::ErrorIfExists,
                    location: log_store.root_url().clone(),
                    protocol: protocol.clone(),
                    metadata: metadata.clone(),
                };
                actions.push(Action::Protocol(protocol));
            }
            actions.push(Action::Metadata(metadata));
        }
        let partition = commit.partition_by;
        let data_change = !commit.same_rows;
        let remove = |f| Action::Remove(remove_action(f, partition, data_change, commit.now));
        actions.extend(commit.removes.iter().map(remove));
        let add = |f| Action::Add(add_action(f, partition, data_change));
        actions.extend(commit.adds.iter().map(add));
        let publish = i64::try_from(commit.publish).unwrap_or(i64::MAX);
        let info = HashMap::from([("cinelakeRun".to_owned(), commit.run.into())]);
        let transaction = Transaction::new("cinelake", publish);
        let bytes = CommitData::new(actions, operation, info, vec![transaction])
            .get_bytes()
            .map_err(|e| {
                Error::data(format!("could not write the commit of `{name}`")).because(e)
            })?;
        let id = uuid::Uuid::now_v7();
        match log_store
            .write_commit_entry(version, CommitOrBytes::LogBytes(bytes), id)
            .await
        {
            Ok(()) => Ok(Outcome::Committed),
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(Outcome::VersionTaken),
            Err(e) => {
                Err(Error::io(format!("could not commit to `{name}`")).because(e.to_string()))
            }
        }
    }

    pub(super) fn log_store(&self, name: &TableName) -> Result<LogStoreRef> {
        let folder = table_folder(name);
        let failed = |e: String| Error::usage(format!("`{name}` cannot be a table: {e}"));
        let prefix = Path::parse(&folder).map_err(|e| failed(e.to_string()))?;
        // Any scheme but `file`: for that one the kernel would look at the
        // file system instead of asking the store.
        let url =
            url::Url::parse(&format!("lake:///{folder}/")).map_err(|e| failed(e.to_string()))?;
        let root = self.store();
        let prefixed: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        Ok(default_logstore(
            prefixed,
            root,
            &url,
            &StorageConfig::default(),
        ))
    }
}

fn table_actions(name: &TableName, change: &SchemaChange<'_>) -> Result<(Protocol, Metadata)> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::usage(format!("the columns of `{name}` cannot be stored")).because(e)
    };
    let protocol: Protocol =
        serde_json::from_value(serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2}))
            .map_err(|e| failed(e.into()))?;
    let metadata = match change.before {
        Some(before) if before.partition_by() == change.partition_by => {
            before.metadata.clone().with_schema(change.schema)
        }
        before => {
            let settings = [
                ("delta.enableExpiredLogCleanup", "false"),
                ("delta.checkpointInterval", "100"),
            ];
            let metadata = new_metadata(change.schema, change.partition_by, settings)
                .and_then(|m| m.with_name(name.to_string()));
            match before {
                Some(before) => {
                    metadata.and_then(|m| m.with_table_id(before.metadata.id().to_owned()))
                }
                None => metadata,
            }
        }
    };
    Ok((protocol, metadata.map_err(|e| failed(e.into()))?))
}

fn add_action(file: &DataFile, partition: Option<&str>, data_change: bool) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: partition_values(file, partition),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: file.modified,
        data_change,
        stats: file.stats.clone(),
        ..Add::default()
    }
}

fn remove_action(file: &DataFile, partition: Option<&str>, data_change: bool, now: i64) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change,
        deletion_timestamp: Some(now),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file, partition)),
        size: i64::try_from(file.size).ok(),
        ..Remove::default()
    }
}

fn partition_values(file: &DataFile, partition: Option<&str>) -> HashMap<String, Option<String>> {
    let value = || file.partition.map(date_text);
    partition
        .map(|column| (column.to_owned(), value()))
        .into_iter()
        .collect()
}

/// The schema as the Delta log keeps it.
pub(super) fn stored_schema(name: &TableName, schema: &Schema) -> Result<StructType> {
    schema.try_into_kernel().map_err(|e| {
        Error::usage(format!("the columns of `{name}` cannot be stored"))
            .because(e)
            .hint("a stored column is text, a number, a boolean, a date or a timestamp")
    })
}

/// The Arrow schema that readers use: text as views, which scan fastest.
pub(super) fn reading_schema(schema: &StructType) -> Result<SchemaRef> {
    let arrow: Schema = schema
        .try_into_arrow()
        .map_err(|e| Error::data("a table's columns cannot be read").because(e))?;
    let field = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            other => other.clone(),
        };
        Field::new(field.name(), kind, true)
    };
    Ok(Arc::new(Schema::new(
        arrow.fields().iter().map(field).collect::<Vec<_>>(),
    )))
}
