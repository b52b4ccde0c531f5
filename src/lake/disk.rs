//! What the lake does to this machine's disk itself, where the object store
//! would not sync: small files that must be whole once they have their names,
//! and syncs. Faults are asked before each step.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;
use object_store::{PutPayload, PutResult, Result as StoreResult};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::at_once::at_once;
use super::failpoint;
use super::fault::{Faults, Operation, Passed};
use super::power::Journal;
use super::store::generic;
use crate::error::{Error, Result};

/// Files and folders that are synced at the same time.
const SYNCED_AT_ONCE: usize = 8;
/// Bytes of a file whose sync is worth beginning before all are written.
const LARGE: usize = 1 << 20;

/// A small file that is written and synced beside its place, then gets its
/// name.
pub(super) struct SyncedPut {
    pub(super) root: PathBuf,
    pub(super) location: Path,
    pub(super) payload: PutPayload,
    /// Whether the name must be free.
    pub(super) create: bool,
    pub(super) faults: Option<Arc<Faults>>,
}

impl SyncedPut {
    /// Writes it.
    pub(super) fn run(self) -> StoreResult<PutResult> {
        let name = self.location.to_string();
        let failed = |e: std::io::Error| generic(format!("{name}: {e}"));
        let path = self.root.join(self.location.as_ref());
        let mut part = path.as_os_str().to_os_string();
        part.push(format!("#{}", uuid::Uuid::now_v7().simple()));
        let part = PathBuf::from(part);
        let named = self
            .write(&path, &part)
            .and_then(|()| self.give_name(&part, &path));
        // Gone already where it was renamed.
        let _ = std::fs::remove_file(&part);
        match named {
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(object_store::Error::AlreadyExists {
                    path: name,
                    source: source.into(),
                })
            }
            Err(e) => Err(failed(e)),
            Ok(()) => Ok(PutResult {
                e_tag: None,
                version: None,
            }),
        }
    }

    fn write(&self, path: &FilePath, part: &FilePath) -> std::io::Result<()> {
        if let Some(faults) = self.faults.as_ref().filter(|f| f.can_undo()) {
            faults.journal().changes(&self.root, path, true);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = File::create(part)?;
        let passed = match &self.faults {
            Some(faults) => faults.meet(Operation::Write, path).inspect_err(|_| {
                let bytes: Vec<u8> = self.payload.iter().flatten().copied().collect();
                // Half of it gets to the disk, if anything.
                let _ = file.write_all(&bytes[..faults.cut(bytes.len()).unwrap_or(0)]);
            })?,
            None => Passed::default(),
        };
        for bytes in &self.payload {
            file.write_all(bytes)?;
        }
        meet(self.faults.as_deref(), Operation::Sync, path)?.end()?;
        file.sync_all()?;
        passed.end()
    }

    fn give_name(&self, part: &FilePath, path: &FilePath) -> std::io::Result<()> {
        failpoint("store.name").map_err(std::io::Error::other)?;
        let passed = meet(self.faults.as_deref(), Operation::Name, path)?;
        match self.create {
            true => std::fs::hard_link(part, path),
            false => std::fs::rename(part, path),
        }?;
        passed.end()
    }
}

/// Passes an operation where faults are armed.
fn meet(faults: Option<&Faults>, operation: Operation, path: &FilePath) -> std::io::Result<Passed> {
    match faults {
        Some(faults) => faults.meet(operation, path),
        None => Ok(Passed::default()),
    }
}

/// Syncs files, then the folders that lead to them.
pub(super) fn sync_files(root: &FilePath, paths: &[Path], faults: Option<&Faults>) -> Result<()> {
    let files: Vec<PathBuf> = paths.iter().map(|path| root.join(path.as_ref())).collect();
    sync_paths(&files, faults, Journal::synced_file)?;
    let mut folders = BTreeSet::new();
    for file in &files {
        let parents = file.ancestors().skip(1).take_while(|p| p.starts_with(root));
        folders.extend(parents.map(FilePath::to_path_buf));
    }
    let folders: Vec<PathBuf> = folders.into_iter().rev().collect();
    sync_paths(&folders, faults, Journal::synced_folder)
}

