//! A lake elsewhere: an object store, with a folder of this machine as its mirror.
//!
//! The store is the truth. Most objects never change once they are written (landed bytes, data files,
//! indexes, records), so the mirror is a cache that may be deleted at any time: a file is brought here
//! when it is first read. All calls wait; the work is done on threads of this module's own, so that
//! they may be made from anywhere.

mod access;
mod careful;
mod fault;
mod lease;
mod meter;
mod mirror;
mod probe;
mod transfer;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use futures::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use shoplake_core::{Fault, Project, RemoteLake, Result};
use tokio::runtime::Runtime;
use url::Url;

use self::careful::Careful;
pub(crate) use self::fault::refuse_unused as refuse_unused_faults;
use self::lease::Held;
pub(crate) use self::lease::Lease;
pub use self::meter::requests;
pub(crate) use self::probe::probe_folder;
use crate::pool::lock;
use crate::store::Listed;

/// Threads that talk to stores.
const THREADS: usize = 2;

/// A lake elsewhere.
pub(crate) struct Remote {
    /// Where it is, as the project says.
    url: String,
    /// The store, from its root on; every call is tried again, and no unknown outcome is taken for a failure.
    store: Arc<dyn ObjectStore>,
    /// The store as it is.
    bare: Arc<dyn ObjectStore>,
    /// The address of the store's root.
    root: Url,
    /// The lake's place in the store.
    prefix: Key,
    /// The folder of copies.
    mirror: PathBuf,
    /// Whether the mirror was looked at.
    trusted: Mutex<bool>,
    lease: Mutex<Option<Arc<Held>>>,
    /// The side indexes of each table that was asked for one, with their sizes.
    indexes: Mutex<HashMap<PathBuf, Arc<HashMap<PathBuf, u64>>>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).field("mirror", &self.mirror).finish_non_exhaustive()
    }
}

/// The threads that talk to stores.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("shoplake-store")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|error| Fault::unavailable(format!("no threads can be started: {error}")))
}

/// Does `work` on those threads and waits for it, wherever the caller is.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        // Nobody listens only where the caller is gone.
        let _ = sender.send(work.await);
    });
    receiver.recv().map_err(|_| Fault::internal("a call to the store ended without an answer"))
}

impl Remote {
    /// Opens the lake of a project. One address has one connection in a process, and with it one lease.
    pub(crate) fn connect(project: &Project, remote: &RemoteLake) -> Result<Arc<Self>> {
        type Open = Mutex<HashMap<(String, PathBuf), Arc<Remote>>>;
        static OPEN: OnceLock<Open> = OnceLock::new();
        let mirror = std::path::absolute(&project.lake_dir)?;
        let mut open = lock(OPEN.get_or_init(Open::default));
        let name = (remote.url.clone(), mirror.clone());
        if let Some(known) = open.get(&name) {
            return Ok(Arc::clone(known));
        }
        let access::Opened { store, root, prefix } = access::open(remote, runtime()?.handle())?;
        let bare = fault::armed(store)?;
        let made = Arc::new(Self {
            url: remote.url.trim_end_matches('/').to_owned(),
            store: Arc::new(Careful::new(Arc::clone(&bare))),
            bare,
            root,
            prefix,
            mirror,
            trusted: Mutex::default(),
            lease: Mutex::default(),
            indexes: Mutex::default(),
        });
        open.insert(name, Arc::clone(&made));
        Ok(made)
    }

    /// The store for Delta: from its root on, and the address of a table in it.
    pub(crate) fn for_table(&self, table: &Path) -> Result<(Arc<dyn ObjectStore>, Key, Url)> {
        let key = self.key(table)?;
        let mut url = self.root.clone();
        url.set_path(&format!("{key}/"));
        Ok((Arc::clone(&self.store), key, url))
    }

    /// The key of what the mirror has at `path`.
    fn key(&self, path: &Path) -> Result<Key> {
        let below = path.strip_prefix(&self.mirror);
        let below = below.map_err(|_| Fault::internal(format!("`{}` is not in the lake's mirror", path.display())))?;
        let parts = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        let prefix = self.prefix.parts().map(|part| part.as_ref().to_owned());
        let joined = prefix.chain(parts).collect::<Vec<_>>().join("/");
        Key::parse(&joined).map_err(|error| Fault::internal(format!("`{joined}` cannot be a key: {error}")))
    }

