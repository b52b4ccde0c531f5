//! Opens a file: compression by its first bytes, byte-order mark, encoding.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::contract::Contract;
use crate::error::{Error, Result};

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, also of several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// A packed file may grow by this factor, beyond [`FREE_BYTES`]; more is a bomb.
const MOST_GROWTH: u64 = 100;
const FREE_BYTES: u64 = 64 << 20;

/// A file opened as text.
pub struct Opened {
    /// The decoded bytes: UTF-8 unless the file lies about its encoding.
    pub text: Box<dyn Read + Send>,
    /// How it is packed.
    pub compression: Compression,
    /// Bytes of the file (as stored) read so far, for progress.
    pub bytes_read: Arc<AtomicU64>,
}

/// Opens the file at `path` for `contract`.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path, contract: &Contract) -> Result<Opened> {
    let failed = |e: io::Error| Error::io("could not open").file(path).because(e);
    let encoding = choose_encoding(path, contract)?;
    let bytes_read = Arc::new(AtomicU64::new(0));
    let (compression, plain) = unpack(path, &bytes_read).map_err(failed)?;
    let text = DecodeReaderBytesBuilder::new()
        .encoding(encoding.filter(|e| *e != encoding_rs::UTF_8))
        .utf8_passthru(true)
        .strip_bom(true)
        .bom_override(true)
        .build(plain);
    Ok(Opened {
        text: Box::new(text),
        compression,
        bytes_read,
    })
}

/// The file's bytes, unpacked.
fn unpack(
    path: &Path,
    bytes_read: &Arc<AtomicU64>,
) -> io::Result<(Compression, Box<dyn Read + Send>)> {
    let compression = sniff(&mut File::open(path)?)?;
    let counted = BufReader::with_capacity(
        1 << 18,
        Counted {
            inner: File::open(path)?,
            bytes: Arc::clone(bytes_read),
        },
    );
    let plain: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(counted),
        Compression::Gzip => Box::new(Limited::new(
            flate2::bufread::MultiGzDecoder::new(counted),
            bytes_read,
        )),
        Compression::Zstd => Box::new(Limited::new(
            zstd::stream::read::Decoder::with_buffer(counted)?,
            bytes_read,
        )),
    };
    Ok((compression, plain))
}

/// The first of `encodings` in which the whole file makes sense; `None` for a
/// contract that names none. Files are read for that only where something else
/// than UTF-8 is named: rows that are not UTF-8 are rejected one by one.
fn choose_encoding(path: &Path, contract: &Contract) -> Result<Option<&'static Encoding>> {
    let encodings = &contract.encodings;
    if encodings.iter().all(|e| *e == encoding_rs::UTF_8) {
        return Ok(None);
    }
    for encoding in encodings {
        let failed = |e: io::Error| Error::io("could not read").file(path).because(e);
        let (_, bytes) = unpack(path, &Arc::default()).map_err(failed)?;
        if makes_sense(bytes, encoding).map_err(failed)? {
            return Ok(Some(encoding));
        }
    }
    let names: Vec<String> = encodings
        .iter()
        .map(|e| format!("`{}`", e.name()))
        .collect();
    Err(
        Error::data(format!("the file makes no sense as {}", names.join(" or ")))
            .file(path)
            .hint(format!(
                "say in which `encoding` it is written in {}",
                contract.path.display()
            )),
    )
}

fn makes_sense(mut bytes: Box<dyn Read + Send>, encoding: &'static Encoding) -> io::Result<bool> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let (mut buffer, mut text) = (vec![0; 1 << 16], String::with_capacity(1 << 18));
    loop {
        let n = bytes.read(&mut buffer)?;
        text.clear();
        let (_, _, malformed) = decoder.decode_to_string(&buffer[..n], &mut text, n == 0);
        // No text holds NUL: UTF-16 read as UTF-8 does.
        let wrong = malformed || text.contains('\0');
        if wrong || n == 0 {
            return Ok(!wrong);
        }
    }
}

/// The BLAKE3 hash of a file's bytes, as hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn content_hash(path: &Path) -> Result<String> {
    let failed = |e: io::Error| Error::io("could not read").file(path).because(e);
    let file = File::open(path).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(failed)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn sniff(file: &mut File) -> io::Result<Compression> {
    let mut magic = [0; 4];
    let mut filled = 0;
    while filled < magic.len() {
        match file.read(&mut magic[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(match magic {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    })
}

struct Counted {
    inner: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Refuses a stream that grows out of proportion to the bytes it came from.
struct Limited<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    unpacked: u64,
}

impl<R> Limited<R> {
    fn new(inner: R, packed: &Arc<AtomicU64>) -> Self {
        Self {
            inner,
            packed: Arc::clone(packed),
            unpacked: 0,
        }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.unpacked += n as u64;
        let most = self.packed.load(Ordering::Relaxed) * MOST_GROWTH + FREE_BYTES;
        if self.unpacked > most {
            return Err(io::Error::other(format!(
                "unpacks to more than {MOST_GROWTH} times its size"
            )));
        }
        Ok(n)
    }
}
