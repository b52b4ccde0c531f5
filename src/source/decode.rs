//! Records to rows: every record becomes one row of a batch or one reject.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType};
use datafusion::arrow::record_batch::RecordBatch;

use super::contract::{Column, Contract, Origin, Partition, UnknownColumns};
use super::dialect::{Dialect, HeaderMatch};
use super::fields::Fields;
use super::records::{Block, Fault, Record};
use super::values::{ColumnReader, Source};
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
    /// Of each contract column.
    readers: Vec<ColumnReader>,
    /// Of what the contract does not name.
    text: ColumnReader,
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
            readers: contract
                .columns
                .iter()
                .map(|column| ColumnReader::new(column, &contract))
                .collect(),
            text: ColumnReader::of_text(&contract),
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
        let mut fields = Fields::new(&block.bytes, self.header.width, records.len());
        let mut refused = BTreeMap::new();
        let mut rows = Vec::with_capacity(records.len());
        for (number, record) in records.iter().enumerate() {
            match self.cut(record, &mut fields) {
                Ok(()) => rows.push(number),
                Err(reason) => {
                    refused.insert(number, (None, reason));
                }
            }
        }
        let fitting = rows.len();
        let mut arrays = self.arrays(&fields, &rows, &mut refused);
        let partition = self.contract.partition.as_ref().map(|partition| {
            let mut columns = self.contract.columns.iter();
            let at = columns.position(|column| column.name == partition.from);
            partition_values(&arrays[at.unwrap_or(0)], partition, self.contract.zone)
        });
        arrays.extend(self.unknown(&fields, fitting));
        arrays.extend(partition);
        arrays.push(Arc::new(Int64Array::from_value(self.delivery, fitting)));
        let line = |row: &usize| i64::try_from(records[*row].line).unwrap_or(i64::MAX);
        arrays.push(Arc::new(rows.iter().map(line).collect::<Int64Array>()));
        if !self.contract.key.is_empty() {
            arrays.push(Arc::new(BooleanArray::from(vec![true; fitting])));
        }
        let bug = |e| Error::data("rows do not fit their own schema").because(e);
        let mut batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(bug)?;
        if records.len() - refused.len() < fitting {
            let kept = rows.iter().map(|row| Some(!refused.contains_key(row)));
            batch = filter_record_batch(&batch, &kept.collect()).map_err(bug)?;
        }
        let rejects = refused.into_iter().map(|(number, (column, reason))| {
            let record = &records[number];
            let bytes = &block.bytes[record.start..record.end];
            let raw = String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]);
            Reject {
                line: record.line,
                column,
                reason,
                raw: raw.into_owned(),
            }
        });
        Ok(Decoded {
            batch,
            rejects: rejects.collect(),
        })
    }

    fn cut(&self, record: &Record, fields: &mut Fields<'_>) -> std::result::Result<(), String> {
        match record.fault {
            Some(Fault::UnclosedQuote) => {
                return Err("a quote opens here and does not close".to_owned());
            }
            Some(Fault::TooLong) => return Err("the line is longer than 64 MiB".to_owned()),
            None => {}
        }
        let quote = self.quote.filter(|_| record.quoted);
        fields.add(record.start, record.end, self.delimiter, quote)
    }

    /// The contract's columns, and why rows are refused, of each the first reason.
    fn arrays(
        &self,
        fields: &Fields<'_>,
        rows: &[usize],
        refused: &mut BTreeMap<usize, (Option<String>, String)>,
    ) -> Vec<ArrayRef> {
        let columns = self.contract.columns.iter().zip(&self.readers).enumerate();
        let read = |(at, (column, reader)): (usize, (&Column, &ColumnReader))| {
            let source = match (&column.origin, self.header.fields[at]) {
                (Origin::Field, Some(field)) => Source::Field(fields, field),
                (Origin::Field, None) => Source::Same(None),
                _ => Source::Same(self.path_values[at].as_deref()),
            };
            reader.read(source, rows.len(), &mut |row, reason| {
                let refused = refused.entry(rows[row]);
                refused.or_insert_with(|| (Some(column.name.clone()), reason));
            })
        };
        columns.map(read).collect()
    }

    /// The columns that the contract does not name, where it keeps them.
    fn unknown<'a>(
        &'a self,
        fields: &'a Fields<'_>,
        rows: usize,
    ) -> impl Iterator<Item = ArrayRef> + 'a {
        let kept = self.contract.unknown_columns == UnknownColumns::Keep;
        let unknown = self.header.unknown.iter().filter(move |_| kept);
        unknown.map(move |(_, field)| {
            let source = Source::Field(fields, *field);
            self.text.read(source, rows, &mut |_, _| {})
        })
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
