//! Reads a contract's TOML file and settles it.

use std::path::Path;

use chrono_tz::Tz;
use globset::GlobBuilder;
use serde::Deserialize;

use super::contract::{
    AmbiguousTimes, Column, ColumnType, Contract, Origin, Partition, Pattern, Tolerance,
    UnknownColumns,
};
use crate::calendar::{Grain, parse_zone};
use crate::config::{toml_error, unknown_field};
use crate::error::{Error, Result, did_you_mean};

impl Contract {
    /// Parses the contract `text` of the source `name`. Times that name no zone
    /// are in `zone` where the contract does not say otherwise.
    ///
    /// # Errors
    /// With file and line: an unknown key (with a suggestion), an unknown type
    /// or unit, a key, version or partition column that is no column.
    pub fn parse(name: &str, path: &Path, text: &str, zone: Tz) -> Result<Self> {
        let raw: RawContract = toml::from_str(text).map_err(|e| toml_error(&e, text).file(path))?;
        raw.settle(name, path, zone).map_err(|e| {
            let line = e
                .message()
                .split('`')
                .nth(1)
                .and_then(|word| line_with(text, word));
            e.file(path).line(line.unwrap_or(0))
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContract {
    #[serde(default)]
    description: String,
    files: OneOrMany,
    #[serde(default)]
    key: Vec<String>,
    version_by: Option<String>,
    partition_by: Option<toml::Table>,
    #[serde(default)]
    order_by: Vec<String>,
    delimiter: Option<String>,
    quote: Option<String>,
    null: Option<Vec<String>>,
    encoding: Option<OneOrMany>,
    decimal: Option<String>,
    thousands: Option<String>,
    zone: Option<String>,
    #[serde(default)]
    ambiguous_times: AmbiguousTimes,
    #[serde(default)]
    unknown_columns: UnknownColumns,
    max_rejected: Option<toml::Value>,
    columns: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    aliases: Vec<String>,
    unit: Option<String>,
    #[serde(default)]
    from: Origin,
    format: Option<OneOrMany>,
    #[serde(default)]
    description: String,
}

const COLUMN_KEYS: [&str; 7] = [
    "type",
    "required",
    "aliases",
    "unit",
    "from",
    "format",
    "description",
];

/// Units by which values are scaled on landing, and their power of ten.
const UNITS: [(&str, i8); 5] = [
    ("percent", -2),
    ("permille", -3),
    ("thousands", 3),
    ("millions", 6),
    ("billions", 9),
];

impl RawContract {
    fn settle(self, name: &str, path: &Path, default_zone: Tz) -> Result<Contract> {
        let columns = self
            .columns
            .into_iter()
            .map(|(name, value)| column(name, value))
            .collect::<Result<Vec<_>>>()?;
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        for used in self
            .key
            .iter()
            .chain(&self.version_by)
            .chain(&self.order_by)
        {
            known_column(used, &names)?;
        }
        for key in &self.key {
            if !columns.iter().any(|c| c.name == *key && c.required) {
                return Err(
                    Error::usage(format!("key column `{key}` is not required")).hint(format!(
                        "a key needs a value in every row: `{key} = {{ …, required = true }}`"
                    )),
                );
            }
        }
        let partition = match self.partition_by {
            Some(table) => Some(partition(table, &columns)?),
            None => None,
        };
        let order_by = if self.order_by.is_empty() {
            self.key.clone()
        } else {
            self.order_by
        };
        let comma = decimal_comma(self.decimal.as_deref())?;
        Ok(Contract {
            name: name.to_owned(),
            path: path.to_path_buf(),
            description: self.description,
            files: self
                .files
                .into_vec()
                .iter()
                .map(|f| pattern(f))
                .collect::<Result<_>>()?,
            key: self.key,
            version_by: self.version_by,
            partition,
            order_by,
            delimiter: self
                .delimiter
                .map(|d| one_byte("delimiter", &d))
                .transpose()?,
            quote: quote(self.quote.as_deref())?,
            nulls: self.null.unwrap_or_else(|| vec![String::new()]),
            encodings: self
                .encoding
                .map(OneOrMany::into_vec)
                .unwrap_or_default()
                .iter()
                .map(|label| encoding(label))
                .collect::<Result<_>>()?,
            thousands: thousands(self.thousands.as_deref(), comma)?,
            decimal_comma: comma,
            zone: match self.zone {
                Some(name) => parse_zone(&name)?,
                None => default_zone,
            },
            ambiguous_times: self.ambiguous_times,
            unknown_columns: self.unknown_columns,
            tolerance: tolerance(self.max_rejected)?,
            columns,
        })
    }
}

fn known_column(name: &str, names: &[&str]) -> Result<()> {
    if names.contains(&name) {
        return Ok(());
    }
    Err(
        Error::usage(format!("`{name}` is no column of this contract"))
            .maybe_hint(did_you_mean(name, names.iter().copied())),
    )
}

fn column(name: String, value: toml::Value) -> Result<Column> {
    if name.starts_with('_')
        || !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    {
        return Err(Error::usage(format!("`{name}` cannot name a column"))
            .hint("lowercase letters, digits and `_`; a leading `_` is kept for cinelake"));
    }
    let value = match value {
        toml::Value::String(kind) => toml::Value::Table(toml::Table::from_iter([(
            "type".to_owned(),
            toml::Value::String(kind),
        )])),
        other => other,
    };
    let raw: RawColumn = value.try_into().map_err(|e: toml::de::Error| {
        let message = e.message();
        match unknown_field(message) {
            Some(key) => Error::usage(format!("column `{name}` has the unknown key `{key}`")).hint(
                did_you_mean(key, COLUMN_KEYS)
                    .unwrap_or_else(|| format!("keys are {}", COLUMN_KEYS.join(", "))),
            ),
            None => Error::usage(format!("column `{name}`: {message}"))
                .hint(format!("write `{name} = {{ type = \"text\" }}`")),
        }
    })?;
    let kind = ColumnType::parse(&raw.kind).ok_or_else(|| {
        let types = [
            "text",
            "bigint",
            "integer",
            "smallint",
            "double",
            "boolean",
            "date",
            "timestamp",
        ];
        Error::usage(format!(
            "column `{name}` has the unknown type `{}`",
            raw.kind
        ))
        .hint(
            did_you_mean(&raw.kind, types)
                .unwrap_or_else(|| format!("types are {}, decimal(p,s)", types.join(", "))),
        )
    })?;
    let scale = scale(&name, kind, raw.unit.as_deref())?;
    Ok(Column {
        name,
        kind,
        required: raw.required,
        aliases: raw.aliases,
        scale,
        formats: raw.format.map(OneOrMany::into_vec).unwrap_or_default(),
        origin: raw.from,
        description: raw.description,
    })
}

fn scale(name: &str, kind: ColumnType, unit: Option<&str>) -> Result<i8> {
    let Some(unit) = unit else { return Ok(0) };
    let Some((_, scale)) = UNITS.iter().find(|(known, _)| *known == unit) else {
        let units = UNITS.map(|(known, _)| known);
        return Err(
            Error::usage(format!("column `{name}` has the unknown unit `{unit}`")).hint(
                did_you_mean(unit, units)
                    .unwrap_or_else(|| format!("units are {}", units.join(", "))),
            ),
        );
    };
    match kind {
        ColumnType::Double | ColumnType::Decimal(..) => Ok(*scale),
        _ => Err(
            Error::usage(format!("column `{name}` is {kind}, which takes no unit"))
                .hint("a unit scales the landed value: use `decimal(p,s)` or `double`"),
        ),
    }
}

fn partition(table: toml::Table, columns: &[Column]) -> Result<Partition> {
    let wrong = || {
        Error::usage("`partition_by` takes one column, `month` or `day`")
            .hint("write `partition_by = { month = \"start_time\" }`")
    };
    let mut entries = table.into_iter();
    let (Some((column, toml::Value::String(from))), None) = (entries.next(), entries.next()) else {
        return Err(wrong());
    };
    let grain = match column.as_str() {
        "month" => Grain::Month,
        "day" => Grain::Day,
        _ => return Err(wrong()),
    };
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    known_column(&from, &names)?;
    let source = columns.iter().find(|c| c.name == from);
    if !source
        .is_some_and(|c| c.required && matches!(c.kind, ColumnType::Date | ColumnType::Timestamp))
    {
        return Err(
            Error::usage(format!("`{from}` cannot decide a row's partition"))
                .hint("partition by a date or timestamp column with `required = true`"),
        );
    }
    if names.contains(&column.as_str()) {
        return Err(Error::usage(format!("`{column}` is a column already"))
            .hint("the partition column is added at landing; rename the other"));
    }
    Ok(Partition {
        column,
        from,
        grain,
    })
}

fn pattern(text: &str) -> Result<Pattern> {
    let glob = GlobBuilder::new(text)
        .case_insensitive(true)
        .literal_separator(true)
        .build()
        .map_err(|e| Error::usage(format!("`{text}` is no file pattern")).because(e))?;
    Ok(Pattern {
        text: text.to_owned(),
        matcher: glob.compile_matcher(),
    })
}

fn one_byte(key: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(Error::usage(format!(
            "`{key}` is one ASCII character, not `{text}`"
        ))),
    }
}

fn quote(text: Option<&str>) -> Result<Option<u8>> {
    match text {
        None => Ok(Some(b'"')),
        Some("none") => Ok(None),
        Some(text) => one_byte("quote", text)
            .map(Some)
            .map_err(|e| e.hint("`quote = \"none\"` where a quote is an ordinary character")),
    }
}

fn encoding(label: &str) -> Result<&'static encoding_rs::Encoding> {
    encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::usage(format!("unknown encoding `{label}`"))
            .hint("for example `utf-8`, `windows-1252`, `utf-16le`, `shift_jis`")
    })
}

