//! Files that have arrived: which of them start a run, and which did already.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::schedule::ports::{Inbox, Trigger};
use shoplake_core::schedule::{Arrival, Ending, Seen, Settling};

/// How long a run that failed keeps its files from starting another, at first and at most.
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

    /// The files that start a run now.
    pub(super) fn take(&mut self, now: DateTime<Utc>) -> Option<Trigger> {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.handed.clear();
        }
        if !self.arrival.run {
            return None;
        }
        let fresh = |path: &&PathBuf| !self.handed.contains_key(*path);
        let fresh: Vec<PathBuf> = self.rested.iter().filter(fresh).cloned().collect();
        self.handed.extend(fresh.iter().filter_map(|path| Some((path.clone(), self.seen.get(path)?.clone()))));
        (!fresh.is_empty()).then_some(Trigger::Arrival(fresh))
    }

    /// The run of these files was not started after all.
    pub(super) fn give_back(&mut self, trigger: &Trigger) {
        if let Trigger::Arrival(files) = trigger {
            self.handed.retain(|path, _| !files.contains(path));
        }
    }

    /// The files that a run must leave alone.
    pub(super) fn unsettled(&self, now: DateTime<Utc>) -> Vec<PathBuf> {
        self.settling.unsettled(now)
    }

    /// A run has ended. Files that lie there still after one that failed start another after a while.
    pub(super) fn ended(&mut self, trigger: &Trigger, ending: Ending, now: DateTime<Utc>) {
        if !matches!(trigger, Trigger::Arrival(_)) {
            return;
        }
        if ending == Ending::Done {
            (self.failures, self.retry_at) = (0, None);
        } else {
            let wait = (RETRY.0 * 2_i32.pow(self.failures.min(6))).min(RETRY.1);
            self.failures += 1;
            self.retry_at = Some(now + wait);
        }
    }
}
