//! A disk that fails when a test says so: the store's fault-injecting twin.
//!
//! Compiled into every build like the failpoints, and armed once a process
//! with `CINELAKE_FAULT=<kind>@<n>`, read by `config`; one that is not armed
//! does not exist. Every operation on the lake's files has a number, counted
//! from 1: reads, writes, names given, deletions, syncs. The kinds:
//!
//! | kind | at the n-th |
//! |---|---|
//! | `error` | operation: it fails and does nothing |
//! | `late` | change: it takes place, and an error is reported |
//! | `short` | write: half of the bytes are written, then it fails |
//! | `lose` | change: the power fails; what was not synced is undone |
//! | `zero` | change: the power fails; names stay, unsynced bytes are zero |
//! | `mix` | change: the power fails; of each file one or the other |
//! | `slow` | each takes so many milliseconds |
//!
//! At 0, the power fails when the command has ended.
//!
//! [`Faults`] is asked before each operation by [`FaultStore`], which stands
//! in front of the real store, and by those parts of
//! [`SyncStore`](super::SyncStore) that write and sync files themselves.

use std::fmt;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result as StoreResult,
};

use super::power::Journal;
use super::store::generic;
use crate::error::{Error, Result};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What an operation does to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Name,
    Delete,
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Late,
    Short,
    Lose,
    Zero,
    Mix,
    Slow,
}

/// The armed fault, and what it has seen.
#[derive(Debug)]
pub struct Faults {
    kind: Kind,
    at: u64,
    counted: AtomicU64,
    fired: Mutex<Option<String>>,
    journal: Mutex<Journal>,
}

static ARMED: OnceLock<Arc<Faults>> = OnceLock::new();

impl Faults {
    /// Arms what `text` says, for the rest of the process.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn arm(text: &str) -> Result<()> {
        let wrong = || {
            Error::usage(format!("`{text}` arms no fault"))
                .hint("write `error@17`; kinds are error, late, short, lose, zero, mix, slow")
        };
        let (kind, at) = text.split_once('@').ok_or_else(wrong)?;
        let kind = match kind {
            "error" => Kind::Error,
            "late" => Kind::Late,
            "short" => Kind::Short,
            "lose" => Kind::Lose,
            "zero" => Kind::Zero,
            "mix" => Kind::Mix,
            "slow" => Kind::Slow,
            _ => return Err(wrong()),
        };
        let armed = Self {
            kind,
            at: at.parse().map_err(|_| wrong())?,
            counted: AtomicU64::new(0),
            fired: Mutex::default(),
            journal: Mutex::default(),
        };
        ARMED.set(Arc::new(armed)).map_err(|_| wrong())
    }

    /// What happened so far: where the fault struck, or how many operations
    /// it let pass. Nothing when none is armed.
    #[must_use]
    pub fn report() -> Option<String> {
        let armed = ARMED.get()?;
        Some(match locked(&armed.fired).as_ref() {
            Some(place) => format!("fault struck: {place}"),
            None => format!(
                "no fault struck in {} operations",
                armed.counted.load(Ordering::Relaxed)
            ),
        })
    }

    pub(super) fn armed() -> Option<Arc<Self>> {
        ARMED.get().cloned()
    }

    /// Passes an operation on `path` that is about to take place.
    ///
    /// # Errors
    /// When it is the one that fails.
    pub(super) fn meet(&self, operation: Operation, path: &FilePath) -> io::Result<Passed> {
        if self.kind == Kind::Slow {
            #[allow(
                clippy::disallowed_methods,
                reason = "a slow disk is what the test asked for"
            )]
            std::thread::sleep(Duration::from_millis(self.at));
        }
        let counts = match self.kind {
            Kind::Error | Kind::Slow => true,
            Kind::Short => operation == Operation::Write,
            Kind::Late => !matches!(operation, Operation::Read | Operation::Sync),
            Kind::Lose | Kind::Zero | Kind::Mix => operation != Operation::Read,
        };
        if !counts || self.counted.fetch_add(1, Ordering::Relaxed) + 1 != self.at {
            return Ok(Passed::default());
        }
        if self.kind == Kind::Slow {
            return Ok(Passed::default());
        }
        self.strike(operation, path)
    }

    /// Has the power fail at the end of the command, where that is asked for.
    pub fn end() {
        if let Some(armed) = ARMED.get().filter(|a| a.at == 0 && a.can_undo()) {
            let _ = armed.strike(Operation::Sync, FilePath::new("nothing"));
        }
    }

    fn strike(&self, operation: Operation, path: &FilePath) -> io::Result<Passed> {
        *locked(&self.fired) = Some(format!("{operation:?} of {}", path.display()).to_lowercase());
        match self.kind {
            Kind::Late | Kind::Slow => Ok(Passed {
                late: Some(operation),
            }),
            Kind::Error | Kind::Short => Err(failure(operation)),
            Kind::Lose => locked(&self.journal).power_off(|_| true),
            Kind::Zero => locked(&self.journal).power_off(|_| false),
            Kind::Mix => locked(&self.journal).power_off(|path| {
                let text = format!("{}{}", self.at, path.display());
                blake3::hash(text.as_bytes()).as_bytes()[0].is_multiple_of(2)
            }),
        }
    }

    /// How many of `bytes` get to the disk before the write fails.
    pub(super) fn cut(&self, bytes: usize) -> Option<usize> {
        (self.kind == Kind::Short).then_some(bytes / 2)
    }

    /// What is known to be on the disk, and what is not.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        locked(&self.journal)
    }

    /// Whether states before changes are kept, to undo them.
    pub(super) fn can_undo(&self) -> bool {
        matches!(self.kind, Kind::Lose | Kind::Zero | Kind::Mix)
    }
}