    /// Where the mirror has an object.
    fn path(&self, key: &Key) -> Option<PathBuf> {
        let below = key.prefix_match(&self.prefix)?;
        Some(below.fold(self.mirror.clone(), |path, part| path.join(part.as_ref())))
    }

    /// What went wrong with the object at `path`.
    fn fault(&self, path: &Path, error: object_store::Error) -> Fault {
        access::explain(&self.shown(path), error)
    }

    /// The address of what the mirror has at `path`.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.mirror).unwrap_or(path).to_string_lossy().replace('\\', "/");
        format!("{}/{below}", self.url)
    }

    /// A record as it stands. One that has been read or written here never changes.
    pub(crate) fn read_record(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        if let Some(folder) = path.parent() {
            self.trust_mirror(folder)?;
        }
        if let Ok(bytes) = fs_err::read(path) {
            return Ok(Some(bytes));
        }
        let bytes = self.read(path)?;
        if let Some(bytes) = &bytes {
            transfer::keep_copy(path, bytes)?;
        }
        Ok(bytes)
    }

    /// What the store has at `path` now.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let (store, key) = (Arc::clone(&self.store), self.key(path)?);
        match wait(async move { careful::read(&*store, &key).await })? {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fault(path, error)),
        }
    }

    /// Writes an object, unless another stands there already: then `false`.
    pub(crate) fn put_if_absent(&self, path: &Path, bytes: Vec<u8>) -> Result<bool> {
        let (store, key) = (Arc::clone(&self.store), self.key(path)?);
        let payload = PutPayload::from(bytes);
        match wait(async move { store.put_opts(&key, payload, PutMode::Create.into()).await })? {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.fault(path, error)),
        }
    }

    /// Writes an object, whatever stands there.
    pub(crate) fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<()> {
        let (store, key) = (Arc::clone(&self.store), self.key(path)?);
        let put = wait(async move { store.put(&key, bytes.into()).await })?;
        put.map(|_| ()).map_err(|error| self.fault(path, error))
    }

    /// Whether an object is there.
    pub(crate) fn exists(&self, path: &Path) -> Result<bool> {
        let (store, key) = (Arc::clone(&self.store), self.key(path)?);
        match wait(async move { store.head(&key).await })? {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.fault(path, error)),
        }
    }

    /// The objects in a folder, and with `deep` those below it.
    pub(crate) fn list(&self, folder: &Path, deep: bool) -> Result<Vec<Listed>> {
        let (store, key) = (Arc::clone(&self.store), self.key(folder)?);
        let listed = wait(async move {
            if deep {
                store.list(Some(&key)).try_collect::<Vec<_>>().await
            } else {
                store.list_with_delimiter(Some(&key)).await.map(|listed| listed.objects)
            }
        })?;
        let objects = listed.map_err(|error| self.fault(folder, error))?;
        let listed = objects.into_iter();
        let listed = listed.filter_map(|meta| {
            Some(Listed { path: self.path(&meta.location)?, size: meta.size, written: meta.last_modified })
        });
        Ok(listed.collect())
    }

    /// Removes an object; one that is not there is removed.
    pub(crate) fn delete(&self, path: &Path) -> Result<()> {
        let (store, key) = (Arc::clone(&self.store), self.key(path)?);
        match wait(async move { store.delete(&key).await })? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.fault(path, error)),
        }
    }

    /// Moves an object: copies it, then removes the first; `false` where there is none.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<bool> {
        let (store, first, second) = (Arc::clone(&self.store), self.key(from)?, self.key(to)?);
        match wait(async move { store.copy(&first, &second).await })? {
            Ok(()) => self.delete(from).map(|()| true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.fault(from, error)),
        }
    }

    /// Refuses to go on where another machine took this process's lease over.
    pub(crate) fn still_ours(&self) -> Result<()> {
        let held = lock(&self.lease).clone();
        match held {
            Some(held) => held.check(self),
            None => Err(Fault::internal(format!("`{}` is written to without its lease", self.url))),
        }
    }
}
