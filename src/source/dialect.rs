//! What a file looks like: separator, line ends, header; and which of its
//! columns are the contract's.

use std::path::Path;

use super::contract::{Column, Contract, Origin, UnknownColumns};
use super::records::Terminator;
use crate::error::{Error, Result, did_you_mean};

/// A header may have this many columns.
const MAX_COLUMNS: usize = 4_096;
/// Separators tried where the contract names none.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// How a file is cut into fields, and what its columns are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// The field separator.
    pub delimiter: u8,
    /// The quote, where quotes mean something.
    pub quote: Option<u8>,
    /// How lines end.
    pub terminator: Terminator,
    /// The header's names as written.
    pub header: Vec<String>,
}

impl Dialect {
    /// Reads the header in `head`, the first bytes of the file.
    ///
    /// The separator is the contract's, or the one that finds the most of the
    /// contract's columns in the header.
    ///
    /// # Errors
    /// When the file is empty or its header is not text.
    pub fn detect(head: &[u8], contract: &Contract, path: &Path) -> Result<Self> {
        let terminator = match memchr::memchr2(b'\n', b'\r', head) {
            Some(at) if head[at] == b'\r' && head.get(at + 1) != Some(&b'\n') => {
                Terminator::CarriageReturn
            }
            _ => Terminator::Newline,
        };
        let line = head
            .split(|b| *b == b'\n' || *b == b'\r')
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|e| {
            Error::data("the header is not UTF-8").file(path).line(1).because(e).hint(
                "name the file's encoding in the contract, for example `encoding = \"windows-1252\"`",
            )
        })?;
        if line.trim().is_empty() {
            return Err(Error::data("the file has no header")
                .file(path)
                .hint("the first line names the columns"));
        }
        let separators = contract.delimiter.map_or(SEPARATORS.to_vec(), |d| vec![d]);
        let best = separators
            .into_iter()
            .map(|d| (d, split_header(line, d, contract.quote)))
            .max_by_key(|(d, names)| {
                let known = names
                    .iter()
                    .filter(|n| find_column(n, contract).is_some())
                    .count();
                let rank = SEPARATORS.iter().rev().position(|s| s == d).unwrap_or(0);
                (known, names.len(), rank)
            });
        let (delimiter, header) = best.unwrap_or((b',', Vec::new()));
        if header.len() > MAX_COLUMNS {
            return Err(Error::data(format!(
                "{} columns, at most {MAX_COLUMNS} are landed",
                header.len()
            ))
            .file(path)
            .line(1));
        }
        Ok(Self {
            delimiter,
            quote: contract.quote,
            terminator,
            header,
        })
    }

    /// Finds the contract's columns in the header.
    ///
    /// # Errors
    /// When a required column is missing, two headers mean one column, or the
    /// contract refuses unknown columns.
    pub fn match_header(&self, contract: &Contract, path: &Path) -> Result<HeaderMatch> {
        let at_header = |e: Error| e.file(path).line(1);
        let mut fields: Vec<Option<usize>> = vec![None; contract.columns.len()];
        let mut unknown = Vec::new();
        for (field, name) in self.header.iter().enumerate() {
            match find_column(name, contract) {
                Some(column) => {
                    if let Some(other) = fields[column].replace(field) {
                        return Err(at_header(
                            Error::data(format!(
                                "`{}` and `{name}` both mean column `{}`",
                                self.header[other], contract.columns[column].name
                            ))
                            .hint(format!(
                                "rename one of them in the file, or narrow the aliases in {}",
                                contract.path.display()
                            )),
                        ));
                    }
                }
                None => unknown.push((unknown_name(name, field, &unknown, contract), field)),
            }
        }
        for (column, field) in contract.columns.iter().zip(&fields) {
            if column.required && field.is_none() && column.origin == Origin::Field {
                return Err(at_header(self.missing(&column.name, contract)));
            }
        }
        match contract.unknown_columns {
            UnknownColumns::Refuse if !unknown.is_empty() => {
                let names: Vec<_> = unknown.iter().map(|(n, _)| format!("`{n}`")).collect();
                return Err(at_header(
                    Error::data(format!("the contract does not know {}", names.join(", "))).hint(
                        format!(
                            "add them to {}, or set `unknown_columns = \"keep\"`",
                            contract.path.display()
                        ),
                    ),
                ));
            }
            _ => {}
        }
        Ok(HeaderMatch {
            fields,
            unknown,
            width: self.header.len(),
        })
    }

    fn missing(&self, column: &str, contract: &Contract) -> Error {
        let shown: Vec<String> = self
            .header
            .iter()
            .map(|h| format!("`{}`", h.escape_debug()))
            .collect();
        let likely = did_you_mean(column, self.header.iter().map(String::as_str));
        let error = Error::data(format!(
            "required column `{column}` is not in the header: {}",
            shown.join(", ")
        ));
        let file = contract.path.display();
        if self.header.len() == 1 {
            return error.hint(format!(
                "the header was read as one column; say how fields are separated: \
                 `delimiter` in {file}"
            ));
        }
        error.hint(match likely {
            Some(hint) => format!("{hint} then add it to the column's `aliases` in {file}"),
            None => format!(
                "add the header's name to the column's `aliases` in {file}, or set its `delimiter`"
            ),
        })
    }
}

