//! Conditions that the last runs answer.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use shoplake_core::alert::Finding;
use shoplake_core::outcome::{DatasetOutcome, FileOutcome, FileStatus, ModelStatus, RunOutcome, RunStatus};
use shoplake_core::ports::RunRecord;
use shoplake_core::schedule::ports::Logged;

/// Below so many rows a share of rejects says nothing, as for the contract's own limit.
const ROWS_LEAST: u64 = 100;

/// The last run, where it failed; a run of the schedule that has no outcome at all; and files that are refused,
/// whatever other files have done since. A run that goes on is not judged.
pub(super) fn failed(
    runs: &[RunRecord],
    unstarted: Option<&Logged>,
    refused: &[FileOutcome],
    zone: Tz,
) -> Vec<Finding> {
    let shown = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z");
    let finding = |what: String, cause: Option<String>, act: &str| {
        vec![Finding { subject: String::new(), what, cause, act: act.to_owned() }]
    };
    let last = runs.first().and_then(|run| run.outcome.as_ref());
    let ended = last.map(|last| last.started_at + TimeDelta::milliseconds((last.seconds * 1e3) as i64));
    if let Some(last) = last.filter(|last| last.status == RunStatus::Error) {
        let got_nowhere = last.datasets.is_empty() && last.models.is_empty() && last.tests.failed == 0;
        let how = match last.batch {
            // What it had decided to publish, the next run publishes.
            None if got_nowhere => "broke off; the next one goes on where it was",
            None => "failed; nothing of it is published",
            Some(_) => "failed",
        };
        let what = format!("the run of {} {how}", shown(last.started_at));
        return finding(what, cause(last), "`shoplake status` says what to do about each file and test");
    }
    if let Some(line) = unstarted.filter(|line| ended.is_none_or(|ended| line.at > ended)) {
        let what = format!("the run of {} came to no end of its own", shown(line.due.unwrap_or(line.at)));
        return finding(what, Some(line.note.clone()), "`shoplake run` says what is wrong");
    }
    let Some(file) = refused.first() else { return Vec::new() };
    let what = match refused.len() {
        1 => format!("{} is refused, and waits", file.path),
        files => format!("{files} files are refused, and wait"),
    };
    let cause = format!("{}: {}", file.path, file.error.as_deref().unwrap_or("refused"));
    finding(what, Some(cause), "`shoplake status` says what to do about each file")
}

fn cause(outcome: &RunOutcome) -> Option<String> {
    let blocking = outcome.tests.failures.iter().find(|test| test.blocks);
    let test = blocking.map(|test| format!("the test {} found {} rows", test.name, test.rows));
    let model = outcome.models.iter().find(|model| model.status == ModelStatus::Error);
    let model =
        model.map(|model| format!("the model `{}`: {}", model.name, model.error.as_deref().unwrap_or("failed")));
    let files = outcome.datasets.iter().flat_map(|dataset| &dataset.files);
    let file = files.into_iter().find(|file| file.status == FileStatus::Failed);
    let file = file.map(|file| format!("{}: {}", file.path, file.error.as_deref().unwrap_or("refused")));
    test.or(model).or(file).or_else(|| outcome.problems.first().cloned())
}

/// The share of failed runs among the last ones; three are the least that it can be told of.
pub(super) fn error_rate(runs: &[RunRecord], above: f64) -> Vec<Finding> {
    let ended: Vec<RunStatus> = runs.iter().filter_map(|run| Some(run.outcome.as_ref()?.status)).collect();
    let failed = ended.iter().filter(|status| **status == RunStatus::Error).count();
    let share = failed as f64 / ended.len().max(1) as f64;
    if ended.len() < 3 || share <= above {
        return Vec::new();
    }
    let last = runs.iter().filter_map(|run| run.outcome.as_ref()).find(|outcome| outcome.status == RunStatus::Error);
    vec![Finding {
        subject: String::new(),
        what: format!("{failed} of the last {} runs failed; {} are allowed", ended.len(), percent(above)),
        cause: last.and_then(cause),
        act: "`shoplake status` lists them".to_owned(),
    }]
}

/// Datasets with more rejects than they may have.
pub(super) fn rejects(runs: &[RunRecord], dataset: Option<&str>, above: f64) -> Vec<Finding> {
    let wrong = datasets(runs, dataset).filter(|outcome| {
        let counts = &outcome.counts;
        counts.rows_read >= ROWS_LEAST && counts.rejected as f64 / counts.rows_read as f64 > above
    });
    let finding = |outcome: &DatasetOutcome| {
        let (name, counts) = (&outcome.dataset, &outcome.counts);
        let top = outcome.top_cause.as_ref();
        let cause = top.map(|top| {
            let column = top.column.as_deref().map(|column| format!(" `{column}`")).unwrap_or_default();
            format!("{} rows break `{}`{column}", top.rows, top.rule)
        });
        Finding {
            subject: name.clone(),
            what: format!(
                "{} of {} rows of `{name}` were rejected ({}); {} are allowed",
                counts.rejected,
                counts.rows_read,
                percent(counts.rejected as f64 / counts.rows_read as f64),
                percent(above)
            ),
            cause,
            act: top
                .and_then(|top| top.hint.clone())
                .unwrap_or_else(|| format!("`shoplake quarantine show --dataset {name}` shows them")),
        }
    };
    wrong.map(finding).collect()
}

/// Datasets whose files had another shape.
pub(super) fn schema_changes(runs: &[RunRecord], dataset: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for outcome in datasets(runs, dataset) {
        let name = &outcome.dataset;
        let changed = outcome.files.iter().filter(|file| !file.schema_changes.is_empty());
        let Some(file) = changed.into_iter().next() else { continue };
        findings.push(Finding {
            subject: name.clone(),
            what: format!("{}: {}", file.path, file.schema_changes.join("; ")),
            cause: Some("whoever makes the export has changed it".to_owned()),
            act: format!("look at sources/{name}.yml, then `shoplake run`"),
        });
    }
    findings
}

fn datasets<'r>(runs: &'r [RunRecord], only: Option<&'r str>) -> impl Iterator<Item = &'r DatasetOutcome> {
    let outcome = runs.first().and_then(|run| run.outcome.as_ref());
    let datasets = outcome.into_iter().flat_map(|outcome| &outcome.datasets);
    datasets.filter(move |dataset| only.is_none_or(|only| only == dataset.dataset))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
