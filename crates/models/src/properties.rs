//! The `.yml` files beside models, with dbt's keys: descriptions, columns, tests, sources, exposures.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use shoplake_core::Fault;

use crate::references::{Files, candidates};
use crate::sources::{SourceProperties, SourceTable, take_source};
use crate::specs::TestForm;

/// A file of properties.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Shoplake model properties")]
pub(crate) struct PropertiesFile {
    /// The version of this format: 2. Taken as read.
    #[serde(default)]
    #[expect(dead_code, reason = "read so that it may stand there")]
    version: Option<u32>,
    /// The models that this file describes.
    #[serde(default)]
    models: Vec<Properties>,
    /// The seeds that this file describes.
    #[serde(default)]
    seeds: Vec<Properties>,
    /// Datasets by dbt's names for them, with how fresh they must be.
    #[serde(default)]
    sources: Vec<SourceProperties>,
    /// What is made of models outside: dashboards, notebooks, applications.
    #[serde(default)]
    exposures: Vec<ExposureProperties>,
    /// Models checked on rows that are given here.
    #[serde(default)]
    unit_tests: Vec<UnitTestProperties>,
    /// What is said of macros.
    #[serde(default)]
    #[schemars(with = "Vec<Map<String, Value>>")]
    #[expect(dead_code, reason = "dbt's notes on macros, for people")]
    macros: Vec<Value>,
}

/// What is said of one model or seed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Properties {
    /// The model: the name of its file without the extension.
    #[schemars(with = "String")]
    pub(crate) name: Spanned<String>,
    /// What one row is, and which rows are left out.
    #[serde(default)]
    pub(crate) description: String,
    /// Its columns.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnProperties>,
    /// Tests of the whole model.
    #[serde(default, alias = "tests")]
    #[schemars(with = "Vec<TestForm>")]
    pub(crate) data_tests: Vec<Spanned<Value>>,
    /// Settings, as in `config(…)`, which goes before them.
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    /// Whether the documentation shows it. Taken as read.
    #[serde(default)]
    #[expect(dead_code, reason = "dbt's setting of its own site")]
    pub(crate) docs: Option<Value>,
    /// Words about it, for other programs.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
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
    #[expect(dead_code, reason = "for readers")]
    data_type: Option<String>,
    /// Whether its name is quoted in SQL; it is where it must be.
    #[serde(default)]
    #[expect(dead_code, reason = "names are quoted where they must be")]
    quote: Option<bool>,
    /// Its tests: `not_null`, `unique`, `accepted_values: {values: [...]}`,
    /// `relationships: {to: ref('products'), field: product_id}`, and those of `macros/`.
    #[serde(default, alias = "tests")]
    #[schemars(with = "Vec<TestForm>")]
    pub(crate) data_tests: Vec<Spanned<Value>>,
    /// Words to choose its tests by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Words about it, for other programs.
    #[serde(default)]
    #[expect(dead_code, reason = "for other programs")]
    meta: Map<String, Value>,
}

/// What is made of models outside.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExposureProperties {
    /// Its name.
    #[schemars(with = "String")]
    pub(crate) name: Spanned<String>,
    /// `dashboard`, `notebook`, `analysis`, `ml` or `application`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its title.
    #[serde(default)]
    pub(crate) label: Option<String>,
    /// Where it is.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// `high`, `medium` or `low`.
    #[serde(default)]
    pub(crate) maturity: Option<String>,
    /// What it shows.
    #[serde(default)]
    pub(crate) description: String,
    /// Whom to ask: `name`, `email`.
    #[serde(default)]
    pub(crate) owner: Map<String, Value>,
    /// What it reads: `ref('x')`, `source('shop', 'y')`.
    #[serde(default)]
    pub(crate) depends_on: Vec<String>,
    /// Words to choose it by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Words about it, for other programs.
    #[serde(default)]
    pub(crate) meta: Map<String, Value>,
    /// Settings that dbt keeps here since 1.10. Taken as read.
    #[serde(default)]
    #[expect(dead_code, reason = "dbt's own")]
    config: Option<Value>,
}

/// A model checked on rows that are given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitTestProperties {
    /// Its name.
    #[schemars(with = "String")]
    pub(crate) name: Spanned<String>,
    /// What it shows.
    #[serde(default)]
    pub(crate) description: String,
    /// The model.
    pub(crate) model: String,
    /// Rows of what the model reads; what is not given has none.
    #[serde(default)]
    pub(crate) given: Vec<GivenProperties>,
    /// The rows that must come out, in any order.
    pub(crate) expect: RowsProperties,
    /// `vars` and `macros: {is_incremental: true}` in their place.
    #[serde(default)]
    pub(crate) overrides: Map<String, Value>,
    /// Words to choose it by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Settings: `tags`, `meta`, `enabled`.
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
}

/// Rows of one table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenProperties {
    /// `ref('x')`, `source('shop', 'y')` or `this`.
    #[schemars(with = "String")]
    pub(crate) input: Spanned<String>,
    /// The rows: maps of column and value, or CSV as text.
    #[serde(default)]
    pub(crate) rows: Value,
    /// `dict` or `csv`.
    #[serde(default)]
    pub(crate) format: Option<String>,
    /// A file of rows. Not supported.
    #[serde(default)]
    pub(crate) fixture: Option<String>,
}

