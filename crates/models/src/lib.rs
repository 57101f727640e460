//! SQL models of a project: read, compiled, put in order, with their data tests.
//!
//! What lives here: `models/**/*.sql` with dbt's jinja, the `.yml` beside them, `seeds/*.csv`,
//! `data-tests/*.sql`, `macros/*.sql`, the SQL that comes of them, the graph that they make, and the
//! grammar that chooses from it. What does not: running it (engine), and deciding what to run (pipeline).
//!
//! Views and ephemeral models are put into those who name them as common table expressions; only
//! tables are stored. [`Model::plain_sql`] is what the file says, with views by their names: it is what
//! is planned, so that a fault belongs to one file and [`Models::place`] finds it there.
//!
//! # Models by day
//! `config(materialized='incremental', unique_key='date', by_day='date')` says that each row belongs
//! to one day of the shop, which stands in column `date`. Then [`Model::incremental_sql`] is the SQL
//! with `is_incremental()` true, in which `{{ changed('year', 'month', 'day') }}` (or
//! `{{ changed('date') }}` over a date column) stands for the days of a run. The pipeline fills them
//! in with [`restrict`], and the table becomes those rows UNION ALL its own rows of all other days.

mod bounded;
mod compile;
mod days;
mod deep_stack;
mod graph;
mod jinja;
mod lineage;
mod macros;
mod marks;
mod places;
mod properties;
mod references;
mod relations;
mod seeds;
mod selection;
mod settings;
mod sources;
mod specs;
mod sql;
mod tests_of;
mod thresholds;
mod unit;
mod values;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use shoplake_core::{Fault, Project};

pub use days::{restrict, restrict_to_undated};
pub use deep_stack::{DEPTH_MAX, on_deep_stack};
pub use graph::{Graph, Node, Resource};
pub use lineage::{Direction, Edge, Lineage, Link, Shown, TableKind};
pub use properties::schema;
pub use relations::{expressions, meant, parse, tables};
pub use sources::{Age, Freshness, Period, SourceTable};
pub use thresholds::{Severity, Threshold, Verdict};
pub use unit::{Rows, UnitTest};

use crate::places::Places;

/// How a model is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Materialized {
    /// A table, made anew.
    Table,
    /// Not kept: put into those who refer to it, and there for queries.
    View,
    /// Not kept: put into those who refer to it.
    Ephemeral,
    /// A table that may be brought up to date in part.
    Incremental,
    /// A table of the values of a CSV file in `seeds/`.
    Seed,
}

impl Materialized {
    /// Whether the model has a table of its own.
    pub fn is_stored(self) -> bool {
        matches!(self, Self::Table | Self::Incremental | Self::Seed)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Ephemeral => "ephemeral",
            Self::Incremental => "incremental",
            Self::Seed => "seed",
        }
    }
}

/// What happens to a table's columns when its model gives others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSchemaChange {
    /// The table keeps the columns that it has.
    Ignore,
    /// The model fails.
    Fail,
    /// New columns are added, those that are gone stay and are NULL.
    AppendNewColumns,
    /// The table has the model's columns.
    SyncAllColumns,
}

/// A documented column of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelColumn {
    /// The column.
    pub name: String,
    /// What it means.
    pub description: String,
}

/// A model, compiled.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name, and its table's.
    pub name: String,
    /// Its file, relative to the project folder.
    pub path: String,
    /// The file as it stands.
    pub raw: String,
    /// Plain SQL as the file says it, views by their names.
    pub plain_sql: String,
    /// Plain SQL for all of its rows, from stored tables alone.
    pub sql: String,
    /// Plain SQL for the rows of some days, to be given to [`restrict`]; only with [`Model::by_day`].
    pub incremental_sql: Option<String>,
    /// How it is kept.
    pub materialized: Materialized,
    /// Columns whose values together name a row, as `config(unique_key=…)` says.
    pub unique_key: Vec<String>,
    /// The column that holds the shop's day of each row, if the model can be made anew day by day.
    pub by_day: Option<String>,
    /// What happens when its columns change; only of an incremental one.
    pub on_schema_change: Option<OnSchemaChange>,
    /// Models and datasets that its SQL names.
    pub depends_on: Vec<String>,
    /// Stored tables that its compiled SQL reads, through views too.
    pub reads: Vec<String>,
    /// What it means.
    pub description: String,
    /// Its documented columns, in the order of the documentation.
    pub columns: Vec<ModelColumn>,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// Words about it, for other programs.
    pub meta: Map<String, Value>,
}

