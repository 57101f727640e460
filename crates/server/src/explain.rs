//! The port to explanations: why a figure is what it is, which column comes from which, and whether figures can
//! be trusted now.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use shoplake_core::Result;

/// Why a figure is what it is: its definition, and the rows behind it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// The published value.
    pub value: Value,
    /// The table that was asked for.
    pub model: String,
    /// Its column.
    pub column: String,
    /// The columns that name the row that was asked for, with their values as text.
    pub row: BTreeMap<String, Option<String>>,
    /// What the column means, as it is documented.
    pub description: Option<String>,
    /// The SQL that makes the table; of a dataset, the query for the value.
    pub sql: String,
    /// How the figure is made, part by part.
    pub made_of: Vec<ExplanationPart>,
    /// What is done with the parts, where it is more than to take the only one.
    pub formula: Option<String>,
    /// Whether the rows make the published value.
    pub agrees: bool,
    /// What they make where they do not.
    pub made_again: Option<String>,
    /// The table whose rows they are.
    pub table: String,
    /// How many rows are behind the figure.
    pub row_count: u64,
    /// The first of them, each with what it contributes and its file and line.
    pub rows: Vec<Map<String, Value>>,
}

/// A part of how a figure is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExplanationPart {
    /// In words.
    pub what: String,
    /// What it comes to.
    pub value: Option<String>,
}

/// Where columns come from and go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Origins {
    /// What was asked for: a table, or a table and a column.
    pub of: String,
    /// The columns around it: `sales.amount`.
    pub nodes: Vec<String>,
    /// Which of them comes from which.
    pub edges: Vec<OriginEdge>,
    /// What each table is: `source`, `dataset`, `model`, `report` or `dashboard`.
    pub tables: BTreeMap<String, &'static str>,
}

/// One column that comes from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OriginEdge {
    /// The column that it comes from.
    pub from: String,
    /// The column.
    pub to: String,
    /// How: `copy`, `expression`, `aggregate`, or `rows` where it only decides which rows count.
    pub kind: &'static str,
}

/// Whether today's numbers can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Health {
    /// Whether they can.
    pub trusted: bool,
    /// The worst of what the checks came to.
    pub verdict: Verdict,
    /// One check after the other.
    pub checks: Vec<HealthCheck>,
}

/// One check of the health of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HealthCheck {
    /// What is looked at.
    pub name: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found, in words.
    pub what: String,
    /// What to do, where something is to be done.
    pub act: Option<String>,
}

/// What one check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Nothing says what would be good: it takes nothing from the whole, and gives it nothing.
    Unwatched,
    /// The numbers hold, and something wants a look.
    Care,
    /// The numbers cannot be trusted.
    Bad,
}

/// Explains figures, columns and the health of the data, as the commands `why`, `lineage` and `doctor` do.
#[async_trait]
pub trait Explain: Send + Sync {
    /// What `shoplake why MODEL --where CONDITION --column COLUMN --limit LIMIT --json` prints.
    async fn why(&self, model: &str, condition: &str, column: &str, limit: usize) -> Result<Explanation>;
    /// What `shoplake lineage NODE --json` prints; `node` is a table, or a table and a column.
    async fn lineage(&self, node: &str) -> Result<Origins>;
    /// What `shoplake doctor --json` prints.
    async fn health(&self) -> Result<Health>;
}
