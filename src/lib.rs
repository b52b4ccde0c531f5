//! cinelake.

pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod docs;
pub mod engine;
pub mod error;
pub mod generate;
pub mod lake;
pub mod memory;
pub mod model;
pub mod name;
pub mod refresh;
pub mod source;
