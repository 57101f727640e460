//! How often a step of a run is tried, how long is waited in between, and how long it may take.
//!
//! Values and arithmetic only; who waits is `pipeline`.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;

use crate::fault::{Fault, FaultKind};

/// The steps of a run that can fail for reasons outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Brings in order what an earlier run left.
    Recover,
    /// Takes files from the inbox and pages from APIs.
    Land,
    /// Judges and loads rows.
    Load,
    /// Builds and tests models.
    Models,
    /// Decides, and commits each table.
    Publish,
    /// Brings archive and state up to what is published.
    Archive,
    /// Writes the reports.
    Reports,
}

impl Step {
    /// Every step, in the order of a run.
    pub const ALL: [Self; 7] =
        [Self::Recover, Self::Land, Self::Load, Self::Models, Self::Publish, Self::Archive, Self::Reports];

    /// Its name in shoplake.yml and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Recover => "recover",
            Self::Land => "land",
            Self::Load => "load",
            Self::Models => "models",
            Self::Publish => "publish",
            Self::Archive => "archive",
            Self::Reports => "reports",
        }
    }
}

/// What a step is tried again for. Faults of the data and of the project are not among them: they are
/// there the next time too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// A disk, a store, a database or the network is away.
    Unavailable,
    /// It took longer than it may.
    Timeout,
    /// A promise of Shoplake itself did not hold.
    Internal,
}

impl Trouble {
    /// What kind of trouble a fault is; `None` where trying again cannot help: the data and the project
    /// stay as they are, and a full disk stays full.
    pub fn of(fault: &Fault) -> Option<Self> {
        match fault.kind {
            FaultKind::Unavailable if !fault.is_disk_full() => Some(Self::Unavailable),
            FaultKind::Internal => Some(Self::Internal),
            _ => None,
        }
    }
}

/// How one step is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRetry {
    /// How often, the first time included; 1 or more.
    pub attempts: u32,
    /// The wait before the second time. It doubles each time.
    pub wait: TimeDelta,
    /// The longest wait.
    pub longest_wait: TimeDelta,
    /// What it is tried again for.
    pub on: BTreeSet<Trouble>,
    /// How long it may take each time.
    pub timeout: TimeDelta,
}

impl Default for StepRetry {
    fn default() -> Self {
        Self {
            attempts: 4,
            wait: TimeDelta::seconds(1),
            longest_wait: TimeDelta::minutes(1),
            on: BTreeSet::from([Trouble::Unavailable, Trouble::Timeout]),
            timeout: TimeDelta::hours(6),
        }
    }
}

impl StepRetry {
    /// How long to wait after the `failed`th time (1 or more); `None` where it is not tried again.
    ///
    /// The wait doubles up to the longest. Up to half of it is left to chance, which `seed` decides:
    /// runs that failed together do not come back together.
    pub fn wait_after(&self, failed: u32, trouble: Trouble, seed: impl Hash) -> Option<TimeDelta> {
        if failed >= self.attempts || !self.on.contains(&trouble) {
            return None;
        }
        let doubled = self.wait.num_milliseconds().saturating_mul(1 << failed.saturating_sub(1).min(30));
        let wait = doubled.min(self.longest_wait.num_milliseconds()).max(0);
        let mut hasher = DefaultHasher::new();
        (seed, failed).hash(&mut hasher);
        let chance = hasher.finish() % (wait.unsigned_abs() / 2 + 1);
        Some(TimeDelta::milliseconds(wait - i64::try_from(chance).unwrap_or(0)))
    }
}

/// How the steps of a run are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// Every step, unless it has its own.
    pub every: StepRetry,
    /// Steps that have their own.
    pub steps: BTreeMap<Step, StepRetry>,
    /// A file that made the run fail, or ended its process, so often is set aside.
    pub set_aside_after: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self { every: StepRetry::default(), steps: BTreeMap::new(), set_aside_after: 3 }
    }
}

impl Retries {
    /// How that step is tried.
    pub fn of(&self, step: Step) -> &StepRetry {
        self.steps.get(&step).unwrap_or(&self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a step that fails again and again, then its waits double up to the longest, each short by at
    /// most its half, and end with its attempts.
    #[test]
    fn waits_double_within_bounds() {
        let retry = StepRetry { attempts: 9, longest_wait: TimeDelta::seconds(20), ..StepRetry::default() };
        let mut waits = BTreeSet::new();
        for seed in 0..50 {
            for (failed, whole) in
                [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000), (5, 16_000), (6, 20_000), (8, 20_000)]
            {
                let wait = retry.wait_after(failed, Trouble::Unavailable, seed).unwrap().num_milliseconds();
                assert!((whole / 2..=whole).contains(&wait), "{failed}: {wait}");
                waits.insert(wait);
            }
            assert_eq!(retry.wait_after(9, Trouble::Unavailable, seed), None);
        }
        assert!(waits.len() > 100, "chance spreads them");
        let endless = StepRetry { attempts: u32::MAX, ..retry };
        assert!(endless.wait_after(u32::MAX - 1, Trouble::Timeout, 1).unwrap() <= TimeDelta::seconds(20));
    }

    /// Given faults of every kind, then only those of the world are tried again, and no full disk.
    #[test]
    fn only_faults_of_the_world_are_tried_again() {
        let retry = StepRetry::default();
        let again = |fault: &Fault| Trouble::of(fault).is_some_and(|trouble| retry.wait_after(1, trouble, 0).is_some());
        assert!(again(&Fault::unavailable("the bucket is away")));
        assert!(!again(&Fault::unavailable("no space left on device (os error 28)")));
        for kind in [FaultKind::Usage, FaultKind::Data, FaultKind::Busy, FaultKind::Internal] {
            assert!(!again(&Fault::new(kind, "wrong")), "{kind:?}");
        }
        let internal = StepRetry { on: BTreeSet::from([Trouble::Internal]), ..retry };
        assert!(internal.wait_after(1, Trouble::of(&Fault::internal("lost")).unwrap(), 0).is_some());
    }
}
