//! The spans of a run: the run, below it its stages one after another, below these datasets and models.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shoplake_core::RunId;
use shoplake_core::outcome::{FileStatus, ModelStatus, RunOutcome, RunStatus};
use shoplake_core::ports::StepRecord;

/// One span.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    /// Its name, which is the same in every run: `load sales`.
    pub(super) name: String,
    /// The place of the span above it; `None` for the run.
    pub(super) parent: Option<usize>,
    /// When it began and ended.
    pub(super) time: (DateTime<Utc>, DateTime<Utc>),
    /// What is known of it: words, whole numbers.
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// Why it failed, where it did.
    pub(super) error: Option<String>,
}

/// The spans of a run that ended.
pub(super) fn of_run(outcome: &RunOutcome, steps: &[StepRecord]) -> Vec<Span> {
    let began = outcome.started_at;
    let sum = |of: fn(&shoplake_core::Counts) -> u64| -> u64 { outcome.datasets.iter().map(|d| of(&d.counts)).sum() };
    let failed = outcome.status == RunStatus::Error;
    let mut spans = vec![Span {
        name: "run".to_owned(),
        parent: None,
        time: (began, began + seconds(outcome.seconds)),
        attributes: vec![
            ("shoplake.run_id", json!(outcome.run_id)),
            ("shoplake.status", json!(outcome.status)),
            ("shoplake.rows_read", json!(sum(|counts| counts.rows_read))),
            ("shoplake.rows_rejected", json!(sum(|counts| counts.rejected))),
            ("shoplake.tests_failed", json!(outcome.tests.failed)),
        ],
        error: failed.then(|| "something of the data failed".to_owned()),
    }];
    if let (Some(span), Some(batch)) = (spans.first_mut(), outcome.batch) {
        span.attributes.push(("shoplake.batch", json!(batch)));
    }
    for (stage, place) in stages(&mut spans, steps, began) {
        let from = spans.get(place).map_or(began, |span| span.time.0);
        match stage {
            "load" => datasets(&mut spans, outcome, place, from),
            "models" => models(&mut spans, outcome, place, from),
            _ => {}
        }
    }
    spans
}

/// The spans of a run that broke off.
pub(super) fn of_broken(
    run: &RunId,
    (began, now): (DateTime<Utc>, DateTime<Utc>),
    why: &str,
    steps: &[StepRecord],
) -> Vec<Span> {
    let mut spans = vec![Span {
        name: "run".to_owned(),
        parent: None,
        time: (began, now),
        attributes: vec![("shoplake.run_id", json!(run)), ("shoplake.status", json!("broken off"))],
        error: Some(why.to_owned()),
    }];
    stages(&mut spans, steps, began);
    spans
}

/// Adds a span for each stage; gives their names and places.
fn stages<'s>(spans: &mut Vec<Span>, steps: &'s [StepRecord], began: DateTime<Utc>) -> Vec<(&'s str, usize)> {
    let mut from = began;
    let mut places = Vec::with_capacity(steps.len());
    for step in steps {
        let until = from + seconds(step.seconds);
        places.push((step.name.as_str(), spans.len()));
        spans.push(Span {
            name: step.name.clone(),
            parent: Some(0),
            time: (from, until),
            attributes: vec![("shoplake.detail", json!(step.detail))],
            error: None,
        });
        from = until;
    }
    places
}

/// Datasets load one after another.
fn datasets(spans: &mut Vec<Span>, outcome: &RunOutcome, parent: usize, mut from: DateTime<Utc>) {
    for dataset in &outcome.datasets {
        let until = from + seconds(dataset.seconds);
        let counts = &dataset.counts;
        let refused = dataset.files.iter().find(|file| file.status == FileStatus::Failed);
        spans.push(Span {
            name: format!("load {}", dataset.dataset),
            parent: Some(parent),
            time: (from, until),
            attributes: vec![
                ("shoplake.dataset", json!(dataset.dataset)),
                ("shoplake.files", json!(dataset.files.len())),
                ("shoplake.rows_read", json!(counts.rows_read)),
                ("shoplake.rows_inserted", json!(counts.inserted)),
                ("shoplake.rows_updated", json!(counts.updated)),
                ("shoplake.rows_duplicate", json!(counts.duplicate)),
                ("shoplake.rows_rejected", json!(counts.rejected)),
            ],
            // What is wrong may carry values of the shop's customers: the state has it.
            error: refused.map(|file| format!("`{}` was refused", file.path)),
        });
        from = until;
    }
}

/// So are models built.
fn models(spans: &mut Vec<Span>, outcome: &RunOutcome, parent: usize, mut from: DateTime<Utc>) {
    for model in &outcome.models {
        let until = from + seconds(model.seconds);
        let failed = matches!(model.status, ModelStatus::Error | ModelStatus::Skipped);
        spans.push(Span {
            name: format!("model {}", model.name),
            parent: Some(parent),
            time: (from, until),
            attributes: vec![
                ("shoplake.model", json!(model.name)),
                ("shoplake.status", json!(model.status)),
                ("shoplake.rows", json!(model.rows)),
            ],
            error: failed.then(|| "the model was not built".to_owned()),
        });
        from = until;
    }
}

fn seconds(seconds: f64) -> TimeDelta {
    TimeDelta::microseconds((seconds * 1e6) as i64)
}
