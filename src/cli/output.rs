//! Results in the format that was asked for, to stdout or a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::csv::WriterBuilder as CsvBuilder;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::json::WriterBuilder as JsonBuilder;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;

use super::console::written;
use crate::error::{Error, Result};

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// Aligned columns, for people
    #[default]
    Table,
    /// Comma-separated values with a header
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Ndjson,
    /// A Markdown table
    Markdown,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC stream
    Arrow,
}

impl Format {
    /// The format that a file's ending asks for.
    fn of(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_lowercase().as_str() {
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "md" | "markdown" => Self::Markdown,
            "parquet" => Self::Parquet,
            "arrow" | "arrows" => Self::Arrow,
            "txt" => Self::Table,
            _ => return None,
        })
    }
}

/// Where a result goes, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct OutputOptions {
    /// The result's format; from the ending of `--output`, or `table`
    #[arg(short, long, value_enum)]
    pub(super) format: Option<Format>,
    /// Write the result to this file
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

impl OutputOptions {
    fn settled(&self) -> Result<Format> {
        match (self.format, &self.output) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::Table),
            (None, Some(path)) => Format::of(path).ok_or_else(|| {
                Error::usage("the file's ending names no format")
                    .file(path)
                    .hint("say `--format csv`, or end the name in `.csv`, `.json`, `.parquet`, …")
            }),
        }
    }
}

/// Writes batches of one result.
pub(super) struct ResultWriter {
    sink: Box<dyn BatchWriter>,
    pending: Option<Pending>,
    /// Rows written so far.
    pub(super) rows: u64,
}

/// A file that gets its name when it is whole, and goes when it is not.
struct Pending {
    part: PathBuf,
    path: PathBuf,
}

impl Pending {
    fn begin(path: &Path) -> Result<(File, Self)> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        let part = path.with_file_name(name);
        let file =
            File::create(&part).map_err(|e| Error::io("could not write").file(path).because(e))?;
        let pending = Self {
            part,
            path: path.to_path_buf(),
        };
        Ok((file, pending))
    }

    fn complete(self) -> Result<()> {
        std::fs::rename(&self.part, &self.path)
            .map_err(|e| Error::io("could not write").file(&self.path).because(e))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Gone already when the file got its name.
        let _ = std::fs::remove_file(&self.part);
    }
}

trait BatchWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

type Sink = Box<dyn Write + Send>;

impl ResultWriter {
    /// Opens a writer of rows of `schema`.
    pub(super) fn open(options: &OutputOptions, schema: &SchemaRef) -> Result<Self> {
        let format = options.settled()?;
        let mut pending = None;
        let out: Sink = match &options.output {
            None => Box::new(BufWriter::new(std::io::stdout())),
            // A device, a pipe or a link is written through.
            Some(path) if path.symlink_metadata().is_ok_and(|m| !m.is_file()) => {
                let file = File::options().write(true).truncate(true).open(path);
                let file = file.map_err(|e| Error::io("could not write").file(path).because(e))?;
                Box::new(BufWriter::new(file))
            }
            Some(path) => {
                let (file, part) = Pending::begin(path)?;
                pending = Some(part);
                Box::new(BufWriter::new(file))
            }
        };
        Ok(Self {
            sink: sink(format, out, schema)?,
            pending,
            rows: 0,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.sink.write(batch)
    }

    pub(super) fn finish(self) -> Result<u64> {
        self.sink.finish()?;
        if let Some(pending) = self.pending {
            pending.complete()?;
        }
        Ok(self.rows)
    }
}

/// Prints the line of a statement that has no answer.
pub(super) fn nothing() -> Result<()> {
    written(std::io::stdout().write_all(b"null\n"))
}

/// Prints a small result at once.
pub(super) fn print(options: &OutputOptions, batch: &RecordBatch) -> Result<()> {
    let mut writer = ResultWriter::open(options, &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(())
}

fn sink(format: Format, out: Sink, schema: &SchemaRef) -> Result<Box<dyn BatchWriter>> {
    let csv = |delimiter, out| Csv {
        out,
        schema: SchemaRef::clone(schema),
        delimiter,
        begun: false,
    };
    Ok(match format {
        Format::Table | Format::Markdown => Box::new(Text {
            out,
            schema: SchemaRef::clone(schema),
            batches: Vec::new(),
            markdown: format == Format::Markdown,
        }),
        Format::Csv => Box::new(csv(b',', out)),
        Format::Tsv => Box::new(csv(b'\t', out)),
        Format::Json => Box::new(Json(
            JsonBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, JsonArray>(out),
        )),
        Format::Ndjson => Box::new(Json(
            JsonBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, LineDelimited>(out),
        )),
        Format::Parquet => {
            let writer = ArrowWriter::try_new(out, SchemaRef::clone(schema), None);
            Box::new(Parquet(writer.map_err(|e| failed().because(e))?))
        }
        Format::Arrow => {
            let writer = StreamWriter::try_new(out, schema);
            Box::new(Ipc(writer.map_err(arrow_failed)?))
        }
    })
}

fn failed() -> Error {
    Error::io("could not write the result")
}

fn arrow_failed(error: ArrowError) -> Error {
    failed().because(error)
}

/// A reader that stops listening is no error.
fn unless_pipe_closed(result: Result<(), ArrowError>) -> Result<()> {
    match result {
        Err(ArrowError::IoError(_, e)) => written(Err(e)),
        other => other.map_err(arrow_failed),
    }
}

/// Encodes each batch by itself: the encoder panics when its sink is closed.
struct Csv {
    out: Sink,
    schema: SchemaRef,
    delimiter: u8,
    begun: bool,
}

impl BatchWriter for Csv {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut encoder = CsvBuilder::new()
            .with_header(!self.begun)
            .with_delimiter(self.delimiter)
            .build(Vec::new());
        self.begun = true;
        encoder.write(batch).map_err(arrow_failed)?;
        written(self.out.write_all(&encoder.into_inner()))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if !self.begun {
            let empty = RecordBatch::new_empty(SchemaRef::clone(&self.schema));
            self.write(&empty)?;
        }
        written(self.out.flush())
    }
}

struct Json<F: datafusion::arrow::json::writer::JsonFormat>(
    datafusion::arrow::json::writer::Writer<Sink, F>,
);

impl<F: datafusion::arrow::json::writer::JsonFormat> BatchWriter for Json<F> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        unless_pipe_closed(self.0.write(batch))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        unless_pipe_closed(self.0.finish())?;
        let mut out = self.0.into_inner();
        written(out.write_all(b"\n").and_then(|()| out.flush()))
    }
}

