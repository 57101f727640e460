//! `sources:` in the `.yml` files: datasets by dbt's names for them, and how fresh they must be.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use shoplake_core::Fault;

use crate::properties::{ColumnProperties, Described, Properties, line_of};
use crate::references::candidates;
use crate::specs::TestForm;

/// Datasets under a name of dbt's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceProperties {
    /// The name that `source('name', 'table')` gives first.
    pub(crate) name: String,
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "for readers")]
    description: String,
    /// dbt's place of the tables. Taken as read: here they are the datasets.
    #[serde(default)]
    #[expect(dead_code, reason = "dbt finds its tables by it")]
    schema: Option<String>,
    /// dbt's place of the tables. Taken as read: here they are the datasets.
    #[serde(default)]
    #[expect(dead_code, reason = "dbt finds its tables by it")]
    database: Option<String>,
    /// Where dbt's loader is named. Taken as read.
    #[serde(default)]
    #[expect(dead_code, reason = "for readers")]
    loader: Option<String>,
    /// The column that says when a row was loaded; `_loaded_at` unless stated.
    #[serde(default)]
    loaded_at_field: Option<String>,
    /// How old the newest row may be.
    #[serde(default)]
    freshness: Option<Freshness>,
    /// Words to choose it by.
    #[serde(default)]
    tags: Vec<String>,
    /// Words about it, for other programs.
    #[serde(default)]
    #[expect(dead_code, reason = "for other programs")]
    meta: Map<String, Value>,
    /// Settings that dbt keeps here since 1.10: `freshness`, `loaded_at_field`, `meta`, `tags`, `enabled`.
    #[serde(default)]
    config: SourceConfig,
    /// Its tables.
    tables: Vec<SourceTableProperties>,
}

/// Settings of a source or one of its tables.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SourceConfig {
    /// As beside `config`.
    loaded_at_field: Option<String>,
    /// As beside `config`.
    freshness: Option<Freshness>,
    /// As beside `config`.
    #[serde(default)]
    tags: Vec<String>,
    /// As beside `config`.
    #[serde(default)]
    #[expect(dead_code, reason = "for other programs")]
    meta: Map<String, Value>,
}

/// One dataset under a name of dbt's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SourceTableProperties {
    /// The name that `source('name', 'table')` gives second: a dataset, unless `identifier` says which.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// The dataset, where its name is another one.
    #[serde(default)]
    identifier: Option<String>,
    /// What one row is.
    #[serde(default)]
    description: String,
    /// Its columns.
    #[serde(default)]
    columns: Vec<ColumnProperties>,
    /// Tests of the whole dataset.
    #[serde(default, alias = "tests")]
    #[schemars(with = "Vec<TestForm>")]
    data_tests: Vec<Spanned<Value>>,
    /// The column that says when a row was loaded.
    #[serde(default)]
    loaded_at_field: Option<String>,
    /// How old the newest row may be; null takes the source's away.
    #[serde(default)]
    freshness: Option<Freshness>,
    /// Words to choose it by.
    #[serde(default)]
    tags: Vec<String>,
    /// Words about it, for other programs.
    #[serde(default)]
    meta: Map<String, Value>,
    /// Settings that dbt keeps here since 1.10.
    #[serde(default)]
    config: SourceConfig,
}

/// How old the newest row may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// Older than this is told.
    #[serde(default)]
    pub warn_after: Option<Age>,
    /// Older than this fails.
    #[serde(default)]
    pub error_after: Option<Age>,
}

/// An age: `{count: 12, period: hour}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Age {
    /// How many.
    pub count: u32,
    /// Of what.
    pub period: Period,
}

/// `minute`, `hour` or `day`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

impl Age {
    /// In seconds.
    pub fn seconds(self) -> i64 {
        i64::from(self.count)
            * match self.period {
                Period::Minute => 60,
                Period::Hour => 3_600,
                Period::Day => 86_400,
            }
    }
}

/// A dataset as sources describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTable {
    /// The source.
    pub source: String,
    /// Its name in the source.
    pub name: String,
    /// The dataset.
    pub dataset: String,
    /// The file that describes it.
    pub path: String,
    /// The line there.
    pub line: u64,
    /// What one row is.
    pub description: String,
    /// The column that says when a row was loaded.
    pub loaded_at_field: Option<String>,
    /// How old the newest row may be.
    pub freshness: Option<Freshness>,
    /// Words to choose it by.
    pub tags: Vec<String>,
}

/// Takes a source, its tables and their tests.
pub(crate) fn take_source(
    known: &mut Described,
    datasets: &[&str],
    path: &str,
    source: SourceProperties,
    faults: &mut Vec<Fault>,
) {
    for table in source.tables {
        let dataset = table.identifier.unwrap_or_else(|| table.name.value.clone());
        let line = line_of(&table.name);
        if !datasets.contains(&dataset.as_str()) {
            let fault = Fault::usage(format!("there is no dataset `{dataset}`")).at(path, line, None);
            let hint = candidates(&dataset, datasets).unwrap_or_default();
            faults.push(fault.hint(format!("{hint}; sources/{dataset}.yml would make one").trim_start_matches("; ")));
            continue;
        }
        let mut tags = source.tags.clone();
        tags.extend([&source.config.tags, &table.tags, &table.config.tags].into_iter().flatten().cloned());
        if !table.columns.iter().all(|column| column.data_tests.is_empty()) || !table.data_tests.is_empty() {
            let properties = Properties {
                name: table.name.clone(),
                description: String::new(),
                columns: table.columns,
                data_tests: table.data_tests,
                config: Map::new(),
                docs: None,
                meta: table.meta,
            };
            known.models.insert(dataset.clone(), (path.to_owned(), properties));
        }
        known.sources.push(SourceTable {
            source: source.name.clone(),
            name: table.name.value,
            dataset,
            path: path.to_owned(),
            line: line.unwrap_or(1),
            description: table.description.trim().to_owned(),
            loaded_at_field: table
                .loaded_at_field
                .or(table.config.loaded_at_field)
                .or_else(|| source.loaded_at_field.clone())
                .or_else(|| source.config.loaded_at_field.clone()),
            freshness: table.freshness.or(table.config.freshness).or(source.freshness).or(source.config.freshness),
            tags,
        });
    }
}
