//! Branches: states of the lake that stand beside main, to be looked at before
//! anybody depends on them.
//!
//! A branch's snapshots lie in `_branches/<name>/<n>.json`. Each names every
//! table: those that do not differ from main by main's Delta version, the
//! others by their files ([`FileSet`]), because a Delta log has one head, and
//! that is main's. So nothing is copied, and publishing to a branch is one
//! step: its snapshot's file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use deltalake_core::kernel::StructType;
use serde::{Deserialize, Serialize};

use super::delta::stored_schema;
use super::restore::without;
use super::snapshot::FORMAT;
use super::{
    DataFile, EntryKind, Lake, Lease, Publication, Snapshot, TableChange, TableEntry, failpoint,
};
use crate::clock::Clock;
use crate::error::{Error, Result, did_you_mean};

/// The folder of all branches.
pub(super) const FOLDER: &str = "_branches";

/// What the newest snapshot of main is called.
const MAIN: &str = "main";

/// The longest name, in bytes: it becomes a folder's.
const LONGEST: usize = 64;

/// The name of a branch: lowercase letters, digits, `_` and `-`, a letter
/// first; not `main`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

/// What makes a snapshot one of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The branch.
    pub name: BranchName,
    /// The snapshot of main at which it began.
    pub began_at: u64,
}

/// Which snapshot is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotRef {
    /// The newest of main.
    Main,
    /// The newest of a branch.
    Branch(BranchName),
    /// The one with this number, wherever it is.
    Number(u64),
}

/// The stored rows of a table that its Delta log does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    pub(super) schema: StructType,
    pub(super) files: Vec<DataFile>,
}

impl FromStr for BranchName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        if text == MAIN {
            return Err(Error::usage("`main` is what every branch begins at"));
        }
        if !starts_well || !text.chars().all(fits) || text.len() > LONGEST {
            return Err(Error::usage(format!(
                "a branch's name is at most {LONGEST} lowercase letters, digits, `_` and `-`, \
                 and starts with a letter"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BranchName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SnapshotRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == MAIN {
            return Ok(Self::Main);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Number(id));
        }
        text.parse().map(Self::Branch).map_err(|_| {
            Error::usage("a snapshot is named by its number, by `main` or by a branch's name")
        })
    }
}

impl Lake {
    /// The snapshot that is meant.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn snapshot_of(&self, at: &SnapshotRef) -> Result<Snapshot> {
        match at {
            SnapshotRef::Main => self.require_latest().await,
            SnapshotRef::Branch(name) => self.require_branch(name).await,
            SnapshotRef::Number(id) => self.snapshot(*id).await,
        }
    }

    /// The newest snapshot of a branch; `None` where there is no such branch.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn branch(&self, name: &BranchName) -> Result<Option<Snapshot>> {
        self.newest_of(Some(name)).await
    }

    /// The newest snapshot of a branch.
    ///
    /// # Errors
    /// When there is no such branch, or it cannot be read.
    pub async fn require_branch(&self, name: &BranchName) -> Result<Snapshot> {
        if let Some(found) = self.branch(name).await? {
            return Ok(found);
        }
        let names: Vec<String> = self
            .branch_ids()
            .await?
            .into_keys()
            .map(String::from)
            .collect();
        let like = did_you_mean(&name.0, names.iter().map(String::as_str));
        Err(Error::usage(format!("there is no branch `{name}`")).hint(match like {
            Some(like) => format!("{like} `cinelake branches` lists them"),
            None => format!(
                "`cinelake branches` lists them, `cinelake refresh --branch {name}` makes this one"
            ),
        }))
    }

    /// The newest snapshot of each branch, by name.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn branches(&self) -> Result<Vec<Snapshot>> {
        let mut all = Vec::new();
        for name in self.branch_ids().await?.into_keys() {
            all.extend(self.branch(&name).await?);
        }
        Ok(all)
    }

    /// Every snapshot of every branch, oldest first.
    pub(super) async fn branch_snapshots(&self) -> Result<Vec<Snapshot>> {
        let mut all = Vec::new();
        for (name, ids) in self.branch_ids().await? {
            for id in ids {
                all.extend(self.read_snapshot(Some(&name), id).await?);
            }
        }
        all.sort_by_key(|snapshot| snapshot.id);
        Ok(all)
    }

    /// The numbers of all branches' snapshots, ascending, by branch.
    pub(super) async fn branch_ids(&self) -> Result<BTreeMap<BranchName, Vec<u64>>> {
        let mut ids: BTreeMap<BranchName, Vec<u64>> = BTreeMap::new();
        for meta in self.list(FOLDER).await? {
            let parts: Vec<&str> = meta.location.as_ref().split('/').collect();
            let [_, name, file] = parts.as_slice() else {
                continue;
            };
            if let (Ok(name), Some(id)) = (name.parse(), number(file)) {
                ids.entry(name).or_default().push(id);
            }
        }
        ids.values_mut().for_each(|ids| ids.sort_unstable());
        Ok(ids)
    }

    /// The number of the next snapshot. It was never given before: a table and
    /// its `changed_in` must mean the same rows on main and on every branch.
    ///
    /// # Errors
    /// When the lake cannot be listed.
    pub async fn next_id(&self) -> Result<u64> {
        let mut ids = self.snapshot_ids().await?;
        ids.extend(self.branch_ids().await?.into_values().flatten());
        // The highest dropped one stays listed, see `forget_dropped`.
        let dropped = self.list("_dropped").await?;
        ids.extend(
            dropped
                .iter()
                .filter_map(|m| number(m.location.filename()?)),
        );
        Ok(ids.into_iter().max().unwrap_or(0) + 1)
    }

    /// Makes staged files visible as the newest snapshot of `branch`, and
    /// nowhere else. No Delta log changes, so there is nothing to be carried
    /// through after a crash: the snapshot's file is there or is not.
    ///
    /// # Errors
    /// When something cannot be written. The branch is then as it was, or
    /// whole.
    pub async fn publish_on_branch(
        &self,
        lease: &Lease,
        publication: Publication,
        branch: Branch,
        clock: &dyn Clock,
    ) -> Result<Snapshot> {
        let prepared = self.prepare(lease, publication, branch, clock).await;
        let snapshot = match prepared {
            Ok(snapshot) => snapshot,
            Err(e) => {
                self.discard_staged().await;
                return Err(e);
            }
        };
        // From here on they are the snapshot's, which may be there although
        // its file could not be written.
        self.store.staged().clear();
        self.create_snapshot(&snapshot).await?;
        self.sync().await?;
        failpoint("branch.visible")?;
        Ok(snapshot)
    }

    /// The snapshot that `publication` becomes, with its files on the disk.
    async fn prepare(
        &self,
        lease: &Lease,
        publication: Publication,
        branch: Branch,
        clock: &dyn Clock,
    ) -> Result<Snapshot> {
        let mut tables = publication.tables;
        for change in publication.changes {
            let before = publication.base.as_ref();
            let before = before.and_then(|base| base.tables.get(&change.name));
            if let Some(entry) = tables.get_mut(&change.name) {
                entry.kind = self.on_branch(before, change, entry).await?;
            }
        }
        failpoint("branch.staged")?;
        self.sync().await?;
        lease.still_holds()?;
        Ok(Snapshot {
            format: FORMAT,
            id: publication.id,
            branch: Some(branch),
            run: publication.run,
            command: publication.command,
            published_at: clock.now(),
            tables,
            checks: publication.checks,
        })
    }

    /// What a branch's snapshot says of a table that was `before` and becomes
    /// `after` by `change`.
    async fn on_branch(
        &self,
        before: Option<&TableEntry>,
        change: TableChange,
        after: &TableEntry,
    ) -> Result<EntryKind> {
        let before = before.filter(|entry| entry.is_stored());
        let same_files = change.adds.is_empty() && change.removes.is_empty();
        if let Some(before) = before.filter(|before| same_files && before.has_shape_of(after)) {
            return Ok(before.kind.clone());
        }
        let held = match before {
            Some(before) => self.files(&change.name, before).await?.files,
            None => Vec::new(),
        };
        let mut files = without(&held, &change.removes);
        files.extend(change.adds);
        // As a log would give them.
        files.iter_mut().for_each(|file| file.content = None);
        Ok(EntryKind::Files(FileSet {
            schema: stored_schema(&change.name, &change.layout.schema)?,
            files,
        }))
    }

    /// Ends a branch: readers who come do not find it; its files stay for
    /// those who have it open.
    ///
    /// # Errors
    /// When there is no such branch, or a file cannot be written or deleted.
    /// The branch is then as it was, or lacks older snapshots.
    pub async fn drop_branch(&self, lease: &Lease, name: &BranchName) -> Result<()> {
        self.require_branch(name).await?;
        let mut all = self.branch_snapshots().await?;
        all.retain(|s| s.branch.as_ref().is_some_and(|b| b.name == *name));
        self.drop_snapshots(lease, &all).await
    }
}

