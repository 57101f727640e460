//! From jinja to plain SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Kwargs, Rest, Value, ViaDeserialize};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use shoplake_core::{Fault, Project};

use crate::bounded;
use crate::properties::Properties;
use crate::references::{Files, SqlFile, candidates};
use crate::{Materialized, Model, ModelColumn, days, sql};

/// Names of the common table expressions that views become.
const EXPRESSION: &str = "cte__";

/// What a rendering told of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) depends_on: Vec<String>,
    config: BTreeMap<String, serde_json::Value>,
    hint: Option<String>,
}

/// A rendered file.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) sql: String,
    pub(crate) told: Told,
}

/// Renders the SQL files of a project.
pub(crate) struct Compiler<'p> {
    project: &'p Project,
    files: &'p Files,
    sources: Vec<String>,
    /// Models that are put into others instead of being stored.
    inlined: BTreeSet<String>,
}

impl<'p> Compiler<'p> {
    /// A compiler for which the models of `inlined` have no table.
    pub(crate) fn new(project: &'p Project, files: &'p Files, inlined: BTreeSet<String>) -> Self {
        let sources = Files::sources(project).into_iter().map(str::to_owned).collect();
        Self { project, files, sources, inlined }
    }

    /// Renders `file`; `incremental` is the answer of `is_incremental()`.
    pub(crate) fn render(&self, file: &SqlFile, incremental: bool) -> Result<Rendered, Fault> {
        let told = Arc::new(Mutex::new(Told::default()));
        let environment = self.environment(&told, incremental);
        let prelude = self.prelude(file);
        let source = format!("{prelude}{}", file.text);
        let this = sql::identifier(&file.name);
        let text = environment
            .template_from_named_str(&file.path, &source)
            .and_then(|template| bounded::render(&template, minijinja::context! { this }));
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = text.map_err(|error| located(&error, &file.path, &source, prelude.len(), told.hint.as_deref()))?;
        let mut text = text.trim();
        while let Some(rest) = text.strip_suffix(';') {
            text = rest.trim_end();
        }
        if text.is_empty() {
            let fault = Fault::usage("no sql in this file").at(&file.path, None, None);
            return Err(fault.hint("write a SELECT, or remove the file"));
        }
        Ok(Rendered { sql: text.to_owned(), told })
    }

    /// Imports of all macros on the first line, so that lines keep their numbers.
    fn prelude(&self, file: &SqlFile) -> String {
        let mut prelude = String::new();
        for source in self.files.macros.iter().filter(|m| m.path != file.path) {
            for rest in source.text.split("macro ").skip(1) {
                let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.is_empty() && rest.trim_start()[name.len()..].trim_start().starts_with('(') {
                    prelude.extend(["{%- from '", &source.path, "' import ", &name, " -%}"]);
                }
            }
        }
        prelude
    }

    fn environment(&self, told: &Arc<Mutex<Told>>, incremental: bool) -> Environment<'static> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_debug(true);
        for source in &self.files.macros {
            // A macro file that cannot be read is told by the model that imports from it.
            let _ = environment.add_template_owned(source.path.clone(), source.text.clone());
        }
        self.add_names(&mut environment, told);
        let vars = self.project.vars.clone();
        let note = Arc::clone(told);
        environment.add_function("var", move |name: String, default: Option<Value>| match (vars.get(&name), default) {
            (Some(value), _) => Ok(Value::from_serialize(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => {
                hint(&note, "set it under `vars:` in shoplake.yml, or give a default: `var('x', 1)`".into());
                Err(refused(format!("variable `{name}` is not set")))
            }
        });
        environment.add_function("env_var", |name: String, default: Option<String>| {
            std::env::var(&name)
                .ok()
                .or(default)
                .ok_or_else(|| refused(format!("environment variable `{name}` is not set")))
        });
        environment.add_function("is_incremental", move || incremental);
        environment.add_function("changed", |columns: Rest<String>| days::placeholder(&columns).map_err(refused));
        let note = Arc::clone(told);
        environment.add_function("config", move |settings: Kwargs| -> Result<&'static str, Error> {
            let names: Vec<String> = settings.args().map(str::to_owned).collect();
            for name in names {
                let value: ViaDeserialize<serde_json::Value> = settings.get(&name)?;
                lock(&note).config.insert(name, value.0);
            }
            Ok("")
        });
        environment
    }

