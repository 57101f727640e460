//! Which files have arrived whole: those whose size and time have rested for a while, as seen by us.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A file as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, by its own file system.
    pub modified: Option<DateTime<Utc>>,
}

/// Watches files until they rest. What a file's clock says is compared with itself only, never with ours:
/// a copy that keeps its old time, or a disk of another machine, is watched just the same.
#[derive(Debug, Clone)]
pub struct Settling {
    rest: TimeDelta,
    known: HashMap<PathBuf, (Seen, DateTime<Utc>)>,
}

impl Settling {
    /// A file rests once it has not changed for `rest`.
    pub fn new(rest: TimeDelta) -> Self {
        Self { rest, known: HashMap::new() }
    }

    /// Takes a look at all files, made at `now`; gives those that rest, in the order of the look.
    pub fn look(&mut self, now: DateTime<Utc>, files: Vec<Seen>) -> Vec<PathBuf> {
        let mut before = std::mem::take(&mut self.known);
        let mut rested = Vec::new();
        for file in files {
            // A clock that went back makes a file wait anew, not for ever.
            let known = before.remove(&file.path).filter(|(seen, since)| *seen == file && *since <= now);
            let since = known.map_or(now, |(_, since)| since);
            if now - since >= self.rest {
                rested.push(file.path.clone());
            }
            self.known.insert(file.path.clone(), (file, since));
        }
        rested
    }

    /// The files of the last look that did not rest at `now`.
    pub fn unsettled(&self, now: DateTime<Utc>) -> Vec<PathBuf> {
        let moving = self.known.iter().filter(|(_, (_, since))| now - *since < self.rest);
        let mut paths: Vec<PathBuf> = moving.map(|(path, _)| path.clone()).collect();
        paths.sort();
        paths
    }

    /// Whether a file of the last look is still to rest.
    pub fn waits(&self, now: DateTime<Utc>) -> bool {
        self.known.values().any(|(_, since)| now - *since < self.rest)
    }
}
