//! The state in a schema of a PostgreSQL database, for several machines.
//!
//! Transactions that write wait for each other on one advisory lock of the schema, as SQLite's do by
//! themselves: what the tables' code relies on there holds here too.

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

use shoplake_core::Result;

pub use leadership::Leader;

/// The state of a project in PostgreSQL.
#[derive(Debug, Clone)]
pub struct State {
    writer: db::Pool,
    reader: db::Pool,
}

impl State {
    /// Opens the schema of the project of this name in the database at `url`
    /// (`postgres://user:password@host/database`), making it where missing, and brings its tables up to date.
    ///
    /// # Errors
    /// `Usage` where a newer Shoplake made it, or `url` is none; `Unavailable` where the database is away or
    /// refuses, with a hint. No error repeats the password.
    pub async fn open(url: &str, project: &str) -> Result<Self> {
        let pool = open::open(url, project).await?;
        Ok(Self { writer: pool.clone(), reader: pool })
    }
}
