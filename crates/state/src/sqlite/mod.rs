//! The state in one SQLite file, `.shoplake/state.db`.
//!
//! Write-ahead logging, one connection that writes, a few that read. Every transaction that writes
//! begins with `BEGIN IMMEDIATE`: one that reads first and writes later fails at once when another
//! process wrote in between, however long the busy timeout is.

mod alerts;
mod batches;
mod fault;
mod files;
mod leadership;
mod open;
mod runs;
mod schedule;
mod usage;

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::outcome::{FileStatus, RunOutcome};
use shoplake_core::ports::{FileRecord, Manifest, RunRecord, StateStore, StepRecord};
use shoplake_core::{BatchNumber, Result, RunId, Sha256};
use sqlx::SqlitePool;

pub use leadership::SqliteLeadership;

/// The state of a project in SQLite.
#[derive(Debug, Clone)]
pub struct SqliteState {
    /// One connection, so that writers of this process wait for each other without SQLite's help.
    writer: SqlitePool,
    reader: SqlitePool,
}

impl SqliteState {
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

#[async_trait]
impl StateStore for SqliteState {
    async fn begin_run(&self, run: &RunId, started_at: DateTime<Utc>) -> Result<()> {
        runs::begin(&self.writer, run, started_at).await
    }

    async fn record_step(&self, run: &RunId, step: &StepRecord) -> Result<()> {
        runs::record_step(&self.writer, run, step).await
    }

    async fn finish_run(&self, outcome: &RunOutcome) -> Result<()> {
        runs::finish(&self.writer, outcome).await
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        runs::latest(&self.reader, limit).await
    }

    async fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>> {
        runs::steps(&self.reader, run).await
    }

    async fn file(&self, dataset: &str, sha256: &Sha256) -> Result<Option<FileRecord>> {
        files::by_bytes(&self.reader, dataset, sha256).await
    }

    async fn page(&self, dataset: &str, pull: &str, page: u64) -> Result<Option<FileRecord>> {
        files::by_page(&self.reader, dataset, pull, page).await
    }

    async fn last_loaded(&self, dataset: &str) -> Result<Option<FileRecord>> {
        files::last_loaded(&self.reader, dataset).await
    }

    async fn files(&self, status: Option<FileStatus>, limit: u32) -> Result<Vec<FileRecord>> {
        files::latest(&self.reader, status, limit).await
    }

    async fn waiting(&self, limit: u32) -> Result<Vec<FileRecord>> {
        files::waiting(&self.reader, limit).await
    }

    async fn schema_changes(&self, limit: u32) -> Result<Vec<FileRecord>> {
        files::schema_changes(&self.reader, limit).await
    }

    async fn record_file(&self, record: &FileRecord) -> Result<()> {
        files::record(&self.writer, record).await
    }

    async fn record_batch(&self, manifest: &Manifest) -> Result<()> {
        batches::record(&self.writer, manifest).await
    }

    async fn last_batch(&self) -> Result<BatchNumber> {
        batches::last(&self.reader).await
    }

    async fn run_of(&self, batch: BatchNumber) -> Result<Option<RunId>> {
        batches::run_of(&self.reader, batch).await
    }

    async fn cursor(&self, dataset: &str) -> Result<Option<serde_json::Value>> {
        batches::cursor(&self.reader, dataset).await
    }

    async fn pull(&self, dataset: &str) -> Result<Option<serde_json::Value>> {
        batches::pull(&self.reader, dataset).await
    }

    async fn set_pull(&self, dataset: &str, pull: Option<&serde_json::Value>) -> Result<()> {
        batches::set_pull(&self.writer, dataset, pull).await
    }
}
