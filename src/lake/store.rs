//! The object store below the lake, with the one thing it lacks: syncing.
//!
//! `object_store` 0.13 never calls fsync, so what it reports as written may be
//! gone after power loss. [`SyncStore`] remembers what was written since the
//! last [`SyncStore::sync`], which then syncs those files and every folder
//! that leads to them. The publish calls it before each step that depends on
//! the ones before. Listings are sorted, which the Delta kernel relies on.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result as StoreResult,
};

use super::checkpoint::{ENDING, HINT};
use super::disk::{BegunSyncs, SyncedPut, sync_files};
use super::fault::{FaultStore, Faults};
use super::resident::{read_range, read_ranges};
use super::{failpoint, store_error};
use crate::config::LakeLocation;
use crate::error::{Error, Result};

/// An object store that can be told to make its writes durable.
#[derive(Debug)]
pub struct SyncStore {
    inner: Arc<dyn ObjectStore>,
    /// Where the store's root is on this machine; object stores are durable
    /// by themselves.
    root: Option<PathBuf>,
    unsynced: Mutex<BTreeSet<Path>>,
    begun: BegunSyncs,
    /// Data files that were written and are not to be published yet.
    staged: Mutex<BTreeSet<Path>>,
    faults: Option<Arc<Faults>>,
}

impl SyncStore {
    /// Connects to the store at `location`.
    ///
    /// # Errors
    /// When the folder does not exist or the URL names no store we know.
    pub fn connect(location: &LakeLocation) -> Result<Self> {
        match location {
            LakeLocation::Dir(dir) => {
                let local = LocalFileSystem::new_with_prefix(dir)
                    .map_err(|e| store_error("could not open the lake", e).file(dir))?;
                Ok(Self::with_faults(Arc::new(local), Some(dir.clone())))
            }
            LakeLocation::Url { url, options } => {
                let (store, prefix) = object_store::parse_url_opts(url, options.clone())
                    .map_err(|e| store_error(format!("could not reach `{url}`"), e))?;
                let store = Arc::new(PrefixStore::new(store, prefix));
                Ok(Self::with_faults(store, None))
            }
        }
    }

    /// Wraps `inner`, whose files lie below `root` on this machine.
    pub fn new(inner: Arc<dyn ObjectStore>, root: Option<PathBuf>) -> Self {
        Self {
            inner,
            root,
            unsynced: Mutex::default(),
            begun: BegunSyncs::default(),
            staged: Mutex::default(),
            faults: None,
        }
    }

    /// As [`SyncStore::new`], failing as a test asked for.
    fn with_faults(inner: Arc<dyn ObjectStore>, root: Option<PathBuf>) -> Self {
        let Some(faults) = Faults::armed() else {
            return Self::new(inner, root);
        };
        let inner = FaultStore::new(inner, root.clone(), Arc::clone(&faults));
        Self {
            faults: Some(faults),
            ..Self::new(Arc::new(inner), root)
        }
    }

    /// Makes everything written since the last call survive power loss.
    ///
    /// # Errors
    /// When a file or folder cannot be synced. Then nothing is forgotten: the
    /// next call tries again.
    pub async fn sync(&self) -> Result<()> {
        let Some(root) = self.root.clone() else {
            return Ok(());
        };
        failpoint("store.sync")?;
        self.begun.end().await?;
        let paths: Vec<Path> = self.lock().iter().cloned().collect();
        let synced = paths.clone();
        let faults = self.faults.clone();
        tokio::task::spawn_blocking(move || sync_files(&root, &paths, faults.as_deref()))
            .await
            .map_err(|e| Error::io("could not sync the lake").because(e))??;
        let mut unsynced = self.lock();
        for path in &synced {
            unsynced.remove(path);
        }
        Ok(())
    }

    /// Has the next sync include a file that another process wrote.
    pub(super) fn mark_unsynced(&self, path: &Path) {
        self.wrote(path);
    }

    /// The data files that go when nothing is published.
    pub(super) fn staged(&self) -> MutexGuard<'_, BTreeSet<Path>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Path>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a file of this machine is that may be read and synced past the
    /// store: none when a test has that fail.
    fn in_reach(&self, location: &Path) -> Option<PathBuf> {
        let root = self.root.as_ref().filter(|_| self.faults.is_none())?;
        Some(root.join(location.as_ref()))
    }

    fn wrote(&self, path: &Path) {
        if self.root.is_some() {
            self.lock().insert(path.clone());
        }
    }
}

/// Whether nothing is asked of the file but its bytes.
fn is_plain(options: &GetOptions) -> bool {
    let GetOptions {
        if_match,
        if_none_match,
        if_modified_since,
        if_unmodified_since,
        version,
        head,
        ..
    } = options;
    let asked = [if_match, if_none_match, version];
    !head
        && if_modified_since.is_none()
        && if_unmodified_since.is_none()
        && asked.into_iter().all(Option::is_none)
}

