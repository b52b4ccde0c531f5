//! Which snapshot a command reads.

use crate::lake::SnapshotRef;

/// The snapshot that a reading command is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct At {
    /// The snapshot to read: a number, `main` or a branch; main's newest where left out
    #[arg(long = "at", value_name = "SNAPSHOT")]
    pub(super) snapshot: Option<SnapshotRef>,
}
