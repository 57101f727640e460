//! `models/**/*.yml`, in dbt's words: descriptions and tests of models.

use schemars::JsonSchema;
use serde::Deserialize;

/// Descriptions and tests of the models beside it, with dbt's keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsFile {
    /// The version of the file format; 2.
    pub version: Option<u64>,
    /// The models.
    pub models: Option<Vec<ModelFile>>,
    /// dbt's sources: read by dbt alone.
    pub sources: Option<Vec<serde_json::Value>>,
}

/// What is said of one model.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// The model: the name of its `.sql` file.
    pub name: String,
    /// What a row of it is, and which rows are left out.
    pub description: Option<String>,
    /// The model's columns.
    pub columns: Option<Vec<TestedColumn>>,
    /// Tests of the whole model.
    pub data_tests: Option<Vec<serde_json::Value>>,
    /// The older name of `data_tests`.
    pub tests: Option<Vec<serde_json::Value>>,
    /// Settings; `config(…)` in the SQL goes before them.
    pub config: Option<ModelConfigFile>,
}

/// Settings of a model.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfigFile {
    /// How the model is kept: `table` (the default), `view`, `ephemeral` or `incremental`.
    pub materialized: Option<String>,
    /// Words to choose the model by.
    pub tags: Option<Vec<String>>,
}

/// What is said of one column of a model.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestedColumn {
    /// The column.
    pub name: String,
    /// What it means, its unit, and where it comes from.
    pub description: Option<String>,
    /// The column's type, for readers.
    pub data_type: Option<String>,
    /// Tests: `not_null`, `unique`, `accepted_values: { values: [...] }`,
    /// `relationships: { to: ref('products'), field: product_id }`.
    pub data_tests: Option<Vec<serde_json::Value>>,
    /// The older name of `data_tests`.
    pub tests: Option<Vec<serde_json::Value>>,
}