/// Whether a file names others: commits, checkpoints, snapshots, intents.
fn says_which_files_count(path: &Path) -> bool {
    let name = path.filename().unwrap_or_default();
    name.ends_with(".json") || name.ends_with(ENDING) || name == HINT
}

pub(super) fn generic(message: String) -> object_store::Error {
    object_store::Error::Generic {
        store: "lake",
        source: message.into(),
    }
}

impl fmt::Display for SyncStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for SyncStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> StoreResult<PutResult> {
        failpoint("store.put").map_err(|e| generic(e.to_string()))?;
        // A name must never lead to an empty file after power loss: what says
        // which files count is synced before it gets its name.
        if let Some(root) = self.root.clone()
            && says_which_files_count(location)
            && matches!(opts.mode, PutMode::Create | PutMode::Overwrite)
        {
            self.wrote(location);
            let put = SyncedPut {
                root,
                location: location.clone(),
                payload,
                create: matches!(opts.mode, PutMode::Create),
                faults: self.faults.clone(),
            };
            return tokio::task::spawn_blocking(move || put.run())
                .await
                .map_err(|e| generic(e.to_string()))?;
        }
        let bytes = payload.content_length();
        let result = self.inner.put_opts(location, payload, opts).await?;
        self.wrote(location);
        if let Some(path) = self.in_reach(location) {
            self.begun.begin(path, bytes);
        }
        Ok(result)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.wrote(location);
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        if let Some(GetRange::Bounded(range)) = &options.range
            && let Some(path) = self.in_reach(location)
            && is_plain(&options)
            && let Some(found) = read_range(&path, location, range)
        {
            return Ok(found);
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        let path = self.in_reach(location);
        if let Some(found) = path.and_then(|path| read_ranges(&path, ranges)) {
            return Ok(found);
        }
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        let passed = locations.map(|location| {
            failpoint("store.delete").map_err(|e| generic(e.to_string()))?;
            location
        });
        self.inner.delete_stream(passed.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        sorted(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        sorted(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.wrote(to);
        Ok(())
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> StoreResult<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.wrote(to);
        Ok(())
    }
}

fn sorted(
    listing: BoxStream<'static, StoreResult<ObjectMeta>>,
) -> BoxStream<'static, StoreResult<ObjectMeta>> {
    stream::once(async move {
        let mut all: Vec<ObjectMeta> = listing.try_collect().await?;
        // Left behind by a process that died while it wrote.
        all.retain(|meta| !meta.location.as_ref().contains('#'));
        all.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok::<_, object_store::Error>(stream::iter(all.into_iter().map(Ok)))
    })
    .try_flatten()
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt as _;

    #[tokio::test]
    async fn listings_are_sorted_and_what_was_written_is_synced_once() {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalFileSystem::new_with_prefix(dir.path()).unwrap();
        let store = SyncStore::new(Arc::new(local), Some(dir.path().to_path_buf()));
        for name in ["b/2", "a/1", "b/1"] {
            store.put(&Path::from(name), "x".into()).await.unwrap();
        }
        let listed: Vec<String> = store
            .list(None)
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(listed, ["a/1", "b/1", "b/2"]);
        assert_eq!(store.lock().len(), 3);
        store.sync().await.unwrap();
        assert_eq!(store.lock().len(), 0);
    }

    #[tokio::test]
    async fn parts_of_files_are_those_that_the_store_beneath_reads() {
        let dir = tempfile::tempdir().unwrap();
        let local = Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap());
        let store = SyncStore::new(local.clone(), Some(dir.path().to_path_buf()));
        let (path, gone) = (Path::from("month=2024-01-01/a"), Path::from("gone"));
        store.put(&path, "0123456789".into()).await.unwrap();
        let ranges = [0..4, 9..10, 2..7];
        let found = store.get_ranges(&path, &ranges).await.unwrap();
        assert_eq!(found, local.get_ranges(&path, &ranges).await.unwrap());
        // Up to the end, beyond it, and of nothing.
        for range in [0..10, 3..20, 20..30, 5..5] {
            let beneath = local.get_range(&path, range.clone()).await.ok();
            assert_eq!(store.get_range(&path, range.clone()).await.ok(), beneath);
            let beneath = local.get_ranges(&path, std::slice::from_ref(&range)).await;
            let found = store.get_ranges(&path, &[range]).await;
            assert_eq!(found.ok(), beneath.ok());
        }
        let missing = store.get_range(&gone, 0..1).await.unwrap_err();
        assert!(matches!(missing, object_store::Error::NotFound { .. }));
        let options = GetOptions::new().with_range(Some(2..5));
        let found = store.get_opts(&path, options.clone()).await.unwrap();
        let beneath = local.get_opts(&path, options).await.unwrap();
        assert_eq!(
            (found.range, found.meta.size),
            (beneath.range, beneath.meta.size)
        );
        assert_eq!(found.meta.last_modified, beneath.meta.last_modified);
    }
}
