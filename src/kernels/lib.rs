//! The loops in which cinelake spends its time: sets of ids, counts by id and
//! sessions of events, on plain numbers.
//!
//! They are a crate of their own so that they are compiled with all
//! optimizations, whatever the rest is compiled with while it is worked on.

mod counts;
mod ids;
mod sessions;

pub use counts::Counts;
pub use ids::Ids;
pub use sessions::{Session, Sessions};