struct Parquet(ArrowWriter<Sink>);

impl BatchWriter for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.0.write(batch).map_err(|e| failed().because(e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let mut out = self.0.into_inner().map_err(|e| failed().because(e))?;
        written(out.flush())
    }
}

struct Ipc(StreamWriter<Sink>);

impl BatchWriter for Ipc {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        unless_pipe_closed(self.0.write(batch))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        unless_pipe_closed(self.0.finish())
    }
}

/// Tables for people and for Markdown, aligned once all rows are known.
struct Text {
    out: Sink,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    markdown: bool,
}

impl Text {
    /// Whether it is the answer of `explain`.
    fn is_plan(&self) -> bool {
        let fields = self.schema.fields().iter();
        let named: Vec<_> = fields.map(|f| (f.name().as_str(), f.data_type())).collect();
        named == [("plan_type", &DataType::Utf8), ("plan", &DataType::Utf8)]
    }
}

/// Plans as they are, each below its name: no border would be as wide.
fn plans(batches: &[RecordBatch]) -> String {
    let of = |batch: &RecordBatch| {
        let [kinds, plans] = [0, 1].map(|at| batch.column(at).as_string::<i32>().clone());
        let plans = kinds.iter().zip(plans.iter());
        let shown = plans.map(|(kind, plan)| {
            let lines = plan.unwrap_or_default().lines();
            let lines: String = lines.map(|line| format!("  {line}\n")).collect();
            format!("{}\n{lines}", kind.unwrap_or_default())
        });
        shown.collect::<String>()
    };
    batches.iter().map(of).collect()
}

impl BatchWriter for Text {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.batches.push(batch.clone());
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let text = match self.is_plan() && !self.markdown {
            true => plans(&self.batches),
            false => text_table(&self.schema, &self.batches, self.markdown)?.to_string(),
        };
        let text: String = text
            .lines()
            .map(|l| format!("{}\n", l.trim_end()))
            .collect();
        written(
            self.out
                .write_all(text.as_bytes())
                .and_then(|()| self.out.flush()),
        )
    }
}

/// Rows as aligned text.
pub(super) fn text_table(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    markdown: bool,
) -> Result<Table> {
    let mut table = Table::new();
    table.load_preset(if markdown {
        presets::ASCII_MARKDOWN
    } else {
        presets::UTF8_FULL_CONDENSED
    });
    table.set_header(schema.fields().iter().map(|f| f.name().as_str()));
    for (i, field) in schema.fields().iter().enumerate() {
        let number = field.data_type().is_numeric();
        if let Some(column) = table.column_mut(i).filter(|_| number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let null = if markdown { "" } else { "∅" };
    let options = FormatOptions::new().with_null(null);
    for batch in batches {
        let formatters = batch
            .columns()
            .iter()
            .map(|array| ArrayFormatter::try_new(array.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(arrow_failed)?;
        for row in 0..batch.num_rows() {
            let cells = formatters.iter().map(|f| {
                let text = f.value(row).to_string();
                if markdown {
                    text.replace('|', "\\|").replace('\n', " ")
                } else {
                    text
                }
            });
            table.add_row(cells);
        }
    }
    Ok(table)
}
