//! The refresh: plan, land, build, audit, publish.
//!
//! A [`Workspace`] is a project and its lake. [`Workspace::refresh`] is the
//! main job, read it first; `land.rs` brings files in, `models.rs` decides with
//! `plan.rs` what to build, `build.rs` stages it, `audit.rs` checks it. Nothing is visible
//! before all of it passed.

mod audit;
mod branch;
mod build;
mod compact;
mod deliveries;
mod delta;
mod diff;
mod due;
mod impact;
mod keys;
mod land;
mod maintain;
mod models;
mod near;
mod plan;
mod progress;
mod queue;
mod read;
mod record;
mod rejects;
mod replace;
mod restate;
mod rollback;
mod run;
mod schemas;
mod stage;
mod verify;
mod why;
mod workspace;

pub use audit::{CheckOutcome, CheckReport};
pub use branch::Published;
pub use build::Built;
pub use compact::Compacted;
pub use deliveries::{Delivery, FileAction, LandingPlan, PlannedFile};
pub use diff::{DeliveryChange, DiffOptions, Difference, HowLanded, MetricChange, TableDifference};
pub use impact::Impact;
pub use maintain::{MaintainOptions, Maintained};
pub use plan::{ChangedInputs, Extent, Reason, Step};
pub use progress::{Event, Observer, Silent};
pub use read::{Preview, preview};
pub use rollback::{Rollback, Unlanded};
pub use run::{LandedFile, Outcome, Planned, RefreshOptions};
pub use schemas::Schemas;
pub use verify::{Mismatch, MismatchKind, Verified, VerifyOptions};
pub use why::{Line, LineRole, NearReject, RejectsNear, WhyAnswer, WhyRequest};
pub use workspace::{Access, Workspace};
