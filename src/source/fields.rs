//! A record's fields: where each begins and ends, quotes taken off.

use super::values::shortened;

/// A field's text, quotes removed.
pub(super) struct Field<'a> {
    pub(super) text: &'a str,
    /// An empty field in quotes is text, without them it is null.
    pub(super) quoted: bool,
}

/// The fields of one record; reused from record to record.
#[derive(Default)]
pub(super) struct Fields {
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
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn get<'a>(&'a self, field: usize, text: &'a str) -> Field<'a> {
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

    pub(super) fn split(
        &mut self,
        text: &str,
        delimiter: u8,
        quote: Option<u8>,
    ) -> Result<(), String> {
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
