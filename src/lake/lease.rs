//! One writer at a time.
//!
//! On this machine the lease is a locked file; the system drops the lock when
//! its holder dies, which is the proof of death, and nothing else makes it
//! free. On object stores the put-if-absent of the snapshot decides, and this
//! lease holds nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::fault::{Faults, Operation};
use super::{Lake, failpoint};
use crate::clock::Clock;
use crate::config::host_name;
use crate::error::{Error, Kind, Result};

/// How often a lease without a name is looked at again: its holder is just
/// writing it.
const LOOKS: usize = 1_000;

/// The right to change the lake, for as long as it lives.
#[derive(Debug)]
pub struct Lease {
    locked: Option<(File, PathBuf)>,
}

/// What others are told of who holds the lease: command, process, machine and
/// since when.
#[must_use]
pub fn holder(command: &str, clock: &dyn Clock) -> String {
    let host = host_name().map_or(String::new(), |host| format!(" on {host}"));
    format!(
        "`cinelake {command}`, process {}{host}, since {}",
        std::process::id(),
        clock.now().format("%Y-%m-%d %H:%M:%S UTC")
    )
}

impl Lake {
    /// Takes the lease as `holder`, see [`holder`].
    ///
    /// # Errors
    /// [`Kind::Busy`] with the holder's name when another process has it.
    pub fn lease(&self, holder: &str) -> Result<Lease> {
        let Some(dir) = self.dir() else {
            return Ok(Lease { locked: None });
        };
        let path = dir.join("_lease");
        let failed =
            |e: std::io::Error| Error::io("could not take the lease").file(&path).because(e);
        for _ in 0..LOOKS {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut name = String::new();
                    file.read_to_string(&mut name).map_err(failed)?;
                    if name.is_empty() {
                        std::thread::yield_now();
                        continue;
                    }
                    return Err(held_by(name.trim()));
                }
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            if !is_at(&file, &path) {
                continue;
            }
            write_name(&mut file, holder, &path).map_err(failed)?;
            failpoint("lease.taken")?;
            return Ok(Lease {
                locked: Some((file, path)),
            });
        }
        Err(held_by("another process"))
    }

    /// Who holds the lease now.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub fn lease_holder(&self) -> Result<Option<String>> {
        let Some(path) = self.dir().map(|dir| dir.join("_lease")) else {
            return Ok(None);
        };
        let failed = |e: std::io::Error| {
            Error::io("could not look at the lease")
                .file(&path)
                .because(e)
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut name = String::new();
                file.read_to_string(&mut name).map_err(failed)?;
                Ok(Some(name.trim().to_owned()))
            }
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}

impl Lease {
    /// Makes sure that it still keeps others out.
    ///
    /// # Errors
    /// [`Kind::Busy`] when somebody took the lease's file away, so that
    /// another process may hold the lake by now.
    pub(super) fn still_holds(&self) -> Result<()> {
        match &self.locked {
            Some((file, path)) if !is_at(file, path) => Err(Error::new(
                Kind::Busy,
                "the lease's file was taken away during the run",
            )
            .file(path)
            .hint("nothing of this run is visible; leave the file alone and run again")),
            _ => Ok(()),
        }
    }
}

fn held_by(name: &str) -> Error {
    Error::new(Kind::Busy, format!("the lake is held by {name}"))
        .hint("wait until it is done; readers need not wait")
}

fn write_name(file: &mut File, name: &str, path: &Path) -> std::io::Result<()> {
    let passed = match Faults::armed() {
        Some(faults) => faults.meet(Operation::Write, path)?,
        None => super::fault::Passed::default(),
    };
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(name.as_bytes())?;
    passed.end()
}

/// Whether `path` still leads to `file`: a lock on a file that was deleted
/// keeps nobody out.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(own), Ok(there)) => (own.dev(), own.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LakeLocation;

    #[test]
    fn a_lease_whose_file_is_taken_away_holds_no_more_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open(&LakeLocation::Dir(dir.path().to_path_buf())).unwrap();
        let lease = lake.lease("`cinelake refresh`, process 1").unwrap();
        assert!(lease.still_holds().is_ok());
        let second = lake.lease("`cinelake land`, process 2").unwrap_err();
        assert_eq!(
            second.to_string(),
            "the lake is held by `cinelake refresh`, process 1"
        );
        assert_eq!(
            lake.lease_holder().unwrap().as_deref(),
            Some("`cinelake refresh`, process 1")
        );
        std::fs::remove_file(dir.path().join("_lease")).unwrap();
        assert_eq!(lease.still_holds().unwrap_err().kind(), Kind::Busy);
        drop(lease);
        lake.lease("`cinelake land`, process 2").unwrap();
        assert_eq!(lake.lease_holder().unwrap(), None);
    }
}