/// Where the contract's columns stand in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// For each contract column the field that holds it.
    pub fields: Vec<Option<usize>>,
    /// Columns the contract does not know: bronze name and field.
    pub unknown: Vec<(String, usize)>,
    /// Fields that every row must have.
    pub width: usize,
}

impl HeaderMatch {
    /// The names of the columns that the contract does not know.
    #[must_use]
    pub fn unknown_names(&self) -> Vec<String> {
        self.unknown.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The contract columns that the file lacks.
    #[must_use]
    pub fn missing_names(&self, contract: &Contract) -> Vec<String> {
        let columns = contract.columns.iter().zip(&self.fields);
        let absent =
            columns.filter(|(column, field)| field.is_none() && column.origin == Origin::Field);
        absent.map(|(column, _)| column.name.clone()).collect()
    }
}

fn split_header(line: &str, delimiter: u8, quote: Option<u8>) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = line;
    loop {
        let quoted = quote.and_then(|q| rest.strip_prefix(char::from(q)).map(|r| (q, r)));
        let closed = quoted.and_then(|(q, r)| r.split_once(char::from(q)));
        if let Some((name, after)) = closed {
            names.push(name.trim().to_owned());
            match after.split_once(char::from(delimiter)) {
                Some((_, next)) => rest = next,
                None => return names,
            }
            continue;
        }
        match rest.split_once(char::from(delimiter)) {
            Some((name, next)) => {
                names.push(name.trim().to_owned());
                rest = next;
            }
            None => {
                names.push(rest.trim().to_owned());
                return names;
            }
        }
    }
}

/// The contract column that a header name means: by name or alias, without
/// regard to case, blanks and punctuation.
fn find_column(header: &str, contract: &Contract) -> Option<usize> {
    let wanted = normalized(header);
    let means = |name: &str| normalized(name) == wanted;
    let find = |test: &dyn Fn(&Column) -> bool| {
        let columns = &mut contract.columns.iter();
        columns.position(|c| c.origin == Origin::Field && test(c))
    };
    find(&|c| means(&c.name)).or_else(|| find(&|c| c.aliases.iter().any(|a| means(a))))
}

fn normalized(name: &str) -> String {
    let lower = name.trim().to_lowercase();
    let mut out = String::with_capacity(lower.len());
    for c in lower.chars() {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
    }
    out.trim_end_matches('_').to_owned()
}

fn unknown_name(
    header: &str,
    field: usize,
    taken: &[(String, usize)],
    contract: &Contract,
) -> String {
    let base = match normalized(header) {
        name if name.is_empty() => format!("column_{}", field + 1),
        name => name,
    };
    let is_taken = |name: &str| {
        taken.iter().any(|(n, _)| n == name)
            || contract.column(name).is_some()
            || contract
                .partition
                .as_ref()
                .is_some_and(|p| p.column == name)
    };
    let mut name = base.clone();
    let mut n = 2;
    while is_taken(&name) {
        name = format!("{base}_{n}");
        n += 1;
    }
    name
}
