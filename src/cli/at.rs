//! Which snapshot a command reads.

/// The snapshot that a reading command is asked for.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct At {
    /// The snapshot to read; the newest where left out
    #[arg(long = "at", value_name = "SNAPSHOT")]
    pub(super) snapshot: Option<u64>,
}
