//! What a run tells while it works.

use std::time::Duration;

use super::build::Built;
use super::plan::Step;
use super::run::LandedFile;
use crate::lake::BranchName;
use crate::name::TableName;

/// Something that happened during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A run that had died was carried through; this snapshot is visible now.
    Recovered(u64),
    /// Main has moved since `branch` began: it begins again, at the snapshot
    /// `now`.
    BeginsAgain {
        /// The branch.
        branch: &'a BranchName,
        /// The snapshot at which it had begun.
        was: u64,
        /// The snapshot at which it begins.
        now: u64,
    },
    /// Something the user should look at.
    Warning(String),
    /// Files begin to land: how many, and their bytes.
    Landing(u64, u64),
    /// More bytes of them were read.
    LandingBytes(u64),
    /// A file was landed.
    Landed(&'a LandedFile),
    /// All files are landed.
    LandingDone,
    /// A table begins to be built: the step, its number and how many there are
    /// at most.
    Building(&'a Step, usize, usize),
    /// A table was built, in this time.
    Built(&'a Step, Built, Duration),
    /// A table begins to be checked.
    Checking(&'a TableName),
    /// Everything passed; the tables become visible.
    Publishing,
}

/// Is told what happens.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Event<'_>) {}
}
