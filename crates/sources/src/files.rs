//! Files that have arrived: those that lie where a dataset looks for them, and those named on the
//! command line.
//!
//! Nothing is moved, opened or judged here. Links are never followed, so that nobody can plant one
//! in the inbox and have another file of the machine loaded.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use shoplake_core::landed::natural_order;
use shoplake_core::ports::Take;
use shoplake_core::source::Origin;
use shoplake_core::{Fault, Project, Result};

/// A file that waits to be landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The dataset that it belongs to.
    pub dataset: String,
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// Its file name: files of a dataset are taken in the natural order of these.
    pub name: String,
    /// The path as the user knows it, relative to the project folder where it lies inside.
    pub origin: String,
    /// Whether landing takes it away (it lay in the inbox) or copies it (it belongs to somebody else).
    pub take: Take,
}

/// Every file that has arrived, dataset by dataset in the project's order, each in the natural order
/// of names.
///
/// Left alone: dot files, names that start with `~$`, half-written ones (`.part`, `.crdownload`,
/// `.tmp`), anything that is no plain file, and links, which are warned of. A glob whose folder does
/// not exist has no files. A fault where a folder cannot be read, a glob is no glob, or a file falls
/// to two datasets.
pub fn scan(project: &Project) -> Result<Vec<Arrival>> {
    let mut arrivals = Vec::new();
    let mut owners: HashMap<PathBuf, String> = HashMap::new();
    for dataset in &project.datasets {
        let name = &dataset.contract.dataset;
        let Some(place) = Place::of(project, name, &dataset.origin)? else { continue };
        let mut found = Vec::new();
        place.walk(&place.base, 0, &mut found)?;
        let mut own = Vec::with_capacity(found.len());
        for path in found {
            if let Some(other) = owners.insert(path.clone(), name.clone()) {
                let shown = project.shown(&path);
                return Err(Fault::usage(format!("`{shown}` falls to two datasets, `{other}` and `{name}`"))
                    .at(&dataset.contract.file, None, None)
                    .hint("narrow `from.files` of one of them"));
            }
            own.push(arrival(project, name, path)?);
        }
        own.sort_by(|a, b| natural_order(&a.name, &b.name).then_with(|| a.path.cmp(&b.path)));
        arrivals.append(&mut own);
    }
    Ok(arrivals)
}

/// The files at `paths`, for `dataset` or, without one, for the dataset whose `from.files` they match.
///
/// Named files are taken whatever they are called. They come back in the order that [`scan`] would
/// give them, each once. A fault where one is missing, is a folder or a link, or belongs to no dataset.
pub fn named(project: &Project, paths: &[PathBuf], dataset: Option<&str>) -> Result<Vec<Arrival>> {
    if let Some(name) = dataset
        && project.dataset(name).is_none()
    {
        return Err(Fault::usage(format!("no dataset `{name}`")).hint(format!("the project has {}", known(project))));
    }
    let mut arrivals: Vec<(usize, Arrival)> = Vec::new();
    for path in paths {
        let path = lexical(&std::path::absolute(path)?);
        if arrivals.iter().any(|(_, known)| known.path == path) {
            continue;
        }
        must_be_plain(project, &path)?;
        let owner = match dataset {
            Some(name) => name.to_owned(),
            None => owner(project, &path)?,
        };
        let rank = project.datasets.iter().position(|d| d.contract.dataset == owner).unwrap_or(usize::MAX);
        arrivals.push((rank, arrival(project, &owner, path)?));
    }
    arrivals.sort_by(|(i, a), (j, b)| {
        i.cmp(j).then_with(|| natural_order(&a.name, &b.name)).then_with(|| a.path.cmp(&b.path))
    });
    Ok(arrivals.into_iter().map(|(_, arrival)| arrival).collect())
}

fn arrival(project: &Project, dataset: &str, path: PathBuf) -> Result<Arrival> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let origin = project.shown(&path);
    let take = if lies_below(&path, &project.inbox_dir())? { Take::Move } else { Take::Copy };
    Ok(Arrival { dataset: dataset.to_owned(), path, name, origin, take })
}

/// Whether `path` truly lies below `folder`, whatever links lead to either.
fn lies_below(path: &Path, folder: &Path) -> Result<bool> {
    let Ok(folder) = fs_err::canonicalize(folder) else { return Ok(false) };
    let parent = path.parent().unwrap_or(Path::new("/"));
    Ok(fs_err::canonicalize(parent)?.starts_with(folder))
}

