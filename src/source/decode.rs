//! Records to rows: every record becomes one row of a batch or one reject.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewBuilder,
};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType};
use datafusion::arrow::record_batch::RecordBatch;

use super::contract::{Contract, Origin, Partition, UnknownColumns};
use super::dialect::{Dialect, HeaderMatch};
use super::records::{Block, Fault, Record};
use super::values::{ColumnBuilder, shortened};
use crate::calendar::local_periods;
use crate::error::{Error, Result};

/// A rejected row keeps this much of its text.
const RAW_BYTES: usize = 4_096;

/// A row that does not fit its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line it starts on, counted from 1.
    pub line: u64,
    /// The column at fault, where there is one.
    pub column: Option<String>,
    /// Why it was rejected.
    pub reason: String,
    /// The row as it stands in the file, cut at 4 KiB.
    pub raw: String,
}

/// What a block became.
#[derive(Debug)]
pub struct Decoded {
    /// The rows that fit, in file order.
    pub batch: RecordBatch,
    /// The rows that do not.
    pub rejects: Vec<Reject>,
}

/// Turns blocks of one delivery into batches of its contract's schema.
#[derive(Debug)]
pub struct Decoder {
    contract: Arc<Contract>,
    header: HeaderMatch,
    /// For each contract column the text that its file's path gives.
    path_values: Vec<Option<String>>,
    delimiter: u8,
    quote: Option<u8>,
    delivery: i64,
    schema: SchemaRef,
}

impl Decoder {
    /// Decodes the file at `path` (below the landing folder), which looks like
    /// `dialect` and holds `header`'s columns.
    #[must_use]
    pub fn new(
        contract: Arc<Contract>,
        path: &str,
        dialect: &Dialect,
        header: HeaderMatch,
        delivery: i64,
    ) -> Self {
        let kept = match contract.unknown_columns {
            UnknownColumns::Keep => header.unknown_names(),
            _ => Vec::new(),
        };
        Self {
            schema: contract.schema(&kept),
            path_values: contract
                .columns
                .iter()
                .map(|c| c.origin.of_path(path).map(str::to_owned))
                .collect(),
            contract,
            header,
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            delivery,
        }
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes the records of `block` but the first `skip`.
    ///
    /// # Errors
    /// Only when Arrow refuses the arrays, which is a bug.
    pub fn decode(&self, block: &Block, skip: usize) -> Result<Decoded> {
        let records = block.records.get(skip..).unwrap_or_default();
        let mut rows = Rows::new(self, records.len());
        // Checked once a block; the records are cut at ASCII characters.
        let whole = std::str::from_utf8(&block.bytes).ok();
        let mut fields = Fields::default();
        for record in records {
            let bytes = &block.bytes[record.start..record.end];
            if let Err(refused) = self.row(&mut rows, &mut fields, bytes, record, whole) {
                rows.reject(record, bytes, refused);
            }
        }
        rows.finish()
    }

    fn row(
        &self,
        rows: &mut Rows<'_>,
        fields: &mut Fields,
        bytes: &[u8],
        record: &Record,
        whole: Option<&str>,
    ) -> Result<(), (Option<String>, String)> {
        let refuse = |reason: String| (None, reason);
        match record.fault {
            Some(Fault::UnclosedQuote) => {
                return Err(refuse("a quote opens here and does not close".to_owned()));
            }
            Some(Fault::TooLong) => {
                return Err(refuse("the line is longer than 64 MiB".to_owned()));
            }
            None => {}
        }
        let text = match whole.and_then(|text| text.get(record.start..record.end)) {
            Some(text) => text,
            None => std::str::from_utf8(bytes).map_err(|e| {
                refuse(format!(
                    "not UTF-8 at byte {} of the row",
                    e.valid_up_to() + 1
                ))
            })?,
        };
        let quote = self.quote.filter(|_| record.quoted);
        fields.split(text, self.delimiter, quote).map_err(refuse)?;
        if fields.len() != self.header.width {
            return Err(refuse(format!(
                "expected {} fields, found {}",
                self.header.width,
                fields.len()
            )));
        }
        rows.append(record.line, fields, text)
    }
}

/// The rows of one block while they are collected.
struct Rows<'a> {
    decoder: &'a Decoder,
    columns: Vec<ColumnBuilder>,
    unknown: Vec<StringViewBuilder>,
    lines: Vec<i64>,
    kept: Vec<bool>,
    rejects: Vec<Reject>,
}

impl<'a> Rows<'a> {
    fn new(decoder: &'a Decoder, rows: usize) -> Self {
        let contract = &decoder.contract;
        let kept_unknown = match contract.unknown_columns {
            UnknownColumns::Keep => decoder.header.unknown.len(),
            _ => 0,
        };
        let builder = |c| ColumnBuilder::new(c, contract, rows);
        Self {
            decoder,
            columns: contract.columns.iter().map(builder).collect(),
            unknown: (0..kept_unknown)
                .map(|_| StringViewBuilder::with_capacity(rows))
                .collect(),
            lines: Vec::with_capacity(rows),
            kept: Vec::with_capacity(rows),
            rejects: Vec::new(),
        }
    }