/// Rows that must come out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowsProperties {
    /// The rows: maps of column and value, or CSV as text.
    #[serde(default)]
    pub(crate) rows: Value,
    /// `dict` or `csv`.
    #[serde(default)]
    pub(crate) format: Option<String>,
    /// A file of rows. Not supported.
    #[serde(default)]
    pub(crate) fixture: Option<String>,
}

/// All that the `.yml` files say, each with the file that says it.
#[derive(Debug, Default)]
pub(crate) struct Described {
    pub(crate) models: BTreeMap<String, (String, Properties)>,
    pub(crate) sources: Vec<SourceTable>,
    pub(crate) exposures: Vec<(String, ExposureProperties)>,
    pub(crate) unit_tests: Vec<(String, UnitTestProperties)>,
    /// The file's text, to find lines in.
    pub(crate) texts: BTreeMap<String, String>,
}

/// The JSON Schema of a properties file, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(PropertiesFile).to_value()
}

/// All properties, and every fault.
pub(crate) fn read(files: &Files, datasets: &[&str]) -> (Described, Vec<Fault>) {
    let (mut known, mut faults) = (Described::default(), Vec::new());
    for (path, text) in &files.properties {
        if text.trim().is_empty() {
            continue;
        }
        known.texts.insert(path.clone(), text.clone());
        let file: PropertiesFile = match serde_saphyr::from_str_with_options(text, options()) {
            Ok(file) => file,
            Err(error) => {
                faults.push(refused(path, &error));
                continue;
            }
        };
        for (seed, properties) in
            file.models.into_iter().map(|p| (false, p)).chain(file.seeds.into_iter().map(|p| (true, p)))
        {
            faults.extend(take(&mut known, files, path, seed, properties).err());
        }
        for source in file.sources {
            take_source(&mut known, datasets, path, source, &mut faults);
        }
        known.exposures.extend(file.exposures.into_iter().map(|exposure| (path.clone(), exposure)));
        known.unit_tests.extend(file.unit_tests.into_iter().map(|test| (path.clone(), test)));
    }
    (known, faults)
}

fn take(known: &mut Described, files: &Files, path: &str, seed: bool, properties: Properties) -> Result<(), Fault> {
    let (name, line) = (properties.name.value.clone(), line_of(&properties.name));
    let list = if seed { &files.seeds } else { &files.models };
    if !list.contains_key(&name) {
        let what = if seed { "seed" } else { "model" };
        let names: Vec<&str> = list.keys().map(String::as_str).collect();
        let fault = Fault::usage(format!("there is no {what} `{name}`")).at(path, line, None);
        return Err(match candidates(&name, &names) {
            Some(hint) => fault.hint(hint),
            None => fault.hint(format!("write {}", if seed { "seeds/NAME.csv" } else { "models/NAME.sql" })),
        });
    }
    if let Some((other, _)) = known.models.get(&name) {
        let fault = Fault::usage(format!("`{name}` is described in {other} already")).at(path, line, None);
        return Err(fault.hint("put both into one"));
    }
    known.models.insert(name, (path.to_owned(), properties));
    Ok(())
}

/// A column may be called `y` or `no`.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true, with_snippet: false }
}

/// The line of a value.
pub(crate) fn line_of<T>(value: &Spanned<T>) -> Option<u64> {
    Some(value.referenced.line()).filter(|line| *line > 0)
}

/// Keys of dbt at the top of a file that are not supported, and what to do.
const REFUSED: [(&str, &str); 8] = [
    ("snapshots", "keep the history as a model over the rows of the dataset"),
    ("metrics", "write a model that gives the figure"),
    ("semantic_models", "write a model that gives the figure"),
    ("saved_queries", "write a model that gives the figure"),
    ("groups", "use `tags`"),
    ("data_tests", "write its `config(severity=…)` into the test's own file"),
    ("analyses", "keep the query as a file; `shoplake query - < FILE` runs it"),
    ("selectors", "write the selection on the command line: `--select …`"),
];
/// Keys of dbt's models that are not supported, and what to do.
const REFUSED_OF_MODEL: [(&str, &str); 6] = [
    ("versions", "keep each version as a model of its own name"),
    ("latest_version", "keep each version as a model of its own name"),
    ("access", "every model may be referred to: leave it out"),
    ("group", "use `tags`"),
    ("constraints", "write `not_null`, `unique` or `accepted_values` under `data_tests:`"),
    ("time_spine", "write a model that gives the days"),
];

fn refused(path: &str, error: &serde_saphyr::Error) -> Fault {
    let (line, column) = error.location().map_or((None, None), |at| (Some(at.line()), Some(at.column())));
    let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or(message).trim_end_matches('.');
    if let Some((key, rest)) = message.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`')) {
        let refused = REFUSED.iter().chain(&REFUSED_OF_MODEL).find(|(name, _)| *name == key);
        if let Some((_, remedy)) = refused {
            let fault = Fault::usage(format!("`{key}` is dbt's and not supported")).at(path, line, column);
            return fault.hint(*remedy);
        }
        let fault = Fault::usage(format!("unknown key `{key}`")).at(path, line, column);
        let list = rest.rsplit("expected ").next().unwrap_or_default().trim_start_matches("one of ");
        let known: Vec<&str> = list.split(", ").map(|name| name.trim_matches('`')).collect();
        return match candidates(key, &known) {
            Some(hint) => fault.hint(hint),
            None => fault,
        };
    }
    Fault::usage(format!("the properties cannot be read: {message}"))
        .at(path, line, column)
        .hint("look at that line and the one above: at brackets, quotes, colons and the spaces in front")
}
