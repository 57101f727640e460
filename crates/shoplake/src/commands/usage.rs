//! What a run or a query of this process used, noted for `shoplake cost`. Nothing that goes wrong here can
//! fail what it measures.

use std::time::Duration;

use chrono::Utc;
use shoplake_core::cost::Usage;
use shoplake_core::outcome::{FileStatus, RunOutcome};
use shoplake_core::{Catalog, Project};

use crate::sizes::Sizes;
use crate::wiring;

/// Notes what a run used: the files that it read, its requests, and the lake as it is now.
pub(super) async fn of_run(project: &Project, outcome: &RunOutcome) {
    let files = outcome.datasets.iter().flat_map(|dataset| &dataset.files);
    let read = files.filter(|file| file.status != FileStatus::AlreadyLoaded).map(|file| file.size).sum();
    let stored = match Sizes::of(project) {
        Ok(sizes) => Some(sizes.total()),
        Err(fault) => {
            tracing::warn!(fault = fault.for_log(), "the bytes of the lake were not metered");
            None
        }
    };
    let (reads, writes) = wiring::requests();
    note(
        project,
        Usage {
            at: Utc::now(),
            run: Some(outcome.run_id.clone()),
            seconds: outcome.seconds,
            memory: project.limits.memory,
            scanned: read,
            reads,
            writes,
            stored,
        },
    )
    .await;
}

/// Notes what a query used, in a project that has run: the whole of each table that its SQL names.
pub(super) async fn of_query(project: &Project, catalog: &Catalog, sql: &str, time: Duration) {
    if project.state.is_none() && !project.state_dir().join("state.db").is_file() {
        return;
    }
    let words: Vec<String> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase).collect();
    let named = catalog.tables.values().filter(|table| words.contains(&table.name.to_lowercase()));
    let scanned = named.flat_map(|table| &table.files).map(|file| file.size).sum();
    let (reads, writes) = wiring::requests();
    let seconds = time.as_secs_f64();
    let memory = project.limits.memory;
    note(project, Usage { at: Utc::now(), run: None, seconds, memory, scanned, reads, writes, stored: None }).await;
}

async fn note(project: &Project, usage: Usage) {
    let noted = async { wiring::usage(project).await?.record(&usage).await };
    if let Err(fault) = noted.await {
        tracing::warn!(fault = fault.for_log(), "what was used was not noted");
    }
}
