//! `cinelake doctor`: what is wrong with the project, the lake or the machine.

use std::path::Path;
use std::sync::Arc;

use super::progress::human_bytes;
use super::report::counted;
use super::{Context, Status, docs};
use crate::clock::SystemClock;
use crate::config::{Config, LakeLocation};
use crate::error::{Error, Result};
use crate::lake::{Finding, Lake, Remedy, holder};
use crate::memory;

/// Check the project, the lake and the machine
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// Repair what can be repaired without guessing
    #[arg(long)]
    repair: bool,
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let config = context.config()?;
        let mut findings = Vec::new();
        findings.extend(self.lake(&config).await?);
        findings.push(project(config.clone()).await);
        findings.extend(machine(&config));
        let mut text = String::new();
        for finding in &findings {
            text.push_str(&line(finding));
        }
        context.console.result(&text)?;
        let count = |is: fn(&Remedy) -> bool| findings.iter().filter(|f| is(&f.remedy)).count();
        let by_hand = count(|r| matches!(r, Remedy::ByHand(_))) as u64;
        let repairable = count(|r| matches!(r, Remedy::Repair(_))) as u64;
        let repaired = count(|r| matches!(r, Remedy::Repaired(_))) as u64;
        let mut words = match by_hand + repairable {
            0 => "nothing is wrong".to_owned(),
            n => counted(n, "problem"),
        };
        if repairable > 0 {
            words.push_str(&format!(
                ", of which `cinelake doctor --repair` repairs {repairable}"
            ));
        }
        if repaired > 0 {
            words.push_str(&format!("; {repaired} repaired"));
        }
        context.console.say(&words);
        Ok(match by_hand + repairable {
            0 => Status::Fine,
            _ => Status::Red,
        })
    }

    async fn lake(&self, config: &Config) -> Result<Vec<Finding>> {
        if matches!(&config.lake, LakeLocation::Dir(dir) if !dir.is_dir()) {
            let what = "nothing is there yet: `cinelake refresh` builds it";
            return Ok(vec![finding(&config.lake, what, Remedy::Note)]);
        }
        let lake = Lake::open(&config.lake)?;
        let lease = match self.repair {
            true => Some(lake.lease(&holder("doctor", &SystemClock))?),
            false => None,
        };
        let mut findings = lake.examine(lease.as_ref(), &SystemClock).await?;
        let published = lake.snapshot_ids().await?.len() as u64;
        let what = format!("{} published", counted(published, "snapshot"));
        findings.insert(0, finding("lake", what, Remedy::Note));
        Ok(findings)
    }
}

/// Whether everything in `queries/` can be planned.
async fn project(config: Config) -> Finding {
    let planned = async {
        let at = super::at::At::default();
        let (workspace, snapshot) = match docs::open(config.clone(), &at).await {
            Ok(opened) => opened,
            // What is wrong with the lake is told of the lake.
            Err(_) => (open_without_lake(config)?, None),
        };
        workspace.schemas(snapshot.as_ref()).await?;
        let project = &workspace.project;
        Ok::<_, Error>(format!(
            "{}, {} and {} planned",
            counted(project.sources.len() as u64, "source"),
            counted(project.models.len() as u64, "model"),
            counted(project.reports.len() as u64, "report"),
        ))
    };
    match planned.await {
        Ok(what) => finding("project", what, Remedy::Note),
        Err(e) => {
            let hint = e.hint_text().unwrap_or("mend the file").to_owned();
            finding("project", e.to_string(), Remedy::ByHand(hint))
        }
    }
}

fn open_without_lake(mut config: Config) -> Result<crate::refresh::Workspace> {
    use crate::refresh::{Access, Workspace};
    config.lake = LakeLocation::Dir(config.project.clone());
    Workspace::open(config, Access::Read, Arc::new(SystemClock))
}

fn machine(config: &Config) -> Vec<Finding> {
    let limit = config.engine.memory;
    let mut findings = vec![match memory::of_machine() {
        Some(total) if limit > total => {
            let what = format!(
                "{} of memory may be used, and there are {}",
                human_bytes(limit),
                human_bytes(total)
            );
            let hint = "lower `memory` in `cinelake.toml`, `CINELAKE_MEMORY` or `--memory`";
            finding("memory", what, Remedy::ByHand(hint.to_owned()))
        }
        total => {
            let of = total.map_or(String::new(), |total| format!(" of {}", human_bytes(total)));
            let what = format!("{}{of} may be used", human_bytes(limit));
            finding("memory", what, Remedy::Note)
        }
    }];
    if let LakeLocation::Dir(dir) = &config.lake {
        findings.extend(room(dir, "for the lake", 0));
    }
    let temp = std::env::temp_dir();
    let probe = temp.join(format!("cinelake-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, "?").and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => findings.extend(room(&temp, "for data that spills", limit)),
        Err(e) => {
            let error = Error::io("the folder for data that spills cannot be written to")
                .file(&temp)
                .because(e);
            let hint = "make it writable, or name another with `TMPDIR`";
            let remedy = Remedy::ByHand(hint.to_owned());
            findings.push(finding("disk", error.to_string(), remedy));
        }
    }
    findings
}

/// How much room there is in `folder`; a problem below 1 % of the disk.
fn room(folder: &Path, what_for: &str, wanted: u64) -> Option<Finding> {
    let (free, total) = free_space(folder)?;
    let what = format!(
        "{} of {} are free {what_for}, in {}",
        human_bytes(free),
        human_bytes(total),
        folder.display()
    );
    if free < total / 100 {
        let hint = "free space, or use another disk".to_owned();
        return Some(finding("disk", what, Remedy::ByHand(hint)));
    }
    let little = match free < wanted {
        true => ", less than the memory that may be used: large builds may end for want of room",
        false => "",
    };
    Some(finding("disk", format!("{what}{little}"), Remedy::Note))
}

/// Free and total bytes of the disk that holds `folder`, as POSIX `df` tells
/// them; nothing where it is not at hand.
fn free_space(folder: &Path) -> Option<(u64, u64)> {
    let output = std::process::Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let fields: Vec<&str> = text.lines().nth(1)?.split_whitespace().collect();
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    let (total, free) = (number(1)?, number(3)?);
    (total > 0).then_some((free * 1024, total * 1024))
}

fn finding(subject: impl ToString, what: impl Into<String>, remedy: Remedy) -> Finding {
    Finding {
        subject: subject.to_string(),
        what: what.into(),
        remedy,
    }
}

/// `problem gold.users: what; how`
fn line(finding: &Finding) -> String {
    let (word, how) = match &finding.remedy {
        Remedy::Note => ("note", String::new()),
        Remedy::ByHand(how) => ("problem", format!("; {how}")),
        Remedy::Repair(how) => ("problem", format!("; `--repair` {how}")),
        Remedy::Repaired(how) => ("repaired", format!("; {how}")),
    };
    let Finding { subject, what, .. } = finding;
    format!("{word:<8} {subject}: {what}{how}\n")
}
