//! Whether the figures can be trusted: what the run did with every row, and what someone must do.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use shoplake_core::outcome::{DatasetOutcome, FileOutcome, FileStatus, ModelStatus, RunOutcome, TestFailure, TopCause};
use shoplake_core::{Counts, Reason, RunId};

use super::queries::Span;
use super::{Shop, words};
use crate::Decimal;

/// How much a point asks of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Good,
    /// Someone should look.
    Warning,
    /// Someone must act: figures are missing or not published.
    Bad,
}

/// The answer to "can I trust this?".
#[derive(Debug, Clone, Serialize)]
pub struct Trust {
    /// The highest level of the points.
    pub level: Level,
    /// The answer in a few words.
    pub verdict: &'static str,
    /// What it rests on.
    pub points: Vec<TrustPoint>,
}

/// One thing that the trust rests on.
#[derive(Debug, Clone, Serialize)]
pub struct TrustPoint {
    /// How much it asks of the reader.
    pub level: Level,
    /// The point in a sentence without a full stop.
    pub text: String,
}

/// What the run did with the rows that it read.
#[derive(Debug, Clone, Serialize)]
pub struct Quality {
    /// The run.
    pub run_id: RunId,
    /// Seconds it took.
    pub seconds: f64,
    /// The sentence that accounts for every row.
    pub account: String,
    /// Each dataset.
    pub datasets: Vec<DatasetQuality>,
    /// The sums over the datasets.
    pub total: Counts,
    /// Rejected rows by dataset and reason, most first.
    pub rejects: Vec<Reject>,
    /// The commonest cause of rejects of each dataset that has any.
    pub top_causes: Vec<DatasetCause>,
    /// Tests that passed.
    pub tests_passed: u64,
    /// Tests that did not.
    pub test_failures: Vec<TestFailure>,
    /// The files of the run, those that want a look first.
    pub files: Vec<FileLine>,
    /// Other things that a person must know.
    pub problems: Vec<String>,
}

/// One dataset's rows.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetQuality {
    /// The dataset.
    pub dataset: String,
    /// Its rows.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Rejected rows of one dataset for one reason.
#[derive(Debug, Clone, Serialize)]
pub struct Reject {
    /// The dataset.
    pub dataset: String,
    /// The reason.
    pub reason: Reason,
    /// The rows.
    pub rows: u64,
}

/// The commonest cause of rejects of a dataset.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetCause {
    /// The dataset.
    pub dataset: String,
    /// The cause.
    #[serde(flatten)]
    pub cause: TopCause,
    /// The cause in a sentence: what, how many, how much money, an example.
    pub words: String,
}

/// One file of the run.
#[derive(Debug, Clone, Serialize)]
pub struct FileLine {
    /// The dataset.
    pub dataset: String,
    /// The path as the user knows it.
    pub path: String,
    /// What became of it.
    pub status: FileStatus,
    /// Why it failed or is held.
    pub error: Option<String>,
    /// Rows read; 0 unless it is loaded.
    pub rows_read: u64,
    /// Rows rejected.
    pub rejected: u64,
}

/// The quality section of a run.
pub(super) fn of_run(run: &RunOutcome, shop: &Shop) -> Quality {
    let total = total(run);
    let mut files: Vec<FileLine> = run.datasets.iter().flat_map(files_of).collect();
    // Stable, so that within a status the files keep the order in which they were taken.
    files.sort_by_key(|file| match file.status {
        FileStatus::Failed => 0,
        FileStatus::Held => 1,
        FileStatus::Loaded if file.rejected > 0 => 2,
        FileStatus::Loaded => 3,
        FileStatus::AlreadyLoaded => 4,
    });
    let datasets = &run.datasets;
    let mut rejects: Vec<Reject> = datasets
        .iter()
        .flat_map(|outcome| {
            let dataset = &outcome.dataset;
            let reject =
                |(reason, rows): (&Reason, &u64)| Reject { dataset: dataset.clone(), reason: *reason, rows: *rows };
            outcome.counts.rejects.iter().filter(|(_, rows)| **rows > 0).map(reject)
        })
        .collect();
    rejects.sort_by_key(|reject| std::cmp::Reverse(reject.rows));
    let cause = |outcome: &DatasetOutcome| {
        outcome.top_cause.as_ref().map(|cause| DatasetCause {
            dataset: outcome.dataset.clone(),
            words: cause_words(cause, shop),
            cause: cause.clone(),
        })
    };
    Quality {
        run_id: run.run_id.clone(),
        seconds: run.seconds,
        account: account(&total),
        datasets: datasets
            .iter()
            .map(|outcome| DatasetQuality { dataset: outcome.dataset.clone(), counts: outcome.counts.clone() })
            .collect(),
        rejects,
        top_causes: datasets.iter().filter_map(cause).collect(),
        tests_passed: run.tests.passed,
        test_failures: run.tests.failures.clone(),
        files,
        problems: run.problems.clone(),
        total,
    }
}

