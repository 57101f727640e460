//! What the schedule is done with: a clock, a memory, whoever runs the pipeline, and who leads.

use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Ending, Seen, Unstarted};
use crate::fault::Result;
use crate::ids::RunId;

/// Where the time comes from.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
    /// Returns at `at`, or earlier: a clock that jumps must be seen to have jumped.
    async fn sleep_until(&self, at: DateTime<Utc>);
}

/// Why a run begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// It was due.
    Schedule(Unstarted),
    /// These files have arrived, and rest.
    Arrival(Vec<PathBuf>),
    /// Somebody asked for it.
    Request,
    /// A run of files that had arrived has failed, a while ago: they may lie there still, or have landed.
    Failed,
    /// A run that no schedule had asked for was cut off.
    CutOff,
}

/// How a run ended, for the log of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// Its run, where it got as far as one.
    pub run: Option<RunId>,
    /// What it came to, in words.
    pub note: String,
}

/// Whoever runs the pipeline.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Runs it to its end. `unsettled` are files that are still being written: they are left alone. A run
    /// that fails says so in what it gives back.
    async fn run(&self, trigger: &Trigger, unsettled: &[PathBuf]) -> Ended;
    /// Tells the run that is going on to end at once; [`Launcher::run`] then gives back
    /// [`Ending::Cancelled`]. Without one it does nothing.
    async fn cancel(&self);
}

/// Where files arrive.
pub trait Inbox: Send + Sync {
    /// The files that lie there.
    fn look(&self) -> Result<Vec<Seen>>;
}

/// What the schedule knows, for whoever goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The expression and the zone that it was written for.
    pub schedule: String,
    /// Everything due until here is done, queued or left out.
    pub counted_until: DateTime<Utc>,
    /// Runs that are due and wait, in order.
    pub waiting: Vec<Unstarted>,
    /// The run that the schedule began, while it is going on.
    pub running: Option<Unstarted>,
    /// How often the run that is going on for another reason was begun; 0 where there is none.
    #[serde(default)]
    pub occupied: u32,
    /// The runs of files that had arrived and that failed, until one of them has gone well.
    #[serde(default)]
    pub retry: Option<Retry>,
}

/// What is known of runs of files that had arrived and that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// When another follows; `None` while it is going on.
    pub at: Option<DateTime<Utc>>,
    /// How many failed one after the other.
    pub failures: u32,
    /// The files that wait for it where they lie, and start none before it as they are.
    pub handed: Vec<Seen>,
}

/// Why a run that was due does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// Another was going on, and the schedule says to leave it out then.
    StillRunning,
    /// More were missed than are made up for.
    TooMany,
    /// It was begun as often as it may, and its process died each time.
    CutOffTooOften,
}

/// A line in the log of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// When it happened, UTC.
    pub at: DateTime<Utc>,
    /// When the run was due; `None` for one that no schedule asked for.
    pub due: Option<DateTime<Utc>>,
    /// What happened.
    pub event: Event,
    /// How many due runs it is about.
    pub count: u64,
    /// The run, where it got as far as one.
    pub run: Option<RunId>,
    /// More, in words.
    pub note: String,
}

/// What can happen to a run that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It began.
    Started,
    /// It ended well.
    Done,
    /// It ended, and something failed.
    Failed,
    /// It was told to end.
    Cancelled,
    /// It does not happen.
    Skipped,
}

/// The memory of the schedule. Every write names the term of whoever writes, and fails where another
/// leads by now.
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// What was known last.
    async fn recall(&self) -> Result<Option<Memory>>;
    /// Keeps what is known, and lines of the log with it, in one transaction; `Busy` where `term` is over.
    async fn keep(&self, term: u64, memory: &Memory, log: &[Logged]) -> Result<()>;
    /// The last lines of the log, newest first.
    async fn logged(&self, limit: u32) -> Result<Vec<Logged>>;
}

/// Where one of several instances stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It leads, in this term; terms only grow.
    Leads(u64),
    /// Another leads.
    Follows,
}

/// Which of several instances on one state acts. The leader beats; a follower takes over once it saw no
/// new beat for a while by its own clock, so that no clock is compared with another machine's.
#[async_trait]
pub trait Leadership: Send + Sync {
    /// Beats where this instance leads, takes over where nobody does, and says how it stands. Call it
    /// every few seconds.
    async fn beat(&self) -> Result<Standing>;
    /// Gives the lead away, so that another takes over at once.
    async fn resign(&self) -> Result<()>;
}
