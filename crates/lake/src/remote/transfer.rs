//! Whole files to the store and from it: uploads before a batch is decided, downloads when a file is
//! first read. A copy appears in the mirror under its name only once it is whole.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use shoplake_core::{Fault, Fetch, Result, Wanted};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use super::{Remote, careful, meter, wait};
use crate::pool::lock;

/// Files that move at once.
const AT_ONCE: usize = 8;
/// A file larger than this is sent in parts of this size.
const PART: u64 = 8 << 20;

/// Writes a small copy into the mirror, durable, so that it is never met half.
pub(super) fn keep_copy(path: &Path, bytes: &[u8]) -> Result<()> {
    let Some(folder) = path.parent() else { return Err(Fault::internal("a record has no folder")) };
    fs_err::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{}.tmp", Uuid::new_v4()));
    let mut file = fs_err::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(fs_err::rename(&temporary, path)?)
}

/// What went wrong with a file on its way.
enum Trouble {
    Store(object_store::Error),
    Disk(std::io::Error),
    Fault(Fault),
}

impl careful::Passing for Trouble {
    fn passes(&self) -> bool {
        matches!(self, Self::Store(error) if error.passes())
    }
}

impl From<object_store::Error> for Trouble {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

impl Remote {
    fn trouble(&self, path: &Path, trouble: Trouble) -> Fault {
        match trouble {
            Trouble::Store(error) => self.fault(path, error),
            Trouble::Disk(error) => error.into(),
            Trouble::Fault(fault) => fault,
        }
    }

    /// Sends `from` to the store under the name of `path`, whatever stands there.
    pub(crate) fn send(&self, from: &Path, path: &Path) -> Result<()> {
        self.send_all(vec![(from.to_owned(), path.to_owned())])
    }

    /// Sends the mirror's files to the store.
    pub(crate) fn upload(&self, paths: Vec<PathBuf>) -> Result<()> {
        self.send_all(paths.into_iter().map(|path| (path.clone(), path)).collect())
    }

    fn send_all(&self, files: Vec<(PathBuf, PathBuf)>) -> Result<()> {
        let files = files.into_iter().map(|(from, path)| Ok((from, self.key(&path)?, path)));
        let files = files.collect::<Result<Vec<_>>>()?;
        let store = Arc::clone(&self.store);
        let sent = wait(async move {
            let sending =
                files.into_iter().map(|(from, key, path)| {
                    let store = Arc::clone(&store);
                    async move {
                        careful::again(|| send_file(&*store, &from, &key)).await.map_err(|trouble| (path, trouble))
                    }
                });
            stream::iter(sending).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await
        })?;
        sent.map(|_| ()).map_err(|(path, trouble)| self.trouble(&path, trouble))
    }

    /// Where the index of a table begins: the part of its path up to `_index`.
    fn index_folder(path: &Path) -> Option<PathBuf> {
        path.ancestors().find(|above| above.ends_with("_index")).map(Path::to_owned)
    }

    /// The side indexes that the store has below `folder`, with their sizes. They do not change while
    /// this process holds the lease, but for its own, which lie in the mirror.
    fn indexes_of(&self, folder: &Path) -> Result<Arc<HashMap<PathBuf, u64>>> {
        if let Some(known) = lock(&self.indexes).get(folder) {
            return Ok(Arc::clone(known));
        }
        let listed = self.list(folder, true)?.into_iter().map(|listed| (listed.path, listed.size));
        let listed = Arc::new(listed.collect::<HashMap<_, _>>());
        lock(&self.indexes).insert(folder.to_owned(), Arc::clone(&listed));
        Ok(listed)
    }

    /// Removes what the mirror has below the indexes' names that the store does not have as it is.
    fn wanted_index(&self, path: &Path, size: Option<u64>) -> Result<Option<u64>> {
        let Some(folder) = Self::index_folder(path) else { return Ok(size) };
        Ok(self.indexes_of(&folder)?.get(path).copied())
    }
}

impl Fetch for Remote {
    fn fetch(&self, wanted: &[Wanted]) -> Result<()> {
        let mut missing: Vec<(PathBuf, Key, Option<u64>)> = Vec::new();
        for (path, size) in wanted {
            let here = fs_err::metadata(path).ok().map(|metadata| metadata.len());
            let is_index = Self::index_folder(path).is_some();
            let size = if is_index { self.wanted_index(path, *size)? } else { *size };
            // An index that the store does not have is one of this run, or none.
            if (is_index && size.is_none()) || (here.is_some() && size.is_none_or(|size| here == Some(size))) {
                continue;
            }
            missing.push((path.clone(), self.key(path)?, size));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        let brought = wait(async move {
            let bringing = missing.into_iter().map(|(path, key, size)| {
                let store = Arc::clone(&store);
                async move { bring_file(&*store, &key, &path, size).await.map_err(|trouble| (path, trouble)) }
            });
            stream::iter(bringing).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await
        })?;
        brought.map(|_| ()).map_err(|(path, trouble)| self.trouble(&path, trouble))
    }
}

async fn send_file(store: &dyn ObjectStore, from: &Path, key: &Key) -> Result<(), Trouble> {
    meter::wrote();
    if tokio::fs::metadata(from).await?.len() <= PART {
        let bytes = PutPayload::from(tokio::fs::read(from).await?);
        store.put(key, bytes).await?;
        return Ok(());
    }
    let mut file = tokio::fs::File::open(from).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(key).await?, PART as usize);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            upload.finish().await?;
            return Ok(());
        }
        upload.wait_for_capacity(2).await?;
        upload.write(&buffer[..read]);
    }
}

/// Brings an object to `path`; one that is not there stays missing.
async fn bring_file(store: &dyn ObjectStore, key: &Key, path: &Path, size: Option<u64>) -> Result<(), Trouble> {
    let Some(folder) = path.parent() else { return Ok(()) };
    tokio::fs::create_dir_all(folder).await?;
    let temporary = folder.join(format!(".{}.tmp", Uuid::new_v4()));
    let brought = careful::again(|| bring_to(store, key, &temporary, size)).await;
    let placed = match brought {
        Ok(()) => tokio::fs::rename(&temporary, path).await.map_err(Trouble::from),
        Err(Trouble::Store(object_store::Error::NotFound { .. })) => {
            // What the mirror has under this name is a copy of nothing.
            let _ = tokio::fs::remove_file(path).await;
            Ok(())
        }
        Err(trouble) => Err(trouble),
    };
    // Gone by now, but where something went wrong.
    let _ = tokio::fs::remove_file(&temporary).await;
    placed
}

async fn bring_to(store: &dyn ObjectStore, key: &Key, path: &Path, size: Option<u64>) -> Result<(), Trouble> {
    meter::read();
    let mut file = tokio::fs::File::create(path).await?;
    let mut bytes = store.get(key).await?.into_stream();
    let mut found = 0;
    while let Some(chunk) = bytes.try_next().await? {
        file.write_all(&chunk).await?;
        found += chunk.len() as u64;
    }
    file.flush().await?;
    match size {
        Some(size) if size != found => Err(Trouble::Fault(
            Fault::unavailable(format!("`{key}` has {found} bytes in the store, and the log says {size}"))
                .hint("`shoplake verify` names every file that is not what the log says"),
        )),
        _ => Ok(()),
    }
}