    fn append(
        &mut self,
        line: u64,
        fields: &Fields,
        text: &str,
    ) -> Result<(), (Option<String>, String)> {
        let contract = &self.decoder.contract;
        let mut refused = None;
        for (i, builder) in self.columns.iter_mut().enumerate() {
            let column = &contract.columns[i];
            let field = self.decoder.header.fields[i].map(|f| fields.get(f, text));
            let value = field.filter(|f| !is_null(f, builder.is_text(), &contract.nulls));
            let written = match column.origin {
                Origin::Field => value.map(|v| v.text),
                _ => self.decoder.path_values[i].as_deref(),
            };
            let appended = match written {
                _ if refused.is_some() => Err(String::new()),
                Some(text) => builder.append(text),
                None if column.required => Err("a value is required, found none".to_owned()),
                None => {
                    builder.append_null();
                    Ok(())
                }
            };
            if let Err(reason) = appended {
                builder.append_null();
                refused = refused.or(Some((Some(column.name.clone()), reason)));
            }
        }
        for (builder, (_, field)) in self.unknown.iter_mut().zip(&self.decoder.header.unknown) {
            let field = fields.get(*field, text);
            let null = is_null(&field, true, &contract.nulls);
            builder.append_option((!null).then_some(field.text));
        }
        self.lines.push(i64::try_from(line).unwrap_or(i64::MAX));
        self.kept.push(refused.is_none());
        refused.map_or(Ok(()), Err)
    }

    fn reject(&mut self, record: &Record, bytes: &[u8], refused: (Option<String>, String)) {
        let raw = String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]).into_owned();
        self.rejects.push(Reject {
            line: record.line,
            column: refused.0,
            reason: refused.1,
            raw,
        });
    }

    fn finish(mut self) -> Result<Decoded> {
        let decoder = self.decoder;
        let contract = &decoder.contract;
        let rows = self.lines.len();
        let mut arrays: Vec<ArrayRef> =
            self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let partition = contract.partition.as_ref().map(|partition| {
            let at = contract
                .columns
                .iter()
                .position(|c| c.name == partition.from);
            partition_values(&arrays[at.unwrap_or(0)], partition, contract.zone)
        });
        arrays.extend(
            self.unknown
                .iter_mut()
                .map(|b| Arc::new(b.finish()) as ArrayRef),
        );
        arrays.extend(partition);
        arrays.push(Arc::new(Int64Array::from_value(decoder.delivery, rows)));
        arrays.push(Arc::new(Int64Array::from(self.lines)));
        if !contract.key.is_empty() {
            arrays.push(Arc::new(BooleanArray::from(vec![true; rows])));
        }
        let bug = |e| Error::data("rows do not fit their own schema").because(e);
        let batch = RecordBatch::try_new(Arc::clone(&decoder.schema), arrays).map_err(bug)?;
        let batch = if self.kept.iter().all(|kept| *kept) {
            batch
        } else {
            filter_record_batch(&batch, &BooleanArray::from(self.kept)).map_err(bug)?
        };
        Ok(Decoded {
            batch,
            rejects: self.rejects,
        })
    }
}

fn is_null(field: &Field<'_>, text: bool, nulls: &[String]) -> bool {
    if field.quoted {
        return !text && field.text.is_empty();
    }
    let value = if text { field.text } else { field.text.trim() };
    nulls.iter().any(|null| null == value)
}

/// A field's text, quotes removed.
struct Field<'a> {
    text: &'a str,
    quoted: bool,
}

/// The fields of one record; reused from record to record.
#[derive(Default)]
struct Fields {
    spans: Vec<Span>,
    /// Text of fields that held doubled quotes.
    unescaped: String,
}

struct Span {
    start: usize,
    end: usize,
    quoted: bool,
    unescaped: bool,
}

impl Fields {
    fn len(&self) -> usize {
        self.spans.len()
    }

    fn get<'a>(&'a self, field: usize, text: &'a str) -> Field<'a> {
        let span = &self.spans[field];
        let from = if span.unescaped {
            self.unescaped.as_str()
        } else {
            text
        };
        Field {
            text: from.get(span.start..span.end).unwrap_or_default(),
            quoted: span.quoted,
        }
    }

    fn split(&mut self, text: &str, delimiter: u8, quote: Option<u8>) -> Result<(), String> {
        self.spans.clear();
        self.unescaped.clear();
        match quote {
            None => self.split_plain(text, delimiter),
            Some(quote) => self.split_quoted(text, delimiter, quote)?,
        }
        Ok(())
    }

