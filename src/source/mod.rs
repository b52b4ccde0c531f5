//! From bytes to typed rows: contracts, dialects, records, values, rejects.
//!
//! Knows nothing of the lake. A [`Contract`] says what a source's files hold;
//! [`find_deliveries`] finds the files; [`Decoder`] turns [`Block`]s of whole
//! records into Arrow batches and [`Reject`]s, so that every record becomes
//! exactly one of the two. Start reading at [`Contract`], then [`RecordReader`].

mod contract;
mod contract_file;
mod decode;
mod dialect;
mod fields;
mod find;
mod input;
mod records;
mod times;
mod values;

pub use contract::{
    AmbiguousTimes, CURRENT, Column, ColumnType, Contract, DELIVERY, LINE, Origin, Partition,
    Tolerance, UnknownColumns,
};
pub use decode::{Decoded, Decoder, Reject};
pub use dialect::{Dialect, HeaderMatch};
pub use find::{Candidate, Found, find_deliveries};
pub use input::{Compression, Opened, Stored, content_hash, open};
pub use records::{Block, Fault, Record, RecordReader, Terminator};
