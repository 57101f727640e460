//! The port to runs, files and cursors: each question in the file of its table.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::outcome::{FileStatus, RunOutcome};
use shoplake_core::ports::{FileRecord, Manifest, RunRecord, StateStore, StepRecord, Totals};
use shoplake_core::{BatchNumber, Result, RunId, Sha256};

use super::db::{within, within_long};
use super::{State, batches, files, runs, totals};

#[async_trait]
impl StateStore for State {
    async fn begin_run(&self, run: &RunId, started_at: DateTime<Utc>) -> Result<()> {
        within(runs::begin(&self.writer, run, started_at)).await
    }

    async fn record_step(&self, run: &RunId, step: &StepRecord) -> Result<()> {
        within(runs::record_step(&self.writer, run, step)).await
    }

    async fn finish_run(&self, outcome: &RunOutcome) -> Result<()> {
        within(runs::finish(&self.writer, outcome)).await
    }

    async fn leave_run(&self, run: &RunId) -> Result<()> {
        within(runs::leave(&self.writer, run)).await
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        within(runs::latest(&self.reader, limit)).await
    }

    async fn ended_runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        within(runs::ended(&self.reader, limit)).await
    }

    async fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>> {
        within(runs::steps(&self.reader, run)).await
    }

    async fn file(&self, dataset: &str, sha256: &Sha256) -> Result<Option<FileRecord>> {
        within(files::by_bytes(&self.reader, dataset, sha256)).await
    }

    async fn page(&self, dataset: &str, pull: &str, page: u64) -> Result<Option<FileRecord>> {
        within(files::by_page(&self.reader, dataset, pull, page)).await
    }

    async fn last_loaded(&self, dataset: &str) -> Result<Option<FileRecord>> {
        within(files::last_loaded(&self.reader, dataset)).await
    }

    async fn files(&self, status: Option<FileStatus>, limit: u32) -> Result<Vec<FileRecord>> {
        within(files::latest(&self.reader, status, limit)).await
    }

    async fn waiting(&self, limit: u32) -> Result<Vec<FileRecord>> {
        within(files::waiting(&self.reader, limit)).await
    }

    async fn schema_changes(&self, limit: u32) -> Result<Vec<FileRecord>> {
        within(files::schema_changes(&self.reader, limit)).await
    }

    async fn record_file(&self, record: &FileRecord) -> Result<()> {
        within(files::record(&self.writer, record)).await
    }

    async fn record_batch(&self, manifest: &Manifest) -> Result<()> {
        within_long(batches::record(&self.writer, manifest)).await
    }

    async fn last_batch(&self) -> Result<BatchNumber> {
        within(batches::last(&self.reader)).await
    }

    async fn run_of(&self, batch: BatchNumber) -> Result<Option<RunId>> {
        within(batches::run_of(&self.reader, batch)).await
    }

    async fn totals(&self) -> Result<Totals> {
        within(totals::totals(&self.reader)).await
    }

    async fn cursor(&self, dataset: &str) -> Result<Option<serde_json::Value>> {
        within(batches::cursor(&self.reader, dataset)).await
    }

    async fn pull(&self, dataset: &str) -> Result<Option<serde_json::Value>> {
        within(batches::pull(&self.reader, dataset)).await
    }

    async fn set_pull(&self, dataset: &str, pull: Option<&serde_json::Value>) -> Result<()> {
        within(batches::set_pull(&self.writer, dataset, pull)).await
    }
}
