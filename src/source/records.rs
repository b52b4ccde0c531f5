//! Cuts a stream of bytes into records, without looking into the fields.
//!
//! A record ends at a line end outside quotes. One sequential pass; blocks of
//! whole records can then be decoded in parallel. A quote that never closes
//! does not swallow the file: after [`MAX_QUOTED_BYTES`] or
//! [`MAX_QUOTED_LINES`] the line that opened it becomes a faulty record and
//! reading goes on at the next line.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

/// A quoted record may be this long.
pub(super) const MAX_QUOTED_BYTES: usize = 1 << 20;
/// A quoted record may span this many lines.
pub(super) const MAX_QUOTED_LINES: usize = 1_000;
/// A line may be this long.
pub(super) const MAX_RECORD_BYTES: usize = 64 << 20;

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminator {
    /// `\n`, with or without `\r` before it.
    Newline,
    /// `\r` alone.
    CarriageReturn,
}

impl Terminator {
    fn byte(self) -> u8 {
        match self {
            Self::Newline => b'\n',
            Self::CarriageReturn => b'\r',
        }
    }
}

/// Why a record cannot be cut into fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A quote opens and does not close within the limits.
    UnclosedQuote,
    /// The line is longer than [`MAX_RECORD_BYTES`]; its start is kept.
    TooLong,
}

/// A record's place in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// First byte in the block.
    pub start: usize,
    /// One past the last byte, the line end left out.
    pub end: usize,
    /// The line it starts on, counted from 1.
    pub line: u64,
    /// Whether a quote occurs in it.
    pub quoted: bool,
    /// Why it cannot be cut into fields.
    pub fault: Option<Fault>,
}

/// Some whole records.
#[derive(Debug, Default)]
pub struct Block {
    /// The records' bytes.
    pub bytes: Vec<u8>,
    /// Where each record lies. Blank lines are no records.
    pub records: Vec<Record>,
}

/// Cuts a stream into [`Block`]s.
pub struct RecordReader<R> {
    input: R,
    block_bytes: usize,
    quote: Option<u8>,
    delimiter: u8,
    terminator: Terminator,
    /// Bytes read and not yet given out, and room for more.
    pending: Vec<u8>,
    /// How many are read.
    filled: usize,
    line: u64,
    /// Inside a line that was given up.
    skipping: bool,
    at_end: bool,
}

impl<R: Read> RecordReader<R> {
    /// Reads `input` in blocks of about `block_bytes`.
    pub fn new(input: R, block_bytes: usize) -> Self {
        Self {
            input,
            block_bytes: block_bytes.max(1),
            quote: None,
            delimiter: b',',
            terminator: Terminator::Newline,
            pending: Vec::new(),
            filled: 0,
            line: 1,
            skipping: false,
            at_end: false,
        }
    }

