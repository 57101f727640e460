//! The landing zone and the archive: bytes as they came, named by their content. In a lake elsewhere
//! they arrive before the original goes.
//!
//! A file lands as `landing/<dataset>/<first 16 digits of its SHA-256>/<its name>`, an API page as
//! `landing/<dataset>/<pull>/<page>.json`; the archive keeps the same key.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use shoplake_core::landed::natural_order;
use shoplake_core::ports::{LandingZone, Take};
use shoplake_core::{Fault, Fetch, LandedFile, Result, Sha256, Wanted};

use crate::layout::Layout;
use crate::remote::Remote;
use crate::store::sync_folder;

/// What the folder of a pull's pages begins with.
const PULL: &str = "pull-";

/// The landing zone of a lake.
#[derive(Debug, Clone)]
pub(crate) struct LocalLanding {
    layout: Layout,
}

/// The SHA-256 of a file's bytes, and how many there are.
pub(crate) fn hash(path: &Path) -> Result<(Sha256, u64)> {
    use sha2::Digest;
    let mut file = fs_err::File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        size += n as u64;
        hasher.update(&buffer[..n]);
    }
    let mut digits = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut digits, format_args!("{byte:02x}"));
    }
    Ok((Sha256(digits), size))
}

/// A name that is one plain step of a path.
fn plain<'a>(name: &'a str, what: &str) -> Result<&'a str> {
    let odd = name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']);
    if odd { Err(Fault::usage(format!("`{}` is no name for {what}", name.escape_debug()))) } else { Ok(name) }
}

impl LocalLanding {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// What waits in a lake elsewhere, brought here. A landed file whose bytes are not those of its name
    /// was never whole: its original is where it was.
    fn waiting_elsewhere(&self, remote: &Remote, dataset: &str) -> Result<Vec<LandedFile>> {
        let listed = remote.list(&self.layout.landing().join(dataset), true)?;
        let wanted: Vec<Wanted> = listed.into_iter().map(|listed| (listed.path, Some(listed.size))).collect();
        remote.fetch(&wanted)?;
        let mut waiting = Vec::new();
        for (path, _) in wanted {
            let (Some(folder), Some(name)) = (path.parent().and_then(file_name), file_name(&path)) else { continue };
            let origin = format!("landing/{dataset}/{folder}/{name}");
            let file = landed(dataset, folder, name, &origin, path.clone())?;
            if file.page.is_some() || file.sha256.short() == folder {
                waiting.push(file);
            } else {
                tracing::warn!(file = origin, "passed over: it was never landed as a whole");
            }
        }
        in_order(&mut waiting);
        Ok(waiting)
    }
}

/// Sorts files as they are to be taken.
fn in_order(files: &mut [LandedFile]) {
    files.sort_by(|a, b| natural_order(&a.name, &b.name).then_with(|| a.key.cmp(&b.key)));
}

/// The landed file at `path`.
fn landed(dataset: &str, folder: &str, name: &str, origin: &str, path: PathBuf) -> Result<LandedFile> {
    let (sha256, size) = hash(&path)?;
    let page = folder.strip_prefix(PULL).zip(page_number(name)).map(|(pull, page)| (pull.to_owned(), page));
    let key = format!("{dataset}/{folder}/{name}");
    Ok(LandedFile { dataset: dataset.into(), key, name: name.into(), origin: origin.into(), sha256, size, path, page })
}

/// `page-000012.json` is page 12.
fn page_number(name: &str) -> Option<u64> {
    name.strip_prefix("page-")?.split('.').next()?.parse().ok()
}

/// What tells one state of a file from another without reading it.
fn state(path: &Path) -> Result<(u64, Option<std::time::SystemTime>)> {
    let metadata = fs_err::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(Fault::usage(format!("`{}` is not a plain file", path.display()))
            .hint("drop the file itself: links and folders are not followed"));
    }
    Ok((metadata.len(), metadata.modified().ok()))
}

impl LandingZone for LocalLanding {
    fn foresee(&self, dataset: &str, source: &Path, name: &str, origin: &str) -> Result<LandedFile> {
        let name = plain(name, "a landed file")?;
        state(source)?;
        let (sha256, size) = hash(source)?;
        let key = format!("{dataset}/{}/{name}", sha256.short());
        let (name, path) = (name.into(), source.to_owned());
        Ok(LandedFile { dataset: dataset.into(), key, name, origin: origin.into(), sha256, size, path, page: None })
    }

