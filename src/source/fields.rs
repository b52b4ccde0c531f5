//! The fields of records: where each begins and ends, quotes taken off.

use cinelake_kernels::{Cells, Piece, split};

use super::values::shortened;

/// A field's text, quotes removed.
pub(super) struct Field<'a> {
    pub(super) text: &'a str,
    /// An empty field in quotes is text, without them it is null.
    pub(super) quoted: bool,
}

/// The fields of a block's records, record by record.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    /// The same, where all of it is UTF-8.
    text: Option<&'a str>,
    /// Fields that a record has.
    width: usize,
    pieces: Vec<Piece>,
    /// Text of fields that held doubled quotes.
    unescaped: String,
}

impl<'a> Fields<'a> {
    /// Of records in `bytes` that have `width` fields each; room for so many.
    pub(super) fn new(bytes: &'a [u8], width: usize, records: usize) -> Self {
        Self {
            bytes,
            // Checked once a block; the records are cut at ASCII characters.
            text: std::str::from_utf8(bytes).ok(),
            width,
            pieces: Vec::with_capacity(width * records),
            unescaped: String::new(),
        }
    }

    /// The column of a field.
    pub(super) fn cells(&self, column: usize) -> Cells<'_> {
        Cells {
            bytes: self.bytes,
            pieces: &self.pieces,
            width: self.width,
            column,
        }
    }

    /// A field of a record that was added.
    pub(super) fn get(&self, record: usize, field: usize) -> Field<'_> {
        let piece = self.pieces[record * self.width + field];
        let text = match (piece.is_elsewhere(), self.text) {
            (true, _) => self.unescaped.get(piece.range()),
            (false, Some(text)) => text.get(piece.range()),
            (false, None) => self
                .bytes
                .get(piece.range())
                .and_then(|bytes| std::str::from_utf8(bytes).ok()),
        };
        Field {
            text: text.unwrap_or_default(),
            quoted: piece.is_quoted(),
        }
    }

    /// Adds the record that lies in `bytes[start..end]`, with fields in `quote`
    /// where it has some; or nothing, and says why.
    pub(super) fn add(
        &mut self,
        start: usize,
        end: usize,
        delimiter: u8,
        quote: Option<u8>,
    ) -> Result<(), String> {
        let before = (self.pieces.len(), self.unescaped.len());
        let added = self.cut(start, end, delimiter, quote).and_then(|()| {
            match self.pieces.len() - before.0 {
                fields if fields == self.width => Ok(()),
                fields => Err(format!("expected {} fields, found {fields}", self.width)),
            }
        });
        if added.is_err() {
            self.pieces.truncate(before.0);
            self.unescaped.truncate(before.1);
        }
        added
    }

    fn cut(
        &mut self,
        start: usize,
        end: usize,
        delimiter: u8,
        quote: Option<u8>,
    ) -> Result<(), String> {
        let text = match self.text {
            Some(_) if quote.is_none() => None,
            Some(text) => text.get(start..end),
            None => Some(
                std::str::from_utf8(&self.bytes[start..end])
                    .map_err(|e| format!("not UTF-8 at byte {} of the row", e.valid_up_to() + 1))?,
            ),
        };
        match (quote, text) {
            (Some(quote), Some(text)) => self.split_quoted(text, start, delimiter, quote)?,
            _ => split(self.bytes, start, end, delimiter, &mut self.pieces),
        }
        Ok(())
    }

    fn push_plain(&mut self, start: usize, end: usize) {
        self.pieces.push(Piece::new(start, end, false, false));
    }

    /// Adds the pieces of `text`, which begins at `start`.
    fn split_quoted(
        &mut self,
        text: &str,
        start: usize,
        delimiter: u8,
        quote: u8,
    ) -> Result<(), String> {
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            let next = if bytes.get(at) == Some(&quote) {
                let end = self.push_quoted(text, start, at, quote)?;
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
                self.push_plain(start + at, start + length.map_or(bytes.len(), |n| at + n));
                length.map(|n| at + n)
            };
            match next {
                Some(delimiter_at) => at = delimiter_at + 1,
                None => return Ok(()),
            }
        }
    }

    /// Pushes the quoted field that opens at `at`; returns where it ends.
    fn push_quoted(
        &mut self,
        text: &str,
        start: usize,
        at: usize,
        quote: u8,
    ) -> Result<usize, String> {
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
                (start + at + 1, start + close)
            };
            self.pieces.push(Piece::new(span.0, span.1, true, escaped));
            return Ok(close + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::{Block, RecordReader, Terminator};
    use super::*;
    use proptest::prelude::*;

    /// Every record's fields, as we cut them.
    fn ours(text: &[u8], block: usize) -> Vec<Vec<String>> {
        let mut reader = RecordReader::new(text, block);
        reader.set_dialect(b',', Some(b'"'), Terminator::Newline);
        let mut rows = Vec::new();
        while let Some(block) = reader.next_block(Block::default()).unwrap() {
            for record in &block.records {
                let quote = record.quoted.then_some(b'"');
                let (start, end) = (record.start, record.end);
                // Each record is as wide as it is.
                let width = |width| {
                    let mut fields = Fields::new(&block.bytes, width, 1);
                    let added = fields.add(start, end, b',', quote);
                    added.is_ok().then_some(fields)
                };
                let (width, fields) = (1..9).find_map(|n| Some((n, width(n)?))).unwrap();
                let row = (0..width).map(|field| fields.get(0, field).text.to_owned());
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
