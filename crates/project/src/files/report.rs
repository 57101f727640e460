//! `reports/*.yml`: what the day's report shows.

use schemars::JsonSchema;
use serde::Deserialize;

/// A report that is written after each run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// The report's name.
    pub name: String,
    /// The title that people read.
    pub title: Option<String>,
    /// What the report is for.
    pub description: Option<String>,
    /// The tables that it shows, in order.
    pub tables: Vec<String>,
}
