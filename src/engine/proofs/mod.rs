//! What a plan proves of a change: which partitions it reaches ([`reach`]), and
//! whether groups can be brought up to date by their changed rows ([`additive`]).

pub(in crate::engine) mod additive;
pub(in crate::engine) mod reach;
