//! Puts small files of one partition together. The rows stay the same rows:
//! those stored before and those stored after are read, hashed and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use super::workspace::Workspace;
use crate::error::{Error, Result};
use crate::lake::{
    ContentHash, DataFile, PartitionValue, TableChange, TableEntry, TableFiles, TableLayout,
    TableWriter, failpoint,
};
use crate::name::TableName;

/// Files are put together up to so many times the size below which they count
/// as small: then few of them are ever put together twice.
const TARGET: u64 = 4;

/// Bytes that a value of no fixed width takes in memory, roughly.
const TEXT_BYTES: usize = 48;

/// Files of one partition that are put together.
#[derive(Debug, Clone)]
pub struct Compacted {
    /// The table.
    pub table: TableName,
    /// The column by which it is split, and the partition's value.
    pub partition: Option<(String, PartitionValue)>,
    /// The files that go.
    pub before: Vec<DataFile>,
    /// The files that come in their place; none when it is only planned.
    pub after: Vec<DataFile>,
}

/// How much goes into one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    /// Files below this many bytes are put together.
    small: u64,
    /// Rows that fit into memory at once.
    rows: u64,
}

impl Packing {
    /// For a table of `schema`, in a workspace.
    pub(super) fn new(workspace: &Workspace, schema: &SchemaRef) -> Self {
        let width = |field: &Arc<_>| {
            let field: &datafusion::arrow::datatypes::Field = field;
            field.data_type().primitive_width().unwrap_or(TEXT_BYTES)
        };
        let row: usize = schema.fields().iter().map(width).sum();
        Self {
            small: workspace.config.maintain.small_file,
            rows: (workspace.engine.write_budget() / row.max(1)) as u64,
        }
    }

    /// The files to be put together, one group a file.
    fn groups(self, files: &[DataFile]) -> Vec<Vec<DataFile>> {
        let mut small: BTreeMap<PartitionValue, Vec<&DataFile>> = BTreeMap::new();
        for file in files.iter().filter(|f| f.size < self.small && f.rows > 0) {
            small.entry(file.partition).or_default().push(file);
        }
        let mut groups = Vec::new();
        for mut files in small.into_values() {
            // Names are in the order of writing.
            files.sort_by(|a, b| a.path.cmp(&b.path));
            let mut group: Vec<DataFile> = Vec::new();
            let (mut bytes, mut rows) = (0, 0);
            for file in files {
                let is_full =
                    bytes + file.size > self.small * TARGET || rows + file.rows > self.rows;
                if is_full {
                    groups.push(std::mem::take(&mut group));
                    (bytes, rows) = (0, 0);
                }
                bytes += file.size;
                rows += file.rows;
                group.push(file.clone());
            }
            groups.push(group);
        }
        groups.retain(|group| group.len() > 1);
        groups
    }
}

/// What putting together does to a table.
pub(super) struct CompactedTable {
    pub(super) entry: TableEntry,
    pub(super) change: TableChange,
    pub(super) compacted: Vec<Compacted>,
}

impl Workspace {
    /// What there is to put together in `table`.
    pub(super) fn plan_compaction(&self, table: &TableFiles) -> Vec<Compacted> {
        let groups = Packing::new(self, &table.schema).groups(&table.files);
        let planned = groups.into_iter().map(|before| Compacted {
            table: table.name.clone(),
            partition: table
                .partition_by
                .as_ref()
                .map(|column| (column.clone(), before.first().and_then(|f| f.partition))),
            before,
            after: Vec::new(),
        });
        planned.collect()
    }

    /// Stages the small files of the table `name` as few larger ones; `None`
    /// when there is nothing to put together.
    ///
    /// # Errors
    /// When a file cannot be read or written, or when the new files do not
    /// hold the rows of the old ones. Nothing stays staged then.
    pub(super) async fn compact(
        &self,
        name: &TableName,
        entry: &TableEntry,
    ) -> Result<Option<CompactedTable>> {
        let table = self.engine.files(name, entry).await?;
        let mut compacted = Vec::new();
        let mut adds: Vec<DataFile> = Vec::new();
        for mut group in self.plan_compaction(&table) {
            let written = self.put_together(&table, &group.before).await;
            let written = match written {
                Ok(files) => files,
                Err(e) => {
                    self.lake().delete_staged(name, &adds).await;
                    return Err(e);
                }
            };
            if written.len() >= group.before.len() {
                // Memory did not suffice for fewer.
                self.lake().delete_staged(name, &written).await;
                continue;
            }
            adds.extend(written.iter().cloned());
            group.after = written;
            compacted.push(group);
        }
        if compacted.is_empty() {
            return Ok(None);
        }
        failpoint("maintain.compacted")?;
        let removes: Vec<DataFile> = compacted.iter().flat_map(|c| c.before.clone()).collect();
        let gone: BTreeSet<&str> = removes.iter().map(|f| f.path.as_str()).collect();
        let kept = table
            .files
            .iter()
            .filter(|f| !gone.contains(f.path.as_str()));
        let files: Vec<DataFile> = kept.chain(&adds).cloned().collect();
        let mut entry = entry.clone();
        entry.files = files.len() as u64;
        entry.bytes = files.iter().map(|f| f.size).sum();
        entry.partitions = entry.partitions.repacked(&files);
        Ok(Some(CompactedTable {
            entry,
            change: TableChange {
                name: name.clone(),
                layout: layout(&table),
                adds,
                removes,
                same_rows: true,
            },
            compacted,
        }))
    }