fn decimal_comma(text: Option<&str>) -> Result<bool> {
    match text {
        None | Some(".") => Ok(false),
        Some(",") => Ok(true),
        Some(text) => Err(Error::usage(format!(
            "`decimal` is `.` or `,`, not `{text}`"
        ))),
    }
}

fn thousands(text: Option<&str>, decimal_comma: bool) -> Result<Option<char>> {
    let Some(text) = text else { return Ok(None) };
    let point = if decimal_comma { ',' } else { '.' };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(mark @ ('.' | ',' | ' ' | '\'' | '\u{a0}' | '\u{202f}')), None) if mark != point => {
            Ok(Some(mark))
        }
        _ => Err(Error::usage(format!(
            "`thousands` is one of `,`, `.`, `'` and a blank, and not the decimal mark: not `{text}`"
        ))),
    }
}

fn tolerance(value: Option<toml::Value>) -> Result<Tolerance> {
    let wrong = |found: &toml::Value| {
        Error::usage(format!(
            "`max_rejected` is a number of rows or a percentage, not a {}",
            found.type_str()
        ))
        .hint("write `max_rejected = 100` or `max_rejected = \"2%\"`")
    };
    match &value {
        None => Ok(Tolerance::Share(0.5)),
        Some(toml::Value::Integer(rows)) => u64::try_from(*rows)
            .map(Tolerance::Rows)
            .map_err(|_| wrong(&toml::Value::Integer(*rows))),
        Some(toml::Value::String(text)) => {
            let share = text
                .strip_suffix('%')
                .and_then(|t| t.trim().parse::<f64>().ok());
            match share {
                Some(percent) if (0.0..=100.0).contains(&percent) => {
                    Ok(Tolerance::Share(percent / 100.0))
                }
                _ => Err(wrong(&toml::Value::String(text.clone()))),
            }
        }
        Some(other) => Err(wrong(other)),
    }
}

fn line_with(text: &str, word: &str) -> Option<u64> {
    let names = |line: &str| {
        let rest = line.trim_start().strip_prefix(word);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let at = text
        .lines()
        .position(names)
        .or_else(|| text.lines().position(|line| line.contains(word)))?;
    u64::try_from(at).ok().map(|n| n + 1)
}
