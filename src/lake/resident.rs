//! Reads what the page cache holds of a file where it is asked for.
//!
//! `object_store` hands each read to a thread of its own, which costs more than
//! the read where the file was read or written before: a query asks for
//! hundreds of pieces. What would wait for the disk is left to it.

use std::ops::Range;
use std::path::Path as FilePath;

use bytes::Bytes;
use object_store::GetResult;
use object_store::path::Path;

/// The bytes of `ranges` of the file at `path`; `None` where one of them is not
/// in memory, or is not there at all.
#[cfg(target_os = "linux")]
pub(super) fn read_ranges(path: &FilePath, ranges: &[Range<u64>]) -> Option<Vec<Bytes>> {
    let file = std::fs::File::open(path).ok()?;
    ranges.iter().map(|range| read(&file, range)).collect()
}

/// As the store answers for one range of `location`, which is at `path`.
#[cfg(target_os = "linux")]
pub(super) fn read_range(
    path: &FilePath,
    location: &Path,
    range: &Range<u64>,
) -> Option<GetResult> {
    use futures::stream::{self, StreamExt};
    use object_store::{Attributes, GetResultPayload, ObjectMeta};

    let file = std::fs::File::open(path).ok()?;
    let found = file.metadata().ok()?;
    if range.end > found.len() {
        return None;
    }
    let bytes = read(&file, range)?;
    Some(GetResult {
        payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
        meta: ObjectMeta {
            location: location.clone(),
            last_modified: found.modified().ok()?.into(),
            size: found.len(),
            e_tag: None,
            version: None,
        },
        range: range.clone(),
        attributes: Attributes::default(),
    })
}

#[cfg(target_os = "linux")]
fn read(file: &std::fs::File, range: &Range<u64>) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};

    let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
    // What is asked of nothing the store says.
    if length == 0 {
        return None;
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let mut rest = [std::io::IoSliceMut::new(&mut bytes[filled..])];
        let at = range.start + filled as u64;
        match preadv2(file, &mut rest, at, ReadWriteFlags::NOWAIT) {
            Ok(0) | Err(_) => return None,
            Ok(read) => filled += read,
        }
    }
    Some(Bytes::from(bytes))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read_ranges(_: &FilePath, _: &[Range<u64>]) -> Option<Vec<Bytes>> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read_range(_: &FilePath, _: &Path, _: &Range<u64>) -> Option<GetResult> {
    None
}