fn total(run: &RunOutcome) -> Counts {
    let mut total = Counts::default();
    for outcome in &run.datasets {
        total += &outcome.counts;
    }
    total
}

fn files_of(outcome: &DatasetOutcome) -> impl Iterator<Item = FileLine> {
    outcome.files.iter().map(|file: &FileOutcome| FileLine {
        dataset: outcome.dataset.clone(),
        path: file.path.clone(),
        status: file.status,
        error: file.error.clone(),
        rows_read: file.counts.rows_read,
        rejected: file.counts.rejected,
    })
}

/// The sentence that accounts for every row.
fn account(total: &Counts) -> String {
    let Counts { rows_read, inserted, updated, duplicate, rejected, .. } = total;
    if *rows_read == 0 {
        return "This run read no rows: there was nothing new.".into();
    }
    let parts = format!(
        "{} new, {} updated, {} duplicate, {} rejected",
        words::count(*inserted),
        words::count(*updated),
        words::count(*duplicate),
        words::count(*rejected)
    );
    if total.identity_holds() {
        match rows_read {
            1 => format!("The one row read is accounted for: {parts}."),
            _ => format!("Every one of the {} rows read is accounted for: {parts}.", words::count(*rows_read)),
        }
    } else {
        format!("The {} rows read are not accounted for: {parts}.", words::count(*rows_read))
    }
}

fn cause_words(cause: &TopCause, shop: &Shop) -> String {
    let column = cause.column.as_ref().map_or(String::new(), |column| format!(" in column `{column}`"));
    let money = match cause.money.as_deref().and_then(Decimal::parse) {
        Some(money) => format!(", {} at stake", money.money(&shop.currency)),
        None => String::new(),
    };
    let example = cause.example.as_ref().map_or(String::new(), |example| format!("; for one: {example}"));
    let rows = words::counted(cause.rows, "row");
    format!("{rows} {}{column}, rule `{}`{money}{example}", cause.reason, cause.rule)
}

/// Whether the figures can be trusted, and why.
pub(super) fn trust(
    shop: &Shop,
    date: Option<NaiveDate>,
    today: NaiveDate,
    span: Span,
    quarantine: u64,
    run: Option<&RunOutcome>,
) -> Trust {
    let mut points = vec![data_until(shop, date, today, span)];
    if let Some(run) = run {
        points.extend(files_point(run));
        points.push(rejects_point(run, shop, quarantine));
        points.push(tests_point(run));
        points.extend(models_point(run));
        points.extend(run.problems.iter().map(|problem| TrustPoint { level: Level::Warning, text: problem.clone() }));
    }
    let level = points.iter().map(|point| point.level).max().unwrap_or(Level::Good);
    let verdict = match level {
        _ if date.is_none() => "There are no sales to report yet",
        Level::Good => "These figures are complete",
        Level::Warning => "Usable, with something to look at",
        Level::Bad => "Not complete: someone must act",
    };
    Trust { level, verdict, points }
}

