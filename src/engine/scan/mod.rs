//! What is read: the files of a table, and the lake's own records.
//!
//! Start reading at [`LakeTable`](table::LakeTable).

pub(in crate::engine) mod system;
pub(in crate::engine) mod table;
