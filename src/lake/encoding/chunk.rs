//! A column's rows as pages of a Parquet file: levels, values, bounds.

use std::ops::Range;

use bytes::Bytes;
use cinelake_kernels::{run, runs};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::parquet::basic::{BoundaryOrder, Compression, Encoding, PageType};
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriter};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::data_type::AsBytes;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use datafusion::parquet::file::statistics::{Statistics, ValueStatistics};
use datafusion::parquet::file::writer::{
    SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite,
};
use datafusion::parquet::schema::types::ColumnDescPtr;
use lz4_flex::block::{compress_into, get_maximum_output_size};

use super::PAGE_ROWS;

/// The values of a column without the nulls.
pub(super) trait Values {
    /// A value as Parquet's statistics hold it.
    type Value: PartialOrd + Clone + AsBytes;

    /// How they are stored.
    fn encoding(&self) -> Encoding;

    /// The bytes of the dictionary and how many values are in it, if there is one.
    fn dictionary(&self) -> Option<(Vec<u8>, usize)>;

    /// Appends some of them.
    fn put(&self, some: Range<usize>, out: &mut Vec<u8>);

    /// No smaller and no greater value is among these; none where values have
    /// no order.
    fn bounds(&self, some: Range<usize>) -> Option<(Self::Value, Self::Value)>;
}

/// A column chunk as it stands in a file.
pub(super) struct Chunk {
    bytes: Bytes,
    close: ColumnCloseResult,
}

impl Chunk {
    /// The rows of `column`: `values` where `nulls` has a value, `rows` in all.
    pub(super) fn of<V: Values>(
        column: &ColumnDescPtr,
        rows: usize,
        nulls: Option<&NullBuffer>,
        values: &V,
    ) -> Result<Self>
    where
        Statistics: From<ValueStatistics<V::Value>>,
    {
        let (mut raw, mut room) = (Vec::new(), Vec::new());
        let dictionary = values.dictionary();
        let codec = codec(rows, nulls, values, dictionary.as_ref(), &mut room)?;
        let mut pages = Vec::with_capacity(rows.div_ceil(PAGE_ROWS));
        let mut index = Index::new(column);
        let mut taken = 0;
        for from in (0..rows).step_by(PAGE_ROWS) {
            let page_rows = PAGE_ROWS.min(rows - from);
            let nulls = nulls.map(|nulls| nulls.slice(from, page_rows));
            let missing = nulls.as_ref().map_or(0, NullBuffer::null_count);
            let some = taken..taken + page_rows - missing;
            taken = some.end;
            index.add(page_rows, missing, values.bounds(some.clone()));
            raw.clear();
            if column.max_def_level() > 0 {
                put_levels(page_rows, nulls.as_ref(), &mut raw);
            }
            values.put(some, &mut raw);
            let size = raw.len();
            let page = Page::DataPage {
                buf: stored(&mut raw, codec, &mut room)?,
                num_values: count(page_rows)?,
                encoding: values.encoding(),
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            pages.push(CompressedPage::new(page, size));
        }
        let dictionary = match dictionary {
            None => None,
            Some((mut raw, values)) => {
                let size = raw.len();
                let page = Page::DictionaryPage {
                    buf: stored(&mut raw, codec, &mut room)?,
                    num_values: count(values)?,
                    encoding: Encoding::PLAIN_DICTIONARY,
                    is_sorted: false,
                };
                Some(CompressedPage::new(page, size))
            }
        };
        written(column, rows, codec, dictionary, pages, index)
    }

    /// Puts it into a file, after the columns before it.
    pub(super) fn append_to<W: std::io::Write + Send>(
        self,
        rows: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        rows.append_column(&self.bytes, self.close)
    }
}

/// Lays the pages one after another, the dictionary first.
fn written<V: PartialOrd + Clone + AsBytes>(
    column: &ColumnDescPtr,
    rows: usize,
    codec: Compression,
    dictionary: Option<CompressedPage>,
    pages: Vec<CompressedPage>,
    mut index: Index<V>,
) -> Result<Chunk>
where
    Statistics: From<ValueStatistics<V>>,
{
    let stored: usize = pages.iter().map(CompressedPage::compressed_size).sum();
    let mut out = TrackedWrite::new(Vec::with_capacity(stored + stored / 8));
    let mut writer = SerializedPageWriter::new(&mut out);
    let (mut before, mut raw_size, mut dictionary_at, mut data_at) = (0, 0, None, None);
    let mut encodings = vec![Encoding::RLE];
    let mut stats: Vec<PageEncodingStats> = Vec::new();
    for page in dictionary.into_iter().chain(pages) {
        let (kind, encoding) = (page.page_type(), page.encoding());
        let spec = writer.write_page(page)?;
        raw_size += spec.uncompressed_size;
        if kind == PageType::DICTIONARY_PAGE {
            dictionary_at = Some(before);
        } else {
            data_at = data_at.or(Some(before));
            let size = i32::try_from(spec.compressed_size).map_err(too_large)?;
            index.places.append_offset_and_size(before, size);
        }
        before += i64::try_from(spec.compressed_size).map_err(too_large)?;
        match stats.last_mut().filter(|last| last.page_type == kind) {
            Some(last) => last.count += 1,
            None => {
                encodings.push(encoding);
                stats.push(PageEncodingStats {
                    page_type: kind,
                    encoding,
                    count: 1,
                });
            }
        }
    }
    writer.close()?;
    let bytes = Bytes::from(out.into_inner()?);
    let metadata = ColumnChunkMetaData::builder(std::sync::Arc::clone(column))
        .set_compression(codec)
        .set_encodings(encodings)
        .set_page_encoding_stats(stats)
        .set_total_compressed_size(before)
        .set_total_uncompressed_size(i64::try_from(raw_size).map_err(too_large)?)
        .set_num_values(i64::try_from(rows).map_err(too_large)?)
        .set_data_page_offset(data_at.unwrap_or(0))
        .set_dictionary_page_offset(dictionary_at)
        .set_statistics(index.statistics(column))
        .set_definition_level_histogram(index.nullable.then(|| levels(rows, index.nulls)))
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: index
            .pages
            .valid()
            .then(|| index.pages.build())
            .transpose()?,
        offset_index: Some(index.places.build()),
    };
    Ok(Chunk { bytes, close })
}