/// An operation that takes place; the default is one without faults.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Passed {
    /// The operation, when an error is to be reported at its end.
    late: Option<Operation>,
}

impl Passed {
    /// Passes its end.
    ///
    /// # Errors
    /// When it is the one that is to be reported as failed.
    pub(super) fn end(self) -> io::Result<()> {
        self.late
            .map_or(Ok(()), |operation| Err(failure(operation)))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure(operation: Operation) -> io::Error {
    io::Error::from_raw_os_error(match operation {
        Operation::Write | Operation::Name => ENOSPC,
        Operation::Read | Operation::Delete | Operation::Sync => EIO,
    })
}

/// A store that fails as [`Faults`] says.
#[derive(Debug)]
pub(super) struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    root: Option<PathBuf>,
    faults: Arc<Faults>,
}

impl FaultStore {
    /// A store in front of `inner`, whose files lie below `root`.
    pub(super) fn new(
        inner: Arc<dyn ObjectStore>,
        root: Option<PathBuf>,
        faults: Arc<Faults>,
    ) -> Self {
        Self {
            inner,
            root,
            faults,
        }
    }

    fn meet(&self, operation: Operation, path: &Path) -> StoreResult<Passed> {
        let met = self.faults.meet(operation, FilePath::new(path.as_ref()));
        met.map_err(|e| generic(format!("{path}: {e}")))
    }

    fn note(&self, path: &Path, content_synced: bool) {
        if let Some(root) = self.root.as_deref().filter(|_| self.faults.can_undo()) {
            let full = root.join(path.as_ref());
            self.faults.journal().changes(root, &full, content_synced);
        }
    }

    /// Leaves the first half where the real store would have written it.
    fn write_half(&self, path: &Path, payload: &PutPayload) {
        let bytes: Vec<u8> = payload.iter().flat_map(|b| b.iter().copied()).collect();
        if let (Some(root), Some(cut)) = (&self.root, self.faults.cut(bytes.len())) {
            let part = root.join(format!("{path}#1"));
            let folder = part.parent().map_or(Ok(()), std::fs::create_dir_all);
            // The write is reported as failed, whatever became of the half.
            let _ = folder.and_then(|()| std::fs::write(&part, &bytes[..cut]));
        }
    }
}

fn ended(passed: Passed, path: &Path) -> StoreResult<()> {
    passed.end().map_err(|e| generic(format!("{path}: {e}")))
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> StoreResult<PutResult> {
        let passed = match self.meet(Operation::Write, location) {
            Ok(passed) => passed,
            Err(e) => {
                self.write_half(location, &payload);
                return Err(e);
            }
        };
        self.note(location, false);
        let put = self.inner.put_opts(location, payload, opts).await?;
        ended(passed, location)?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        ended(self.meet(Operation::Write, location)?, location)?;
        self.note(location, false);
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        ended(self.meet(Operation::Read, location)?, location)?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        let this = Self::new(
            Arc::clone(&self.inner),
            self.root.clone(),
            Arc::clone(&self.faults),
        );
        let this = Arc::new(this);
        let deleted = locations.then(move |location| {
            let this = Arc::clone(&this);
            async move {
                let location = location?;
                let passed = this.meet(Operation::Delete, &location)?;
                this.note(&location, true);
                this.inner.delete(&location).await?;
                ended(passed, &location)?;
                Ok(location)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        match self.meet(Operation::Read, prefix.unwrap_or(&Path::default())) {
            Ok(_) => self.inner.list(prefix),
            Err(e) => stream::iter([Err(e)]).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        match self.meet(Operation::Read, prefix.unwrap_or(&Path::default())) {
            Ok(_) => self.inner.list_with_offset(prefix, offset),
            Err(e) => stream::iter([Err(e)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        let folder = prefix.cloned().unwrap_or_default();
        ended(self.meet(Operation::Read, &folder)?, &folder)?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        let passed = self.meet(Operation::Write, to)?;
        self.note(to, false);
        self.inner.copy_opts(from, to, options).await?;
        ended(passed, to)
    }
}
