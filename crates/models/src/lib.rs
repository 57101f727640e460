//! SQL models of a project: read, compiled, put in order, with their data tests.
//!
//! What lives here: `models/**/*.sql` with dbt's jinja, the `.yml` beside them, `data-tests/*.sql`,
//! `macros/*.sql`, and the SQL that comes of them. What does not: running it (engine), and deciding
//! what to run (pipeline).
//!
//! Jinja knows `ref`, `source`, `config`, `var`, `env_var`, `this`, `is_incremental` and, of our own,
//! `changed`. Views and ephemeral models are put into those who refer to them as common table
//! expressions; only tables are stored.
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
mod lineage;
mod properties;
mod references;
mod sql;
mod tests_of;

use std::collections::{BTreeMap, BTreeSet};

use shoplake_core::{Fault, Project};

pub use days::restrict;
pub use lineage::{Direction, Edge, Lineage, Link, Shown, TableKind};
pub use properties::schema;

/// How a model is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Materialized {
    /// A table, made anew.
    Table,
    /// Not kept: put into those who refer to it.
    View,
    /// Not kept: put into those who refer to it.
    Ephemeral,
    /// A table that may be brought up to date in part.
    Incremental,
}

impl Materialized {
    /// Whether the model has a table of its own.
    pub fn is_stored(self) -> bool {
        matches!(self, Self::Table | Self::Incremental)
    }
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
    /// Plain SQL for all of its rows.
    pub sql: String,
    /// Plain SQL for all of its rows in which views and ephemeral models stand by their names.
    pub direct_sql: String,
    /// Plain SQL for the rows of some days, to be given to [`restrict`]; only with [`Model::by_day`].
    pub incremental_sql: Option<String>,
    /// How it is kept.
    pub materialized: Materialized,
    /// Columns whose values together name a row, as `config(unique_key=…)` says.
    pub unique_key: Vec<String>,
    /// The column that holds the shop's day of each row, if the model can be made anew day by day.
    pub by_day: Option<String>,
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
}

/// What a failing row of a test means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It is told.
    Warn,
    /// It keeps the run from being published.
    Error,
}

/// A check on a table: each row that its SQL gives is a failure.
#[derive(Debug, Clone)]
pub struct DataTest {
    /// `not_null(daily_sales_summary.date)`, or the name of its file.
    pub name: String,
    /// The model that it checks; of a file, the first that it names.
    pub table: String,
    /// Plain SQL for the failing rows.
    pub sql: String,
    /// What a failing row means.
    pub severity: Severity,
    /// Stored tables that it reads.
    pub depends_on: Vec<String>,
}

/// The models of a project.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Each after those it depends on; among equals by name.
    pub models: Vec<Model>,
    /// The tests in the order of their models.
    pub tests: Vec<DataTest>,
}

impl Models {
    /// The model of that name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// Reads and compiles all models and tests of `project`; every fault at once.
pub fn load(project: &Project) -> Result<Models, Vec<Fault>> {
    let files = references::read(project)?;
    let (properties, mut faults) = properties::read(&files);
    let compiled = compile::all(project, &files, &properties);
    let (mut models, also) = match compiled {
        Ok(models) => (models, Vec::new()),
        Err(also) => (Vec::new(), also),
    };
    faults.extend(also);
    if !faults.is_empty() {
        return Err(faults);
    }
    order(&mut models).map_err(|fault| vec![fault])?;
    let tests = tests_of::all(project, &files, &properties, &models)?;
    Ok(Models { models, tests })
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
    let names: Vec<String> = path.iter().chain(path.first()).map(|model| format!("`{}`", model.name)).collect();
    Fault::usage(format!("models depend on each other in a circle: {}", names.join(" -> ")))
        .at(first, None, None)
        .hint("take one `ref` out of the circle")
}
