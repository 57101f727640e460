//! A run that is worked out and not decided: what `plan --numbers` keeps for the next run.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::BatchNumber;
use crate::outcome::{ModelOutcome, TestsOutcome};
use crate::ports::BatchSummary;
use crate::restated::Restated;

/// A batch whose files are written and tested, of which nothing is published.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StagedBatch {
    /// Its number.
    pub batch: BatchNumber,
    /// When it was worked out, UTC.
    pub at: DateTime<Utc>,
    /// A digest of all that it was made from: files, quarantined rows, contracts, models, tests. A run
    /// whose own is another sets the batch aside.
    pub made_from: String,
    /// What the publish record will say of it.
    pub summary: BatchSummary,
    /// The models as they were built.
    pub models: Vec<ModelOutcome>,
    /// The tests as they went.
    pub tests: TestsOutcome,
    /// What it restates of days that were published before.
    #[serde(default)]
    pub restated: Vec<Restated>,
}
