//! Looks for what is wrong with a lake, and repairs what needs no guessing:
//! what can be told from what is whole beside it, or what belongs to nothing.
//!
//! [`Lake::examine`] lists what it finds; given the lease it repairs as it
//! goes. What a person has to decide stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::files::table_folder;
use super::{Lake, Lease, Snapshot, failpoint, store_error};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::name::TableName;

/// The hint of an error that the doctor knows more about.
pub(super) const HINT: &str = "`cinelake doctor` says what is damaged, and repairs what it can";

/// Where damaged files are set aside.
pub(super) const DAMAGED: &str = "_damaged";

/// Files that are named in a finding.
const NAMED: usize = 3;

/// Something about the lake that a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: a table, a snapshot, a file.
    pub subject: String,
    /// What was found.
    pub what: String,
    /// What becomes of it.
    pub remedy: Remedy,
}

/// What becomes of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing has to be done.
    Note,
    /// A person has to decide; how, in words.
    ByHand(String),
    /// A repair does it; what, in words.
    Repair(String),
    /// It was repaired; how, in words.
    Repaired(String),
}

impl Finding {
    pub(super) fn new(subject: impl ToString, what: impl Into<String>, remedy: Remedy) -> Self {
        Self {
            subject: subject.to_string(),
            what: what.into(),
            remedy,
        }
    }

    /// Whether something is left to do.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        matches!(self.remedy, Remedy::ByHand(_) | Remedy::Repair(_))
    }

    fn of_error(subject: impl ToString, error: &Error, otherwise: &str) -> Self {
        let hint = error.hint_text().filter(|hint| *hint != HINT);
        let remedy = Remedy::ByHand(hint.unwrap_or(otherwise).to_owned());
        Self::new(subject, error.to_string(), remedy)
    }
}

/// The files of a lake, and their sizes.
pub(super) type Listing = BTreeMap<String, u64>;

