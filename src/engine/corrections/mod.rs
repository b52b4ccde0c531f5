//! Where DataFusion's answer is wrong, or missing, and what makes it right.
//!
//! Each file names the fault, upstream where it is known there; the tests in
//! `tests/it/right_or_red.rs` hold the answers. What is corrected in the text is
//! in [`syntax`].

pub(in crate::engine) mod averages;
pub(in crate::engine) mod casts;
pub(in crate::engine) mod correlated;
pub(in crate::engine) mod cross_joins;
mod delegate;
pub(in crate::engine) mod division;
pub(in crate::engine) mod doubles;
pub(in crate::engine) mod extremes;
pub(in crate::engine) mod filters;
pub(in crate::engine) mod guards;
pub(in crate::engine) mod instants;
pub(in crate::engine) mod intervals;
pub(in crate::engine) mod multisets;
pub(in crate::engine) mod not_in;
pub(in crate::engine) mod overflow;
pub(in crate::engine) mod quantiles;
pub(in crate::engine) mod recursion;
pub(in crate::engine) mod spans;
pub(in crate::engine) mod sums;
pub(in crate::engine) mod syntax;
pub(in crate::engine) mod windows;
pub(in crate::engine) mod zeros;
