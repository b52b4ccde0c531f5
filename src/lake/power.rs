//! What power loss would undo: the changes of this process to the lake's
//! folder that no sync has made durable yet.
//!
//! Bytes are durable once their file was synced, a name (given, replaced or
//! taken away) once its folder was. The model is as harsh as a file system
//! may be: each change is lost or kept by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Changes that are not durable.
#[derive(Debug, Default)]
pub(super) struct Journal {
    files: BTreeMap<PathBuf, Change>,
    /// Folders that were made and whose names are not durable.
    folders: BTreeSet<PathBuf>,
}

/// A file that was written, given a name, or deleted.
#[derive(Debug)]
struct Change {
    before: Option<Vec<u8>>,
    content_synced: bool,
    name_synced: bool,
}

impl Journal {
    /// Notes that the file `path` below `root` is about to change.
    /// `content_synced` says that its bytes, if any, are on the disk.
    pub(super) fn changes(&mut self, root: &Path, path: &Path, content_synced: bool) {
        let new_folders = path
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(root) && !folder.exists());
        self.folders.extend(new_folders.map(Path::to_path_buf));
        let change = self
            .files
            .entry(path.to_path_buf())
            .or_insert_with(|| Change {
                before: std::fs::read(path).ok(),
                content_synced,
                name_synced: false,
            });
        change.content_synced = content_synced;
        change.name_synced = false;
    }

    /// Notes that the file's bytes are on the disk.
    pub(super) fn synced_file(&mut self, path: &Path) {
        if let Some(change) = self.files.get_mut(path) {
            change.content_synced = true;
        }
        self.forget_durable();
    }

    /// Notes that the names in the folder are on the disk.
    pub(super) fn synced_folder(&mut self, path: &Path) {
        for (file, change) in &mut self.files {
            change.name_synced |= file.parent() == Some(path);
        }
        self.folders.retain(|folder| folder.parent() != Some(path));
        self.forget_durable();
    }

    fn forget_durable(&mut self) {
        self.files
            .retain(|_, change| !(change.content_synced && change.name_synced));
    }

    /// Leaves the folder as power loss would and ends the process. Of each
    /// changed path `is_lost` says whether its unsynced name is gone.
    pub(super) fn power_off(&self, is_lost: impl Fn(&Path) -> bool) -> ! {
        for (path, change) in &self.files {
            // Nobody is left to report to.
            let _ = match (&change.before, change.name_synced) {
                (Some(before), false) if is_lost(path) => std::fs::write(path, before),
                (None, false) if is_lost(path) => std::fs::remove_file(path),
                _ if change.content_synced => Ok(()),
                _ => std::fs::metadata(path)
                    .and_then(|meta| std::fs::write(path, vec![0; cast(meta.len())])),
            };
        }
        for folder in self.folders.iter().filter(|folder| is_lost(folder)) {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::abort()
    }
}

fn cast(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_durable_once_its_bytes_its_name_and_its_folder_are_synced() {
        let dir = tempfile::tempdir().unwrap();
        let (root, folder) = (dir.path(), dir.path().join("gold"));
        let file = folder.join("part.parquet");
        let mut journal = Journal::default();
        journal.changes(root, &file, false);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "rows").unwrap();
        journal.synced_folder(&folder);
        assert!(!journal.files[&file].content_synced);
        journal.synced_file(&file);
        assert!(journal.files.is_empty());
        assert!(journal.folders.contains(&folder));
        journal.synced_folder(root);
        assert!(journal.folders.is_empty());
    }
}
