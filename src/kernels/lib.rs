//! The loops in which cinelake spends its time, on plain numbers: sets of ids
//! and what they share, counts by id, groups by number, sessions of events,
//! intervals that hold a value, fields of records and the numbers, dates and times
//! written in them, periods of the calendar,
//! the order of rows, the first rows of groups and the one that leads, values by rank,
//! hashes of rows, values as files hold them.
//!
//! They are a crate of their own so that they are compiled with all
//! optimizations, whatever the rest is compiled with while it is worked on.

mod bits;
mod counts;
mod encode;
mod fields;
mod firsts;
mod ids;
mod intervals;
mod leaders;
mod months;
mod order;
mod periods;
mod places;
mod portable;
mod row_hash;
mod sessions;
mod tally;
mod times;

pub use bits::Bits;
pub use counts::Counts;
pub use encode::{
    Dictionary, Encode, Whole, dictionary_of_texts, ends_of, ranked, run, runs, width_of,
};
pub use fields::{Cells, Piece, Plain, split};
pub use firsts::Firsts;
pub use ids::Ids;
pub use intervals::{Intervals, Looked, NO_GROUP, Pairs, Progress};
pub use leaders::{Column, Kept, Leaders};
pub use months::Months;
pub use order::order_of;
pub use periods::{Period, days_of, month_start};
pub use places::{Places, Span, Texts, rows_of_groups};
pub use portable::Stored;
pub use row_hash::RowHash;
pub use sessions::{Session, Sessions};
pub use tally::{Ranks, Tally};
pub use times::{day_of, iso_date, iso_timestamp, trimmed};
