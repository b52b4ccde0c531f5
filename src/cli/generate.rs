//! `cinelake generate`: deterministic demo data.

use std::path::PathBuf;

use chrono::{Months, NaiveDate};

use super::report::{counted, thousands};
use super::{Context, Status};
use crate::error::{Error, Result};
use crate::generate::{More, Request, generate, generate_more};

/// Write deterministic demo data of any size
#[derive(Debug, clap::Args)]
pub(super) struct Generate {
    /// Where the files go; the landing folder where left out
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Watch sessions
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    sessions: u64,
    /// Decides every value
    #[arg(long, default_value_t = 42, value_name = "N")]
    seed: u64,
    /// Calendar months, from 2024-01 on
    #[arg(long, default_value_t = 24, value_name = "N")]
    months: u32,
    /// Share of session rows that do not fit, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    dirty: f64,
    /// Also what players send once a minute, for the last month's sessions
    #[arg(long)]
    heartbeats: bool,
    #[command(flatten)]
    more: MoreOptions,
}

/// A later delivery instead of the first ones.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A later delivery, after one with the same sessions and seed")]
struct MoreOptions {
    /// Write only this many further sessions of one month
    #[arg(long, value_name = "N")]
    more: Option<u64>,
    /// The month that they fall into; the last one where left out
    #[arg(long, value_name = "YYYY-MM", requires = "more", value_parser = month)]
    month: Option<NaiveDate>,
    /// Correct so many of the month's sessions too
    #[arg(long, default_value_t = 0, value_name = "N", requires = "more")]
    corrected: u64,
    /// Tells several such deliveries apart
    #[arg(long, default_value_t = 1, value_name = "N", requires = "more")]
    number: u32,
}

/// `2024-03` as the month's first day.
fn month(text: &str) -> std::result::Result<NaiveDate, String> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
        .map_err(|_| "write a month as 2024-03".to_owned())
}

impl Generate {
    pub(super) fn run(self, context: &Context) -> Result<Status> {
        let config = context.config()?;
        let dir = match self.output {
            Some(dir) => dir,
            None => {
                config.require_project().map_err(|e| {
                    Error::usage(e.to_string()).hint("say where the files go: `--output DIR`")
                })?;
                config.landing.clone()
            }
        };
        let request = Request {
            sessions: self.sessions,
            seed: self.seed,
            months: self.months,
            dirty: self.dirty,
            heartbeats: self.heartbeats,
            ..Request::default()
        };
        let written = match self.more.more {
            Some(sessions) => {
                let last = request.start + Months::new(self.months.saturating_sub(1));
                let more = More {
                    month: self.more.month.unwrap_or(last),
                    sessions,
                    corrected: self.more.corrected,
                    number: self.more.number,
                };
                vec![generate_more(&request, &more, &dir)?]
            }
            None => generate(&request, &dir, config.engine.threads)?,
        };
        for file in &written {
            context.console.detail(&format!(
                "{}: {}",
                file.path.display(),
                thousands(file.rows)
            ));
        }
        let rows: u64 = written.iter().map(|f| f.rows).sum();
        context.console.say(&format!(
            "wrote {} in {} to {}",
            counted(rows, "row"),
            counted(written.len() as u64, "file"),
            dir.display()
        ));
        Ok(Status::Fine)
    }
}