    fn split_plain(&mut self, text: &str, delimiter: u8) {
        let mut start = 0;
        for end in memchr::memchr_iter(delimiter, text.as_bytes()) {
            self.push_plain(start, end);
            start = end + 1;
        }
        self.push_plain(start, text.len());
    }

    fn push_plain(&mut self, start: usize, end: usize) {
        self.spans.push(Span {
            start,
            end,
            quoted: false,
            unescaped: false,
        });
    }

    fn split_quoted(&mut self, text: &str, delimiter: u8, quote: u8) -> Result<(), String> {
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            let next = if bytes.get(at) == Some(&quote) {
                let end = self.push_quoted(text, at, quote)?;
                match bytes.get(end) {
                    None => None,
                    Some(b) if *b == delimiter => Some(end),
                    Some(_) => {
                        let after = shortened(text.get(end..).unwrap_or_default());
                        return Err(format!("text follows a closing quote: `{after}`"));
                    }
                }
            } else {
                let length = memchr::memchr(delimiter, &bytes[at..]);
                self.push_plain(at, length.map_or(bytes.len(), |n| at + n));
                length.map(|n| at + n)
            };
            match next {
                Some(delimiter_at) => at = delimiter_at + 1,
                None => return Ok(()),
            }
        }
    }

    /// Pushes the quoted field that opens at `at`; returns where it ends.
    fn push_quoted(&mut self, text: &str, at: usize, quote: u8) -> Result<usize, String> {
        let bytes = text.as_bytes();
        let (mut from, begin) = (at + 1, self.unescaped.len());
        let mut escaped = false;
        loop {
            let close = memchr::memchr(quote, &bytes[from..])
                .ok_or_else(|| "a quote opens here and does not close".to_owned())?;
            let close = from + close;
            if bytes.get(close + 1) == Some(&quote) {
                escaped = true;
                self.unescaped
                    .push_str(text.get(from..=close).unwrap_or_default());
                from = close + 2;
                continue;
            }
            let span = if escaped {
                self.unescaped
                    .push_str(text.get(from..close).unwrap_or_default());
                (begin, self.unescaped.len())
            } else {
                (at + 1, close)
            };
            self.spans.push(Span {
                start: span.0,
                end: span.1,
                quoted: true,
                unescaped: escaped,
            });
            return Ok(close + 1);
        }
    }
}

/// The period of each value, by the clocks of `zone`.
fn partition_values(values: &ArrayRef, partition: &Partition, zone: Tz) -> ArrayRef {
    match values.data_type() {
        DataType::Date32 => {
            let dates = values.as_primitive::<Date32Type>();
            let start =
                |days| Date32Type::to_naive_date_opt(days).map(|d| partition.grain.start(d));
            Arc::new(dates.unary_opt::<_, Date32Type>(start))
        }
        _ => {
            let instants = values.as_primitive::<TimestampMicrosecondType>();
            Arc::new(local_periods(instants, zone, partition.grain))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::{RecordReader, Terminator};
    use super::*;
    use proptest::prelude::*;

    /// Every record's fields, as we cut them.
    fn ours(text: &[u8], block: usize) -> Vec<Vec<String>> {
        let mut reader = RecordReader::new(text, block);
        reader.set_dialect(b',', Some(b'"'), Terminator::Newline);
        let mut rows = Vec::new();
        let mut fields = Fields::default();
        while let Some(block) = reader.next_block().unwrap() {
            for record in &block.records {
                let text = std::str::from_utf8(&block.bytes[record.start..record.end]).unwrap();
                let quote = record.quoted.then_some(b'"');
                fields.split(text, b',', quote).unwrap();
                let row = (0..fields.len()).map(|f| fields.get(f, text).text.to_owned());
                rows.push(row.collect());
            }
        }
        rows
    }

    fn quoted_where_needed(field: &str) -> String {
        if field.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.to_owned()
        }
    }

    proptest! {
        #[test]
        fn well_formed_files_read_as_the_csv_crate_reads_them(
            rows in prop::collection::vec(prop::collection::vec("[a\", \n\ré]{0,6}", 2..4), 1..8),
            crlf in any::<bool>(),
            block in 1_usize..64,
        ) {
            let line = |row: &Vec<String>| {
                let fields: Vec<String> = row.iter().map(|f| quoted_where_needed(f)).collect();
                fields.join(",")
            };
            let lines: Vec<String> = rows.iter().map(line).collect();
            let text = lines.join(if crlf { "\r\n" } else { "\n" });
            let mut theirs = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> = theirs
                .records()
                .map(|r| r.unwrap().iter().map(str::to_owned).collect())
                .collect();
            prop_assert_eq!(ours(text.as_bytes(), block), theirs);
        }
    }
}
