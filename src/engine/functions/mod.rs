//! SQL functions of our own, and those that stand in for DataFusion's.

pub(in crate::engine) mod bitmaps;
pub(in crate::engine) mod calendar;
pub(in crate::engine) mod first_day;
pub(in crate::engine) mod local;
pub(in crate::engine) mod sessionize;
pub(in crate::engine) mod signed;
pub(in crate::engine) mod similar;
pub(in crate::engine) mod sketches;
pub(in crate::engine) mod zones;
