//! What the project's files say is taken up while the server runs: another state of it takes the place of the
//! one before, over the same connections, sign-ins and figures.
//!
//! What cannot be taken up is noted, and pages say so: mistakes, until which all stays as it was, and what a
//! process stands on from its start. Not here: dashboards, which are read at every request.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::Router;
use shoplake_core::{Fault, Project, Result};
use shoplake_project::{Reread, reread};
use tokio::time::Instant;

use crate::app::{App, Reopen, Shared, Unheeded};
use crate::problem::Mistake;
use crate::routes;

/// What is looked at for changes: files of the project, and folders of them.
const FILES: [&str; 3] = ["shoplake.yml", "prices.yml", ".env"];
const FOLDERS: [&str; 2] = ["sources", "alerts"];
/// Between two tries of files with mistakes: what is wrong may stand in one that is not looked at.
const AGAIN: Duration = Duration::from_secs(3);

/// When a file was written last, and its bytes.
pub(crate) type Stamps = BTreeMap<PathBuf, (SystemTime, u64)>;

/// The router that new requests get.
pub(crate) struct Current(RwLock<Router>);

impl Current {
    pub(crate) fn new(app: &App) -> Arc<Self> {
        Arc::new(Self(RwLock::new(routes::router(app))))
    }

    /// The router over the newest state.
    pub(crate) fn router(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }
}

/// Looks after the project's files.
pub(crate) struct Reload {
    /// The project when the server began.
    start: Arc<Project>,
    reopen: Arc<dyn Reopen>,
    current: Arc<Current>,
    taken: Stamps,
    /// When files with mistakes were read last.
    wrong: Option<Instant>,
}

impl Reload {
    /// Takes the files as they are now for those that `start` was read from.
    pub(crate) fn new(start: Arc<Project>, reopen: Arc<dyn Reopen>, current: Arc<Current>) -> Result<Self> {
        Ok(Self { taken: of_project(&start.dir)?, start, reopen, current, wrong: None })
    }

    /// Takes up what has changed. Gives the state from then on, and whether pages have to be told.
    pub(crate) async fn look(&mut self, app: &App) -> Result<(App, bool)> {
        let now = of_project(&self.start.dir)?;
        let again = self.wrong.is_some_and(|read| read.elapsed() >= AGAIN);
        if now == self.taken && !again {
            return Ok((Arc::clone(app), false));
        }
        let start = Arc::clone(&self.start);
        let read = tokio::task::spawn_blocking(move || reread(&start)).await;
        let Reread { project, faults, later } =
            read.map_err(|error| Fault::internal("the project's files were not read").caused_by(error))?;
        let mistakes: Vec<_> = faults.iter().map(Mistake::from).collect();
        if !mistakes.is_empty() {
            (self.taken, self.wrong) = (now, Some(Instant::now()));
            let later = app.lasting.unheeded().later;
            return Ok((Arc::clone(app), app.lasting.note(Unheeded { mistakes, later })));
        }
        let ports = self.reopen.ports(Arc::new(project)).await?;
        let renewed = Shared::over(ports, app.lasting.clone());
        self.current.put(routes::router(&renewed));
        (self.taken, self.wrong) = (now, None);
        renewed.lasting.note(Unheeded { mistakes, later });
        tracing::info!("the project's files were taken up");
        Ok((renewed, true))
    }
}

fn of_project(dir: &Path) -> Result<Stamps> {
    let mut all = Stamps::new();
    for name in FILES {
        all.extend(stamp(dir.join(name)));
    }
    for name in FOLDERS {
        all.extend(of_folder(&dir.join(name))?);
    }
    Ok(all)
}

/// The files of a folder; none where there is no such folder.
pub(crate) fn of_folder(folder: &Path) -> Result<Stamps> {
    match fs_err::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().filter_map(|entry| stamp(entry.path())).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Stamps::new()),
        Err(error) => Err(error.into()),
    }
}

/// A file that goes while it is looked at is gone.
fn stamp(path: PathBuf) -> Option<(PathBuf, (SystemTime, u64))> {
    let metadata = fs_err::metadata(&path).ok()?;
    Some((path, (metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len())))
}
