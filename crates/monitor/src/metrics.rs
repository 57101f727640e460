//! Metrics of a project: what the state, the alerts, the inbox and the lake say, for `/metrics` and OTLP.
//!
//! Sums over the state and the sizes of the lake are asked for anew once they are older than a few
//! seconds: a scraper that asks too often costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shoplake_core::alert::{AlertBook, AlertStore, Phase, Severity};
use shoplake_core::metrics::{Distribution, Kind, Meters, Metric, Value};
use shoplake_core::outcome::{FileStatus, RunStatus};
use shoplake_core::ports::{RunRecord, StateStore, Totals};
use shoplake_core::{Project, Result};
use tokio::sync::Mutex;

/// The last runs are looked through for the last that read rows of a dataset.
const RUNS: u32 = 20;
/// Messages and files that wait are looked through up to this number.
const WAITING_MAX: u32 = 1_000;
/// Sums over the state are this old at most.
const TOTALS_AGE: Duration = Duration::from_secs(5);
/// The bytes of the lake are this old at most; of one that lies elsewhere, where each look costs requests.
const BYTES_AGE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(15));

/// What lies in the inbox of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The dataset.
    pub dataset: String,
    /// Files that lie there.
    pub files: u64,
    /// When the oldest of them was changed last, by its file system.
    pub oldest: Option<DateTime<Utc>>,
}

