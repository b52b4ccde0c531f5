//! Records to rows: every record becomes one row of a batch or one reject.

use std::sync::Arc;

use chrono_tz::Tz;
use cinelake_kernels::trimmed;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewBuilder,
};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType};
use datafusion::arrow::record_batch::RecordBatch;

use super::contract::{Contract, Origin, Partition, UnknownColumns};
use super::dialect::{Dialect, HeaderMatch};
use super::fields::{Field, Fields};
use super::records::{Block, Fault, Record};
use super::values::ColumnBuilder;
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
    let value = if text {
        field.text
    } else {
        trimmed(field.text)
    };
    nulls.iter().any(|null| null == value)
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
