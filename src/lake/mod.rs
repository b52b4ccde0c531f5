//! The lake: the only module that knows Delta, snapshots and object storage.
//!
//! Tables are written in three steps that never overlap: data files are
//! *staged* ([`TableWriter`]) and belong to nothing; whoever audits them reads
//! them beside the published ones; [`Lake::publish`] makes them visible, all
//! tables at once, by creating one small snapshot file. Readers see exactly
//! one [`Snapshot`], of main or of a branch. Start reading at [`Lake`], then `publish.rs`.

mod aside;
mod at_once;
mod branch;
mod checkpoint;
mod content;
mod delta;
mod disk;
mod doctor;
mod encoding;
mod failpoint;
mod fault;
mod files;
mod hints;
mod intent;
mod layout;
mod lease;
mod partitions;
mod power;
mod publish;
mod read;
mod resident;
mod restatements;
mod restore;
mod retain;
mod rows;
mod runs;
mod snapshot;
mod stage;
mod statistics;
mod store;
mod sweep;

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;

use aside::Aside;

use crate::config::LakeLocation;
use crate::error::{Error, Result};

pub use branch::{Branch, BranchName, FileSet, SnapshotRef};
pub use content::ContentHash;
pub use doctor::{Finding, Remedy};
pub use failpoint::{Failpoints, failpoint};
pub use fault::Faults;
pub use files::{DataFile, TableFiles, date_days, date_text, days_since_1970};
pub use layout::StoredColumn;
pub use lease::{Lease, holder};
pub use partitions::{Partition, PartitionValue, Partitions, content};
pub use publish::{Publication, TableChange};
pub use restatements::{Restated, Restatement};
pub use restore::Restoration;
pub use runs::{CheckRecord, RunRecord};
pub use snapshot::{Audit, Becomes, EntryKind, Snapshot, TableEntry};
pub use stage::{TableLayout, TableWriter, days_of, split_by_date};
pub use statistics::{ColumnRange, column_ranges};
pub use store::SyncStore;
pub use sweep::{Removable, RemovableKind};

/// A place where snapshots of tables are published and read.
#[derive(Debug, Clone)]
pub struct Lake {
    store: Arc<SyncStore>,
    location: LakeLocation,
}

impl Lake {
    /// Opens the lake at `location` for reading.
    ///
    /// # Errors
    /// When there is no lake yet, or it cannot be reached.
    pub fn open(location: &LakeLocation) -> Result<Self> {
        if let LakeLocation::Dir(dir) = location
            && !dir.is_dir()
        {
            return Err(Error::io("there is no lake here").file(dir).hint(
                "`cinelake refresh` builds it; `--lake` or `cinelake.toml` says where it is",
            ));
        }
        Ok(Self {
            store: Arc::new(SyncStore::connect(location)?),
            location: location.clone(),
        })
    }

    /// Opens the lake at `location`, making its folder where it has none.
    ///
    /// # Errors
    /// When the folder cannot be made or the store cannot be reached.
    pub fn open_or_create(location: &LakeLocation) -> Result<Self> {
        if let LakeLocation::Dir(dir) = location {
            disk::make_folder(dir)?;
        }
        Self::open(location)
    }

    /// The store below which everything in the lake lies.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store) as Arc<dyn ObjectStore>
    }

    /// The same lake, whose writes stay in memory and are seen by nobody else.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self {
            store: Arc::new(SyncStore::new(Arc::new(Aside::new(self.store())), None)),
            location: self.location.clone(),
        }
    }

    /// The lake's folder, when it lies on this machine.
    #[must_use]
    pub fn dir(&self) -> Option<PathBuf> {
        match &self.location {
            LakeLocation::Dir(dir) => Some(dir.clone()),
            LakeLocation::Url { .. } => None,
        }
    }

    /// Makes everything written so far survive power loss.
    ///
    /// # Errors
    /// When a file or folder cannot be synced.
    pub async fn sync(&self) -> Result<()> {
        self.store.sync().await
    }
}

/// Words a store's error as ours.
fn store_error(what: impl Into<String>, error: object_store::Error) -> Error {
    let full = error.to_string();
    let what = what.into();
    // The store's errors repeat their causes.
    let error = Error::io(what).because(full.clone());
    if full.contains("No space left") {
        error.hint("the disk is full; what was published stays as it is, free space and run again")
    } else if full.contains("Permission denied") || full.contains("Read-only") {
        error.hint("the lake's folder must be writable for whoever refreshes it")
    } else {
        error
    }
}
