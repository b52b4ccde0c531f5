//! What the files in `queries/` say, without running them.
//!
//! Pure: text in, a checked [`Project`] out. A file's folder and name are its
//! table's name, the leading comment is its [`Header`], comments beside the
//! final columns are their descriptions, and its inputs are read from the
//! parsed SQL. Start at [`Project::parse`].

mod checks;
mod columns;
mod files;
mod graph;
mod header;
mod project;
mod sql;
mod statements;

pub use crate::name::TableName;
pub use checks::{Check, CheckKind, Severity};
pub use columns::ColumnDoc;
pub use files::QueryFiles;
pub use header::{Header, Materialized, Param};
pub use project::{CheckQuery, Model, Project, Report, SourceFile};
pub use sql::{Input, Statement};
pub use statements::Statements;

/// The layers a model may read from and the session shows as schemas.
pub const LAYERS: [&str; 3] = ["bronze", "silver", "gold"];
