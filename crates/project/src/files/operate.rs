//! `retry:`, `logs:` and `deliver:` of `shoplake.yml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{NotifyFile, Scalar};

/// How the steps of a run are tried, and how long they may take.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryFile {
    /// How often a step is tried, the first time included; 4 unless stated.
    pub attempts: Option<u32>,
    /// The wait before the second time, `1s` unless stated. It doubles each time; up to half of it is chance.
    pub wait: Option<Scalar>,
    /// The longest wait: `1m` unless stated.
    pub longest_wait: Option<Scalar>,
    /// What is tried again: `[unavailable, timeout]` unless stated. Faults of the data and of the project never are.
    pub on: Option<Vec<TroubleWord>>,
    /// How long a step may take each time, and of the load each file: `6h` unless stated. What is being published is
    /// never cut off.
    pub timeout: Option<Scalar>,
    /// A file that made the run fail, or ended its process, so often is set aside; 3 unless stated.
    pub set_aside_after: Option<u32>,
    /// Steps that are tried otherwise.
    pub steps: Option<StepsFile>,
}

/// Steps that are tried otherwise.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepsFile {
    /// What an earlier run left is brought in order.
    pub recover: Option<StepFile>,
    /// Files and pages of APIs are taken.
    pub land: Option<StepFile>,
    /// Rows are judged and loaded.
    pub load: Option<StepFile>,
    /// Models are built and tested.
    pub models: Option<StepFile>,
    /// The tables are committed.
    pub publish: Option<StepFile>,
    /// Files go to the archive.
    pub archive: Option<StepFile>,
    /// Reports are written.
    pub reports: Option<StepFile>,
}

/// How one step is tried; what is left out is as for all.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// How often it is tried, the first time included.
    pub attempts: Option<u32>,
    /// The wait before the second time.
    pub wait: Option<Scalar>,
    /// The longest wait.
    pub longest_wait: Option<Scalar>,
    /// What it is tried again for.
    pub on: Option<Vec<TroubleWord>>,
    /// How long it may take each time.
    pub timeout: Option<Scalar>,
}

/// What a step is tried again for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TroubleWord {
    /// A disk, a store, a database or the network is away.
    Unavailable,
    /// It took longer than it may.
    Timeout,
    /// A promise of Shoplake itself did not hold.
    Internal,
}

/// How much of the log is kept in `.shoplake/logs/`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogsFile {
    /// After how much a file is followed by another; each day has its own. `10MB` unless stated.
    pub file_size: Option<Scalar>,
    /// How much all files may take; the oldest go first. `200MB` unless stated.
    pub keep_size: Option<Scalar>,
    /// How long a file is kept: `30d` unless stated.
    pub keep_for: Option<Scalar>,
}

/// A report that is sent to people, once for each day.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverFile {
    /// The report.
    pub report: ReportWord,
    /// Who gets it.
    pub to: NotifyFile,
    /// When, in the shop's time zone: a time of day (`"07:30"`) or a cron expression (`30 7 * * 1-5`); after the run
    /// that makes it unless stated. Where the run is late, the report is sent once it is there.
    pub at: Option<Scalar>,
}

/// A report that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportWord {
    /// The daily report.
    Daily,
}
