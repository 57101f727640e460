//! The outcome of a run: what `shoplake run --json` prints, the state keeps, and the report shows.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::ids::{RunId, Sha256};

/// How a run ended, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// All of it is published.
    Success,
    /// Published, and something wants a look: rejects, orphans, a warning of a test.
    Warning,
    /// A file or a test failed.
    Error,
}

impl RunStatus {
    /// Its word, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// Its rows are in the tables and in quarantine.
    Loaded,
    /// The same bytes were loaded before.
    AlreadyLoaded,
    /// Its rows are good, but a test failed: it waits in landing and nothing of it is published.
    Held,
    /// The file as a whole is refused: it waits in landing, nothing of it is in any table.
    Failed,
}

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileOutcome {
    /// The path as the user knows it.
    pub path: String,
    /// The object's key below `landing/` or `archive/`.
    pub key: String,
    /// The hash of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// What became of it.
    pub status: FileStatus,
    /// Whether these are rows of a loaded file that were judged again: `rows_read` of them left
    /// quarantine, `rejected` of them came back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// Why it failed or is held, in words a person can act on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// For a failed file, counts by reason of what was wrong and the first 20 offenders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offenders: Option<Offenders>,
    /// Notes that are no faults: an empty file, a repeated page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How the file's shape differs from the contract, in words: a column that is new, lost, renamed, or
    /// of another type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema_changes: Vec<String>,
    /// Its rows, zero everywhere unless it is loaded.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What was wrong in a file that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offenders {
    /// Rows read until the file was refused.
    pub rows_read: u64,
    /// Rejects by reason.
    pub rejects: std::collections::BTreeMap<crate::counts::Reason, u64>,
    /// The first 20.
    pub first: Vec<Offender>,
}

/// One row of a failed file that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offender {
    /// The line in the file.
    pub line: u64,
    /// The first broken rule.
    #[serde(flatten)]
    pub violation: crate::judged::Violation,
}

/// The commonest cause of rejects in a dataset, with its weight and its remedy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TopCause {
    /// The reason.
    pub reason: crate::counts::Reason,
    /// The rule: `required`.
    pub rule: String,
    /// The column.
    pub column: Option<String>,
    /// Rejected rows that it names.
    pub rows: u64,
    /// Its share of all rows read, 0 to 1.
    pub share: f64,
    /// The money in those rows that can be read, in the shop's currency, as decimal text.
    pub money: Option<String>,
    /// One example: value and line.
    pub example: Option<String>,
    /// What to change, with the place: `set required: false at sources/sales.yml:9, then shoplake run`.
    pub hint: Option<String>,
}

/// One dataset of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetOutcome {
    /// The dataset.
    pub dataset: String,
    /// Its files in the order that they were taken.
    pub files: Vec<FileOutcome>,
    /// The sums over the files.
    #[serde(flatten)]
    pub counts: Counts,
    /// The commonest cause of rejects, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_cause: Option<TopCause>,
    /// Seconds that its load took.
    #[serde(default)]
    pub seconds: f64,
}

/// How a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelStatus {
    /// Built.
    Success,
    /// Its SQL failed.
    Error,
    /// Not built, since one that it needs failed.
    Skipped,
    /// Not built, since nothing that it reads has changed.
    Unchanged,
}

/// How the rows of a model were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// All of them anew.
    Full,
    /// Those of the touched days anew.
    Days,
    /// Those of the touched keys anew.
    Keys,
    /// Those of the touched keys from what they were and the rows that changed.
    Merge,
    /// They are as they were.
    Unchanged,
}

/// One model of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelOutcome {
    /// The model.
    pub name: String,
    /// How it ended.
    pub status: ModelStatus,
    /// How its rows were made; `None` where it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<How>,
    /// Why it was made in full, in words, where it asked to be brought up to date in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Rows of its table afterwards.
    pub rows: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Counts of data tests, and the ones that did not pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestsOutcome {
    /// Tests without a failing row.
    pub passed: u64,
    /// Tests of severity `warn` with failing rows.
    pub warned: u64,
    /// Tests of severity `error` with failing rows.
    pub failed: u64,
    /// The ones that did not pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<TestFailure>,
    /// Every test that ran; not kept.
    #[serde(skip)]
    pub results: Vec<TestResult>,
}

/// A test that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestFailure {
    /// `not_null(daily_sales_summary.date)`
    pub name: String,
    /// Failing rows.
    pub rows: u64,
    /// Whether it keeps the run from being published.
    pub blocks: bool,
    /// Of a unit test, the rows that differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How one test ended, for `run_results.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// `not_null(daily_sales_summary.date)`
    pub name: String,
    /// `pass`, `warn`, `fail` or `skipped`.
    pub status: String,
    /// Failing rows.
    pub rows: u64,
    /// How long it took.
    pub milliseconds: u64,
    /// What differs, or why it did not run.
    pub message: Option<String>,
}

impl TestResult {
    /// A test that did not run.
    pub fn skipped(name: &str, why: &str) -> Self {
        Self { name: name.into(), status: "skipped".into(), rows: 0, milliseconds: 0, message: Some(why.into()) }
    }
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunOutcome {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub status: RunStatus,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// When it began, UTC.
    pub started_at: DateTime<Utc>,
    /// Whether it was to take all that had arrived, as the schedule's runs do: not a build, a backfill, a replay or a run
    /// of named files.
    #[serde(default = "yes")]
    pub whole: bool,
    /// The batch it published, if it published one.
    pub batch: Option<crate::ids::BatchNumber>,
    /// Every dataset of the project.
    pub datasets: Vec<DatasetOutcome>,
    /// The models in the order that they were built.
    pub models: Vec<ModelOutcome>,
    /// The tests.
    pub tests: TestsOutcome,
    /// What it restated of days that were published before, by model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restated: Vec<crate::restated::Restated>,
    /// Paths of the reports written, relative to the project folder.
    pub reports: Vec<String>,
    /// Pulls that failed and other things that a person must know, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What runs of versions that did not say it mostly were.
fn yes() -> bool {
    true
}

impl RunOutcome {
    /// How a run with these files, models and tests has ended.
    pub fn judge(&self) -> RunStatus {
        let files = || self.datasets.iter().flat_map(|dataset| &dataset.files);
        let failed = files().any(|file| matches!(file.status, FileStatus::Failed | FileStatus::Held))
            || self.tests.failed > 0
            || self.models.iter().any(|model| matches!(model.status, ModelStatus::Error | ModelStatus::Skipped));
        let odd = self.tests.warned > 0
            || !self.problems.is_empty()
            || self.datasets.iter().any(|dataset| dataset.counts.rejected > 0 || dataset.counts.orphans > 0);
        match (failed, odd) {
            (true, _) => RunStatus::Error,
            (false, true) => RunStatus::Warning,
            (false, false) => RunStatus::Success,
        }
    }
}
