//! Files that nobody needs: found by what the kept snapshots name, removed in
//! an order that leaves everything readable wherever it stops.
//!
//! A data file is needed while a kept snapshot (of main or of a branch), one
//! dropped lately, an intent or the newest version of its Delta table names it. Only files with names
//! that [`TableWriter`](super::TableWriter) gives are ever removed, and only
//! from the folders of tables. Commits and checkpoints of a table's log stay
//! as long as the table does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use deltalake_core::kernel::Add;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Deserialize;

use super::files::table_folder;
use super::{DataFile, EntryKind, Lake, Lease, Snapshot, failpoint, store_error};
use crate::error::{Error, Result};
use crate::name::TableName;

/// The folders in which tables lie.
const LAYERS: [&str; 4] = ["bronze", "gold", "silver", "system"];
/// The folder of a table's log.
const LOG: &str = "_delta_log";

/// Something that nobody needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable {
    /// Its path below the lake.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// What it is.
    pub kind: RemovableKind,
}

/// What a removable file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovableKind {
    /// Rows that no snapshot and no Delta head names.
    Data,
    /// Part of the log of a table that no snapshot has any more.
    Log,
    /// Begun by a run that died before it was whole.
    Begun,
}

/// A line of a commit.
#[derive(Deserialize)]
struct AddAction {
    add: Option<Add>,
}

/// A table's files as they lie in the lake.
#[derive(Default)]
struct Folder {
    data: Vec<ObjectMeta>,
    log: Vec<ObjectMeta>,
    /// Whether something lies there that we did not write.
    foreign: bool,
}

impl Lake {
    /// What nobody needs and was written before `safe`, in the order in which
    /// it is to be removed; only of the tables `names` where given.
    ///
    /// # Errors
    /// When the lake or a log cannot be read. What cannot be told is kept.
    pub async fn removable(
        &self,
        safe: DateTime<Utc>,
        names: Option<&[TableName]>,
    ) -> Result<Vec<Removable>> {
        let mut named = self.snapshots().await?;
        named.extend(self.branch_snapshots().await?);
        let dropped = self.dropped().await?.into_iter();
        named.extend(dropped.filter(|d| d.at >= safe).map(|d| d.snapshot));
        let intended = self.intended_files().await?;
        let mut removable = Vec::new();
        for (name, folder) in self.folders().await? {
            if names.is_some_and(|names| !names.contains(&name)) {
                continue;
            }
            let oldest = oldest_version(&named, &name);
            let mut needed = match oldest {
                Some(version) => self.needed(&name, &folder, version).await?,
                None if folder.log.is_empty() => BTreeSet::new(),
                None if self.is_forsaken(&folder, safe).await? => {
                    removable.extend(log_of(&folder));
                    BTreeSet::new()
                }
                None => continue,
            };
            needed.extend(intended.iter().map(|path| path.as_str().to_owned()));
            needed.extend(held_by_branches(&named, &name));
            let unneeded = folder.data.iter().filter(|meta| {
                meta.last_modified < safe && !needed.contains(meta.location.as_ref())
            });
            removable.extend(unneeded.map(|meta| to_remove(meta, RemovableKind::Data)));
        }
        if names.is_none() {
            removable.extend(self.begun(safe).await?);
        }
        Ok(removable)
    }

