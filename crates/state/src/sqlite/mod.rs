//! The state in one SQLite file, `.shoplake/state.db`.
//!
//! Write-ahead logging, one connection that writes, a few that read. Every transaction that writes
//! begins with `BEGIN IMMEDIATE`: one that reads first and writes later fails at once when another
//! process wrote in between, however long the busy timeout is.

mod db;
mod fault;
mod open;

#[path = "../tables/alerts.rs"]
mod alerts;
#[path = "../tables/batches.rs"]
mod batches;
#[path = "../tables/files.rs"]
mod files;
#[path = "../tables/leadership.rs"]
mod leadership;
#[path = "../tables/runs.rs"]
mod runs;
#[path = "../tables/schedule.rs"]
mod schedule;
#[path = "../tables/state.rs"]
mod state;
#[path = "../tables/totals.rs"]
mod totals;
#[path = "../tables/usage.rs"]
mod usage;

use std::path::Path;

use shoplake_core::Result;

pub use leadership::Leader;

/// The state of a project in SQLite.
#[derive(Debug, Clone)]
pub struct State {
    /// One connection, so that writers of this process wait for each other without SQLite's help.
    writer: db::Pool,
    reader: db::Pool,
}

impl State {
    /// Opens the database at `path` (`.shoplake/state.db`), making it and its folder where missing,
    /// and brings its tables up to date.
    ///
    /// # Errors
    /// `Usage` where a newer Shoplake made it; `Unavailable` where it is damaged, locked or cannot be
    /// opened, with a hint.
    pub async fn open(path: &Path) -> Result<Self> {
        let (writer, reader) = open::file(path).await?;
        Ok(Self { writer, reader })
    }

    /// An empty state that is gone with the value; for tests and for looking without leaving a trace.
    pub async fn open_in_memory() -> Result<Self> {
        let only = open::memory().await?;
        Ok(Self { writer: only.clone(), reader: only })
    }
}