impl Lake {
    /// What is wrong with the lake, and what else is worth knowing. With the
    /// `lease`, what can be repaired without guessing is.
    ///
    /// # Errors
    /// When the lake cannot be listed, or a repair cannot be made.
    pub async fn examine(&self, lease: Option<&Lease>, clock: &dyn Clock) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let holder = match lease {
            Some(_) => None,
            None => self.lease_holder()?,
        };
        let is_quiet = holder.is_none();
        if let Some(holder) = holder {
            findings.push(Finding::new(
                "lease",
                format!("held by {holder}"),
                Remedy::Note,
            ));
        }
        findings.extend(self.writable().await);
        if is_quiet {
            findings.extend(self.leftovers(lease)?);
        }
        let checkpoints = self.checkpoints(&self.listing().await?, lease).await?;
        let suspects = checkpoints.iter().filter(|finding| finding.is_problem());
        let suspects: BTreeSet<String> = suspects.map(|finding| finding.subject.clone()).collect();
        findings.extend(checkpoints);
        if is_quiet {
            findings.extend(self.unfinished(lease, clock).await?);
        }
        let listing = self.listing().await?;
        let (main, branches, damaged) = self.readable_snapshots().await?;
        findings.extend(damaged);
        let all: Vec<&Snapshot> = branches.iter().chain(&main).collect();
        let (used, broken) = self.files_of(&all, &listing, &suspects).await;
        findings.extend(broken);
        let all_read = !findings.iter().any(Finding::is_problem);
        if is_quiet && all_read {
            findings.extend(moved_heads(main.last(), &listing));
            findings.extend(unused(&used, &listing));
        }
        Ok(findings)
    }

    async fn listing(&self) -> Result<Listing> {
        let listed: Vec<_> = self
            .store
            .list(None)
            .try_collect()
            .await
            .map_err(|e| store_error("could not list the lake", e))?;
        let files = listed.into_iter().map(|m| (m.location.to_string(), m.size));
        Ok(files.filter(|(path, _)| !is_landing(path)).collect())
    }

    /// Writes a file and deletes it again.
    async fn writable(&self) -> Option<Finding> {
        let path = Path::from(format!("_doctor_{}", uuid::Uuid::now_v7().simple()));
        let written = self.store.put(&path, PutPayload::from_static(b"?")).await;
        let gone = self.store.delete(&path).await;
        let error = written.map(|_| ()).and(gone).err()?;
        let error = store_error("the lake cannot be written to", error);
        let hint = "a refresh needs to write there; readers do not";
        Some(Finding::of_error(&self.location, &error, hint))
    }

    /// Files that a process left behind that died while it wrote them.
    fn leftovers(&self, lease: Option<&Lease>) -> Result<Option<Finding>> {
        let Some(dir) = self.dir() else {
            return Ok(None);
        };
        let below = |path: &FilePath| Some(path.strip_prefix(&dir).ok()?.to_str()?.to_owned());
        let entries = walkdir::WalkDir::new(&dir).into_iter().flatten();
        let files = entries.filter(|entry| entry.file_type().is_file());
        let mut left: Vec<(String, std::path::PathBuf)> = files
            .filter(|entry| entry.file_name().to_str().is_some_and(is_leftover))
            .filter_map(|entry| Some((below(entry.path())?, entry.into_path())))
            .filter(|(path, _)| !is_landing(path))
            .collect();
        left.sort();
        if left.is_empty() {
            return Ok(None);
        }
        let names: Vec<&str> = left.iter().map(|(path, _)| path.as_str()).collect();
        let what = format!("{} half written: {}", files_are(left.len()), named(&names));
        let remedy = match lease {
            None => Remedy::Repair("deletes what is half written".to_owned()),
            Some(_) => {
                for (_, path) in &left {
                    failpoint("doctor.delete")?;
                    std::fs::remove_file(path)
                        .map_err(|e| Error::io("could not delete").file(path).because(e))?;
                }
                Remedy::Repaired("deleted".to_owned())
            }
        };
        Ok(Some(Finding::new("lake", what, remedy)))
    }

    /// A publish that a run which died had begun.
    async fn unfinished(
        &self,
        lease: Option<&Lease>,
        clock: &dyn Clock,
    ) -> Result<Option<Finding>> {
        let id = match self.intended().await {
            Ok(None) => return Ok(None),
            Ok(Some(id)) => id,
            Err(e) => return Ok(Some(Finding::of_error("publish", &e, HINT))),
        };
        let what = format!("a run that died had begun to publish snapshot {id}");
        let Some(lease) = lease else {
            let remedy = Remedy::Repair("carries it through, as the next run does".to_owned());
            return Ok(Some(Finding::new("publish", what, remedy)));
        };
        Ok(Some(match self.recover(lease, clock).await {
            Ok(_) => {
                let done = format!("carried through: snapshot {id} is published");
                Finding::new("publish", what, Remedy::Repaired(done))
            }
            Err(e) => Finding::of_error("publish", &e, "run `cinelake doctor --repair` again"),
        }))
    }

    /// The snapshots of main and those of branches, and those that cannot be
    /// read.
    async fn readable_snapshots(&self) -> Result<(Vec<Snapshot>, Vec<Snapshot>, Vec<Finding>)> {
        let (mut main, mut branches, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for id in self.snapshot_ids().await? {
            match self.read_snapshot(None, id).await {
                Ok(found) => main.extend(found),
                Err(e) => {
                    let hint = format!("bring `_snapshots/{id}.json` back from a backup");
                    damaged.push(Finding::of_error("lake", &e, &hint));
                }
            }
        }
        for (name, ids) in self.branch_ids().await? {
            for id in ids {
                match self.read_snapshot(Some(&name), id).await {
                    Ok(found) => branches.extend(found),
                    Err(e) => {
                        let hint = format!(
                            "delete `_branches/{name}/{id}.json`: `cinelake refresh --branch \
                             {name}` builds the branch again"
                        );
                        damaged.push(Finding::of_error(format!("branch `{name}`"), &e, &hint));
                    }
                }
            }
        }
        Ok((main, branches, damaged))
    }

    /// The files that the snapshots name, and what is wrong with them. Of
    /// `suspects` it is known that their logs cannot be read.
    async fn files_of(
        &self,
        snapshots: &[&Snapshot],
        listing: &Listing,
        suspects: &BTreeSet<String>,
    ) -> (BTreeSet<String>, Vec<Finding>) {
        let mut seen: BTreeSet<(&TableName, Option<u64>, u64)> = BTreeSet::new();
        let (mut used, mut findings) = (BTreeSet::new(), Vec::new());
        // Newest first: what is wrong is told of the newest that it concerns.
        for snapshot in snapshots.iter().rev() {
            for (name, entry) in &snapshot.tables {
                // Of a version one entry tells all; of a branch's files the
                // number does that says which rows they hold.
                let told = entry.version().map_or(entry.changed_in, |_| 0);
                if !entry.is_stored() || !seen.insert((name, entry.version(), told)) {
                    continue;
                }
                let subject = format!("{name} of {}", snapshot.label());
                let table = match self.files(name, entry).await {
                    Ok(table) => table,
                    // Why it cannot be read is told of its checkpoints.
                    Err(_) if suspects.contains(&name.to_string()) => continue,
                    Err(e) => {
                        let hint = "bring the table's `_delta_log` back from a backup";
                        findings.push(Finding::of_error(subject, &e, hint));
                        continue;
                    }
                };
                let folder = table_folder(name);
                let mut wrong = Vec::new();
                for file in &table.files {
                    let path = format!("{folder}/{}", file.path);
                    if listing.get(&path) != Some(&file.size) {
                        wrong.push(path.clone());
                    }
                    used.insert(path);
                }
                if !wrong.is_empty() {
                    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
                    let what = format!(
                        "{} missing or of another size: {}",
                        files_are(wrong.len()),
                        named(&wrong)
                    );
                    let hint = match &snapshot.branch {
                        None => "bring back what is missing from a backup, or go back to an \
                                 older snapshot: `cinelake rollback`"
                            .to_owned(),
                        Some(branch) => format!(
                            "`cinelake branches --drop {0}` and `cinelake refresh --branch {0}` \
                             build the branch again",
                            branch.name
                        ),
                    };
                    findings.push(Finding::new(subject, what, Remedy::ByHand(hint)));
                }
            }
        }
        (used, findings)
    }
}

