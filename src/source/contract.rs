//! A source contract: which files, which columns, which types.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use globset::GlobMatcher;
use serde::Deserialize;
use std::sync::Arc;

use crate::calendar::Grain;
use crate::error::{Error, Result};

/// The bronze column that names the delivery a row came with.
pub const DELIVERY: &str = "_delivery";
/// The bronze column with the row's first line in its file, counted from 1.
pub const LINE: &str = "_line";
/// The bronze column that is false where a newer row with the same key counts.
pub const CURRENT: &str = "_current";

/// What a source's files hold, settled and checked.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The source's name; its table is `bronze.<name>`.
    pub name: String,
    /// The contract's file, as shown in messages.
    pub path: PathBuf,
    /// One sentence for people.
    pub description: String,
    /// Where the files are: patterns of names, or of paths below the landing folder.
    pub files: Vec<Pattern>,
    /// The columns that identify a row over all deliveries; may be empty.
    pub key: Vec<String>,
    /// Of several rows with one key, the one with the greatest value counts.
    pub version_by: Option<String>,
    /// The date column that splits the table's files.
    pub partition: Option<Partition>,
    /// The physical order of rows within a file.
    pub order_by: Vec<String>,
    /// The field separator; detected per file where left out.
    pub delimiter: Option<u8>,
    /// The quote, or `None` when a quote is an ordinary character.
    pub quote: Option<u8>,
    /// Unquoted fields that mean null.
    pub nulls: Vec<String>,
    /// The character encodings to try, in order; UTF-8 where left out.
    pub encodings: Vec<&'static encoding_rs::Encoding>,
    /// `,` where decimals are written with a comma.
    pub decimal_comma: bool,
    /// What stands between the thousands of a number, if anything does.
    pub thousands: Option<char>,
    /// The zone of timestamps that name none.
    pub zone: Tz,
    /// What a local time means that happened twice, when clocks were set back.
    pub ambiguous_times: AmbiguousTimes,
    /// What to do with columns that the contract does not name.
    pub unknown_columns: UnknownColumns,
    /// How many rejected rows a delivery may have.
    pub tolerance: Tolerance,
    /// The columns, in order.
    pub columns: Vec<Column>,
}

/// A pattern for file names, as written and compiled.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written in the contract.
    pub text: String,
    pub(super) matcher: GlobMatcher,
}

impl Pattern {
    /// Whether the file at `path` (below the landing folder) is meant. A
    /// pattern without `/` is matched against the file's name alone.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        if self.names_folder() {
            return self.matcher.is_match(path);
        }
        path.file_name()
            .is_some_and(|name| self.matcher.is_match(name))
    }

    /// Whether it says in which folder a file lies.
    pub(super) fn names_folder(&self) -> bool {
        self.text.contains('/')
    }
}

/// A date column computed at landing from another column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The new column's name.
    pub column: String,
    /// The date or timestamp it is computed from.
    pub from: String,
    /// How long a partition is.
    pub grain: Grain,
}

/// What to do with columns that the contract does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownColumns {
    /// Land them as text, and say so.
    #[default]
    Keep,
    /// Leave them out, and say so.
    Ignore,
    /// Refuse the file.
    Refuse,
}

/// What a local time means that happened twice, when clocks were set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmbiguousTimes {
    /// Nothing that can be known: the row is rejected.
    #[default]
    Refuse,
    /// The first time round.
    Earlier,
    /// The second time round.
    Later,
}

/// How many rejected rows a delivery may have before it is refused whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// At most this share of the rows. Fewer than ten rejects pass, so that a
    /// handful of bad rows does not refuse a small file, but never all rows.
    Share(f64),
    /// At most this many rows.
    Rows(u64),
}

impl Tolerance {
    /// Whether a delivery with `rejected` of `rows` rows rejected may land.
    #[must_use]
    pub fn allows(self, rejected: u64, rows: u64) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "a share of rows")]
        match self {
            Self::Share(share) => {
                rejected as f64 <= share * rows as f64 || (rejected < 10 && rejected < rows)
            }
            Self::Rows(most) => rejected <= most,
        }
    }
}

/// One column of a contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The name in bronze.
    pub name: String,
    /// What its values are.
    pub kind: ColumnType,
    /// The header must have it and every row a value in it.
    pub required: bool,
    /// Other names it has in headers.
    pub aliases: Vec<String>,
    /// Powers of ten by which a landed value is scaled: -2 for percent.
    pub scale: i8,
    /// `strftime` formats of dates and timestamps, tried in order after ISO 8601.
    pub formats: Vec<String>,
    /// Where its values come from.
    pub origin: Origin,
    /// One sentence for people.
    pub description: String,
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The file's column of that name.
    #[default]
    Field,
    /// The file's name, without what follows its first point.
    FileName,
    /// The name of the folder that holds the file; null in the landing folder.
    FolderName,
}

