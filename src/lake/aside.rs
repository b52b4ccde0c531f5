//! A store whose writes stay in memory, in front of one that is only read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What is written is seen through this store only.
#[derive(Debug)]
pub(super) struct Aside {
    written: InMemory,
    below: Arc<dyn ObjectStore>,
}

impl Aside {
    /// A store in front of `below`.
    pub(super) fn new(below: Arc<dyn ObjectStore>) -> Self {
        Self {
            written: InMemory::new(),
            below,
        }
    }
}

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aside({})", self.below)
    }
}

#[async_trait]
impl ObjectStore for Aside {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.written.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.written.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.written.get_opts(location, options.clone()).await {
            Err(object_store::Error::NotFound { .. }) => {
                self.below.get_opts(location, options).await
            }
            found => found,
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.written.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (written, below) = (self.written.list(prefix), self.below.list(prefix));
        stream::once(async move {
            let mut all: BTreeMap<Path, ObjectMeta> = BTreeMap::new();
            let listed: Vec<ObjectMeta> = below.chain(written).try_collect().await?;
            all.extend(listed.into_iter().map(|meta| (meta.location.clone(), meta)));
            Ok::<_, object_store::Error>(stream::iter(all.into_values().map(Ok)))
        })
        .try_flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.below.list_with_delimiter(prefix).await?;
        let written = self.written.list_with_delimiter(prefix).await?;
        listed.common_prefixes.extend(written.common_prefixes);
        listed.common_prefixes.sort_unstable();
        listed.common_prefixes.dedup();
        listed.objects.extend(written.objects);
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.written.copy_opts(from, to, options).await
    }
}
