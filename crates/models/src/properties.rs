//! The `.yml` files beside models, with dbt's keys: descriptions, columns, data tests.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use shoplake_core::Fault;

use crate::references::{Files, candidates};

/// A file of model properties.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Shoplake model properties")]
pub(crate) struct PropertiesFile {
    /// The version of this format: 2. Taken as read.
    #[serde(default)]
    #[allow(dead_code)]
    version: Option<u32>,
    /// The models that this file describes.
    #[serde(default)]
    models: Vec<Properties>,
    /// dbt's sources: read by dbt alone.
    #[serde(default)]
    #[allow(dead_code)]
    sources: Vec<Value>,
}

/// What is said of one model.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Properties {
    /// The model: the name of its SQL file without `.sql`.
    pub(crate) name: String,
    /// What one row is, and which rows are left out.
    #[serde(default)]
    pub(crate) description: String,
    /// Its columns.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnProperties>,
    /// Tests of the whole model.
    #[serde(default, alias = "tests")]
    pub(crate) data_tests: Vec<TestSpec>,
    /// Settings; `config(…)` in the SQL goes before them.
    #[serde(default)]
    pub(crate) config: ModelConfig,
}

/// Settings of a model.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelConfig {
    /// How it is kept: `table` (the default), `view`, `ephemeral` or `incremental`.
    #[serde(default)]
    pub(crate) materialized: Option<String>,
    /// Words to choose it by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

/// What is said of one column.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnProperties {
    /// The column.
    pub(crate) name: String,
    /// Definition, unit, source.
    #[serde(default)]
    pub(crate) description: String,
    /// Its type, for readers.
    #[serde(default)]
    #[allow(dead_code)]
    data_type: Option<String>,
    /// Its tests.
    #[serde(default, alias = "tests")]
    pub(crate) data_tests: Vec<TestSpec>,
}

/// A test: a name alone, or a name with what it needs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TestSpec {
    /// `not_null` or `unique`.
    Plain(PlainTest),
    /// A test with arguments or settings.
    With(Box<TestWith>),
}

/// The tests that need no arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlainTest {
    /// No row has NULL.
    NotNull,
    /// No value stands twice.
    Unique,
}

/// A test with arguments or settings: one of these keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TestWith {
    /// No row has NULL.
    NotNull(Settings),
    /// No value stands twice.
    Unique(Settings),
    /// Every value is one of these.
    AcceptedValues(AcceptedValues),
    /// Every value stands in a column of another table.
    Relationships(Relationships),
    /// No combination of values stands twice.
    #[serde(alias = "dbt_utils.unique_combination_of_columns")]
    UniqueCombinationOfColumns(Combination),
}

/// A test's settings alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Settings.
    #[serde(default)]
    pub(crate) config: TestConfig,
}

/// Arguments of `accepted_values`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptedValues {
    /// The values; NULL always passes.
    pub(crate) values: Vec<Value>,
    /// Settings.
    #[serde(default)]
    pub(crate) config: TestConfig,
}

/// Arguments of `relationships`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Relationships {
    /// The other table: `ref('x')`, `source('shop', 'x')` or its name.
    pub(crate) to: String,
    /// Its column.
    pub(crate) field: String,
    /// Settings.
    #[serde(default)]
    pub(crate) config: TestConfig,
}

/// Arguments of `unique_combination_of_columns`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Combination {
    /// The columns.
    pub(crate) combination_of_columns: Vec<String>,
    /// Settings.
    #[serde(default)]
    pub(crate) config: TestConfig,
}

/// Settings of a test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestConfig {
    /// What a failing row means; `error` unless stated.
    #[serde(default)]
    pub(crate) severity: SeverityWord,
}

/// `warn` or `error`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeverityWord {
    /// It is told.
    Warn,
    /// Nothing of the run is published.
    #[default]
    Error,
}

/// The JSON Schema of a properties file, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(PropertiesFile).to_value()
}

/// The properties by model, with the file that they stand in; and every fault.
pub(crate) fn read(files: &Files) -> (BTreeMap<String, (String, Properties)>, Vec<Fault>) {
    let (mut known, mut faults) = (BTreeMap::new(), Vec::new());
    let names: Vec<&str> = files.models.keys().map(String::as_str).collect();
    for (path, text) in &files.properties {
        if text.trim().is_empty() {
            continue;
        }
        let file: PropertiesFile = match serde_saphyr::from_str_with_options(text, options()) {
            Ok(file) => file,
            Err(error) => {
                faults.push(refused(path, &error));
                continue;
            }
        };
        for properties in file.models {
            let line = line_of(text, &properties.name);
            if !files.models.contains_key(&properties.name) {
                let fault = Fault::usage(format!("there is no model `{}`", properties.name)).at(path, line, None);
                faults.push(match candidates(&properties.name, &names) {
                    Some(hint) => fault.hint(hint),
                    None => fault,
                });
            } else if let Some((other, _)) = known.get(&properties.name) {
                let what = format!("model `{}` is described in {other} already", properties.name);
                faults.push(Fault::usage(what).at(path, line, None));
            } else {
                known.insert(properties.name.clone(), (path.clone(), properties));
            }
        }
    }
    (known, faults)
}

/// A column may be called `y` or `no`.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true, with_snippet: false }
}

/// The line that names a model.
fn line_of(text: &str, name: &str) -> Option<u64> {
    let at = text.lines().position(|line| line.trim_start_matches([' ', '-']) == format!("name: {name}"))?;
    Some(at as u64 + 1)
}

fn refused(path: &str, error: &serde_saphyr::Error) -> Fault {
    let (line, column) = error.location().map_or((None, None), |at| (Some(at.line()), Some(at.column())));
    let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or(message).trim_end_matches('.');
    if message.contains("TestSpec") {
        return Fault::usage("this is no data test").at(path, line, column).hint(TESTS);
    }
    Fault::usage(format!("model properties cannot be read: {message}")).at(path, line, column)
}

/// The tests that there are.
const TESTS: &str =
    "tests are `not_null`, `unique`, `accepted_values`, `relationships` and `unique_combination_of_columns`";
