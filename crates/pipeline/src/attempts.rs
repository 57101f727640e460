//! Files that make a run fail, or end its process: how often each did, and which are set aside for it.
//!
//! Written before a file is loaded and after, in `.shoplake/attempts.json`, so that a process that dies
//! leaves behind what it died of. Without it files are tried anew: it is a memory, never the truth.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shoplake_core::retry::Trouble;
use shoplake_core::{Fault, LandedFile, Project, Result, Sha256};

use crate::tries::Failed;

/// The file below `.shoplake/`.
const FILE: &str = "attempts.json";

/// What is known of one file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Attempt {
    /// How often it made a run fail, or ended one.
    failed: u32,
    /// Whether it is being loaded; where no process does, one died of it.
    loading: bool,
    /// What happened last.
    reason: Option<String>,
    /// Whether somebody wants it to be taken again.
    released: bool,
}

/// The memory of files that make runs fail.
#[derive(Debug, Clone)]
pub struct Attempts {
    path: PathBuf,
    most: u32,
}

impl Attempts {
    /// The memory of a project.
    pub fn of(project: &Project) -> Self {
        Self { path: project.state_dir().join(FILE), most: project.retries.set_aside_after }
    }

    /// A file is about to be loaded.
    pub(crate) fn begin(&self, file: &LandedFile) -> Result<()> {
        self.change(file, |known| {
            let mut attempt = known.unwrap_or_default();
            (attempt.failed, attempt.loading, attempt.released) = (attempt.failed + 1, true, false);
            if attempt.failed > 1 {
                attempt.reason.get_or_insert_with(|| DIED.to_owned());
            }
            Some(attempt)
        })
    }

    /// It was loaded, or refused for its data.
    pub(crate) fn done(&self, file: &LandedFile) -> Result<()> {
        self.change(file, |_| None)
    }

    /// It made the run fail. A store that is away says nothing about the file, unless it is the file
    /// itself that cannot be read; a time that is up does, since each file has its own.
    pub(crate) fn failed(&self, file: &LandedFile, failed: &Failed) -> Result<()> {
        let fault = &failed.fault;
        let of_world = matches!(Trouble::of(fault), Some(Trouble::Unavailable)) || fault.is_disk_full();
        let about_it = fault.to_string().contains(&file.path.display().to_string());
        let guilty = !of_world || about_it || failed.timed_out();
        self.change(file, |known| {
            let mut attempt = known?;
            attempt.loading = false;
            if guilty {
                attempt.reason = Some(fault.to_string());
                return Some(attempt);
            }
            attempt.failed = attempt.failed.saturating_sub(1);
            (attempt.failed > 0).then_some(attempt)
        })
    }

    /// Why a file is set aside, if it is.
    pub(crate) fn set_aside(&self, file: &LandedFile) -> Result<Option<String>> {
        let read = self.read()?;
        let Some(attempt) = read.get(&key(&file.dataset, &file.sha256)) else { return Ok(None) };
        if attempt.failed < self.most {
            return Ok(None);
        }
        let times = if attempt.failed == 1 { "once".to_owned() } else { format!("{} times", attempt.failed) };
        let reason = attempt.reason.as_deref().filter(|_| !attempt.loading).unwrap_or(DIED);
        Ok(Some(format!(
            "{}: set aside, since its load failed {times}: {reason}; hint: `shoplake retry --file {}` takes it again",
            file.origin, file.name
        )))
    }

    /// Whether somebody wants a file that was refused or set aside to be taken again.
    pub(crate) fn released(&self, file: &LandedFile) -> Result<bool> {
        Ok(self.read()?.get(&key(&file.dataset, &file.sha256)).is_some_and(|attempt| attempt.released))
    }

    /// A file that came anew is tried anew.
    pub(crate) fn came_anew(&self, file: &LandedFile) -> Result<()> {
        if self.read()?.get(&key(&file.dataset, &file.sha256)).is_some_and(|attempt| attempt.failed >= self.most) {
            return self.done(file);
        }
        Ok(())
    }

    /// The next run takes a file again that was refused or set aside.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn release(&self, dataset: &str, sha256: &Sha256) -> Result<()> {
        let mut all = self.read()?;
        all.insert(key(dataset, sha256), Attempt { released: true, ..Attempt::default() });
        self.write(&all)
    }

    /// Somebody ended the run: no file is to blame for it. Only for who knows that the run's process is gone.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn forgive(state_dir: &Path) -> Result<()> {
        let attempts = Self { path: state_dir.join(FILE), most: u32::MAX };
        let mut all = attempts.read()?;
        if !all.values().any(|attempt| attempt.loading) {
            return Ok(());
        }
        all.retain(|_, attempt| {
            attempt.failed -= u32::from(attempt.loading).min(attempt.failed);
            attempt.loading = false;
            attempt.failed > 0 || attempt.released
        });
        attempts.write(&all)
    }

    fn change(&self, file: &LandedFile, change: impl FnOnce(Option<Attempt>) -> Option<Attempt>) -> Result<()> {
        let mut all = self.read()?;
        let key = key(&file.dataset, &file.sha256);
        let before = all.remove(&key);
        let nothing = before.is_none();
        match change(before) {
            Some(attempt) => drop(all.insert(key, attempt)),
            None if nothing => return Ok(()),
            None => {}
        }
        self.write(&all)
    }

    /// What is known; one that cannot be read is as none.
    fn read(&self) -> Result<BTreeMap<String, Attempt>> {
        match fs_err::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Written beside and put in place: who dies in between leaves the one before.
    fn write(&self, all: &BTreeMap<String, Attempt>) -> Result<()> {
        let text = serde_json::to_vec(all).map_err(|error| Fault::internal(error.to_string()))?;
        let beside = self.path.with_extension("json.new");
        fs_err::write(&beside, text)?;
        Ok(fs_err::rename(beside, &self.path)?)
    }
}

const DIED: &str = "the process ended while it was loaded";

fn key(dataset: &str, sha256: &Sha256) -> String {
    format!("{dataset}/{}", sha256.0)
}
