//! What the log keeps of a run that has ended.

use shoplake_core::logs::KEPT;
use shoplake_core::outcome::{FileStatus, ModelStatus, RunOutcome};

/// How a run ended, in the log: counts and names. Why a file or a model failed may hold values of rows, which
/// `shoplake status` shows and no log keeps.
pub(crate) fn tell(outcome: &RunOutcome) {
    let run = &outcome.run_id;
    for (dataset, file) in outcome.datasets.iter().flat_map(|d| d.files.iter().map(move |file| (&d.dataset, file))) {
        let counts = &file.counts;
        let (read, new, rejected) = (counts.rows_read, counts.inserted + counts.updated, counts.rejected);
        let path = &file.path;
        match file.status {
            FileStatus::Failed => {
                tracing::error!(target: KEPT, run = %run, step = "load", dataset, file = path, "refused");
            }
            FileStatus::Held => tracing::warn!(target: KEPT, run = %run, step = "load", dataset, file = path, "held"),
            FileStatus::AlreadyLoaded => {
                tracing::info!(target: KEPT, run = %run, step = "land", dataset, file = path, "loaded before");
            }
            FileStatus::Loaded => {
                tracing::info!(target: KEPT, run = %run, step = "load", dataset, file = path, read, new, rejected, "loaded");
            }
        }
    }
    for model in &outcome.models {
        let (name, seconds, rows) = (&model.name, model.seconds, model.rows);
        match model.status {
            ModelStatus::Error => tracing::error!(target: KEPT, run = %run, step = "models", model = name, "failed"),
            ModelStatus::Skipped => tracing::warn!(target: KEPT, run = %run, step = "models", model = name, "skipped"),
            ModelStatus::Success => {
                tracing::info!(target: KEPT, run = %run, step = "models", model = name, rows, seconds, "built");
            }
            ModelStatus::Unchanged => {}
        }
    }
    for test in outcome.tests.results.iter().filter(|test| test.status == "fail" || test.status == "error") {
        tracing::error!(target: KEPT, run = %run, step = "models", test = test.name, rows = test.rows, "a test failed");
    }
    let status = outcome.status.word();
    let batch = outcome.batch.map(|batch| batch.0);
    tracing::info!(target: KEPT, run = %run, status, batch, seconds = outcome.seconds, "the run ended");
}