    /// The first bytes of the input, without consuming them.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        self.fill(bytes)?;
        Ok(&self.pending[..bytes.min(self.filled)])
    }

    /// Sets how records are told apart. Call before the first block.
    pub fn set_dialect(&mut self, delimiter: u8, quote: Option<u8>, terminator: Terminator) {
        self.delimiter = delimiter;
        self.quote = quote;
        self.terminator = terminator;
    }

    /// The next records, in the memory of a block that is done with; `None` at
    /// the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn next_block(&mut self, done: Block) -> io::Result<Option<Block>> {
        let Block {
            mut bytes,
            mut records,
        } = done;
        records.clear();
        let mut want = self.block_bytes;
        loop {
            self.fill(want)?;
            if self.filled == 0 {
                return Ok(None);
            }
            let consumed = self.cut(&mut records);
            if consumed > 0 {
                let rest = self.filled - consumed;
                bytes.resize(bytes.len().max(rest), 0);
                bytes[..rest].copy_from_slice(&self.pending[consumed..self.filled]);
                std::mem::swap(&mut bytes, &mut self.pending);
                self.filled = rest;
                bytes.truncate(consumed);
                return Ok(Some(Block { bytes, records }));
            }
            want = self.filled + self.block_bytes;
        }
    }

    fn fill(&mut self, want: usize) -> io::Result<()> {
        while !self.at_end && self.filled < want {
            let room = want.max(self.filled + 4096);
            if self.pending.len() < room {
                self.pending.resize(room, 0);
            }
            match self.input.read(&mut self.pending[self.filled..room]) {
                Ok(0) => self.at_end = true,
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Cuts what is pending into records; returns the bytes consumed.
    fn cut(&mut self, records: &mut Vec<Record>) -> usize {
        let mut at = 0;
        while at < self.filled {
            if self.skipping {
                let newline = memchr(self.terminator.byte(), self.from(at));
                self.skipping = newline.is_none();
                self.line += u64::from(newline.is_some());
                at += newline.map_or(self.filled - at, |n| n + 1);
                continue;
            }
            let Some(cut) = self.next_record(at) else {
                break;
            };
            let bytes = &self.pending[at..cut.end];
            let mut end = cut.end;
            if self.terminator == Terminator::Newline {
                end -= bytes.iter().rev().take_while(|b| **b == b'\r').count();
            }
            if end > at {
                records.push(Record {
                    start: at,
                    end,
                    line: self.line,
                    quoted: cut.quoted,
                    fault: cut.fault,
                });
            }
            self.line += cut.lines;
            self.skipping = cut.fault == Some(Fault::TooLong);
            at = cut.next;
        }
        at
    }

    /// What is pending from `at` on.
    fn from(&self, at: usize) -> &[u8] {
        &self.pending[at..self.filled]
    }

    /// The record that starts at `at`; `None` when more input is needed.
    fn next_record(&self, at: usize) -> Option<Cut> {
        let rest = self.from(at);
        let newline = memchr(self.terminator.byte(), rest);
        let line = &rest[..newline.unwrap_or(rest.len())];
        let quote = self.quote.and_then(|q| memchr(q, line).map(|_| q));
        if let Some(quote) = quote {
            return self.quoted_record(at, quote, line.len(), newline.is_some());
        }
        match newline {
            Some(n) => Some(Cut::plain(at, n)),
            None if rest.len() >= MAX_RECORD_BYTES => Some(Cut {
                fault: Some(Fault::TooLong),
                lines: 0,
                ..Cut::at_end(at, rest.len())
            }),
            None if self.at_end => Some(Cut::at_end(at, rest.len())),
            None => None,
        }
    }

    fn quoted_record(&self, at: usize, quote: u8, first: usize, ended: bool) -> Option<Cut> {
        let rest = self.from(at);
        let window = &rest[..rest.len().min(MAX_QUOTED_BYTES.max(first + 1))];
        let terminator = self.terminator.byte();
        let lines = |end: usize| 1 + memchr_iter(terminator, &window[..end]).count();
        let cut = match scan_quoted(window, self.delimiter, quote, terminator) {
            Scan::Ends(end) if lines(end) <= MAX_QUOTED_LINES => Some(Cut {
                lines: lines(end) as u64,
                ..Cut::plain(at, end)
            }),
            Scan::Unended if self.at_end && lines(window.len()) <= MAX_QUOTED_LINES => Some(Cut {
                lines: lines(window.len()) as u64,
                ..Cut::at_end(at, rest.len())
            }),
            Scan::Open | Scan::Unended if !self.given_up(window, rest) => None,
            _ => Some(Cut {
                fault: Some(Fault::UnclosedQuote),
                ..if ended {
                    Cut::plain(at, first)
                } else {
                    Cut::at_end(at, first)
                }
            }),
        };
        cut.map(|cut| Cut {
            quoted: true,
            ..cut
        })
    }

    /// Whether no further input can turn `window` into a whole record.
    fn given_up(&self, window: &[u8], rest: &[u8]) -> bool {
        let too_many_lines = || {
            memchr_iter(self.terminator.byte(), window)
                .nth(MAX_QUOTED_LINES)
                .is_some()
        };
        self.at_end
            || window.len() < rest.len()
            || rest.len() >= MAX_RECORD_BYTES
            || too_many_lines()
    }
}

struct Cut {
    end: usize,
    next: usize,
    lines: u64,
    quoted: bool,
    fault: Option<Fault>,
}

impl Cut {
    fn plain(at: usize, length: usize) -> Self {
        Self {
            end: at + length,
            next: at + length + 1,
            lines: 1,
            quoted: false,
            fault: None,
        }
    }

    fn at_end(at: usize, length: usize) -> Self {
        Self {
            next: at + length,
            ..Self::plain(at, length)
        }
    }
}

enum Scan {
    /// The line end outside quotes that ends the record.
    Ends(usize),
    /// The bytes end inside quotes.
    Open,
    /// The bytes end outside quotes, without a line end.
    Unended,
}

/// Looks for the line end outside quotes. A quote opens only at the start of
/// a field; elsewhere it is an ordinary character.
fn scan_quoted(bytes: &[u8], delimiter: u8, quote: u8, terminator: u8) -> Scan {
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&quote) {
            at += 1;
            loop {
                let Some(close) = memchr(quote, &bytes[at..]) else {
                    return Scan::Open;
                };
                at += close + 1;
                if bytes.get(at) != Some(&quote) {
                    break;
                }
                at += 1;
            }
        }
        match memchr::memchr2(delimiter, terminator, bytes.get(at..).unwrap_or_default()) {
            None => return Scan::Unended,
            Some(n) if bytes[at + n] == terminator => return Scan::Ends(at + n),
            Some(n) => at += n + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8], block: usize) -> Vec<(u64, String, Option<Fault>)> {
        let mut reader = RecordReader::new(text, block);
        reader.set_dialect(b',', Some(b'"'), Terminator::Newline);
        let mut rows = Vec::new();
        let mut done = Block::default();
        while let Some(block) = reader.next_block(done).unwrap() {
            for r in &block.records {
                let text = String::from_utf8_lossy(&block.bytes[r.start..r.end]).into_owned();
                rows.push((r.line, text, r.fault));
            }
            done = block;
        }
        rows
    }

    fn row(line: u64, text: &str) -> (u64, String, Option<Fault>) {
        (line, text.to_owned(), None)
    }

    #[test]
    fn records_end_at_line_ends_outside_quotes() {
        let rows = read(b"a,b\r\n\n\"x\ny\",2\nlast", 1024);
        assert_eq!(rows, [row(1, "a,b"), row(3, "\"x\ny\",2"), row(5, "last")]);
    }

    #[test]
    fn a_quote_inside_an_unquoted_field_is_an_ordinary_character() {
        assert_eq!(
            read(b"5\" disk,1\nb,2\n", 7),
            [row(1, "5\" disk,1"), row(2, "b,2")]
        );
    }

    #[test]
    fn an_unclosed_quote_costs_one_line() {
        let rows = read(b"a,\"open\nb,1\nc,2\n", 4);
        assert_eq!(
            rows[0],
            (1, "a,\"open".to_owned(), Some(Fault::UnclosedQuote))
        );
        assert_eq!(rows[1..], [row(2, "b,1"), row(3, "c,2")]);
    }

    #[test]
    fn an_unclosed_quote_in_a_long_file_is_given_up_after_the_line_limit() {
        let mut text = b"\"open\n".to_vec();
        text.extend(b"x,1\n".repeat(2 * MAX_QUOTED_LINES));
        let rows = read(&text, 1 << 16);
        assert_eq!(rows.len(), 2 * MAX_QUOTED_LINES + 1);
        assert_eq!(rows[0].2, Some(Fault::UnclosedQuote));
    }

    proptest! {
        #[test]
        fn any_block_size_cuts_the_same_records(
            text in "[a\",\n\r]{0,80}",
            block in 1_usize..40,
        ) {
            prop_assert_eq!(read(text.as_bytes(), block), read(text.as_bytes(), 4096));
        }
    }
}