/// The number in the name of a snapshot's file.
pub(super) fn number(file: &str) -> Option<u64> {
    file.strip_suffix(".json")?.parse().ok()
}

/// The newest of each branch among `snapshots`.
pub(super) fn newest_of_each(snapshots: &[Snapshot]) -> BTreeSet<u64> {
    let mut newest: BTreeMap<&BranchName, u64> = BTreeMap::new();
    for snapshot in snapshots {
        if let Some(branch) = &snapshot.branch {
            let id = newest.entry(&branch.name).or_default();
            *id = snapshot.id.max(*id);
        }
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_that_is_neither_main_nor_a_number() {
        for good in ["dev", "fix-12", "a", "q3_numbers"] {
            assert_eq!(good.parse::<BranchName>().unwrap().to_string(), good);
        }
        let long = "x".repeat(LONGEST + 1);
        for bad in [
            "", "main", "7", "7x", "Dev", "-dev", "de v", "a/b", "ä", &long,
        ] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_snapshot_is_named_by_number_main_or_branch() {
        let read = |text: &str| text.parse::<SnapshotRef>().unwrap();
        assert_eq!(read("main"), SnapshotRef::Main);
        assert_eq!(read("12"), SnapshotRef::Number(12));
        assert_eq!(read("dev"), SnapshotRef::Branch("dev".parse().unwrap()));
        assert!("-1".parse::<SnapshotRef>().is_err());
        assert!("1.5".parse::<SnapshotRef>().is_err());
    }

    #[test]
    fn a_name_read_from_a_file_is_checked_too() {
        assert!(serde_json::from_str::<BranchName>("\"dev\"").is_ok());
        assert!(serde_json::from_str::<BranchName>("\"../dev\"").is_err());
    }
}