/// What is measured on this machine.
pub trait Machine: Send + Sync {
    /// What lies in the inboxes: every dataset that has one.
    fn arrived(&self) -> Result<Vec<Arrived>>;
    /// The bytes of each zone of the lake.
    fn stored(&self) -> Result<Vec<(&'static str, u64)>>;
    /// Memory that this process has, in bytes; `None` where the system does not tell.
    fn resident(&self) -> Option<u64>;
}

/// The meters of a project.
pub struct ProjectMeters {
    project: Arc<Project>,
    state: Arc<dyn StateStore>,
    alerts: Arc<dyn AlertStore>,
    machine: Arc<dyn Machine>,
    totals: Aged<Totals>,
    stored: Aged<Vec<(&'static str, u64)>>,
}

/// A value that is asked for anew once it is old.
struct Aged<T>(Mutex<Option<(Instant, T)>>);

impl<T: Clone> Aged<T> {
    async fn read(&self, age: Duration, ask: impl Future<Output = Result<T>>) -> Result<T> {
        let mut known = self.0.lock().await;
        if let Some((at, value)) = known.as_ref()
            && at.elapsed() < age
        {
            return Ok(value.clone());
        }
        let value = ask.await?;
        *known = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

impl ProjectMeters {
    /// Meters over these stores and this machine.
    pub fn new(
        project: Arc<Project>,
        state: Arc<dyn StateStore>,
        alerts: Arc<dyn AlertStore>,
        machine: Arc<dyn Machine>,
    ) -> Self {
        let (totals, stored) = (Aged(Mutex::default()), Aged(Mutex::default()));
        Self { project, state, alerts, machine, totals, stored }
    }

    async fn bytes(&self) -> Result<Vec<(&'static str, u64)>> {
        let age = if self.project.remote.is_some() { BYTES_AGE.1 } else { BYTES_AGE.0 };
        let machine = Arc::clone(&self.machine);
        let look = async {
            let looked = tokio::task::spawn_blocking(move || machine.stored()).await;
            looked.unwrap_or_else(|error| Err(shoplake_core::Fault::internal("the look broke off").caused_by(error)))
        };
        self.stored.read(age, look).await
    }
}

#[async_trait]
impl Meters for ProjectMeters {
    async fn read(&self) -> Result<Vec<Metric>> {
        let now = Utc::now();
        let mut metrics = vec![
            Metric::gauge("shoplake_build_info", "The version that runs; always 1.")
                .with([("version", env!("CARGO_PKG_VERSION")), ("project", &self.project.name)], 1.0),
        ];
        metrics.extend(self.machine.resident().map(|bytes| {
            Metric::gauge("process_resident_memory_bytes", "Memory that the process has.").with([], bytes as f64)
        }));
        metrics.extend(of_totals(&self.totals.read(TOTALS_AGE, self.state.totals()).await?));
        let runs = self.state.runs(RUNS).await?;
        metrics.extend(of_runs(&runs));
        metrics.extend(self.of_last_run(&runs).await?);
        metrics.extend(self.of_datasets(now).await?);
        let mut stored = Metric::gauge("shoplake_storage_bytes", "Bytes of the lake, by zone.");
        for (zone, bytes) in self.bytes().await? {
            stored.add([("zone", zone)], bytes as f64);
        }
        metrics.push(stored);
        metrics.extend(self.of_alerts(&self.alerts.book().await?, now).await?);
        metrics.extend(self.of_schedule(now));
        Ok(metrics)
    }
}

/// Counters over all runs and files.
fn of_totals(totals: &Totals) -> [Metric; 6] {
    let mut runs = Metric::counter("shoplake_runs_total", "Runs that ended, by how they did.");
    for status in [RunStatus::Success, RunStatus::Warning, RunStatus::Error] {
        let known = totals.runs.iter().find(|(known, _)| *known == status);
        runs.add([("status", &word(&status))], known.map_or(0.0, |(_, runs)| *runs as f64));
    }
    let help = "Seconds that each stage of the runs took.";
    let mut stages = Metric { kind: Kind::Summary, ..Metric::gauge("shoplake_run_stage_duration_seconds", help) };
    for (stage, count, seconds) in &totals.stages {
        stages.push([("stage", stage)], Value::Distribution(Distribution::summed(*count, *seconds)));
    }
    let mut files = Metric::counter("shoplake_files_total", "Files that were judged, by what became of them.");
    for (dataset, status, count) in &totals.files {
        files.add([("dataset", dataset), ("status", &word(status))], *count as f64);
    }
    let mut rows = Metric::counter("shoplake_rows_total", "Rows of loaded files, by what became of them.");
    let mut rejects = Metric::counter("shoplake_rejected_rows_total", "Rejected rows of loaded files, by reason.");
    let mut orphans = Metric::counter("shoplake_orphan_rows_total", "Kept rows whose related key was not known.");
    for (dataset, counts) in &totals.rows {
        let outcomes = [
            ("inserted", counts.inserted),
            ("updated", counts.updated),
            ("duplicate", counts.duplicate),
            ("rejected", counts.rejected),
        ];
        for (outcome, count) in outcomes {
            rows.add([("dataset", dataset), ("outcome", outcome)], count as f64);
        }
        for (reason, count) in &counts.rejects {
            rejects.add([("dataset", dataset), ("reason", reason.as_str())], *count as f64);
        }
        orphans.add([("dataset", dataset)], counts.orphans as f64);
    }
    [runs, stages, files, rows, rejects, orphans]
}

/// Gauges of the last runs that ended, newest first.
fn of_runs(runs: &[RunRecord]) -> Vec<Metric> {
    let ended = || runs.iter().filter_map(|run| run.outcome.as_ref());
    let mut share =
        Metric::gauge("shoplake_reject_share_ratio", "Rejected rows of all that the last run with rows read.");
    let mut seen = BTreeMap::new();
    for dataset in ended().flat_map(|outcome| &outcome.datasets).filter(|dataset| dataset.counts.rows_read > 0) {
        let counts = &dataset.counts;
        seen.entry(&dataset.dataset).or_insert(counts.rejected as f64 / counts.rows_read as f64);
    }
    for (dataset, value) in seen {
        share.add([("dataset", dataset)], value);
    }
    let Some(last) = ended().next() else { return vec![share] };
    let failed = f64::from(u8::from(last.status == RunStatus::Error));
    let one = |name, help, value| Metric::gauge(name, help).with([], value);
    let began = last.started_at.timestamp_millis() as f64 / 1000.0;
    vec![
        share,
        one("shoplake_last_run_timestamp_seconds", "When the last run that ended began.", began),
        one("shoplake_last_run_duration_seconds", "How long it took.", last.seconds),
        one("shoplake_last_run_failed", "1 where something of it failed.", failed),
        one("shoplake_last_run_failed_tests", "Data tests that it failed.", last.tests.failed as f64),
    ]
}

impl ProjectMeters {
    /// How long each stage of the last run that ended took.
    async fn of_last_run(&self, runs: &[RunRecord]) -> Result<Option<Metric>> {
        let Some(last) = runs.iter().find(|run| run.outcome.is_some()) else { return Ok(None) };
        let help = "How long each stage of the last run took.";
        let mut stages = Metric::gauge("shoplake_last_run_stage_duration_seconds", help);
        let mut sums: Vec<(String, f64)> = Vec::new();
        for step in self.state.steps(&last.run_id).await? {
            match sums.iter_mut().find(|(name, _)| *name == step.name) {
                Some((_, seconds)) => *seconds += step.seconds,
                None => sums.push((step.name, step.seconds)),
            }
        }
        for (stage, seconds) in sums {
            stages.add([("stage", &stage)], seconds);
        }
        Ok(Some(stages))
    }

    /// Freshness, and what waits.
    async fn of_datasets(&self, now: DateTime<Utc>) -> Result<Vec<Metric>> {
        let mut loaded =
            Metric::gauge("shoplake_dataset_loaded_timestamp_seconds", "When a file of it was loaded last.");
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            if let Some(record) = self.state.last_loaded(name).await? {
                loaded.add([("dataset", name)], record.at.timestamp_millis() as f64 / 1000.0);
            }
        }
        let mut lying = Metric::gauge("shoplake_inbox_files", "Files that lie in the inbox.");
        let mut lag =
            Metric::gauge("shoplake_inbox_lag_seconds", "How long the oldest file of the inbox has lain there.");
        for arrived in self.machine.arrived()? {
            lying.add([("dataset", &arrived.dataset)], arrived.files as f64);
            let age = arrived.oldest.map_or(0.0, |oldest| (now - oldest).num_milliseconds().max(0) as f64 / 1000.0);
            lag.add([("dataset", &arrived.dataset)], age);
        }
        let waiting = self.state.waiting(WAITING_MAX).await?;
        let mut waits = Metric::gauge("shoplake_waiting_files", "Files that wait in landing for somebody.");
        for status in [FileStatus::Failed, FileStatus::Held] {
            let count = waiting.iter().filter(|record| record.file.status == status).count();
            waits.add([("status", &word(&status))], count as f64);
        }
        Ok(vec![loaded, lying, lag, waits])
    }

    async fn of_alerts(&self, book: &AlertBook, now: DateTime<Utc>) -> Result<Vec<Metric>> {
        let help = "Subjects of an alert, by where they stand.";
        let mut states = Metric::gauge("shoplake_alert_subjects", help);
        let mut snoozed = Metric::gauge("shoplake_alert_snoozed", "1 where an alert keeps quiet.");
        for alert in &self.project.alerts.all {
            let severity = severity(alert.severity);
            for (state, phase) in [("firing", Phase::Firing), ("pending", Phase::Pending)] {
                let standings = book.standings.get(&alert.name).into_iter().flat_map(BTreeMap::values);
                let count = standings.filter(|standing| standing.phase == phase).count();
                let labels = [("alert", alert.name.as_str()), ("severity", severity), ("state", state)];
                states.add(labels, count as f64);
            }
            let quiet = book.snoozed.get(&alert.name).is_some_and(|until| *until > now);
            snoozed.add([("alert", &alert.name)], f64::from(u8::from(quiet)));
        }
        let mut unjudged = Metric::gauge("shoplake_alert_unjudged", "1 where an alert could not be judged last.");
        let known = self.project.alerts.all.iter().map(|alert| &alert.name);
        for alert in known.chain(book.unjudged.keys()).collect::<BTreeSet<_>>() {
            let cannot = book.unjudged.contains_key(alert);
            unjudged.add([("alert", alert)], f64::from(u8::from(cannot)));
        }
        let messages = self.alerts.messages(WAITING_MAX).await?;
        let waiting = messages.iter().filter(|(_, delivered)| delivered.is_none()).count();
        let help = "Messages of alerts that are not delivered.";
        let undelivered = Metric::gauge("shoplake_alert_undelivered_messages", help).with([], waiting as f64);
        Ok(vec![states, unjudged, snoozed, undelivered])
    }

    fn of_schedule(&self, now: DateTime<Utc>) -> Option<Metric> {
        let next = self.project.schedule.as_ref()?.cron.after(self.project.time_zone, now).next()?;
        let gauge = Metric::gauge("shoplake_next_run_timestamp_seconds", "When the next run is due.");
        Some(gauge.with([], next.timestamp() as f64))
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// The word of a status, as JSON has it.
fn word(status: &impl Serialize) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