/// Syncs all of them, some at a time: a disk makes many last as soon as one.
/// Where faults are armed, one by one, so that each can be the last.
fn sync_paths(
    paths: &[PathBuf],
    faults: Option<&Faults>,
    synced: fn(&mut Journal, &FilePath),
) -> Result<()> {
    let Some(faults) = faults else {
        let synced = at_once(SYNCED_AT_ONCE, paths.len(), |at| sync_path(&paths[at]));
        return synced.into_iter().collect();
    };
    for path in paths {
        let met = meet(Some(faults), Operation::Sync, path);
        met.map(drop).map_err(|e| unsynced(path, e))?;
        sync_path(path)?;
        synced(&mut faults.journal(), path);
    }
    Ok(())
}

/// Syncs of large files that go on while others are made, so that the last
/// sync of all has little left to write.
#[derive(Debug)]
pub(super) struct BegunSyncs {
    free: Arc<Semaphore>,
    syncs: Mutex<JoinSet<Result<()>>>,
}

impl Default for BegunSyncs {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(SYNCED_AT_ONCE)),
            syncs: Mutex::default(),
        }
    }
}

impl BegunSyncs {
    /// Begins with a file of so many bytes, unless it is small or the disk has
    /// enough to do: all are synced once more at the end.
    pub(super) fn begin(&self, path: PathBuf, bytes: usize) {
        if bytes < LARGE {
            return;
        }
        if let Ok(turn) = Arc::clone(&self.free).try_acquire_owned() {
            let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
            syncs.spawn_blocking(move || {
                let synced = sync_path(&path);
                drop(turn);
                synced
            });
        }
    }

    /// Waits for those that were begun.
    ///
    /// # Errors
    /// When one failed: the system says so once, and no later sync would.
    pub(super) async fn end(&self) -> Result<()> {
        let mut syncs = {
            let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *syncs)
        };
        while let Some(synced) = syncs.join_next().await {
            synced.map_err(|e| Error::io("could not sync the lake").because(e))??;
        }
        Ok(())
    }
}

/// Makes `folder`, and has those that lead to it remember its name.
pub(super) fn make_folder(folder: &FilePath) -> Result<()> {
    let new: Vec<&FilePath> = folder.ancestors().take_while(|f| !f.exists()).collect();
    std::fs::create_dir_all(folder).map_err(|e| {
        Error::io("could not make the lake's folder")
            .file(folder)
            .because(e)
    })?;
    for made in new {
        match made.parent() {
            Some(parent) if parent.as_os_str().is_empty() => sync_path(FilePath::new("."))?,
            Some(parent) => sync_path(parent)?,
            None => {}
        }
    }
    Ok(())
}

/// Syncs a file or folder. One that was deleted since is synced with the
/// folder it was in.
fn sync_path(path: &FilePath) -> Result<()> {
    let synced = match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    };
    synced.map_err(|e| unsynced(path, e))
}

fn unsynced(path: &FilePath, error: std::io::Error) -> Error {
    Error::io("could not sync").file(path).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sync_that_was_begun_and_failed_is_told_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let (file, gone) = (dir.path().join("file"), dir.path().join("gone"));
        std::fs::write(&file, "x").unwrap();
        let begun = BegunSyncs::default();
        begun.begin(file.clone(), LARGE);
        begun.begin(gone, LARGE);
        begun.end().await.unwrap();
        // No file is below another.
        begun.begin(file.join("x"), LARGE - 1);
        begun.end().await.unwrap();
        begun.begin(file.join("x"), LARGE);
        let error = begun.end().await.unwrap_err();
        assert!(error.to_string().contains("could not sync"), "{error}");
        begun.end().await.unwrap();
    }
}
