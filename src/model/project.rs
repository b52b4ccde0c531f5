//! A project: every model, report, check and source, checked as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::checks::CheckKind;
use super::columns::{ColumnDoc, final_columns};
use super::files::{QueryFile, QueryFiles};
use super::header::Header;
use super::sql::Statement;
use super::{TableName, graph};
use crate::error::{Error, Result};

/// Everything `queries/` says.
#[derive(Debug, Clone)]
pub struct Project {
    /// The stored tables and views, by name.
    pub models: BTreeMap<TableName, Model>,
    /// The models' names, every model after its inputs.
    pub build_order: Vec<TableName>,
    /// The questions, by name.
    pub reports: BTreeMap<String, Report>,
    /// The queries that must return no row, by name.
    pub checks: BTreeMap<String, CheckQuery>,
    /// The source contracts, not yet parsed, by name.
    pub sources: BTreeMap<String, SourceFile>,
}

/// One file of `queries/silver` or `queries/gold`.
#[derive(Debug, Clone)]
pub struct Model {
    /// The table it builds.
    pub name: TableName,
    /// The file, as shown in messages.
    pub path: PathBuf,
    /// The file's text.
    pub sql: String,
    /// What its comment says.
    pub header: Header,
    /// The final columns and their descriptions.
    pub columns: Vec<ColumnDoc>,
    /// What it reads.
    pub statement: Statement,
}

impl Model {
    /// Text that changes when the stored rows or their layout could:
    /// the parsed SQL, the partition column and the order, not the comments.
    #[must_use]
    pub fn build_text(&self) -> String {
        let header = &self.header;
        format!(
            "{:?}|{:?}|{:?}|{}",
            header.materialized, header.partition_by, header.order_by, self.statement.canonical
        )
    }

    /// Text that changes when a check is added, removed or changed.
    #[must_use]
    pub fn audit_text(&self) -> String {
        let checks = self.header.checks.iter();
        let parts = checks.map(|check| format!("{:?}{:?}", check.kind, check.severity));
        parts.collect::<Vec<_>>().join("|")
    }
}

/// One file of `queries/reports`.
#[derive(Debug, Clone)]
pub struct Report {
    /// The file's name.
    pub name: String,
    /// The file, as shown in messages.
    pub path: PathBuf,
    /// The file's text.
    pub sql: String,
    /// What its comment says.
    pub header: Header,
    /// The final columns and their descriptions.
    pub columns: Vec<ColumnDoc>,
    /// The tables it reads; not looked up for a text given on the command line.
    pub inputs: Vec<TableName>,
}

impl Report {
    /// Reads the text of a query file: its header and its SQL.
    ///
    /// # Errors
    /// With the line, when its header has an unknown key or a malformed value.
    pub fn parse(name: &str, path: &Path, text: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            header: Header::parse(path, text)?,
            columns: final_columns(text),
            path: path.to_path_buf(),
            sql: text.to_owned(),
            inputs: Vec::new(),
        })
    }
}

/// One file of `queries/checks`: a query that must return no row.
#[derive(Debug, Clone)]
pub struct CheckQuery {
    /// The file's name.
    pub name: String,
    /// The file, as shown in messages.
    pub path: PathBuf,
    /// The file's text.
    pub sql: String,
    /// What its comment says. `tags: warn` makes the check a warning.
    pub header: Header,
    /// What it reads.
    pub statement: Statement,
}

/// One file of `queries/bronze`: a source contract's text.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The source's name.
    pub name: String,
    /// The file, as shown in messages.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
}

impl Project {
    /// Parses every file and checks that they fit together.
    ///
    /// # Errors
    /// With file and line: a file that does not parse, an unknown header key,
    /// a table that nothing provides, models that read each other, a name that
    /// is no table name.
    pub fn parse(files: QueryFiles) -> Result<Self> {
        let mut project = Self {
            models: BTreeMap::new(),
            build_order: Vec::new(),
            reports: BTreeMap::new(),
            checks: BTreeMap::new(),
            sources: BTreeMap::new(),
        };
        for file in files.0 {
            check_name(&file)?;
            project.add(file)?;
        }
        let sources: BTreeSet<TableName> = project.source_tables().collect();
        project.build_order = graph::build_order(&project.models, &sources)?;
        project.check_queries(&sources)?;
        project.check_references(&sources)?;
        Ok(project)
    }