fn data_until(shop: &Shop, date: Option<NaiveDate>, today: NaiveDate, span: Span) -> TrustPoint {
    let zone = shop.time_zone.name();
    let good = |text| TrustPoint { level: Level::Good, text };
    let (Some(last), Some(date)) = (span.last, date) else {
        return good(format!("No sales are loaded, days in {zone}"));
    };
    let until = format!("Data up to {}, days in {zone}", words::long_date(last));
    let behind = (today - last).num_days();
    match behind {
        _ if date == today => good(format!("{until}; today is not over, its figures will grow")),
        0 | 1 => good(until),
        2.. => TrustPoint {
            level: if behind > 2 { Level::Warning } else { Level::Good },
            text: format!("{until}; nothing for the {behind} days since, up to today"),
        },
        _ => TrustPoint { level: Level::Warning, text: format!("{until}, which lies after today") },
    }
}

fn files_point(run: &RunOutcome) -> Option<TrustPoint> {
    let files = || run.datasets.iter().flat_map(|outcome| &outcome.files);
    let of = |status| files().filter(|file| file.status == status).count() as u64;
    let (failed, held) = (of(FileStatus::Failed), of(FileStatus::Held));
    let not_in = |number| if number == 1 { "is not in these figures" } else { "are not in these figures" };
    let files = |number| words::counted(number, "file");
    let text = match (failed, held) {
        (0, 0) => return None,
        (_, 0) => format!("{} failed and {}", files(failed), not_in(failed)),
        (0, _) => format!("{} held back by a failed test {}", files(held), not_in(held)),
        _ => format!("{} failed, {} held back; they are not in these figures", files(failed), words::count(held)),
    };
    Some(TrustPoint { level: Level::Bad, text })
}

/// What this run set aside; `quarantine` counts the rows of all runs.
fn rejects_point(run: &RunOutcome, shop: &Shop, quarantine: u64) -> TrustPoint {
    let total = total(run);
    if total.rejected == 0 {
        let before = match quarantine {
            0 => String::new(),
            rows => format!("; {} in quarantine from before", words::count(rows)),
        };
        return TrustPoint { level: Level::Good, text: format!("No rows rejected by this run{before}") };
    }
    let mut by_cause: BTreeMap<&str, Decimal> = BTreeMap::new();
    for outcome in &run.datasets {
        let money = outcome.top_cause.as_ref().and_then(|cause| cause.money.as_deref()).and_then(Decimal::parse);
        by_cause.extend(money.map(|money| (outcome.dataset.as_str(), money)));
    }
    let money = by_cause.values().try_fold(Decimal::ZERO, |sum, money| sum.checked_add(*money)).unwrap_or_default();
    let stake =
        if money.is_zero() { String::new() } else { format!(", at least {} in them", money.money(&shop.currency)) };
    let rejected = words::counted(total.rejected, "row");
    let share = words::share(total.rejected, total.rows_read);
    let in_all = match quarantine {
        all if all > total.rejected => format!(", {} in all", words::count(all)),
        _ => String::new(),
    };
    TrustPoint {
        level: Level::Warning,
        text: format!("{rejected} of this run in quarantine ({share} of those read{stake}){in_all}"),
    }
}

fn models_point(run: &RunOutcome) -> Option<TrustPoint> {
    let built = |status| !matches!(status, ModelStatus::Error | ModelStatus::Skipped);
    let names: Vec<String> =
        run.models.iter().filter(|model| !built(model.status)).map(|model| format!("`{}`", model.name)).collect();
    let text = format!("Not built: {}", names.join(", "));
    (!names.is_empty()).then_some(TrustPoint { level: Level::Bad, text })
}

fn tests_point(run: &RunOutcome) -> TrustPoint {
    let tests = &run.tests;
    let (level, text) = match (tests.failed, tests.warned) {
        (0, 0) if tests.passed == 0 => (Level::Good, "No tests were run".into()),
        (0, 0) => (Level::Good, format!("{} passed, none failed", words::counted(tests.passed, "test"))),
        (0, warned) => (Level::Warning, format!("{} with a warning", words::counted(warned, "test"))),
        (failed, _) => {
            (Level::Bad, format!("{} failed: nothing of this run is published", words::counted(failed, "test")))
        }
    };
    TrustPoint { level, text }
}