/// A check on a table: each row that its SQL gives is a failure.
#[derive(Debug, Clone)]
pub struct DataTest {
    /// `not_null(daily_sales_summary.date)`, or the name of its file.
    pub name: String,
    /// The model that it checks; of a file, the first that it names.
    pub table: String,
    /// The column that it checks.
    pub column: Option<String>,
    /// `not_null`, `unique`, …, the name of a test in `macros/`, or `singular`.
    pub kind: String,
    /// The file that states it.
    pub path: String,
    /// The line there.
    pub line: Option<u64>,
    /// Plain SQL for the failing rows, views by their names.
    pub plain_sql: String,
    /// Plain SQL for the failing rows, from stored tables alone.
    pub sql: String,
    /// What a failing row means.
    pub severity: Severity,
    /// How many failing rows are told.
    pub warn_if: Threshold,
    /// How many failing rows fail, with [`Severity::Error`].
    pub error_if: Threshold,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// Models and datasets that it names.
    pub names: Vec<String>,
    /// Stored tables that it reads.
    pub depends_on: Vec<String>,
}

/// What is made of models outside: a dashboard, a notebook.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Its name.
    pub name: String,
    /// `dashboard`, `notebook`, `analysis`, `ml` or `application`.
    pub kind: String,
    /// Its title.
    pub label: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// `high`, `medium` or `low`.
    pub maturity: Option<String>,
    /// What it shows.
    pub description: String,
    /// Whom to ask.
    pub owner: Map<String, Value>,
    /// Models and datasets that it reads.
    pub depends_on: Vec<String>,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// Words about it, for other programs.
    pub meta: Map<String, Value>,
    /// The file that states it.
    pub path: String,
}

/// The models of a project.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Models and seeds, each after those it depends on; among equals by name.
    pub models: Vec<Model>,
    /// The tests in the order of their models.
    pub tests: Vec<DataTest>,
    /// The unit tests in the order of their files.
    pub unit_tests: Vec<UnitTest>,
    /// Datasets as sources describe them.
    pub sources: Vec<SourceTable>,
    /// What is made of models outside.
    pub exposures: Vec<Exposure>,
    places: Option<Arc<Places>>,
}

impl Models {
    /// The model of that name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The views that readers may query, by name with their SQL.
    pub fn views(&self) -> BTreeMap<String, String> {
        views::readable(&self.models)
    }

    /// A fault of `sql`, which came of the file at `path`, told at its line and column there.
    pub fn place(&self, fault: Fault, path: &str, sql: &str) -> Fault {
        match &self.places {
            Some(places) => places.put(fault, path, sql),
            None => fault.at(path, None, None),
        }
    }

    /// Files rendered so far: the cost of compiling.
    pub fn renders(&self) -> u64 {
        self.places.as_ref().map_or(0, |places| places.jinja.renders())
    }

    /// Renders SQL that stands in no file, as `shoplake show --inline` does; views put in.
    pub fn inline(&self, text: &str) -> Result<String, Fault> {
        let Some(places) = &self.places else { return Ok(text.to_owned()) };
        let file = references::SqlFile { name: "inline".into(), path: "inline".into(), text: text.to_owned() };
        Ok(places.jinja.render(&file, &jinja::How::default())?.sql)
    }
}

