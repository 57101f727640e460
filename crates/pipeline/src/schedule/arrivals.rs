//! Files that have arrived: which of them start a run, and which did already.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::schedule::ports::{Inbox, Retry, Trigger};
use shoplake_core::schedule::{Arrival, Ending, Seen, Settling};

/// How long after a run of theirs that failed files start another, at first and at most.
const RETRY: (TimeDelta, TimeDelta) = (TimeDelta::minutes(1), TimeDelta::hours(1));

pub(super) struct Arrivals {
    arrival: Arrival,
    settling: Settling,
    rested: Vec<PathBuf>,
    seen: HashMap<PathBuf, Seen>,
    /// Files that have started a run as they are; one that is copied stays where it lies.
    handed: HashMap<PathBuf, Seen>,
    retry_at: Option<DateTime<Utc>>,
    failures: u32,
    /// What was wrong with the last look, told once.
    trouble: Option<String>,
}

impl Arrivals {
    pub(super) fn new(arrival: Arrival) -> Self {
        Self {
            arrival,
            settling: Settling::new(arrival.settle),
            rested: Vec::new(),
            seen: HashMap::new(),
            handed: HashMap::new(),
            retry_at: None,
            failures: 0,
            trouble: None,
        }
    }

    /// What another process has to know to go on with files whose runs failed.
    pub(super) fn retry(&self) -> Option<Retry> {
        if self.failures == 0 {
            return None;
        }
        // While their run is going on they are fresh again for whoever takes over: that run may never end.
        let mut handed: Vec<Seen> = self.retry_at.iter().flat_map(|_| self.handed.values().cloned()).collect();
        handed.sort_by(|one, other| one.path.cmp(&other.path));
        Some(Retry { at: self.retry_at, failures: self.failures, handed })
    }

    /// Goes on with what another process knew.
    pub(super) fn recall(&mut self, retry: Retry) {
        (self.retry_at, self.failures) = (retry.at, retry.failures);
        self.handed = retry.handed.into_iter().map(|file| (file.path.clone(), file)).collect();
    }

    /// Looks at what lies there now.
    pub(super) fn look(&mut self, inbox: &dyn Inbox, now: DateTime<Utc>) {
        let files = match inbox.look() {
            Ok(files) => files,
            Err(fault) => {
                let trouble = fault.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::warn!(fault = fault.for_log(), "the inbox cannot be read");
                }
                self.trouble = Some(trouble);
                return;
            }
        };
        self.trouble = None;
        self.seen = files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        self.handed.retain(|path, file| self.seen.get(path) == Some(file));
        self.rested = self.settling.look(now, files);
    }

    /// What starts a run now.
    pub(super) fn take(&mut self, now: DateTime<Utc>) -> Option<Trigger> {
        if !self.arrival.run {
            return None;
        }
        let failed = self.retry_at.is_some_and(|at| at <= now);
        if failed {
            self.retry_at = None;
            self.handed.clear();
        }
        let fresh = |path: &&PathBuf| !self.handed.contains_key(*path);
        let fresh: Vec<PathBuf> = self.rested.iter().filter(fresh).cloned().collect();
        self.handed.extend(fresh.iter().filter_map(|path| Some((path.clone(), self.seen.get(path)?.clone()))));
        if failed {
            // It takes what rests, and what the run that failed has landed, which no name stands for any more.
            return Some(Trigger::Failed);
        }
        (!fresh.is_empty()).then_some(Trigger::Arrival(fresh))
    }

    /// The run of this was not started after all.
    pub(super) fn give_back(&mut self, trigger: &Trigger, now: DateTime<Utc>) {
        match trigger {
            Trigger::Arrival(files) => self.handed.retain(|path, _| !files.contains(path)),
            Trigger::Failed => self.retry_at = Some(now),
            Trigger::Schedule(_) | Trigger::Request | Trigger::CutOff => {}
        }
    }

    /// The files that a run must leave alone.
    pub(super) fn unsettled(&self, now: DateTime<Utc>) -> Vec<PathBuf> {
        self.settling.unsettled(now)
    }

    /// A run has ended. After one of files that failed, another follows a while later, until one that takes
    /// whatever there is has gone well: one of other files says nothing of them.
    pub(super) fn ended(&mut self, trigger: &Trigger, ending: Ending, now: DateTime<Utc>) {
        // One that was cut off was of files, where such a run had failed before.
        let of_files = matches!(trigger, Trigger::Arrival(_) | Trigger::Failed)
            || (matches!(trigger, Trigger::CutOff) && self.failures > 0);
        if ending != Ending::Done && of_files {
            let wait = (RETRY.0 * 2_i32.pow(self.failures.min(6))).min(RETRY.1);
            self.failures += 1;
            self.retry_at = Some(now + wait);
        } else if ending == Ending::Done && !matches!(trigger, Trigger::Arrival(_)) {
            (self.failures, self.retry_at) = (0, None);
        }
    }
}
