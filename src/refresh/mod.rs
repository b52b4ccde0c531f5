//! The refresh: plan, land, build, audit, publish.
//!
//! A [`Workspace`] is a project and its lake. [`Workspace::refresh`] is the
//! main job, read it first; `land.rs` brings files in, `plan.rs` decides what
//! to build, `build.rs` stages it, `audit.rs` checks it. Nothing is visible
//! before all of it passed.

mod audit;
mod build;
mod deliveries;
mod keys;
mod land;
mod plan;
mod progress;
mod read;
mod rejects;
mod run;
mod schemas;
mod stage;
mod why;
mod workspace;

pub use audit::{CheckOutcome, CheckReport};
pub use deliveries::{Delivery, FileAction, LandingPlan, PlannedFile};
pub use plan::{Reason, Step};
pub use progress::{Event, Observer, Silent};
pub use read::{Preview, preview};
pub use run::{LandedFile, Outcome, Planned, RefreshOptions};
pub use schemas::Schemas;
pub use why::{Line, LineRole, NearReject, RejectsNear, WhyAnswer, WhyRequest};
pub use workspace::{Access, Workspace};
