//! How a table's columns are stored, as the footer of a file says.

use std::collections::BTreeMap;

use datafusion::parquet::basic::Encoding;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::files::table_folder;
use super::{Lake, TableFiles, store_error};
use crate::error::{Error, Result};

/// How a column is stored in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredColumn {
    /// `dictionary`, `differences` or `plain`.
    pub encoding: &'static str,
    /// Bytes that it takes, compressed.
    pub bytes: u64,
}

impl Lake {
    /// The stored columns of the table's largest file, by name; none of a table
    /// without files. The partition column is no column of a file.
    ///
    /// # Errors
    /// When the file is gone or damaged.
    pub async fn stored_columns(
        &self,
        table: &TableFiles,
    ) -> Result<BTreeMap<String, StoredColumn>> {
        let mut stored: BTreeMap<String, StoredColumn> = BTreeMap::new();
        let Some(file) = table.files.iter().max_by_key(|file| file.size) else {
            return Ok(stored);
        };
        let path = Path::from(format!("{}/{}", table_folder(&table.name), file.path));
        let failed = |e| store_error(format!("could not read `{path}`"), e);
        // The footer ends with its own length and four letters.
        let end = self
            .store
            .get_range(&path, file.size.saturating_sub(8)..file.size);
        let end = end.await.map_err(failed)?;
        let length = end.first_chunk().map_or(0, |n| u32::from_le_bytes(*n));
        let start = file.size.saturating_sub(8 + u64::from(length));
        let footer = self.store.get_range(&path, start..file.size);
        let footer = footer.await.map_err(failed)?;
        let mut reader = ParquetMetaDataReader::new();
        let footer = reader
            .try_parse_sized(&footer, file.size)
            .and_then(|()| reader.finish())
            .map_err(|e| Error::data(format!("`{path}` is damaged")).because(e))?;
        for chunk in footer.row_groups().iter().flat_map(|group| group.columns()) {
            let column = stored
                .entry(chunk.column_descr().name().to_owned())
                .or_insert(StoredColumn {
                    encoding: encoding(chunk),
                    bytes: 0,
                });
            column.bytes += u64::try_from(chunk.compressed_size()).unwrap_or_default();
        }
        Ok(stored)
    }
}

fn encoding(chunk: &ColumnChunkMetaData) -> &'static str {
    let has = |wanted: Encoding| chunk.encodings().any(|encoding| encoding == wanted);
    if chunk.dictionary_page_offset().is_some() {
        "dictionary"
    } else if has(Encoding::DELTA_BINARY_PACKED) {
        "differences"
    } else {
        "plain"
    }
}