/// What is known of the pages, and where they are.
struct Index<V> {
    pages: ColumnIndexBuilder,
    places: OffsetIndexBuilder,
    bounds: Option<(V, V)>,
    last: Option<(V, V)>,
    nulls: usize,
    nullable: bool,
    ascending: bool,
    descending: bool,
}

impl<V: PartialOrd + Clone + AsBytes> Index<V> {
    fn new(column: &ColumnDescPtr) -> Self {
        let mut pages = ColumnIndexBuilder::new(column.physical_type());
        pages.set_boundary_order(BoundaryOrder::ASCENDING);
        Self {
            pages,
            places: OffsetIndexBuilder::new(),
            bounds: None,
            last: None,
            nulls: 0,
            nullable: column.max_def_level() > 0,
            ascending: true,
            descending: true,
        }
    }

    fn add(&mut self, rows: usize, nulls: usize, bounds: Option<(V, V)>) {
        self.nulls += nulls;
        self.places.append_row_count(rows as i64);
        let levels = self.nullable.then(|| levels(rows, nulls));
        self.pages.append_histograms(&None, &levels);
        let missing = nulls as i64;
        let Some((min, max)) = bounds else {
            if rows > nulls {
                self.pages.to_invalid();
            }
            self.pages.append(true, vec![], vec![], missing);
            return;
        };
        let bytes = |value: &V| value.as_bytes().to_vec();
        self.pages.append(false, bytes(&min), bytes(&max), missing);
        if let Some((last_min, last_max)) = &self.last {
            self.ascending &= *last_min <= min && *last_max <= max;
            self.descending &= *last_min >= min && *last_max >= max;
        }
        self.pages.set_boundary_order(match self {
            Self {
                ascending: true, ..
            } => BoundaryOrder::ASCENDING,
            Self {
                descending: true, ..
            } => BoundaryOrder::DESCENDING,
            _ => BoundaryOrder::UNORDERED,
        });
        self.bounds = Some(match self.bounds.take() {
            None => (min.clone(), max.clone()),
            Some((least, greatest)) => (
                if min < least { min.clone() } else { least },
                if max > greatest {
                    max.clone()
                } else {
                    greatest
                },
            ),
        });
        self.last = Some((min, max));
    }