    /// Removes `files`, and the folders that are empty then.
    ///
    /// # Errors
    /// When one cannot be removed; those before it are gone.
    pub async fn remove(&self, _lease: &Lease, files: &[Removable]) -> Result<()> {
        for file in files {
            failpoint("maintain.remove")?;
            match (file.kind, self.dir()) {
                (RemovableKind::Begun, Some(dir)) => {
                    let path = dir.join(&file.path);
                    match std::fs::remove_file(&path) {
                        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                            return Err(Error::io("could not delete").file(path).because(e));
                        }
                        _ => {}
                    }
                }
                _ => self.delete(&Path::from(file.path.as_str())).await?,
            }
            if let Some(dir) = self.dir() {
                remove_empty(&dir, &file.path);
            }
        }
        self.sync().await?;
        failpoint("maintain.removed")
    }

    /// The paths of all files that readers of `oldest` and later versions of
    /// the table need.
    async fn needed(
        &self,
        name: &TableName,
        folder: &Folder,
        oldest: u64,
    ) -> Result<BTreeSet<String>> {
        let lacks = |what: String| {
            Error::data(format!("the Delta log of `{name}` lacks {what}"))
                .hint("nothing is removed; restore the lake's folder from a backup")
        };
        let at = self.delta_version(name, Some(oldest)).await?;
        let at = at.ok_or_else(|| lacks(format!("version {oldest}")))?;
        let full = |path: &str| format!("{}/{}/{path}", name.layer, name.table);
        let mut needed: BTreeSet<String> = at.files.iter().map(|f| full(&f.path)).collect();
        let commits = commits(folder);
        let head = commits.keys().last().copied().unwrap_or(oldest);
        for version in oldest + 1..=head {
            let path = commits.get(&version);
            let path = path.ok_or_else(|| lacks(format!("version {version}")))?;
            for line in self.lines(path).await? {
                // Of the actions only this names a file that readers need.
                let action: AddAction = serde_json::from_str(&line)
                    .map_err(|e| lacks(format!("version {version}")).because(e))?;
                needed.extend(action.add.map(|add| full(&add.path)));
            }
        }
        Ok(needed)
    }

    /// Whether a table that no snapshot names is one of ours, and was not
    /// touched since `safe`.
    async fn is_forsaken(&self, folder: &Folder, safe: DateTime<Utc>) -> Result<bool> {
        let mut all = folder.data.iter().chain(&folder.log);
        if folder.foreign || all.any(|meta| meta.last_modified >= safe) {
            return Ok(false);
        }
        // Another program may have taken the table over.
        let Some(head) = commits(folder).into_values().next_back() else {
            return Ok(false);
        };
        let lines = self.lines(&head).await?;
        Ok(lines.iter().any(|line| line.contains("\"cinelakeRun\"")))
    }

    async fn lines(&self, path: &Path) -> Result<Vec<String>> {
        let failed = |e| store_error(format!("could not read `{path}`"), e);
        let got = self.store.get(path).await.map_err(failed)?;
        let bytes = got.bytes().await.map_err(failed)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        Ok(lines.map(str::to_owned).collect())
    }

    async fn folders(&self) -> Result<BTreeMap<TableName, Folder>> {
        let mut folders: BTreeMap<TableName, Folder> = BTreeMap::new();
        for layer in LAYERS {
            for meta in self.list(layer).await? {
                let path = meta.location.clone();
                let parts: Vec<&str> = path.as_ref().split('/').collect();
                let [layer, table, inside @ .., file] = parts.as_slice() else {
                    continue;
                };
                let folder = folders.entry(TableName::new(*layer, *table)).or_default();
                match inside.first() {
                    Some(&LOG) => folder.log.push(meta),
                    _ if is_data(file) => folder.data.push(meta),
                    _ => folder.foreign = true,
                }
            }
        }
        Ok(folders)
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let listed = self.store.list(Some(&Path::from(prefix)));
        let failed = |e| store_error(format!("could not list `{prefix}`"), e);
        listed.try_collect().await.map_err(failed)
    }

    /// Files that have no name yet: whoever wrote them died. Stores in the
    /// network have none.
    async fn begun(&self, safe: DateTime<Utc>) -> Result<Vec<Removable>> {
        let Some(dir) = self.dir() else {
            return Ok(Vec::new());
        };
        let found = tokio::task::spawn_blocking(move || begun_in(&dir, safe));
        found
            .await
            .map_err(|e| Error::io("could not list the lake").because(e))
    }
}

/// The oldest version of the table that one of `snapshots` names.
fn oldest_version(snapshots: &[Snapshot], name: &TableName) -> Option<u64> {
    let versions = snapshots
        .iter()
        .filter_map(|s| s.tables.get(name)?.version());
    versions.min()
}

/// The paths of the table's files that `snapshots` of branches name themselves.
fn held_by_branches(snapshots: &[Snapshot], name: &TableName) -> BTreeSet<String> {
    let sets = snapshots
        .iter()
        .filter_map(|s| match &s.tables.get(name)?.kind {
            EntryKind::Files(set) => Some(&set.files),
            EntryKind::Table { .. } | EntryKind::View { .. } => None,
        });
    let path = |file: &DataFile| format!("{}/{}", table_folder(name), file.path);
    sets.flatten().map(path).collect()
}

/// The log's commits by version.
fn commits(folder: &Folder) -> BTreeMap<u64, Path> {
    let version = |name: &str| {
        let digits = name.strip_suffix(".json")?;
        (digits.len() == 20).then(|| digits.parse().ok())?
    };
    let entry = |meta: &ObjectMeta| {
        let version = version(meta.location.filename()?)?;
        Some((version, meta.location.clone()))
    };
    folder.log.iter().filter_map(entry).collect()
}

