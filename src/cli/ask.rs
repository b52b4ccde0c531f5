//! A query put to the lake, and its rows shown.

use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;

use super::console::Console;
use super::output::{OutputOptions, ResultWriter};
use super::report::{counted, thousands};
use crate::engine::{Answer, Rows, Session, Strategy, is_short_of_memory};
use crate::error::{Error, Result};
use crate::lake::SnapshotRef;
use crate::memory;
use crate::refresh::Workspace;

/// A query, what it reads and how its answer is shown.
pub(super) struct Question<'a> {
    pub(super) workspace: &'a Workspace,
    /// The snapshot it reads; main's newest where there is none.
    pub(super) at: Option<&'a SnapshotRef>,
    pub(super) sql: &'a str,
    pub(super) params: &'a [(String, ScalarValue)],
    pub(super) output: &'a OutputOptions,
    /// How often it is run, each run timed; once, and in passing, without.
    pub(super) runs: Option<u32>,
    /// The most rows that are shown.
    pub(super) most: usize,
}

impl Question<'_> {
    /// Shows the rows, and says how many there are and how long they took; tells
    /// whether there are more. A query that is short of memory before its first
    /// row is asked again, in a way that needs less.
    ///
    /// # Errors
    /// When the query is wrong or fails, or its rows cannot be written.
    pub(super) async fn answer(&self, console: &Console) -> Result<bool> {
        let (session, _) = self.workspace.session(self.at).await?;
        let run = match self.ask(console, &session).await {
            Err(Unanswered::NotYet(error)) if is_short_of_memory(&error) => {
                console.say(
                    "not enough memory; asking again, on one thread and by sorting, which needs less",
                );
                let spilling = self.workspace.session_by(self.at, Strategy::Spilling);
                self.ask(console, &spilling.await?.0).await
            }
            other => other,
        };
        run.map_err(Unanswered::why)
    }

    async fn ask(&self, console: &Console, session: &Session) -> Result<bool, Unanswered> {
        if let Some(runs) = self.runs {
            return self.timed(console, session, runs).await;
        }
        let started = Instant::now();
        let begun = Begun::of(session, self.sql, self.params).await;
        let begun = begun.map_err(Unanswered::NotYet)?;
        let shown = begun.show(self.output, self.most).await;
        let Shown { rows, more } = shown.map_err(Unanswered::InPart)?;
        let the_first = if more { "the first " } else { "" };
        console.say(&format!(
            "{the_first}{} in {:.3} s",
            counted(rows, "row"),
            started.elapsed().as_secs_f64()
        ));
        Ok(more)
    }

    /// Runs the query and holds its rows, so that what is timed is the query
    /// and not the terminal or the disk; then shows those of the last run.
    async fn timed(
        &self,
        console: &Console,
        session: &Session,
        runs: u32,
    ) -> Result<bool, Unanswered> {
        let mut more = false;
        for left in (0..runs).rev() {
            let started = Instant::now();
            let answer = session.query(self.sql, self.params).await;
            let planned = started.elapsed();
            let (schema, batches) = held(answer).await.map_err(Unanswered::NotYet)?;
            let ran = started.elapsed().saturating_sub(planned);
            let count = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            console.say(&timing(count, planned, ran));
            if left == 0 {
                let mut writer = Showing::open(self.output, &schema, self.most)?;
                for batch in &batches {
                    writer.write(batch)?;
                }
                more = writer.finish()?.more;
            }
        }
        Ok(more)
    }
}

fn timing(rows: u64, planned: Duration, ran: Duration) -> String {
    let peak = match memory::peak() {
        Some(bytes) => format!(", at most {} MB held", thousands(bytes / 1_000_000)),
        None => String::new(),
    };
    format!(
        "{}: planned in {:.4} s, ran in {:.4} s{peak}",
        counted(rows, "row"),
        planned.as_secs_f64(),
        ran.as_secs_f64()
    )
}

/// A query that failed: before any row was shown, or after some were.
enum Unanswered {
    NotYet(Error),
    InPart(Error),
}

impl Unanswered {
    fn why(self) -> Error {
        match self {
            Self::NotYet(error) | Self::InPart(error) => error,
        }
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::InPart(error)
    }
}

/// How many rows of an answer were shown, and whether it has more.
struct Shown {
    rows: u64,
    more: bool,
}

/// Rows on their way out, up to a number.
struct Showing {
    writer: ResultWriter,
    left: usize,
    more: bool,
}

impl Showing {
    fn open(output: &OutputOptions, schema: &SchemaRef, most: usize) -> Result<Self> {
        Ok(Self {
            writer: ResultWriter::open(output, schema)?,
            left: most,
            more: false,
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows().min(self.left);
        self.left -= rows;
        self.more |= rows < batch.num_rows();
        match rows {
            0 => Ok(()),
            _ => self.writer.write(&batch.slice(0, rows)),
        }
    }

    fn finish(self) -> Result<Shown> {
        Ok(Shown {
            rows: self.writer.finish()?,
            more: self.more,
        })
    }
}

/// An answer of which the first rows are there.
struct Begun {
    first: Option<RecordBatch>,
    rows: Rows,
}

impl Begun {
    async fn of(session: &Session, sql: &str, params: &[(String, ScalarValue)]) -> Result<Self> {
        let mut rows = session.query(sql, params).await?.stream().await?;
        let first = rows.next().await?;
        Ok(Self { first, rows })
    }

    /// Writes `most` rows. What comes after them is not computed.
    async fn show(self, output: &OutputOptions, most: usize) -> Result<Shown> {
        let Self { first, mut rows } = self;
        let mut showing = Showing::open(output, &rows.schema(), most)?;
        let mut next = first;
        while let Some(batch) = next {
            showing.write(&batch)?;
            // Rows may come without waiting; an interrupt is heard between them.
            tokio::task::yield_now().await;
            next = match showing.more {
                true => None,
                false => rows.next().await?,
            };
        }
        showing.finish()
    }
}

/// All rows of an answer, and their columns.
async fn held(answer: Result<Answer>) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut rows = answer?.stream().await?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await? {
        batches.push(batch);
    }
    Ok((rows.schema(), batches))
}

/// Runs one query and writes its rows; gives their number.
pub(super) async fn run_query(
    session: &Session,
    sql: &str,
    params: &[(String, ScalarValue)],
    output: &OutputOptions,
) -> Result<u64> {
    let begun = Begun::of(session, sql, params).await?;
    Ok(begun.show(output, usize::MAX).await?.rows)
}
