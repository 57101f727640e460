//! When a run is due: cron in the shop's time zone, what overlaps, what was missed, what has arrived.
//!
//! Pure rules: every function takes the moment, none asks a clock. What acts on them (the loop that
//! starts runs) lives in `pipeline`, what remembers them in `state`.
//!
//! # The rules
//! - **The clock goes forward.** A time that is skipped is due at the first moment after the gap, once
//!   however many were skipped: `30 2 * * *` runs at 03:00 on that day. A day that a zone skips whole
//!   has no run.
//! - **The clock goes back.** A time that happens twice is due the first time only.
//! - **Where the hour is `*` or `*/n`** the schedule counts hours that pass, not hours that have a name:
//!   a skipped time is not made up for, and one that happens twice is due twice. `*/15 * * * *` runs
//!   every 15 minutes, whatever the clock does.
//! - **Overlap.** What comes due while a run is going on waits for its end (`wait`), is left out
//!   (`skip`), or ends that run and begins (`cancel`).
//! - **Missed.** What came due while nobody ran it (a machine that was off, a queue that waits) is made
//!   up for by one run (`last`), or by one for each, the oldest first (`all`, up to [`MISSED_MAX`]).
//! - A run that was cut off is begun again, [`ATTEMPTS_MAX`] times in all.
//! - A schedule that is new or was changed counts from the moment that it is first seen.

mod cron;
mod occurrences;
mod planner;
pub mod ports;
mod settling;

#[cfg(test)]
mod tests;

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use cron::Cron;
pub use occurrences::Occurrences;
pub use planner::{Ending, Planner, Step, Unstarted};
pub use settling::{Seen, Settling};

/// How many missed runs `all` makes up for; older ones are left out and counted.
pub const MISSED_MAX: usize = 366;
/// How often a run that was cut off with its process is begun, the first time included.
pub const ATTEMPTS_MAX: u32 = 3;

/// When the pipeline runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The times.
    pub cron: Cron,
    /// What happens to a run that is due while another is going on.
    pub overlap: Overlap,
    /// What happens to runs that were due while nobody could start them.
    pub missed: Missed,
}

/// What happens to a run that is due while another is going on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// It begins when the other ends.
    #[default]
    Wait,
    /// It is left out.
    Skip,
    /// The other is ended, and it begins.
    Cancel,
}

/// What happens to runs that were due while nobody could start them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// One run makes up for all of them.
    #[default]
    Last,
    /// Each of them is made up for, the oldest first.
    All,
}

/// What files that arrive in the inbox do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Whether they start a run.
    pub run: bool,
    /// How long a file must not have changed before it has arrived.
    pub settle: TimeDelta,
}

impl Default for Arrival {
    fn default() -> Self {
        Self { run: true, settle: TimeDelta::seconds(2) }
    }
}

impl From<Cron> for Schedule {
    fn from(cron: Cron) -> Self {
        Self { cron, overlap: Overlap::default(), missed: Missed::default() }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cron.fmt(f)
    }
}