    /// `ref` and `source`: names of tables, each of which is noted.
    fn add_names(&self, environment: &mut Environment<'static>, told: &Arc<Mutex<Told>>) {
        let models: Vec<String> = self.files.models.keys().cloned().collect();
        let (sources, inlined, note) = (self.sources.clone(), self.inlined.clone(), Arc::clone(told));
        environment.add_function("ref", move |first: String, second: Option<String>| {
            let name = second.unwrap_or(first);
            if !models.contains(&name) && !sources.contains(&name) {
                let known: Vec<&str> = models.iter().map(String::as_str).collect();
                if let Some(near) = candidates(&name, &known) {
                    hint(&note, near);
                }
                return Err(refused(format!("there is no model `{name}`")));
            }
            depend(&note, &name);
            Ok(if inlined.contains(&name) { format!("{EXPRESSION}{name}") } else { sql::identifier(&name) })
        });
        let (sources, note) = (self.sources.clone(), Arc::clone(told));
        environment.add_function("source", move |first: String, second: Option<String>| {
            let name = second.unwrap_or(first);
            if !sources.contains(&name) {
                let known: Vec<&str> = sources.iter().map(String::as_str).collect();
                if let Some(near) = candidates(&name, &known) {
                    hint(&note, near);
                }
                return Err(refused(format!("there is no dataset `{name}`")));
            }
            depend(&note, &name);
            Ok(sql::identifier(&name))
        });
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hint(told: &Mutex<Told>, text: String) {
    lock(told).hint = Some(text);
}

fn depend(told: &Mutex<Told>, name: &str) {
    let mut told = lock(told);
    if !told.depends_on.iter().any(|known| known == name) {
        told.depends_on.push(name.to_owned());
    }
}

fn refused(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

/// A jinja error with its place; the first `prelude` bytes of `source` are not the file's.
fn located(error: &Error, file: &str, source: &str, prelude: usize, hint: Option<&str>) -> Fault {
    let mut what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    if error.kind() == ErrorKind::UndefinedError && error.detail().is_none() {
        what = "a name here is not defined".into();
    }
    if let Some(name) = what.strip_suffix(" is unknown") {
        what = format!("`{name}` is not known here");
    }
    let named = error.name().unwrap_or(file);
    let mut fault = Fault::usage(what);
    fault = if named == file {
        let start = error.range().map(|range| range.start.max(prelude));
        let column = start.and_then(|start| {
            let line = source.get(prelude..start)?.rsplit('\n').next()?;
            Some(line.chars().count() as u64 + 1)
        });
        fault.at(file, error.line().map(|line| line as u64), column)
    } else {
        fault.at(named, error.line().map(|line| line as u64), None)
    };
    fault.hint(hint.unwrap_or("look at `{{ }}` and `{% %}` there: what is opened must be closed, and names must exist"))
}

/// All models, compiled, by name.
pub(crate) fn all(
    project: &Project,
    files: &Files,
    properties: &BTreeMap<String, (String, Properties)>,
) -> Result<Vec<Model>, Vec<Fault>> {
    let first = Compiler::new(project, files, BTreeSet::new());
    let (mut models, mut faults) = (Vec::new(), Vec::new());
    for file in files.models.values() {
        match first.render(file, false).and_then(|r| described(file, &r, properties.get(&file.name).map(|(_, p)| p))) {
            Ok(model) => models.push(model),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let inlined: BTreeSet<String> =
        models.iter().filter(|m| !m.materialized.is_stored()).map(|m| m.name.clone()).collect();
    let second = Compiler::new(project, files, inlined);
    let known: Vec<&str> = Files::sources(project).into_iter().chain(files.models.keys().map(String::as_str)).collect();
    for model in &mut models {
        let Some(file) = files.models.get(&model.name) else { continue };
        let full = second.render(file, false).map_err(|fault| vec![fault])?;
        model.depends_on = full.told.depends_on;
        for table in sql::tables(&full.sql, &known) {
            if table != model.name && !model.depends_on.iter().any(|name| name == table) {
                model.depends_on.push(table.to_owned());
            }
        }
        model.sql = full.sql;
        if model.by_day.is_some() {
            let part = second.render(file, true).map_err(|fault| vec![fault])?;
            model.incremental_sql = Some(part.sql);
        }
    }
    // A circle is told before views are put into each other without end.
    let mut ordered = models.clone();
    crate::order(&mut ordered).map_err(|fault| vec![fault])?;
    put_views_in(&mut ordered);
    Ok(ordered)
}

/// A model without a table: what those who refer to it put first, and the tables behind it.
struct View {
    /// Name and SQL, those it needs itself before it.
    expressions: Vec<(String, String)>,
    reads: Vec<String>,
}

/// Puts views and ephemeral models into those who refer to them; `models` are in build order.
fn put_views_in(models: &mut [Model]) {
    let mut views: BTreeMap<String, View> = BTreeMap::new();
    for model in models {
        let (mut expressions, mut reads): (Vec<(String, String)>, Vec<String>) = (Vec::new(), Vec::new());
        for name in &model.depends_on {
            match views.get(name) {
                Some(view) => {
                    let new = view.expressions.iter().filter(|(n, _)| !expressions.iter().any(|(known, _)| known == n));
                    let new: Vec<_> = new.cloned().collect();
                    expressions.extend(new);
                    reads.extend(view.reads.iter().cloned());
                }
                None => reads.push(name.clone()),
            }
        }
        reads.sort();
        reads.dedup();
        if !model.materialized.is_stored() {
            let mut all = expressions.clone();
            all.push((format!("{EXPRESSION}{}", model.name), model.sql.clone()));
            views.insert(model.name.clone(), View { expressions: all, reads: reads.clone() });
        }
        model.sql = sql::with_expressions(&model.sql, &expressions);
        model.incremental_sql = model.incremental_sql.take().map(|text| sql::with_expressions(&text, &expressions));
        model.reads = reads;
    }
}

/// The model of `file`, as its settings and its properties describe it.
fn described(file: &SqlFile, rendered: &Rendered, properties: Option<&Properties>) -> Result<Model, Fault> {
    let config = &rendered.told.config;
    let wrong = |what: String| Fault::usage(what).at(&file.path, Some(1), None);
    let text = |key: &str| config.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    let list = |key: &str| match config.get(key) {
        Some(serde_json::Value::Array(items)) => {
            items.iter().filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
        }
        Some(serde_json::Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    let said = text("materialized").or_else(|| properties.and_then(|p| p.config.materialized.clone()));
    let materialized = match said.as_deref() {
        None | Some("table") => Materialized::Table,
        Some("view") => Materialized::View,
        Some("ephemeral") => Materialized::Ephemeral,
        Some("incremental") => Materialized::Incremental,
        Some(other) => {
            let fault = wrong(format!("`{other}` is no way to keep a model"));
            return Err(fault.hint("write `table`, `view`, `ephemeral` or `incremental`"));
        }
    };
    let by_day = text("by_day");
    if by_day.is_some() && (materialized != Materialized::Incremental || !file.text.contains("changed(")) {
        return Err(wrong("`by_day` needs `materialized='incremental'` and a `changed(…)` in the SQL".into())
            .hint("write `{% if is_incremental() %}WHERE {{ changed('year', 'month', 'day') }}{% endif %}`"));
    }
    let mut tags: Vec<String> = list("tags");
    tags.extend(properties.map(|p| p.config.tags.clone()).unwrap_or_default());
    tags.dedup();
    let columns = properties.map(|p| p.columns.as_slice()).unwrap_or_default();
    Ok(Model {
        name: file.name.clone(),
        path: file.path.clone(),
        raw: file.text.clone(),
        sql: rendered.sql.clone(),
        direct_sql: rendered.sql.clone(),
        incremental_sql: None,
        materialized,
        unique_key: list("unique_key"),
        by_day,
        depends_on: rendered.told.depends_on.clone(),
        reads: Vec::new(),
        description: properties.map(|p| p.description.trim().to_owned()).unwrap_or_default(),
        columns: columns
            .iter()
            .map(|c| ModelColumn { name: c.name.clone(), description: c.description.trim().to_owned() })
            .collect(),
        tags,
    })
}