    fn land_file(&self, dataset: &str, source: &Path, name: &str, origin: &str, take: Take) -> Result<LandedFile> {
        let name = plain(name, "a landed file")?;
        let before = state(source)?;
        let (sha256, size) = hash(source)?;
        if state(source)? != before {
            return Err(Fault::data(format!("`{origin}` changed while it was read"))
                .hint("wait until it is written, then run again; nothing of it was taken"));
        }
        let folder = self.layout.landing().join(dataset).join(sha256.short());
        fs_err::create_dir_all(&folder)?;
        let path = folder.join(name);
        if let Some(remote) = self.layout.store().remote() {
            remote.send(source, &path)?;
        }
        match take {
            Take::Move if fs_err::rename(source, &path).is_ok() => {}
            Take::Move | Take::Copy => {
                let temporary = folder.join(format!(".{}", uuid::Uuid::new_v4()));
                fs_err::copy(source, &temporary)?;
                fs_err::File::open(&temporary)?.sync_all()?;
                fs_err::rename(&temporary, &path)?;
                if take == Take::Move {
                    fs_err::remove_file(source)?;
                }
            }
        }
        sync_folder(&folder)?;
        let key = format!("{dataset}/{}/{name}", sha256.short());
        Ok(LandedFile {
            dataset: dataset.into(),
            key,
            name: name.into(),
            origin: origin.into(),
            sha256,
            size,
            path,
            page: None,
        })
    }

    fn land_page(
        &self,
        dataset: &str,
        name: &str,
        origin: &str,
        page: (String, u64),
        bytes: &[u8],
    ) -> Result<LandedFile> {
        let pull = format!("{PULL}{}", plain(&page.0, "a pull")?);
        let folder = self.layout.landing().join(dataset).join(&pull);
        fs_err::create_dir_all(&folder)?;
        let path = folder.join(plain(name, "a page")?);
        let temporary = folder.join(format!(".{}", uuid::Uuid::new_v4()));
        let mut file = fs_err::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs_err::rename(&temporary, &path)?;
        sync_folder(&folder)?;
        if let Some(remote) = self.layout.store().remote() {
            remote.send(&path, &path)?;
        }
        let landed = landed(dataset, &pull, name, origin, path)?;
        Ok(LandedFile { page: Some(page), ..landed })
    }

    fn waiting(&self, dataset: &str) -> Result<Vec<LandedFile>> {
        let mut waiting = Vec::new();
        if let Some(remote) = self.layout.store().remote() {
            return self.waiting_elsewhere(remote, dataset);
        }
        for folder in entries(&self.layout.landing().join(dataset))? {
            for path in entries(&folder)? {
                let (Some(folder), Some(name)) = (file_name(&folder), file_name(&path)) else { continue };
                waiting.push(landed(
                    dataset,
                    folder,
                    name,
                    &format!("landing/{dataset}/{folder}/{name}"),
                    path.clone(),
                )?);
            }
        }
        in_order(&mut waiting);
        Ok(waiting)
    }

    fn archive(&self, file: &LandedFile, metadata: &serde_json::Value) -> Result<()> {
        let (from, to) = (self.layout.landing().join(&file.key), self.layout.archive().join(&file.key));
        let Some(folder) = to.parent() else { return Err(Fault::internal("an archived file has no folder")) };
        fs_err::create_dir_all(folder)?;
        let store = self.layout.store();
        if let Some(remote) = store.remote() {
            // It is there already: a run was cut off between the archive and its end.
            if !remote.rename(&from, &to)? && !remote.exists(&to)? {
                return Err(Fault::unavailable(format!("`{}` is gone from landing and archive", file.key)));
            }
        }
        match fs_err::rename(&from, &to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && (to.exists() || store.remote().is_some()) => {
            }
            other => other?,
        }
        let stem = file.name.split('.').next().unwrap_or(&file.name);
        let text = serde_json::to_vec_pretty(metadata).map_err(|error| Fault::internal(error.to_string()))?;
        let beside = folder.join(format!("{stem}_metadata.json"));
        fs_err::write(&beside, &text)?;
        if let Some(remote) = store.remote() {
            remote.put(&beside, text)?;
        }
        remove_if_empty(from.parent())
    }

    fn archived(&self, key: &str) -> Result<PathBuf> {
        let path = self.layout.archive().join(key);
        self.layout.table_root("").bring(&[(path.clone(), None)])?;
        Ok(path)
    }

    fn keep(&self, path: &Path) -> Result<()> {
        let Some(remote) = self.layout.store().remote() else { return Ok(()) };
        remote.send(path, &std::path::absolute(path)?)
    }

    fn kept(&self, path: &Path) -> Result<()> {
        if path.exists() {
            return Ok(());
        }
        self.layout.table_root("").bring(&[(path.to_owned(), None)])
    }

    fn discard(&self, file: &LandedFile) -> Result<()> {
        let path = self.layout.landing().join(&file.key);
        self.layout.store().remove(&path)?;
        remove_if_empty(path.parent())
    }
}

/// Paths in a folder but for hidden ones; none where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    Ok(paths.into_iter().filter(|path| file_name(path).is_some_and(|name| !name.starts_with('.'))).collect())
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

fn remove_if_empty(folder: Option<&Path>) -> Result<()> {
    match folder.map(fs_err::remove_dir) {
        Some(Err(error))
            if !matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty) =>
        {
            Err(error.into())
        }
        _ => Ok(()),
    }
}
