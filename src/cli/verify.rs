//! `cinelake verify`: builds tables again aside and compares.

use chrono::NaiveDate;
use datafusion::arrow::record_batch::RecordBatch;

use super::at::At;
use super::output::text_table;
use super::progress::Progress;
use super::report::{counted, thousands};
use super::{Context, Status};
use crate::error::Result;
use crate::lake::days_since_1970;
use crate::refresh::{Access, Mismatch, MismatchKind, Verified, VerifyOptions};

/// Build tables again aside and compare them with what is published
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Only these tables, such as `gold.dim_users` or `gold.*`
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Only these partitions of tables that are split, such as 2024-03 or 2024-03-01
    #[arg(long, value_name = "DATE", value_parser = partition)]
    partition: Vec<NaiveDate>,
    /// Only so many partitions, chosen by chance
    #[arg(long, value_name = "N", conflicts_with = "partition")]
    sample: Option<u64>,
    /// Decides the chance
    #[arg(long, default_value_t = 42, value_name = "N", requires = "sample")]
    seed: u64,
    #[command(flatten)]
    at: At,
}

/// `2024-03` as the month's first day, or a day.
fn partition(text: &str) -> std::result::Result<NaiveDate, String> {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d");
    day(text)
        .or_else(|_| day(&format!("{text}-01")))
        .map_err(|_| "write a month as 2024-03, a day as 2024-03-31".to_owned())
}

impl Verify {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let workspace = context.workspace(Access::Read)?;
        let progress = Progress::new(context.console);
        let options = VerifyOptions {
            select: self.tables,
            days: self.partition.into_iter().map(days_since_1970).collect(),
            sample: self.sample,
            seed: self.seed,
            at: self.at.snapshot,
        };
        let verified = workspace.verify(&options, &progress).await?;
        let mut text = String::new();
        for table in &verified {
            text.push_str(&line(table));
        }
        context.console.result(&text)?;
        for table in &verified {
            for mismatch in &table.mismatches {
                say_mismatch(context, table, mismatch)?;
            }
        }
        let skipped = verified.iter().filter(|v| v.skipped.is_some()).count();
        let different = verified.iter().filter(|v| !v.mismatches.is_empty()).count();
        let compared = verified.len() - skipped;
        let partitions = verified.iter().map(|v| v.partitions).sum();
        let rows = verified.iter().map(|v| v.rows).sum();
        context.console.say(&format!(
            "{} built again: {} and {} compared, {}{}",
            counted(compared as u64, "table"),
            counted(partitions, "partition"),
            counted(rows, "row"),
            match different {
                0 => "all the same".to_owned(),
                n => format!("{} differ", thousands(n as u64)),
            },
            match skipped {
                0 => String::new(),
                n => format!("; {} left out", thousands(n as u64)),
            },
        ));
        Ok(if different > 0 {
            Status::Red
        } else {
            Status::Fine
        })
    }
}

fn line(table: &Verified) -> String {
    let name = &table.table;
    match (&table.skipped, table.mismatches.len()) {
        (Some(why), _) => format!("left out {name}: {why}\n"),
        (None, 0) => format!(
            "same {name}: {}, {}\n",
            counted(table.partitions, "partition"),
            counted(table.rows, "row")
        ),
        (None, n) => format!(
            "different {name}: {} of {}\n",
            thousands(n as u64),
            counted(table.partitions, "partition")
        ),
    }
}

fn say_mismatch(context: &Context, table: &Verified, mismatch: &Mismatch) -> Result<()> {
    let console = &context.console;
    let place = match &mismatch.partition {
        Some(value) => format!("{} at {value}", table.table),
        None => table.table.to_string(),
    };
    match &mismatch.kind {
        MismatchKind::Record { recorded, stored } => console.say(&format!(
            "{place}: the stored rows are not those that were published: {} recorded, {} stored",
            counted(*recorded, "row"),
            thousands(*stored)
        )),
        MismatchKind::Rows {
            published,
            rebuilt,
            only_published,
            only_rebuilt,
        } => {
            console.say(&format!(
                "{place}: {} published, building gives {}",
                counted(*published, "row"),
                thousands(*rebuilt)
            ));
            show(context, "only published", only_published)?;
            show(context, "only built", only_rebuilt)?;
        }
    }
    Ok(())
}

fn show(context: &Context, what: &str, rows: &[RecordBatch]) -> Result<()> {
    if let Some(first) = rows.iter().find(|batch| batch.num_rows() > 0) {
        let table = text_table(&first.schema(), rows, false)?;
        context.console.say(&format!("{what}:\n{table}"));
    }
    Ok(())
}
