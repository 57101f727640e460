//! Where the lake's objects are: in a folder of this machine, or elsewhere with that folder as its
//! mirror. Everything is named by its path in the folder; only this file and [`crate::remote`] know
//! which of the two it is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shoplake_core::{Fault, Result, TableRoot};

use crate::remote::Remote;

/// The lake's objects.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// In the folder itself.
    Folder,
    /// Elsewhere; the folder has copies.
    Remote(Arc<Remote>),
}

/// An object that a listing names.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// Its path in the folder.
    pub(crate) path: PathBuf,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// When it was written, by the disk's or the store's clock.
    pub(crate) written: DateTime<Utc>,
}

impl Store {
    /// The lake elsewhere, if it is.
    pub(crate) fn remote(&self) -> Option<&Arc<Remote>> {
        match self {
            Self::Folder => None,
            Self::Remote(remote) => Some(remote),
        }
    }

    /// The folder of a table.
    pub(crate) fn table_root(&self, path: PathBuf) -> TableRoot {
        match self {
            Self::Folder => path.into(),
            Self::Remote(remote) => TableRoot::new(path, Some(Arc::clone(remote) as _)),
        }
    }

    /// Refuses to go on where this process is not the lake's one writer any more.
    pub(crate) fn still_ours(&self) -> Result<()> {
        self.remote().map_or(Ok(()), |remote| remote.still_ours())
    }

    /// A record as it stands; `None` where there is none.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Folder => match fs_err::read(path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Remote(remote) => remote.read_record(path),
        }
    }

    /// Writes a record whole and durable, unless one stands there already: then `false`.
    pub(crate) fn put_if_absent(&self, path: &Path, bytes: Vec<u8>) -> Result<bool> {
        match self {
            Self::Folder => link_in(path, &bytes),
            Self::Remote(remote) => remote.put_if_absent(path, bytes),
        }
    }

    /// Whether an object is there.
    pub(crate) fn exists(&self, path: &Path) -> Result<bool> {
        match self {
            Self::Folder => Ok(path.try_exists()?),
            Self::Remote(remote) => remote.exists(path),
        }
    }

    /// The names of the objects in a folder, not of those below it; none where there is no folder.
    pub(crate) fn names(&self, folder: &Path) -> Result<Vec<String>> {
        let entries = match self {
            Self::Remote(remote) => {
                let listed = remote.list(folder, false)?;
                return Ok(listed.into_iter().filter_map(|listed| file_name(&listed.path)).collect());
            }
            Self::Folder => match fs_err::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            },
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// The objects in a folder and below it; none where there is no folder.
    pub(crate) fn list(&self, folder: &Path) -> Result<Vec<Listed>> {
        if let Self::Remote(remote) = self {
            return remote.list(folder, true);
        }
        let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
        while let Some(folder) = folders.pop() {
            let entries = match fs_err::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            for entry in entries {
                let entry = entry?;
                let metadata = match entry.metadata() {
                    Ok(metadata) => metadata,
                    // Gone meanwhile.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error.into()),
                };
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    let written = metadata.modified().map(DateTime::from).unwrap_or_default();
                    found.push(Listed { path: entry.path(), size: metadata.len(), written });
                }
            }
        }
        Ok(found)
    }

    /// Removes an object; none there is none to remove.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        if let Self::Remote(remote) = self {
            remote.delete(path)?;
        }
        match fs_err::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Moves an object. Doing it twice does no harm; an object that is nowhere stays so.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        if let Self::Remote(remote) = self {
            remote.rename(from, to)?;
        }
        if let Some(folder) = to.parent() {
            fs_err::create_dir_all(folder)?;
        }
        match fs_err::rename(from, to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name().and_then(|name| name.to_str()).map(str::to_owned)
}

/// Writes a file under a name of chance, then links it in: a hard link fails where the name is taken,
/// the file system's own put-if-absent.
fn link_in(path: &Path, bytes: &[u8]) -> Result<bool> {
    let Some(folder) = path.parent() else { return Err(Fault::internal("a record has no folder")) };
    fs_err::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let mut file = fs_err::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = fs_err::hard_link(&temporary, path);
    fs_err::remove_file(&temporary)?;
    match linked {
        Ok(()) => sync_folder(folder).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    Ok(fs_err::File::open(folder)?.sync_all()?)
}
