//! cinelake.

pub mod clock;
pub mod config;
pub mod engine;
pub mod error;
pub mod lake;
pub mod model;
pub mod name;
pub mod source;
