//! Checkpoints of the Delta logs: a log is whole without one that is damaged
//! as long as an intact one or the commits before it are there.
//!
//! A reader that meets a damaged checkpoint, or a hint at one that is gone,
//! fails although every commit is there; see `doctor.rs` for what becomes of
//! them.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::Deserialize;

use super::doctor::{DAMAGED, Finding, Listing, Remedy, commit_version};
use super::{Lake, Lease, failpoint, store_error};
use crate::error::Result;

const HINT_FILE: &str = "_last_checkpoint";

/// One table's log, by the names of its files.
#[derive(Default)]
struct Log {
    commits: BTreeSet<u64>,
    /// The files of each checkpoint.
    checkpoints: BTreeMap<u64, Vec<String>>,
    has_hint: bool,
}

/// What `_last_checkpoint` says.
#[derive(Deserialize)]
struct Hint {
    version: u64,
}

impl Lake {
    /// Damaged checkpoints and hints that lead nowhere; repaired with the
    /// lease, where the log is whole without them.
    pub(super) async fn checkpoints(
        &self,
        listing: &Listing,
        lease: Option<&Lease>,
    ) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for (folder, log) in logs(listing) {
            let table = folder.trim_end_matches("/_delta_log").replace('/', ".");
            let mut damaged = Vec::new();
            for version in log.checkpoints.keys() {
                if !self.is_readable(&folder, &log.checkpoints[version]).await {
                    damaged.push(*version);
                }
            }
            let is_whole = log.is_whole_without(&damaged);
            if log.has_hint
                && let Some(what) = self.wrong_hint(&folder, &log, &damaged).await
            {
                let path = format!("{folder}/{HINT_FILE}");
                let remedy = match (is_whole, lease) {
                    (false, _) => by_hand(),
                    (true, None) => Remedy::Repair("deletes the hint: the log is whole".to_owned()),
                    (true, Some(_)) => {
                        self.remove_one(&path).await?;
                        Remedy::Repaired("deleted the hint: the log is whole".to_owned())
                    }
                };
                findings.push(Finding::new(&table, what, remedy));
            }
            for version in damaged {
                let what = format!("its checkpoint of version {version} is damaged");
                let remedy = match (is_whole, lease) {
                    (false, _) => by_hand(),
                    (true, None) => {
                        Remedy::Repair(format!("sets it aside in `{DAMAGED}`: the log is whole"))
                    }
                    (true, Some(_)) => {
                        for file in &log.checkpoints[&version] {
                            self.set_aside(&format!("{folder}/{file}")).await?;
                        }
                        Remedy::Repaired(format!("set aside in `{DAMAGED}`: the log is whole"))
                    }
                };
                findings.push(Finding::new(&table, what, remedy));
            }
        }
        Ok(findings)
    }

    /// What is wrong with the hint, if anything.
    async fn wrong_hint(&self, folder: &str, log: &Log, damaged: &[u64]) -> Option<String> {
        let bytes = self.try_read(&format!("{folder}/{HINT_FILE}")).await?;
        let Ok(hint) = serde_json::from_slice::<Hint>(&bytes) else {
            return Some(format!(
                "the hint at its newest checkpoint, `{HINT_FILE}`, is damaged"
            ));
        };
        let version = hint.version;
        let state = match log.checkpoints.contains_key(&version) {
            false => "missing",
            true if damaged.contains(&version) => "damaged",
            true => return None,
        };
        Some(format!(
            "the hint at its newest checkpoint, `{HINT_FILE}`, names that of version {version}, \
             which is {state}"
        ))
    }

    async fn is_readable(&self, folder: &str, files: &[String]) -> bool {
        for file in files.iter().filter(|file| file.ends_with(".parquet")) {
            let Some(bytes) = self.try_read(&format!("{folder}/{file}")).await else {
                return false;
            };
            let read = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
                .and_then(|builder| builder.build());
            if !read.is_ok_and(|rows| rows.into_iter().all(|batch| batch.is_ok())) {
                return false;
            }
        }
        true
    }

    async fn try_read(&self, path: &str) -> Option<Vec<u8>> {
        let got = self.store.get(&Path::from(path)).await.ok()?;
        Some(got.bytes().await.ok()?.to_vec())
    }

    async fn remove_one(&self, path: &str) -> Result<()> {
        failpoint("doctor.delete")?;
        let path = Path::from(path);
        let failed = |e| store_error(format!("could not delete `{path}`"), e);
        self.store.delete(&path).await.map_err(failed)?;
        self.store.mark_unsynced(&path);
        self.sync().await
    }

    async fn set_aside(&self, path: &str) -> Result<()> {
        failpoint("doctor.aside")?;
        let (from, to) = (Path::from(path), Path::from(format!("{DAMAGED}/{path}")));
        let failed = |e| store_error(format!("could not set `{path}` aside"), e);
        self.store.rename(&from, &to).await.map_err(failed)?;
        self.store.mark_unsynced(&from);
        self.sync().await
    }
}

fn by_hand() -> Remedy {
    Remedy::ByHand(
        "older commits are gone, so the log is not whole without it: bring it back from a backup"
            .to_owned(),
    )
}

/// The logs of all tables, by folder.
fn logs(listing: &Listing) -> BTreeMap<String, Log> {
    let mut logs: BTreeMap<String, Log> = BTreeMap::new();
    for path in listing.keys() {
        let Some((folder, name)) = path.rsplit_once('/') else {
            continue;
        };
        if !folder.ends_with("/_delta_log") {
            continue;
        }
        let log = logs.entry(folder.to_owned()).or_default();
        if name == HINT_FILE {
            log.has_hint = true;
        } else if let Some(version) = commit_version(name) {
            log.commits.insert(version);
        } else if let Some((version, _)) = name.split_once(".checkpoint")
            && let Ok(version) = version.parse()
        {
            let files = log.checkpoints.entry(version).or_default();
            files.push(name.to_owned());
        }
    }
    logs
}

impl Log {
    /// Whether every version can be read without the checkpoints `damaged`.
    fn is_whole_without(&self, damaged: &[u64]) -> bool {
        let intact = self.checkpoints.keys().filter(|v| !damaged.contains(v));
        let first = intact.max().map_or(0, |version| version + 1);
        let head = self.commits.iter().max().copied().unwrap_or(0);
        (first..=head).all(|version| self.commits.contains(&version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_whole_without_a_checkpoint_when_the_commits_before_it_are_there() {
        let commits = |versions: std::ops::RangeInclusive<u64>| Log {
            commits: versions.collect(),
            checkpoints: BTreeMap::from([(2, Vec::new()), (5, Vec::new())]),
            has_hint: true,
        };
        assert!(commits(0..=6).is_whole_without(&[2, 5]));
        assert!(commits(3..=6).is_whole_without(&[5]));
        assert!(commits(6..=6).is_whole_without(&[2]));
        assert!(!commits(3..=6).is_whole_without(&[2, 5]));
        assert!(!commits(6..=6).is_whole_without(&[5]));
    }
}