fn must_be_plain(project: &Project, path: &Path) -> Result<()> {
    let shown = project.shown(path);
    let kind = match fs_err::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Fault::usage(format!("no file `{shown}`")));
        }
        Err(error) => return Err(error.into()),
    };
    if kind.is_symlink() {
        return Err(Fault::usage(format!("`{shown}` is a link")).hint("name the file that it leads to"));
    }
    if kind.is_dir() {
        return Err(Fault::usage(format!("`{shown}` is a folder")).hint("name the files in it"));
    }
    if !kind.is_file() {
        return Err(Fault::usage(format!("`{shown}` is not a plain file")));
    }
    Ok(())
}

/// The datasets of the project, as words.
fn known(project: &Project) -> String {
    project.datasets.iter().map(|d| format!("`{}`", d.contract.dataset)).collect::<Vec<_>>().join(", ")
}

/// The one dataset whose `from.files` matches `path`.
fn owner(project: &Project, path: &Path) -> Result<String> {
    let mut owners = Vec::new();
    for dataset in &project.datasets {
        let name = &dataset.contract.dataset;
        if let Some(place) = Place::of(project, name, &dataset.origin)?
            && place.matches(path)
        {
            owners.push(name.clone());
        }
    }
    if owners.len() == 1 {
        return Ok(owners.remove(0));
    }
    let shown = project.shown(path);
    let problem = if owners.is_empty() { "no dataset" } else { "more than one dataset" };
    Err(Fault::usage(format!("`{shown}` matches `from.files` of {problem}"))
        .hint(format!("say which it is for with `--dataset NAME`: the project has {}", known(project))))
}

/// Where a dataset looks for files: a folder, and a glob below it.
struct Place {
    base: PathBuf,
    glob: GlobMatcher,
    /// Folders below `base` that the glob can reach into; `None` where it has `**`.
    depth: Option<usize>,
}

impl Place {
    /// `None` where the dataset does not come from files.
    fn of(project: &Project, dataset: &str, origin: &Origin) -> Result<Option<Self>> {
        let Origin::Files(pattern) = origin else { return Ok(None) };
        let pattern = if pattern.trim().is_empty() { format!("inbox/{dataset}/*") } else { pattern.clone() };
        let parts: Vec<&str> = pattern.split('/').collect();
        let special = |part: &&str| part.contains(['*', '?', '[', '{', '\\']);
        // The last part is always matched, so that a plain name has a folder to be looked for in.
        let literal = parts.iter().position(special).unwrap_or(parts.len()).min(parts.len() - 1);
        let (folder, rest) = parts.split_at(literal);
        let folder = if pattern.starts_with('/') { format!("{}/", folder.join("/")) } else { folder.join("/") };
        let glob = GlobBuilder::new(&rest.join("/")).literal_separator(true).build().map_err(|error| {
            let file = project.dataset(dataset).map_or("", |d| d.contract.file.as_str());
            Fault::usage(format!("`{pattern}` is not a glob: {}", error.kind())).at(file, None, None)
        })?;
        let depth = (!rest.iter().any(|part| part.contains("**"))).then(|| rest.len() - 1);
        let root = std::path::absolute(&project.dir)?;
        Ok(Some(Self { base: lexical(&root.join(folder)), glob: glob.compile_matcher(), depth }))
    }

    fn matches(&self, path: &Path) -> bool {
        path.strip_prefix(&self.base).is_ok_and(|below| self.glob.is_match(below))
    }

    fn walk(&self, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
        let entries = match fs_err::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            if left_alone(&name.to_string_lossy()) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if self.depth.is_none_or(|limit| depth < limit) {
                    self.walk(&path, depth + 1, found)?;
                }
            } else if !self.matches(&path) {
            } else if kind.is_file() {
                found.push(path);
            } else if kind.is_symlink() {
                tracing::warn!(path = %path.display(), "left alone: a link, and links are not followed");
            }
        }
        Ok(())
    }
}

/// Whether a file of that name is none of ours, or not yet.
fn left_alone(name: &str) -> bool {
    let ending = Path::new(name).extension().unwrap_or_default();
    name.starts_with('.')
        || name.starts_with("~$")
        || ["part", "crdownload", "tmp"].iter().any(|half| ending.eq_ignore_ascii_case(half))
}

/// The path without `.` and `..`, decided on its text.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
