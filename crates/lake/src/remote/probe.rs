//! The proof, before the first write of a run, that the place where the lake is refuses to create what
//! is there already. All that keeps two writers apart rests on it; some stores ignore the condition, and
//! some mounts have no hard links.

use std::io::ErrorKind;
use std::path::Path;

use object_store::path::Path as Key;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use shoplake_core::{Fault, Result};
use uuid::Uuid;

use super::Remote;

/// Times that an unknown outcome is tried anew.
const TRIES: usize = 8;

/// What two creates under one name came to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The second was refused.
    Refuses,
    /// Both were done.
    Overwrites,
}

impl Remote {
    /// Proves that the store creates only what is absent, or refuses the lake.
    pub(super) fn probe(&self) -> Result<()> {
        let folder = self.mirror.join("landing/_probe");
        let (bare, key) = (std::sync::Arc::clone(&self.bare), self.key(&folder)?);
        let answer = super::wait(async move { create_twice(&*bare, &key).await })?;
        match answer.map_err(|error| self.fault(&folder, error))? {
            Answer::Refuses => Ok(()),
            Answer::Overwrites => Err(Fault::unavailable(format!(
                "the store of `{}` overwrites what it was told to create only if absent",
                self.url
            ))
            .detail("It ignores `If-None-Match: *`, so two runs could publish the same batch. Nothing was written to the lake.")
            .hint("use a store with conditional writes (Amazon S3, MinIO, Ceph, SeaweedFS, …), or a folder")),
        }
    }
}

/// Creates an object twice under one name and sees what stands there.
async fn create_twice(store: &dyn ObjectStore, folder: &Key) -> object_store::Result<Answer> {
    let mut unknown = None;
    for _ in 0..TRIES {
        let key = folder.clone().join(Uuid::new_v4().to_string());
        // A first write whose reply is lost proves nothing: it may still arrive after the second.
        if let Err(error) = store.put_opts(&key, "first".into(), PutMode::Create.into()).await {
            if !matches!(error, Error::Generic { .. }) {
                return Err(error);
            }
            unknown = Some(error);
            continue;
        }
        let second = store.put_opts(&key, "second".into(), PutMode::Create.into()).await;
        let answer = match second {
            Ok(_) => Answer::Overwrites,
            Err(Error::AlreadyExists { .. }) => Answer::Refuses,
            Err(error) => {
                unknown = Some(error);
                continue;
            }
        };
        // What stays of it is swept with the next probe's folder listing by nobody: a few bytes.
        let _ = store.delete(&key).await;
        return Ok(answer);
    }
    Err(unknown.unwrap_or(Error::NotImplemented { operation: "probe".into(), implementer: store.to_string() }))
}

/// Proves that a folder's file system has hard links that fail where the name is taken.
pub(crate) fn probe_folder(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let names = [0, 1].map(|_| folder.join(format!(".{}.tmp", Uuid::new_v4())));
    let [file, link] = &names;
    let linked = fs_err::write(file, b"probe").and_then(|()| {
        fs_err::hard_link(file, link)?;
        Ok(fs_err::hard_link(file, link))
    });
    for name in &names {
        // One that was not made cannot be removed; one that stays is swept by the next run.
        let _ = fs_err::remove_file(name);
    }
    judge_links(folder, linked)
}

/// What it means how a link, and the same link once more, went.
fn judge_links(folder: &Path, linked: std::io::Result<std::io::Result<()>>) -> Result<()> {
    let refused = |why: &str| {
        Err(Fault::unavailable(format!("the file system of `{}` {why}", folder.display()))
            .detail("A record of the lake must be created only if there is none, which takes hard links.")
            .hint("put the lake on a local disk, or on a bucket: `lake: s3://bucket/prefix`"))
    };
    match linked {
        Ok(Err(error)) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Ok(_) => refused("links over what is there already"),
        // A full disk is told where room is needed, after what was left behind has been swept.
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem) => Err(error.into()),
        Err(_) => refused("has no hard links"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions, PutOptions,
        PutPayload, PutResult, Result,
    };

    use super::*;

    /// A store that ignores conditions, as s3rver does.
    #[derive(Debug)]
    struct Careless(Arc<InMemory>);

    impl std::fmt::Display for Careless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("careless")
        }
    }

    #[async_trait]
    impl ObjectStore for Careless {
        async fn put_opts(&self, key: &Key, payload: PutPayload, _: PutOptions) -> Result<PutResult> {
            self.0.put_opts(key, payload, PutMode::Overwrite.into()).await
        }
        async fn put_multipart_opts(&self, key: &Key, o: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
            self.0.put_multipart_opts(key, o).await
        }
        async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
            self.0.get_opts(key, options).await
        }
        fn delete_stream(&self, keys: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
            self.0.delete_stream(keys)
        }
        fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }
        async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
            self.0.list_with_delimiter(prefix).await
        }
        async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
            self.0.copy_opts(from, to, options).await
        }
    }

    /// Given a store that keeps conditions, and one that ignores them, then the probe tells them apart
    /// and leaves nothing behind.
    #[tokio::test]
    async fn a_careless_store_is_found_out() {
        let memory = Arc::new(InMemory::new());
        let folder = Key::from("lake/_probe");
        assert_eq!(create_twice(&*memory, &folder).await.unwrap(), Answer::Refuses);
        assert_eq!(create_twice(&Careless(Arc::clone(&memory)), &folder).await.unwrap(), Answer::Overwrites);
        assert!(memory.list_with_delimiter(Some(&folder)).await.unwrap().objects.is_empty());
    }

    /// Given a folder whose file system links as it should, or not at all, or over what is there, then
    /// only the first will do; a full disk is no reason to refuse it.
    #[test]
    fn a_mount_without_hard_links_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        probe_folder(&dir.path().join("lake")).unwrap();
        assert_eq!(fs_err::read_dir(dir.path().join("lake")).unwrap().count(), 0);
        let judge = |linked| judge_links(dir.path(), linked).map_err(|fault| fault.to_string());
        assert!(judge(Err(ErrorKind::Unsupported.into())).unwrap_err().contains("has no hard links"));
        assert!(judge(Err(ErrorKind::PermissionDenied.into())).unwrap_err().contains("has no hard links"));
        assert!(judge(Ok(Ok(()))).unwrap_err().contains("links over what is there already"));
        assert!(judge(Err(ErrorKind::StorageFull.into())).is_ok());
    }
}