/// Reads and compiles all models and tests of `project`; every fault at once.
pub fn load(project: &Project) -> Result<Models, Vec<Fault>> {
    let files = references::read(project)?;
    let datasets = references::Files::sources(project);
    let (described, mut faults) = properties::read(&files, &datasets);
    let macros = macros::Macros::read(&files.macros)?;
    let names = compile::names(project, &files, &described);
    let jinja = jinja::Jinja::new(project, &names, macros).map_err(|fault| vec![fault])?;
    let (models, views) = match compile::all(project, &files, &described, &jinja) {
        Ok(compiled) => compiled,
        Err(also) => {
            faults.extend(also);
            return Err(faults);
        }
    };
    let tests = tests_of::all(project, &files, &described, &jinja, &models, &views);
    let unit_tests = unit::all(&files, &described, &jinja, &models, &datasets);
    let exposures = exposures(&described, &models, &datasets);
    let (tests, unit_tests, exposures) = match (tests, unit_tests, exposures) {
        (Ok(tests), Ok(unit_tests), Ok(exposures)) if faults.is_empty() => (tests, unit_tests, exposures),
        (tests, unit_tests, exposures) => {
            faults.extend(tests.err().into_iter().flatten());
            faults.extend(unit_tests.err().into_iter().flatten());
            faults.extend(exposures.err().into_iter().flatten());
            return Err(faults);
        }
    };
    let by_path = files.models.into_values().chain(files.tests).map(|file| (file.path.clone(), file)).collect();
    let places = Some(Arc::new(Places { jinja, files: by_path }));
    Ok(Models { models, tests, unit_tests, sources: described.sources, exposures, places })
}

/// The exposures, each with what it reads.
fn exposures(
    described: &properties::Described,
    models: &[Model],
    datasets: &[&str],
) -> Result<Vec<Exposure>, Vec<Fault>> {
    let known: Vec<&str> = models.iter().map(|model| model.name.as_str()).chain(datasets.iter().copied()).collect();
    let (mut made, mut faults) = (Vec::new(), Vec::new());
    for (path, exposure) in &described.exposures {
        let depends_on: Vec<&str> = exposure.depends_on.iter().map(|to| tests_of::table_name(to)).collect();
        if let Some(name) = depends_on.iter().find(|name| !known.contains(name)) {
            let fault = Fault::usage(format!("exposure `{}` reads `{name}`, which is not there", exposure.name.value));
            let hint = references::candidates(name, &known).unwrap_or_default();
            faults.push(fault.at(path, properties::line_of(&exposure.name), None).hint(hint));
            continue;
        }
        made.push(Exposure {
            name: exposure.name.value.clone(),
            kind: exposure.kind.clone(),
            label: exposure.label.clone(),
            url: exposure.url.clone(),
            maturity: exposure.maturity.clone(),
            description: exposure.description.trim().to_owned(),
            owner: exposure.owner.clone(),
            depends_on: depends_on.into_iter().map(str::to_owned).collect(),
            tags: exposure.tags.clone(),
            meta: exposure.meta.clone(),
            path: path.clone(),
        });
    }
    if faults.is_empty() { Ok(made) } else { Err(faults) }
}

/// Sorts `models` so that each comes after those it depends on.
fn order(models: &mut Vec<Model>) -> Result<(), Fault> {
    let mut waiting: BTreeMap<String, Model> = models.drain(..).map(|model| (model.name.clone(), model)).collect();
    while !waiting.is_empty() {
        let ready = waiting.values().find(|model| !model.depends_on.iter().any(|name| waiting.contains_key(name)));
        let Some(name) = ready.map(|model| model.name.clone()) else { return Err(cycle(&waiting)) };
        models.extend(waiting.remove(&name));
    }
    Ok(())
}

/// The fault that names a circle of models, each of which waits for the next.
fn cycle(waiting: &BTreeMap<String, Model>) -> Fault {
    let mut path: Vec<&Model> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = waiting.values().next();
    while let Some(model) = next {
        if !seen.insert(&model.name) {
            path.drain(..path.iter().position(|known| known.name == model.name).unwrap_or(0));
            break;
        }
        path.push(model);
        next = model.depends_on.iter().find_map(|name| waiting.get(name));
    }
    let first = path.first().map_or("", |model| model.path.as_str());
    let second = path.get(1).or(path.first()).map_or("", |model| model.name.as_str());
    let line = path.first().and_then(|model| settings::line_with(&model.raw, second));
    let names: Vec<String> = path.iter().chain(path.first()).map(|model| format!("`{}`", model.name)).collect();
    Fault::usage(format!("models depend on each other in a circle: {}", names.join(" -> ")))
        .at(first, line, None)
        .hint("take one `ref` out of the circle")
}
