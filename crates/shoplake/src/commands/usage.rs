//! What a run or a query of this process used, noted for `shoplake cost`. Nothing that goes wrong here can
//! fail what it measures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use shoplake_core::cost::Usage;
use shoplake_core::outcome::{FileStatus, RunOutcome};
use shoplake_core::ports::Progress;
use shoplake_core::{Catalog, Fault, Project, RunId};

use crate::sizes::Sizes;
use crate::wiring;

/// The requests of this process that were noted already: one that does several runs notes each one's own.
static NOTED: Mutex<(u64, u64)> = Mutex::new((0, 0));

/// Whether the bytes of the lake are looked up after a run; in a lake at an address that costs requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Looked,
    Left,
}

/// Passes on what a run shows of its progress, and counts the bytes of the files that it has read to their end: all that
/// is known of what one has read that breaks off.
pub(super) struct Reading {
    shown: Arc<dyn Progress>,
    of_file: AtomicBool,
    bytes: AtomicU64,
}

impl Reading {
    pub(super) fn new(shown: Arc<dyn Progress>) -> Arc<Self> {
        Arc::new(Self { shown, of_file: AtomicBool::new(false), bytes: AtomicU64::new(0) })
    }
}

impl Progress for Reading {
    fn stage(&self, name: &str, total_bytes: Option<u64>) {
        // Only the load of a file knows how much there is of it.
        self.of_file.store(total_bytes.is_some(), Ordering::Relaxed);
        self.shown.stage(name, total_bytes);
    }
    fn advance(&self, bytes: u64, rows: u64) {
        if self.of_file.load(Ordering::Relaxed) {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        self.shown.advance(bytes, rows);
    }
    fn done(&self) {
        self.shown.done();
    }
}

/// Notes what a run used that began then, however it ended.
pub(super) async fn of_run(
    project: &Project,
    (began, reading): (DateTime<Utc>, &Reading),
    ended: &Result<RunOutcome, Fault>,
    stored: Stored,
) {
    match ended {
        Ok(outcome) => of_outcome(project, outcome, stored).await,
        Err(_) => of_broken_off(project, began, reading).await,
    }
}

/// Of one that came to an outcome: the files that it read, its requests, and the lake as it is now.
async fn of_outcome(project: &Project, outcome: &RunOutcome, stored: Stored) {
    let files = outcome.datasets.iter().flat_map(|dataset| &dataset.files);
    let read = files.filter(|file| file.status != FileStatus::AlreadyLoaded).map(|file| file.size).sum();
    let sizes = (stored == Stored::Looked).then(|| Sizes::of(project));
    let stored = match sizes.transpose() {
        Ok(sizes) => sizes.map(|sizes| sizes.total()),
        Err(fault) => {
            tracing::warn!(fault = fault.for_log(), "the bytes of the lake were not metered");
            None
        }
    };
    note(project, used(project, Some(outcome.run_id.clone()), outcome.seconds, read, stored)).await;
}

/// Of one that broke off, or was told to end: what it cost was spent. The lake is not looked at: it is as it was, and
/// what is away may be it.
async fn of_broken_off(project: &Project, began: DateTime<Utc>, reading: &Reading) {
    let known = async { wiring::state(project).await?.runs(1).await };
    let run = match known.await {
        Ok(runs) => runs.into_iter().find(|run| run.started_at >= began),
        Err(fault) => return tracing::warn!(fault = fault.for_log(), "what was used was not noted"),
    };
    // Where there is no run, it broke off before it did anything.
    let Some(run) = run else { return };
    let seconds = (Utc::now() - began).num_milliseconds().max(0) as f64 / 1_000.0;
    note(project, used(project, Some(run.run_id), seconds, reading.bytes.load(Ordering::Relaxed), None)).await;
}

/// What was used until now since something was noted last.
fn used(project: &Project, run: Option<RunId>, seconds: f64, scanned: u64, stored: Option<u64>) -> Usage {
    let all = wiring::requests();
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    let (reads, writes) = (all.0.saturating_sub(noted.0), all.1.saturating_sub(noted.1));
    *noted = all;
    Usage { at: Utc::now(), run, seconds, memory: project.limits.memory, scanned, reads, writes, stored }
}

/// Notes what a query used, in a project that has run: the whole of each table that its SQL names.
pub(super) async fn of_query(project: &Project, catalog: &Catalog, sql: &str, time: Duration) {
    if project.state.is_none() && !project.state_dir().join("state.db").is_file() {
        return;
    }
    let words: Vec<String> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase).collect();
    let named = catalog.tables.values().filter(|table| words.contains(&table.name.to_lowercase()));
    let scanned = named.flat_map(|table| &table.files).map(|file| file.size).sum();
    note(project, used(project, None, time.as_secs_f64(), scanned, None)).await;
}

async fn note(project: &Project, usage: Usage) {
    let noted = async { wiring::usage(project).await?.record(&usage).await };
    if let Err(fault) = noted.await {
        tracing::warn!(fault = fault.for_log(), "what was used was not noted");
    }
}