/// The log of a forsaken table, the newest first: what is left of it, wherever
/// this stops, is an older state of it that can be read and built upon.
fn log_of(folder: &Folder) -> Vec<Removable> {
    let is_commit = |path: &Path| path.as_ref().ends_with(".json");
    let mut log: Vec<&ObjectMeta> = folder.log.iter().collect();
    // First what is made of commits, the hint before what it names.
    log.sort_by(|a, b| {
        let key = |meta: &ObjectMeta| (!is_commit(&meta.location), meta.location.clone());
        key(b).cmp(&key(a))
    });
    log.into_iter()
        .map(|meta| to_remove(meta, RemovableKind::Log))
        .collect()
}

fn to_remove(meta: &ObjectMeta, kind: RemovableKind) -> Removable {
    Removable {
        path: meta.location.to_string(),
        bytes: meta.size,
        kind,
    }
}

/// Whether a file has a name as [`TableWriter`](super::TableWriter) gives it.
fn is_data(file: &str) -> bool {
    let id = file
        .strip_prefix("part-")
        .and_then(|name| name.strip_suffix(".parquet"));
    id.is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
}

/// Whether a file has a name that writing gives it before it is whole.
fn is_begun(file: &str) -> bool {
    let Some((name, mark)) = file.rsplit_once('#') else {
        return false;
    };
    let ours = name.ends_with(".json") || name.ends_with(".parquet") || name == "_last_checkpoint";
    let marked = !mark.is_empty() && mark.chars().all(|c| c.is_ascii_hexdigit());
    ours && marked
}

fn begun_in(dir: &std::path::Path, safe: DateTime<Utc>) -> Vec<Removable> {
    let deep = LAYERS
        .iter()
        .chain(&["_snapshots", "_branches", "_runs", "_dropped"]);
    let folders = deep.map(|folder| (dir.join(folder), usize::MAX));
    let all: Vec<(PathBuf, usize)> = folders.chain([(dir.to_path_buf(), 1)]).collect();
    let files = all.iter().flat_map(|(folder, depth)| {
        walkdir::WalkDir::new(folder)
            .max_depth(*depth)
            .sort_by_file_name()
            .into_iter()
            .filter_map(std::result::Result::ok)
    });
    let removable = |entry: walkdir::DirEntry| {
        let name = entry.file_name().to_str()?;
        let meta = entry.metadata().ok()?;
        let modified = DateTime::<Utc>::from(meta.modified().ok()?);
        if !entry.file_type().is_file() || !is_begun(name) || modified >= safe {
            return None;
        }
        Some(Removable {
            path: entry.path().strip_prefix(dir).ok()?.to_str()?.to_owned(),
            bytes: meta.len(),
            kind: RemovableKind::Begun,
        })
    };
    files.filter_map(removable).collect()
}

/// Removes the folders above `path` that are empty, below a layer.
fn remove_empty(dir: &std::path::Path, path: &str) {
    let layers: BTreeSet<PathBuf> = LAYERS.iter().map(|layer| dir.join(layer)).collect();
    let full = dir.join(path);
    let parents = full.ancestors().skip(1);
    for folder in parents.take_while(|f| f.starts_with(dir) && *f != dir && !layers.contains(*f)) {
        // One that is not empty stays, and so do those above it.
        if std::fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_writing_gives_are_ours() {
        let id = "0198c0de-0000-7000-8000-000000000000";
        assert!(is_data(&format!("part-{id}.parquet")));
        assert!(!is_data("part-00000-of-00001.parquet"));
        assert!(!is_data(&format!("{id}.parquet")));
        assert!(is_begun(&format!("part-{id}.parquet#1")));
        assert!(is_begun("7.json#0198c0de000070008000000000000000"));
        assert!(!is_begun("notes#1.txt") && !is_begun("notes.md#1") && !is_begun("7.json#"));
    }

    #[test]
    fn a_log_goes_from_its_end_and_the_hint_first() {
        let meta = |name: &str| ObjectMeta {
            location: Path::from(format!("gold/t/_delta_log/{name}")),
            last_modified: DateTime::<Utc>::MIN_UTC,
            size: 1,
            e_tag: None,
            version: None,
        };
        let names = [
            "00000000000000000000.json",
            "00000000000000000001.checkpoint.parquet",
            "00000000000000000001.json",
            "_last_checkpoint",
        ];
        let folder = Folder {
            log: names.map(meta).to_vec(),
            ..Folder::default()
        };
        let order: Vec<String> = log_of(&folder).into_iter().map(|r| r.path).collect();
        let wanted = [names[3], names[1], names[2], names[0]];
        assert_eq!(order, wanted.map(|n| format!("gold/t/_delta_log/{n}")));
    }
}
