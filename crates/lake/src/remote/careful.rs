//! A store whose calls are tried again, and whose conditional writes are never taken for failed while
//! their outcome is unknown: what stands under the name says whether it was us.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::meter;

/// Pauses before a call is made again.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500)];

/// The store; see the module.
#[derive(Debug)]
pub(super) struct Careful {
    inner: Arc<dyn ObjectStore>,
}

impl fmt::Display for Careful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Whether the same call may end otherwise when it is made again.
fn passing(error: &Error) -> bool {
    matches!(error, Error::Generic { .. } | Error::JoinError { .. })
}

/// What may go wrong with a call to a store.
pub(super) trait Passing {
    /// Whether the same call may end otherwise when it is made again.
    fn passes(&self) -> bool;
}

impl Passing for Error {
    fn passes(&self) -> bool {
        passing(self)
    }
}

/// Makes a call until it ends, or fails for good.
pub(super) async fn again<T, E: Passing, F: Future<Output = Result<T, E>>>(call: impl Fn() -> F) -> Result<T, E> {
    for pause in PAUSES {
        match call().await {
            Err(error) if error.passes() => {
                tracing::debug!("a call to the store is made again");
                tokio::time::sleep(pause).await;
            }
            done => return done,
        }
    }
    call().await
}

/// All bytes of an object.
pub(super) async fn read(store: &dyn ObjectStore, key: &Key) -> Result<Bytes> {
    again(|| async { store.get(key).await?.bytes().await }).await
}

impl Careful {
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner }
    }

    /// Creates an object. An error, or a name that is taken, says nothing yet: the store may have
    /// written it and lost the reply, or tried twice itself.
    async fn create(&self, location: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let error = match self.inner.put_opts(location, payload.clone(), options.clone()).await {
                Ok(put) => return Ok(put),
                Err(error) if passing(&error) || matches!(error, Error::AlreadyExists { .. }) => error,
                Err(error) => return Err(error),
            };
            match read(&*self.inner, location).await {
                Ok(bytes) if bytes == joined(&payload) => return Ok(PutResult { e_tag: None, version: None }),
                Ok(_) => {
                    let source = "another object stands under this name".into();
                    return Err(Error::AlreadyExists { path: location.to_string(), source });
                }
                Err(Error::NotFound { .. }) => {}
                Err(unknown) => return Err(unknown),
            }
            let Some(pause) = pauses.next() else { return Err(error) };
            tokio::time::sleep(pause).await;
        }
    }
}

fn joined(payload: &PutPayload) -> Bytes {
    payload.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>().into()
}

/// A listing that is read to its end before its first entry is given, so that it can be made again.
fn whole(
    list: impl Fn() -> BoxStream<'static, Result<ObjectMeta>> + Send + Sync + 'static,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let listed = async move { again(|| list().try_collect::<Vec<_>>()).await };
    stream::once(listed).map_ok(|found| stream::iter(found.into_iter().map(Ok))).try_flatten().boxed()
}

#[async_trait]
impl ObjectStore for Careful {
    async fn put_opts(&self, location: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        meter::wrote();
        if options.mode == PutMode::Create {
            return self.create(location, payload, options).await;
        }
        again(|| self.inner.put_opts(location, payload.clone(), options.clone())).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        again(|| self.inner.put_multipart_opts(location, options.clone())).await
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> Result<GetResult> {
        meter::read();
        again(|| self.inner.get_opts(location, options.clone())).await
    }

    async fn get_ranges(&self, location: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        again(|| self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        let inner = Arc::clone(&self.inner);
        locations
            .and_then(move |key| {
                let inner = Arc::clone(&inner);
                async move { again(|| inner.delete(&key)).await.map(|()| key.clone()) }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        meter::wrote();
        let (inner, prefix) = (Arc::clone(&self.inner), prefix.cloned());
        whole(move || inner.list(prefix.as_ref()))
    }

    fn list_with_offset(&self, prefix: Option<&Key>, offset: &Key) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, prefix, offset) = (Arc::clone(&self.inner), prefix.cloned(), offset.clone());
        whole(move || inner.list_with_offset(prefix.as_ref(), &offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        meter::wrote();
        again(|| self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        again(|| self.inner.copy_opts(from, to, options.clone())).await
    }
}
