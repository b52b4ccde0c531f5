//! The name of a table: its layer and its file name.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// `layer.table`, such as `gold.dim_users`. Folder and file name give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// `bronze`, `silver`, `gold` or `system`.
    pub layer: String,
    /// The table within the layer.
    pub table: String,
}

impl TableName {
    /// The table `table` of `layer`.
    pub fn new(layer: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            layer: layer.into(),
            table: table.into(),
        }
    }

    /// The landed table of the source `source`.
    pub fn bronze(source: impl Into<String>) -> Self {
        Self::new("bronze", source)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.layer, self.table)
    }
}

impl FromStr for TableName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split('.').map(str::trim).collect::<Vec<_>>()[..] {
            [layer, table] if !layer.is_empty() && !table.is_empty() => Ok(Self::new(layer, table)),
            _ => Err(Error::usage(format!("`{text}` is not a table's name"))
                .hint("a table is named by layer and file, such as `gold.dim_users`")),
        }
    }
}

impl serde::Serialize for TableName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TableName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
