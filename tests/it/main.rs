//! The integration tests: one binary, one module a subject.
//!
//! | module | proves |
//! |---|---|
//! | `answers` | right answers, or words that refuse, where the engine beneath is wrong |
//! | `layers` | who imports whom, and who prints |
//! | `streamflix` | the golden numbers of system C, on the real files |
//! | `branches` | what is built on a branch is seen there only, until it is published whole |
//! | `catalogue` | the Netflix catalogue's counts and repairs, on the real file |
//! | `movie_streaming` | the golden numbers of system B, on the real files |
//! | `landing` | rows in = landed + rejected; deliveries; keys; packing; encodings |
//! | `families` | one contract for many files: paths, units, encodings |
//! | `zones` | days and months by local clocks, minutes across their changes |
//! | `docs` | the data dictionary, lineage, metrics that never vary |
//! | `engagement` | active users, retention, genres, recommendations; system B on the real files |
//! | `histories` | random histories: step by step equals at once, on the whole warehouse |
//! | `incremental` | which partitions a refresh builds; incremental equals full |
//! | `maintain` | the same rows in fewer files; retention; removing what nobody needs |
//! | `refresh` | nothing new writes nothing; only what depends is rebuilt; red publishes nothing |
//! | `release` | rollbacks; every reading command at an older snapshot; what differs between two |
//! | `restatements` | which numbers of closed months a publish changes, and what caused it |
//! | `crash` | a killed run leaves the old snapshot whole, and the next one succeeds |
//! | `crash_matrix` | kill -9 at every step of every kind of run, against an undisturbed twin |
//! | `faults` | errors, short writes and power loss at every operation of a run |
//! | `doctor` | what is found, repaired and left to a person |
//! | `writers` | several processes on one lake: one holds it, readers see whole snapshots |
//! | `revenue` | MRR, churn, lifetime value, plan estimates; systems B and C on the real files |
//! | `ott` | platform figures, growth, shares; system D on the real files |
//! | `interactions` | activity by customer, plan and feature; every boundary case of system E |
//! | `reports` | every report answers on every data set, and on none |
//! | `wowcinema` | system A in both forms, every trap as a test |
//! | `plausible` | data that cannot be right is red or a warning |
//! | `why` | the listed lines, and no others, make the number |
//! | `nulls` | sets with nulls, extremes beside other aggregates: where the engine beneath is wrong |
//! | `plans` | the engine's own plans answer as plain ones do |
//! | `query` | formats, parameters, snapshots, read-only |
//! | `shell` | what is typed on a terminal: statements, words, Tab, history, interrupts |
//! | `mistakes` | what a user's mistakes answer |
//!
//! `support` runs the binary in a project of its own. Tests on real files look
//! for them in `../shared/data`, or where `CINELAKE_TEST_DATA` says, and pass
//! over without them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "tests may stop where they stand"
)]

mod answers;
mod branches;
mod by_rows;
mod catalogue;
mod crash;
mod crash_matrix;
mod docs;
mod doctor;
mod doubles;
mod engagement;
mod families;
mod faults;
mod histories;
mod incremental;
mod interactions;
mod landing;
mod layers;
mod maintain;
mod mistakes;
mod movie_streaming;
mod nulls;
mod ott;
mod plans;
mod plausible;
mod query;
mod refresh;
mod release;
mod reports;
mod restatements;
mod revenue;
mod shell;
mod streamflix;
mod support;
mod why;
mod wowcinema;
mod writers;
mod zones;