    fn statistics(&self, column: &ColumnDescPtr) -> Statistics
    where
        Statistics: From<ValueStatistics<V>>,
    {
        let bounds = self.bounds.clone().filter(|_| self.pages.valid());
        let (min, max) = bounds.unzip();
        ValueStatistics::new(min, max, None, Some(self.nulls as u64), false)
            .with_backwards_compatible_min_max(column.sort_order().is_signed())
            .into()
    }
}

/// How many rows have no value, and how many have one.
fn levels(rows: usize, nulls: usize) -> LevelHistogram {
    LevelHistogram::from(vec![nulls as i64, (rows - nulls) as i64])
}

/// Which of a page's rows have a value, after how many bytes say so.
fn put_levels(rows: usize, nulls: Option<&NullBuffer>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend([0; 4]);
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => run(1, rows, 1, out),
        Some(nulls) => {
            let levels: Vec<u32> = nulls.iter().map(u32::from).collect();
            runs(&levels, 1, out);
        }
    }
    // A page has no more rows than that.
    let bytes = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
}

/// Whether to compress: packed numbers hardly become smaller, but take time. As
/// the values in the middle and the dictionary tell.
fn codec<V: Values>(
    rows: usize,
    nulls: Option<&NullBuffer>,
    values: &V,
    dictionary: Option<&(Vec<u8>, usize)>,
    room: &mut Vec<u8>,
) -> Result<Compression> {
    let count = rows - nulls.map_or(0, NullBuffer::null_count);
    let some = count.min(PAGE_ROWS);
    let from = (count - some) / 2;
    let mut page = Vec::new();
    values.put(from..from + some, &mut page);
    let (mut before, mut after) = (0, 0);
    let dictionary = dictionary.map(|(raw, _)| (raw, 1));
    let parts = dictionary
        .into_iter()
        .chain([(&page, rows.div_ceil(PAGE_ROWS))]);
    for (raw, times) in parts {
        before += raw.len() * times;
        after += compress(raw, room)? * times;
    }
    Ok(match after * 16 > before * 15 {
        true => Compression::UNCOMPRESSED,
        false => Compression::LZ4_RAW,
    })
}

/// What is stored of `raw`; what it leaves there is not read.
fn stored(raw: &mut Vec<u8>, codec: Compression, room: &mut Vec<u8>) -> Result<Bytes> {
    if codec == Compression::UNCOMPRESSED {
        // Room for the next page, which is hardly longer.
        let next = Vec::with_capacity(raw.len() + raw.len() / 8);
        return Ok(Bytes::from(std::mem::replace(raw, next)));
    }
    let used = compress(raw, room)?;
    Ok(Bytes::copy_from_slice(&room[..used]))
}

/// Compresses `raw` into `room`; the bytes it takes there.
fn compress(raw: &[u8], room: &mut Vec<u8>) -> Result<usize> {
    room.resize(room.len().max(get_maximum_output_size(raw.len())), 0);
    compress_into(raw, room).map_err(|e| ParquetError::External(Box::new(e)))
}

fn count(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(too_large)
}

fn too_large(error: std::num::TryFromIntError) -> ParquetError {
    ParquetError::External(Box::new(error))
}