/// Tables whose Delta log goes on after the newest snapshot.
fn moved_heads(newest: Option<&Snapshot>, listing: &Listing) -> Vec<Finding> {
    let tables = newest.iter().flat_map(|snapshot| &snapshot.tables);
    let moved = tables.filter_map(|(name, entry)| {
        let log = format!("{}/_delta_log/", table_folder(name));
        let below = listing
            .range(log.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&log));
        let head = below.filter_map(commit_version).max()?;
        let version = entry.version().filter(|version| *version < head)?;
        let what = format!(
            "its Delta log goes on to version {head}, the newest snapshot holds version {version}: \
             another program wrote to it; readers here do not see that, and the next run that \
             changes the table takes it back"
        );
        Some(Finding::new(name, what, Remedy::Note))
    });
    moved.collect()
}

/// Data files that no snapshot names.
fn unused(used: &BTreeSet<String>, listing: &Listing) -> Option<Finding> {
    let is_data = |path: &&String| path.ends_with(".parquet") && !path.contains("/_delta_log/");
    let unused = listing
        .keys()
        .filter(is_data)
        .filter(|p| !used.contains(*p));
    let sizes: Vec<u64> = unused.filter_map(|p| listing.get(p)).copied().collect();
    if sizes.is_empty() {
        return None;
    }
    let what = format!(
        "{} named by no snapshot, {} bytes: runs that died left them; `cinelake maintain` removes them",
        files_are(sizes.len()),
        sizes.iter().sum::<u64>()
    );
    Some(Finding::new("lake", what, Remedy::Note))
}

/// The version of a commit's file, by its name.
pub(super) fn commit_version(name: &str) -> Option<u64> {
    name.strip_suffix(".json")
        .filter(|digits| digits.len() == 20)?
        .parse()
        .ok()
}

/// Whether a file's name is one that is given while the file is written.
fn is_leftover(name: &str) -> bool {
    let Some((_, suffix)) = name.rsplit_once('#') else {
        return false;
    };
    !suffix.is_empty() && suffix.chars().all(|c| c.is_ascii_hexdigit())
}

fn is_landing(path: &str) -> bool {
    path.starts_with("landing/") || path.starts_with(DAMAGED)
}

fn files_are(count: usize) -> String {
    match count {
        1 => "1 file is".to_owned(),
        n => format!("{n} files are"),
    }
}

fn named(names: &[&str]) -> String {
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