impl Origin {
    /// What the path of a file says; nothing for a column of the file.
    pub(crate) fn of_path(self, path: &str) -> Option<&str> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self {
            Self::Field => None,
            Self::FileName => name.split('.').next(),
            Self::FolderName => folders.rsplit('/').next().filter(|name| !name.is_empty()),
        }
    }
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Any text, untouched.
    Text,
    /// 64-bit integer.
    BigInt,
    /// 32-bit integer.
    Integer,
    /// 16-bit integer.
    SmallInt,
    /// 64-bit float.
    Double,
    /// Exact decimal: digits in all, digits after the point.
    Decimal(u8, i8),
    /// True or false.
    Boolean,
    /// Calendar date.
    Date,
    /// Instant, in microseconds, UTC.
    Timestamp,
}

impl Column {
    /// The Arrow type that holds a landed value. A unit adds digits after
    /// (percent) or before (millions) the point, so that scaling loses nothing.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        match self.kind {
            ColumnType::Decimal(p, s) => {
                let precision = p.saturating_add(self.scale.unsigned_abs()).min(38);
                DataType::Decimal128(precision, s + (-self.scale).max(0))
            }
            kind => kind.data_type(),
        }
    }
}

impl ColumnType {
    /// The Arrow type of a value without a unit.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::BigInt => DataType::Int64,
            Self::Integer => DataType::Int32,
            Self::SmallInt => DataType::Int16,
            Self::Double => DataType::Float64,
            Self::Decimal(p, s) => DataType::Decimal128(p, s),
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// Whether values are numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        !matches!(
            self,
            Self::Text | Self::Boolean | Self::Date | Self::Timestamp
        )
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        Some(match text.as_str() {
            "text" => Self::Text,
            "bigint" => Self::BigInt,
            "integer" => Self::Integer,
            "smallint" => Self::SmallInt,
            "double" => Self::Double,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            _ => {
                let inner = text.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (p, s) = inner.split_once(',')?;
                let (p, s) = (p.trim().parse().ok()?, s.trim().parse().ok()?);
                let fits = (1..=38).contains(&p) && s >= 0 && i16::from(s) <= i16::from(p);
                fits.then_some(Self::Decimal(p, s))?
            }
        })
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::BigInt => f.write_str("bigint"),
            Self::Integer => f.write_str("integer"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Double => f.write_str("double"),
            Self::Decimal(p, s) => write!(f, "decimal({p},{s})"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}

impl Contract {
    /// The column called `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Refuses a file whose path lacks what a required column is read from.
    pub(crate) fn check_path(&self, path: &str, full: &Path) -> Result<()> {
        let missing = |c: &&Column| {
            c.required && c.origin != Origin::Field && c.origin.of_path(path).is_none()
        };
        match self.columns.iter().find(missing) {
            None => Ok(()),
            Some(column) => Err(Error::data(format!(
                "column `{}` is the folder's name, and the file lies in none",
                column.name
            ))
            .file(full)
            .hint("put the file into a folder of the landing folder")),
        }
    }

    /// What of the path of a file lands beside its rows. Two files with the
    /// same bytes are one delivery only where this agrees.
    #[must_use]
    pub fn path_values(&self, path: &str) -> Vec<String> {
        let values = self.columns.iter().filter_map(|c| c.origin.of_path(path));
        values.map(str::to_owned).collect()
    }

    /// The bronze table's schema: the contract's columns, then `unknown` ones
    /// as text, the partition column, and where each row came from.
    #[must_use]
    pub fn schema(&self, unknown: &[String]) -> SchemaRef {
        let mut fields: Vec<Field> = self
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.data_type(), true))
            .collect();
        fields.extend(
            unknown
                .iter()
                .map(|u| Field::new(u, DataType::Utf8View, true)),
        );
        if let Some(partition) = &self.partition {
            fields.push(Field::new(&partition.column, DataType::Date32, true));
        }
        fields.push(Field::new(DELIVERY, DataType::Int64, true));
        fields.push(Field::new(LINE, DataType::Int64, true));
        if !self.key.is_empty() {
            fields.push(Field::new(CURRENT, DataType::Boolean, true));
        }
        Arc::new(Schema::new(fields))
    }

    /// Text that changes when a file would land differently.
    #[must_use]
    pub fn landing_text(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|c| {
                format!(
                    "{}:{}:{}:{:?}:{}:{:?}:{:?}",
                    c.name, c.kind, c.required, c.aliases, c.scale, c.formats, c.origin
                )
            })
            .collect();
        // A zone changes nothing where there are no times.
        let timed = self.columns.iter().any(|c| c.kind == ColumnType::Timestamp);
        let zone = if timed { self.zone } else { Tz::UTC };
        let ambiguous = timed.then_some(self.ambiguous_times);
        format!(
            "{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{}|{:?}|{}|{:?}|{:?}|{columns:?}",
            self.key,
            self.version_by,
            self.partition,
            self.order_by,
            self.delimiter,
            self.quote,
            self.nulls,
            self.encodings.iter().map(|e| e.name()).collect::<Vec<_>>(),
            self.decimal_comma,
            self.thousands,
            zone,
            ambiguous,
            self.unknown_columns,
        )
    }
}
