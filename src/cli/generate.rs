//! `cinelake generate`: deterministic demo data.

use std::path::PathBuf;

use super::report::{counted, thousands};
use super::{Context, Status};
use crate::error::{Error, Result};
use crate::generate::{Request, generate};

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
            ..Request::default()
        };
        let written = generate(&request, &dir, config.engine.threads)?;
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