    /// The tables that landing provides.
    pub fn source_tables(&self) -> impl Iterator<Item = TableName> + '_ {
        let system = [TableName::bronze("_rejects")];
        let sources = self.sources.keys().map(TableName::bronze);
        system.into_iter().chain(sources)
    }

    /// The models that read `table`, directly.
    pub fn readers<'a>(&'a self, table: &'a TableName) -> impl Iterator<Item = &'a Model> + 'a {
        let reads = move |model: &&Model| model.statement.inputs.iter().any(|i| i.table == *table);
        self.models.values().filter(reads)
    }

    fn add(&mut self, file: QueryFile) -> Result<()> {
        let QueryFile {
            folder,
            stem,
            path,
            text,
        } = file;
        if folder == "bronze" {
            let source = SourceFile {
                name: stem.clone(),
                path,
                text,
            };
            self.sources.insert(stem, source);
            return Ok(());
        }
        let header = Header::parse(&path, &text)?;
        let statement = Statement::parse(&path, &text)?;
        match folder.as_str() {
            "reports" => {
                let report = Report {
                    name: stem.clone(),
                    path,
                    columns: final_columns(&text),
                    sql: text,
                    header,
                    inputs: statement.inputs.into_iter().map(|i| i.table).collect(),
                };
                self.reports.insert(stem, report);
            }
            "checks" => {
                statement.refuse_volatile(&path)?;
                let check = CheckQuery {
                    name: stem.clone(),
                    path,
                    sql: text,
                    header,
                    statement,
                };
                self.checks.insert(stem, check);
            }
            layer => {
                statement.refuse_volatile(&path)?;
                let model = Model {
                    name: TableName::new(layer, stem),
                    columns: final_columns(&text),
                    path,
                    sql: text,
                    header,
                    statement,
                };
                check_model(&model)?;
                self.models.insert(model.name.clone(), model);
            }
        }
        Ok(())
    }

    fn check_queries(&self, sources: &BTreeSet<TableName>) -> Result<()> {
        for check in self.checks.values() {
            for input in &check.statement.inputs {
                let known =
                    self.models.contains_key(&input.table) || sources.contains(&input.table);
                if !known {
                    return Err(
                        graph::missing(&input.table, self.models.keys().chain(sources))
                            .file(&check.path)
                            .line(input.line),
                    );
                }
            }
        }
        Ok(())
    }

    fn check_references(&self, sources: &BTreeSet<TableName>) -> Result<()> {
        for model in self.models.values() {
            for check in &model.header.checks {
                let CheckKind::References { table, .. } = &check.kind else {
                    continue;
                };
                if !self.models.contains_key(table) && !sources.contains(table) {
                    return Err(graph::missing(table, self.models.keys().chain(sources))
                        .file(&model.path)
                        .line(check.line));
                }
            }
        }
        Ok(())
    }
}

fn check_name(file: &QueryFile) -> Result<()> {
    let first = file.stem.chars().next();
    let starts_well = first.is_some_and(|c| c.is_ascii_lowercase());
    let rest_fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if starts_well && file.stem.chars().all(rest_fits) {
        return Ok(());
    }
    Err(Error::usage(format!("`{}` cannot name a table", file.stem))
        .file(&file.path)
        .hint("a name is lowercase letters, digits and `_`, and starts with a letter"))
}

fn check_model(model: &Model) -> Result<()> {
    let header = &model.header;
    if !header.params.is_empty() {
        return Err(Error::usage("a table has no parameters")
            .file(&model.path)
            .hint("parameters belong to reports, in `queries/reports/`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Result<Project> {
        Project::parse(QueryFiles::of(files))
    }

    fn error(files: &[(&str, &str)]) -> String {
        let error = project(files).unwrap_err();
        format!("{error}\nhint: {}", error.hint_text().unwrap_or("none"))
    }

    #[test]
    fn models_are_ordered_after_their_inputs() {
        let project = project(&[
            ("bronze/users.toml", ""),
            ("gold/a.sql", "select id from silver.z"),
            ("silver/z.sql", "select id from bronze.users"),
        ])
        .unwrap();
        let order: Vec<String> = project
            .build_order
            .iter()
            .map(TableName::to_string)
            .collect();
        assert_eq!(order, ["silver.z", "gold.a"]);
    }

    #[test]
    fn a_missing_table_names_file_line_and_the_likely_name() {
        let files = [
            ("silver/users.sql", "select 1 as id"),
            ("gold/a.sql", "select id\nfrom silver.user"),
        ];
        insta::assert_snapshot!(error(&files), @r"
        queries/gold/a.sql:2: no table `silver.user`
        hint: did you mean `silver.users`?
        ");
    }

    #[test]
    fn a_missing_source_says_where_to_describe_it() {
        insta::assert_snapshot!(error(&[("silver/a.sql", "select 1 as n from bronze.clicks")]), @r"
        queries/silver/a.sql:1: no table `bronze.clicks`
        hint: describe its files in `queries/bronze/clicks.toml`
        ");
    }

    #[test]
    fn a_cycle_is_drawn() {
        let files = [
            ("silver/a.sql", "select id\nfrom silver.b"),
            ("silver/b.sql", "select id from silver.c"),
            ("silver/c.sql", "select id from silver.a"),
        ];
        insta::assert_snapshot!(error(&files), @r"
        queries/silver/a.sql:2: models read each other: silver.a -> silver.b -> silver.c -> silver.a
        hint: move what both need into a table that reads neither
        ");
    }

    #[test]
    fn checks_and_references_name_existing_tables() {
        let files = [(
            "gold/a.sql",
            "-- A.\n-- references: id -> silver.b.id\nselect 1 as id",
        )];
        assert!(error(&files).starts_with("queries/gold/a.sql:2: no table `silver.b`"));
        let files = [("checks/c.sql", "select 1 as n from gold.nothing")];
        assert!(error(&files).starts_with("queries/checks/c.sql:1: no table `gold.nothing`"));
    }

    #[test]
    fn names_that_cannot_name_a_table_are_refused() {
        let error = error(&[("gold/My Report.sql", "select 1 as n")]);
        assert!(error.contains("`My Report` cannot name a table"), "{error}");
    }
}
