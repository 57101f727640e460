//! One run from the sources to what is published: the only place where the stations meet.
//!
//! ```text
//! recover → collect → land → load (judge, decide) → models → tests → publish → archive → reports
//! ```
//!
//! The stations are crates of their own; storage, SQL and memory stand behind the ports of
//! [`shoplake_core::ports`]. Nothing here knows which adapter it works with.

mod archive;
mod attempts;
mod build;
mod causes;
mod choice;
mod collect;
mod columns;
mod compact;
mod ended;
mod export;
mod full;
mod load;
mod make;
mod mark;
pub mod plan;
mod planning;
mod replay;
mod report;
mod restated;
mod restore;
mod run;
pub mod schedule;
mod testing;
mod tries;
mod verify;
mod why;

use std::path::PathBuf;
use std::sync::Arc;

use shoplake_core::Project;
use shoplake_core::ports::{Engine, LandingZone, Progress, RunListener, StateStore, TableStore};
use shoplake_core::schedule::ports::Clock;

pub use attempts::Attempts;
pub use build::fingerprints;
pub use choice::{Choice, Chosen};
pub use planning::{plan_all, plan_tests};
pub use replay::{ORIGIN_COLUMNS, REASON_COLUMNS, ReplayOptions, places, source_item};
pub use run::many;
pub use why::{Explainer, Why};

/// The stations of a project, put together by the binary.
#[derive(Clone)]
pub struct Pipeline {
    /// The project.
    pub project: Arc<Project>,
    /// Its tables.
    pub tables: Arc<dyn TableStore>,
    /// Its landing zone and archive.
    pub landing: Arc<dyn LandingZone>,
    /// SQL.
    pub engine: Arc<dyn Engine>,
    /// Its memory.
    pub state: Arc<dyn StateStore>,
    /// Who hears how runs go.
    pub listener: Arc<dyn RunListener>,
    /// The time that steps are waited for and bounded by.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// Gives memory that is free back to the system: between many rows that are loaded and models over them, which
    /// need it for other things.
    pub give_back: fn(),
}

/// What a run takes besides what lies in the inbox.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Files named by hand: they are copied, never moved, and nothing else is taken.
    pub files: Vec<PathBuf>,
    /// The dataset that those files belong to, where their folder does not say it.
    pub dataset: Option<String>,
    /// Files that are still being written: they are left where they lie.
    pub leave: Vec<PathBuf>,
    /// Rows leave quarantine, and nothing else is loaded.
    pub replay: Option<ReplayOptions>,
    /// Nothing is loaded: models are built and tested over the tables as they are.
    pub build_only: bool,
    /// Which models are built and which tests run.
    pub choice: Choice,
}

impl RunOptions {
    /// Whether all that has arrived is taken.
    fn is_whole(&self) -> bool {
        self.files.is_empty() && self.replay.is_none() && !self.build_only
    }
}