    /// Writes the rows of `files` anew, and makes sure that they are the same.
    async fn put_together(&self, table: &TableFiles, files: &[DataFile]) -> Result<Vec<DataFile>> {
        let clock = Arc::clone(&self.clock);
        // Half of a writer's budget is held back with one thread.
        let budget = self.engine.write_budget().saturating_mul(2);
        let mut writer =
            TableWriter::new(self.lake(), clock, &table.name, layout(table), budget, 1)?;
        let mut before = Content::default();
        for file in files {
            for batch in self.lake().read_file(table, file).await? {
                before.add(&batch)?;
                writer.write(batch).await?;
            }
        }
        let written = writer.finish().await?;
        let compared = self.compare_content(table, files, before, &written).await;
        if compared.is_err() {
            self.lake().delete_staged(&table.name, &written).await;
        }
        compared.map(|()| written)
    }

    /// Reads what was `written` and compares it with what was read `before`.
    async fn compare_content(
        &self,
        table: &TableFiles,
        files: &[DataFile],
        before: Content,
        written: &[DataFile],
    ) -> Result<()> {
        failpoint("maintain.compare")?;
        let mut after = Content::default();
        for file in written {
            for batch in self.lake().read_file(table, file).await? {
                after.add(&batch)?;
            }
        }
        let recorded: u64 = files.iter().map(|f| f.rows).sum();
        if before.rows != recorded {
            return Err(Error::data(format!(
                "files of `{}` hold {} rows, their record says {recorded}",
                table.name, before.rows
            ))
            .hint("`cinelake verify` compares the whole table; nothing was put together"));
        }
        if after != before {
            return Err(Error::data(format!(
                "`{}` put together is not what it was: {} rows {}, before {} rows {}",
                table.name, after.rows, after.hash, before.rows, before.hash
            ))
            .hint("nothing is published; the disk or memory may be at fault"));
        }
        Ok(())
    }
}

/// Rows and their hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Content {
    rows: u64,
    hash: ContentHash,
}

impl Content {
    fn add(&mut self, batch: &datafusion::arrow::array::RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.hash = self.hash + ContentHash::of(batch)?;
        Ok(())
    }
}

fn layout(table: &TableFiles) -> TableLayout {
    TableLayout {
        schema: Arc::clone(&table.schema),
        partition_by: table.partition_by.clone(),
        order_by: table.order_by.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, partition: Option<i32>, size: u64, rows: u64) -> DataFile {
        DataFile {
            path: path.to_owned(),
            size,
            modified: 0,
            rows,
            partition,
            stats: None,
            content: None,
        }
    }

    fn grouped(files: &[DataFile]) -> Vec<Vec<String>> {
        let packing = Packing {
            small: 100,
            rows: 1000,
        };
        let names = |group: &Vec<DataFile>| group.iter().map(|f| f.path.clone()).collect();
        packing.groups(files).iter().map(names).collect()
    }

    #[test]
    fn small_files_of_one_partition_go_together_up_to_the_target_and_to_memory() {
        let files = [
            file("b", Some(1), 10, 1),
            file("a", Some(1), 10, 1),
            file("large", Some(1), 100, 1),
            file("empty", Some(1), 10, 0),
            file("alone", Some(2), 10, 1),
        ];
        assert_eq!(grouped(&files), [["a", "b"]]);
        let many: Vec<DataFile> = (0..9).map(|i| file(&i.to_string(), None, 99, 1)).collect();
        assert_eq!(
            grouped(&many),
            [["0", "1", "2", "3"], ["4", "5", "6", "7"]],
            "the ninth stays alone"
        );
        let wide: Vec<DataFile> = (0..4).map(|i| file(&i.to_string(), None, 1, 500)).collect();
        assert_eq!(grouped(&wide), [["0", "1"], ["2", "3"]]);
    }
}
