//! `cinelake demo`: from nothing to printed reports.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::ask::run_query;
use super::output::OutputOptions;
use super::progress::Progress;
use super::report::counted;
use super::sql::settle_params;
use super::{Context, Status, init, refresh};
use crate::clock::SystemClock;
use crate::config::{Config, Overrides, PROJECT_FILE};
use crate::error::Result;
use crate::generate::{Request, generate};
use crate::model::Report;
use crate::refresh::{Access, RefreshOptions, Workspace};

/// Generate data, refresh, print some reports: the main job on an empty machine
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// The folder of the demo project
    #[arg(default_value = "cinelake-demo", value_name = "DIR")]
    dir: PathBuf,
    /// Watch sessions
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    sessions: u64,
    /// Decides every value
    #[arg(long, default_value_t = 42, value_name = "N")]
    seed: u64,
}

impl Demo {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let console = context.console;
        let started = Instant::now();
        let dir = context.overrides.project.clone().unwrap_or(self.dir);
        if !dir.join(PROJECT_FILE).is_file() {
            init::write_project(&dir)?;
        }
        let config = Config::load(&Overrides {
            project: Some(dir.clone()),
            ..context.overrides.clone()
        })?;
        let request = Request {
            sessions: self.sessions,
            seed: self.seed,
            ..Request::default()
        };
        let written = generate(&request, &config.landing, config.engine.threads)?;
        let rows: u64 = written.iter().map(|f| f.rows).sum();
        console.say(&format!(
            "generated {} in {}",
            counted(rows, "row"),
            config.landing.display()
        ));
        let workspace = Workspace::open(config, Access::Write, Arc::new(SystemClock))?;
        let progress = Progress::new(console);
        let outcome = workspace
            .refresh(&RefreshOptions::default(), &progress)
            .await?;
        if refresh::conclude(context, &outcome)? == Status::Red {
            return Ok(Status::Red);
        }
        print_reports(context, &workspace).await?;
        console.say(&format!("done in {:.1} s", started.elapsed().as_secs_f64()));
        console.say(&format!(
            "next: cinelake --project {} sql -c 'select * from gold.dim_users limit 5'",
            dir.display()
        ));
        Ok(Status::Fine)
    }
}

async fn print_reports(context: &Context, workspace: &Workspace) -> Result<()> {
    let (session, _) = workspace.session(None).await?;
    let reports = &workspace.project.reports;
    let is_shown = |r: &&Report| r.header.tags.iter().any(|tag| tag == "demo");
    let shown: Vec<&Report> = reports.values().filter(is_shown).collect();
    for report in &shown {
        context
            .console
            .result(&format!("\n{}: {}\n", report.name, report.header.sentence))?;
        let params = settle_params(report, &[])?;
        let output = OutputOptions::default();
        run_query(&session, &report.sql, &params, &output)
            .await
            .map_err(|e| e.file(&report.path))?;
    }
    let more = (reports.len() - shown.len()) as u64;
    context.console.say(&format!(
        "{} more: `cinelake --project {} ls reports` lists them",
        counted(more, "report"),
        workspace.config.project.display()
    ));
    Ok(())
}
