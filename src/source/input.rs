//! Opens a file: compression by its first bytes, byte-order mark, encoding.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// What is read of it.
    pub stored: Arc<Stored>,
}

/// The bytes of a file, as it is stored, that are read so far.
#[derive(Default)]
pub struct Stored {
    bytes: AtomicU64,
    hasher: Mutex<blake3::Hasher>,
}

impl Stored {
    /// How many they are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Their BLAKE3 hash, as hexadecimal digits: [`content_hash`] of a file
    /// that is read to its end.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hasher().finalize().to_hex().to_string()
    }

    fn add(&self, bytes: &[u8]) {
        self.hasher().update(bytes);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    fn hasher(&self) -> std::sync::MutexGuard<'_, blake3::Hasher> {
        self.hasher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the file at `path` for `contract`.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path, contract: &Contract) -> Result<Opened> {
    let failed = |e: io::Error| Error::io("could not open").file(path).because(e);
    let encoding = choose_encoding(path, contract)?;
    let stored = Arc::new(Stored::default());
    let (compression, plain) = unpack(path, &stored).map_err(failed)?;
    let text = DecodeReaderBytesBuilder::new()
        .encoding(encoding.filter(|e| *e != encoding_rs::UTF_8))
        .utf8_passthru(true)
        .strip_bom(true)
        .bom_override(true)
        .build(plain);
    Ok(Opened {
        text: Box::new(text),
        compression,
        stored,
    })
}

/// The file's bytes, unpacked.
fn unpack(path: &Path, stored: &Arc<Stored>) -> io::Result<(Compression, Box<dyn Read + Send>)> {
    let compression = sniff(&mut File::open(path)?)?;
    let counted = BufReader::with_capacity(
        1 << 18,
        Counted {
            inner: File::open(path)?,
            stored: Arc::clone(stored),
        },
    );
    let plain: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(counted),
        Compression::Gzip => Box::new(Limited::new(
            flate2::bufread::MultiGzDecoder::new(counted),
            stored,
        )),
        Compression::Zstd => Box::new(Limited::new(
            zstd::stream::read::Decoder::with_buffer(counted)?,
            stored,
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
    stored: Arc<Stored>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.stored.add(&buffer[..n]);
        Ok(n)
    }
}

/// Refuses a stream that grows out of proportion to the bytes it came from.
struct Limited<R> {
    inner: R,
    packed: Arc<Stored>,
    unpacked: u64,
}

impl<R> Limited<R> {
    fn new(inner: R, packed: &Arc<Stored>) -> Self {
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
        let most = self.packed.bytes() * MOST_GROWTH + FREE_BYTES;
        if self.unpacked > most {
            return Err(io::Error::other(format!(
                "unpacks to more than {MOST_GROWTH} times its size"
            )));
        }
        Ok(n)
    }
}
