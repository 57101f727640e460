//! What a run or a query of this process used, noted for `shoplake cost`. Nothing that goes wrong here can
//! fail what it measures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use shoplake_core::cost::Usage;
use shoplake_core::outcome::{FileStatus, RunOutcome};
use shoplake_core::ports::{Progress, RunRecord, RunState, StateStore};
use shoplake_core::{Catalog, Fault, Project, RunId};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::sizes::Sizes;
use crate::wiring;

/// The requests of this process that were noted already: one that does several runs notes each one's own.
static NOTED: Mutex<(u64, u64)> = Mutex::new((0, 0));
/// How often a run that goes on notes what it has used: a process that is killed takes no more with it.
const EVERY: Duration = Duration::from_secs(5);
/// How often a process that goes on for long notes the requests that no run stands for.
const REQUESTS_EVERY: Duration = Duration::from_mins(10);

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

/// The meter of a run that goes on.
pub(super) struct Metered {
    project: Arc<Project>,
    reading: Arc<Reading>,
    began: DateTime<Utc>,
    stop: oneshot::Sender<()>,
    /// Notes again and again; gives the number of its note, where it came to one.
    noting: JoinHandle<Option<i64>>,
}

impl Metered {
    /// Begins to meter a run of this process, on the runtime that it runs on.
    pub(super) fn begin(project: &Arc<Project>, reading: &Arc<Reading>) -> Self {
        let (project, reading, began) = (Arc::clone(project), Arc::clone(reading), Utc::now());
        let (stop, stopped) = oneshot::channel();
        let noting = tokio::spawn(keep_noting(Arc::clone(&project), Arc::clone(&reading), began, stopped));
        Self { project, reading, began, stop, noting }
    }

    /// Notes what the run used, however it ended, in the place of what was noted while it went on. One that broke off has
    /// no outcome.
    pub(super) async fn ended(self, outcome: Option<&RunOutcome>, stored: Stored) {
        let Self { project, reading, began, stop, noting } = self;
        // A note that is being written comes to its end: nothing is noted twice.
        drop(stop);
        let before = noting.await.ok().flatten();
        let usage = match outcome {
            Some(outcome) => Some(of_outcome(&project, outcome, stored)),
            None => of_broken_off(&project, began, &reading).await,
        };
        if let Some(usage) = usage {
            all_noted();
            note(&project, usage, before).await;
        }
    }
}

/// Does work that is a run though it loads nothing, and notes what it used, whatever came of it.
pub(super) async fn metered<T>(
    project: &Arc<Project>,
    reading: &Arc<Reading>,
    work: impl Future<Output = Result<(RunOutcome, T), Fault>>,
) -> Result<(RunOutcome, T), Fault> {
    let meter = Metered::begin(project, reading);
    let ended = work.await;
    meter.ended(ended.as_ref().ok().map(|(outcome, _)| outcome), Stored::Looked).await;
    ended
}

/// Notes what a run has used until now, again and again until it has ended.
async fn keep_noting(
    project: Arc<Project>,
    reading: Arc<Reading>,
    began: DateTime<Utc>,
    mut stopped: oneshot::Receiver<()>,
) -> Option<i64> {
    let mut noted = None;
    loop {
        tokio::select! {
            _ = &mut stopped => return noted,
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Some(usage) = of_broken_off(&project, began, &reading).await {
            noted = note(&project, usage, noted).await.or(noted);
        }
    }
}

/// Of one that came to an outcome: the files that it read, its requests, and the lake as it is now.
fn of_outcome(project: &Project, outcome: &RunOutcome, stored: Stored) -> Usage {
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
    used(project, Some(outcome.run_id.clone()), outcome.seconds, read, stored)
}

/// Of one that goes on, broke off, or was told to end: what it cost was spent. The lake is not looked at: it is as it
/// was, and what is away may be it. `None` where it has not begun, or nobody knows.
async fn of_broken_off(project: &Project, began: DateTime<Utc>, reading: &Reading) -> Option<Usage> {
    let known = async { our_run(&*wiring::state(project).await?, began).await };
    let run = match known.await {
        Ok(run) => run,
        Err(fault) => {
            tracing::warn!(fault = fault.for_log(), "what was used was not noted");
            None
        }
    };
    let seconds = (Utc::now() - began).num_milliseconds().max(0) as f64 / 1_000.0;
    Some(used(project, Some(run?.run_id), seconds, reading.bytes.load(Ordering::Relaxed), None))
}

/// The run of this process, which has the project's lock since then: the last one that the state knows, if it began
/// after that or goes on. One that publishes what a plan has kept began with the plan.
pub(super) async fn our_run(state: &dyn StateStore, since: DateTime<Utc>) -> Result<Option<RunRecord>, Fault> {
    let last = state.runs(1).await?.into_iter().next();
    Ok(last.filter(|last| last.started_at >= since || last.state() == RunState::Running))
}

/// What was used until now since something was noted last.
fn used(project: &Project, run: Option<RunId>, seconds: f64, scanned: u64, stored: Option<u64>) -> Usage {
    let (all, noted) = (wiring::requests(), *NOTED.lock().unwrap_or_else(PoisonError::into_inner));
    let (reads, writes) = (all.0.saturating_sub(noted.0), all.1.saturating_sub(noted.1));
    Usage { at: Utc::now(), run, seconds, memory: project.limits.memory, scanned, reads, writes, stored }
}

/// The requests until now are noted: whatever is metered next in this process counts from here.
fn all_noted() {
    *NOTED.lock().unwrap_or_else(PoisonError::into_inner) = wiring::requests();
}

/// Notes what a query used, in a project that has run: the whole of each table that it reads.
pub(super) async fn of_query(project: &Project, catalog: &Catalog, sql: &str, time: Duration) {
    if project.state.is_none() && !project.state_dir().join("state.db").is_file() {
        return;
    }
    let read = shoplake_models::tables(sql, &catalog.views);
    let read = read.iter().filter_map(|name| catalog.tables.get(name));
    let scanned = read.flat_map(|table| &table.files).map(|file| file.size).sum();
    let usage = used(project, None, time.as_secs_f64(), scanned, None);
    all_noted();
    note(project, usage, None).await;
}

/// Notes what this process itself asks of the lake's store beside runs and queries, again and again for as long as it is
/// let: its looks for what is new, and what its alerts read.
pub(super) async fn keep_noting_requests(project: Arc<Project>) {
    while project.remote.is_some() {
        tokio::time::sleep(REQUESTS_EVERY).await;
        of_requests(&project).await;
    }
}

/// Notes what this process has asked of the lake's store since it noted something last.
pub(super) async fn of_requests(project: &Project) {
    // It has no time of its own: what takes no memory is no query.
    let usage = Usage { memory: 0, ..used(project, None, 0.0, 0, None) };
    if usage.reads + usage.writes > 0 {
        all_noted();
        note(project, usage, None).await;
    }
}

/// Notes what was used, in the place of an earlier note where there is one; gives the number of the note.
async fn note(project: &Project, usage: Usage, before: Option<i64>) -> Option<i64> {
    let noted = async {
        let store = wiring::usage(project).await?;
        match before {
            Some(before) => store.record_again(before, &usage).await,
            None => store.record(&usage).await,
        }
    };
    noted.await.map_err(|fault| tracing::warn!(fault = fault.for_log(), "what was used was not noted")).ok()
}
