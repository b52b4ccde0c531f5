//! One writer at a time.
//!
//! On this machine the lease is a locked file; the system drops the lock when
//! its holder dies, which is the proof of death. On object stores the
//! put-if-absent of the snapshot decides, and this lease holds nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};

use super::Lake;
use crate::error::{Error, Kind, Result};

/// The right to change the lake, for as long as it lives.
#[derive(Debug)]
pub struct Lease {
    _locked: Option<File>,
}

impl Lake {
    /// Takes the lease as `holder`, such as `refresh, process 4711`.
    ///
    /// # Errors
    /// [`Kind::Busy`] with the holder's name when another process has it.
    pub fn lease(&self, holder: &str) -> Result<Lease> {
        let Some(dir) = self.dir() else {
            return Ok(Lease { _locked: None });
        };
        let path = dir.join("_lease");
        let failed =
            |e: std::io::Error| Error::io("could not take the lease").file(&path).because(e);
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
                let name = if name.is_empty() {
                    "another process"
                } else {
                    name.trim()
                };
                return Err(
                    Error::new(Kind::Busy, format!("the lake is held by {name}"))
                        .hint("wait until it is done; readers need not wait"),
                );
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()))
            .map_err(failed)?;
        Ok(Lease {
            _locked: Some(file),
        })
    }
}
