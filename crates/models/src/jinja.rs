//! From jinja to SQL: the environment that files are rendered in, and its errors with their places.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use minijinja::value::{Kwargs, Rest, Value, ViaDeserialize};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value as Json};
use shoplake_core::{Fault, Project};

use crate::macros::{Macros, TEMPLATE};
use crate::marks::{Marks, NAMED, Origin, line_column};
use crate::references::{SqlFile, candidates};
use crate::values::{Exceptions, Started, This};
use crate::{bounded, days, sql};

/// What jinja knows here.
const KNOWN: [&str; 13] = [
    "ref",
    "source",
    "config",
    "var",
    "env_var",
    "this",
    "target",
    "execute",
    "is_incremental",
    "changed",
    "run_started_at",
    "exceptions",
    "log",
];
/// Names of dbt that are not supported, and what to do.
const REFUSED: [(&str, &str); 13] = [
    ("run_query", "models are planned before anything runs: write it into the SQL as a subquery"),
    ("statement", "models are planned before anything runs: write it into the SQL as a subquery"),
    ("load_result", "models are planned before anything runs: write it into the SQL as a subquery"),
    ("adapter", "there is one engine: write its SQL, or a macro in macros/"),
    ("dbt", "there is one engine: write its SQL, or a macro in macros/"),
    ("dbt_utils", "packages are not read: put the macro that you need into macros/"),
    ("dbt_date", "packages are not read: put the macro that you need into macros/"),
    ("modules", "write the engine's SQL for it: `date_trunc`, `interval`, `now()`"),
    ("graph", "name what you need with `ref` and `source`"),
    ("builtins", "`ref` and `source` cannot be replaced"),
    ("return", "a macro gives the text that it writes: leave out `return(…)`"),
    ("invocation_id", "`run_started_at` is what a run is known by here"),
    ("store_result", "models are planned before anything runs: write it into the SQL as a subquery"),
];
/// What the call of a generic test is named by.
const CALL: &str = "data_tests";
const BROKEN: &str = "look at `{{ }}` and `{% %}` there: what is opened must be closed, and names must exist";

/// What a rendering told of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) depends_on: Vec<String>,
    pub(crate) config: Map<String, Json>,
    hint: Option<String>,
}

/// A rendered file.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) sql: String,
    pub(crate) told: Told,
    /// Where names end that `ref` or `source` wrote.
    pub(crate) named: Vec<usize>,
}

/// What a rendering is made for.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    /// The answer of `is_incremental()`.
    pub(crate) incremental: bool,
    /// Variables that go before the project's.
    pub(crate) vars: BTreeMap<String, Json>,
}

/// The names that `ref` and `source` take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) models: Vec<String>,
    /// Tables of datasets.
    pub(crate) datasets: Vec<String>,
    /// Names that properties give to datasets: source and table.
    pub(crate) called: BTreeMap<(String, String), String>,
}

#[derive(Debug, Default)]
struct Current {
    told: Told,
    how: How,
}

/// The environment of a project.
pub(crate) struct Jinja {
    base: Environment<'static>,
    current: Arc<Mutex<Current>>,
    pub(crate) macros: Macros,
    renders: AtomicU64,
}

impl std::fmt::Debug for Jinja {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jinja").field("macros", &self.macros.names).finish_non_exhaustive()
    }
}

impl Jinja {
    /// An environment that knows these names and macros.
    ///
    /// # Errors
    /// A macro file that cannot be read.
    pub(crate) fn new(project: &Project, names: &Names, macros: Macros) -> Result<Self, Fault> {
        let current = Arc::new(Mutex::new(Current::default()));
        let mut base = Environment::new();
        base.set_undefined_behavior(UndefinedBehavior::Strict);
        base.set_debug(true);
        base.set_fuel(Some(bounded::MAX_STEPS));
        add_names(&mut base, &current, names);
        add_settings(&mut base, &current, project);
        base.add_global("target", target(project));
        base.add_global("execute", true);
        base.add_global("run_started_at", Value::from_object(Started(Utc::now())));
        base.add_global("exceptions", Value::from_object(Exceptions));
        base.add_function("log", |_: Rest<Value>| "");
        for name in ["as_text", "as_native", "as_bool", "as_number"] {
            base.add_filter(name, |value: Value| value);
        }
        let text = macros.template(|_, text| text.to_owned());
        let jinja = Self { base, current, macros, renders: AtomicU64::new(0) };
        let mut jinja_with = jinja;
        if let Err(error) = jinja_with.base.add_template_owned(TEMPLATE, text) {
            return Err(jinja_with.located(&error, "", "", 0, None));
        }
        Ok(jinja_with)
    }

    /// Files rendered so far.
    pub(crate) fn renders(&self) -> u64 {
        self.renders.load(Ordering::Relaxed)
    }

    /// Renders `file`.
    pub(crate) fn render(&self, file: &SqlFile, how: &How) -> Result<Rendered, Fault> {
        let rendered = self.render_text(&self.base, file, &file.text, how, ());
        let (text, told) = rendered?;
        let (plain, named) = without_names(&text);
        let start = plain.len() - plain.trim_start().len();
        let mut sql = plain.trim();
        while let Some(rest) = sql.strip_suffix(';') {
            sql = rest.trim_end();
        }
        if sql.is_empty() {
            let fault = Fault::usage("no sql in this file").at(&file.path, None, None);
            return Err(fault.hint("write a SELECT, or remove the file"));
        }
        let named = named.into_iter().filter_map(|at| at.checked_sub(start)).collect();
        Ok(Rendered { sql: sql.to_owned(), told, named })
    }

    /// The SQL of a generic test: the macro `name` with these arguments.
    pub(crate) fn call(&self, name: &str, arguments: &Map<String, Json>) -> Result<Rendered, Fault> {
        let list: Vec<String> = arguments.keys().map(|key| format!("{key}=given.{key}")).collect();
        let text = format!("{{{{ {name}({}) }}}}", list.join(", "));
        let file = SqlFile { name: name.to_owned(), path: CALL.to_owned(), text };
        let given = minijinja::context! { given => Value::from_serialize(arguments) };
        let rendered = self.render_text(&self.base, &file, &file.text, &How::default(), given);
        let (text, told) = rendered.map_err(|mut fault| {
            // Nobody wrote the call itself: whoever asked for it says where that was.
            fault.detail = None;
            fault.place = fault.place.filter(|place| place.file != CALL);
            fault
        })?;
        let (plain, _) = without_names(&text);
        Ok(Rendered { sql: plain.trim().trim_end_matches(';').to_owned(), told, named: Vec::new() })
    }

    /// Where each byte of the SQL of `file` comes from; `None` where it cannot be told.
    pub(crate) fn origin(&self, file: &SqlFile, how: &How) -> Option<(Origin, usize)> {
        let (plain, _) = self.render_text(&self.base, file, &file.text, how, ()).ok()?;
        let (plain, _) = without_names(&plain);
        let mut marks = Marks::default();
        let text = marks.put(&file.text, 0);
        let mut environment = self.base.clone();
        let macros = self.macros.template(|index, text| marks.put(text, index + 1));
        environment.add_template_owned(TEMPLATE, macros).ok()?;
        let (marked, _) = self.render_text(&environment, file, &text, how, ()).ok()?;
        let (again, origin) = marks.take(&marked);
        let start = plain.len() - plain.trim_start().len();
        (again == plain).then_some((origin, start))
    }

    fn render_text(
        &self,
        environment: &Environment<'static>,
        file: &SqlFile,
        text: &str,
        how: &How,
        context: impl serde::Serialize,
    ) -> Result<(String, Told), Fault> {
        self.renders.fetch_add(1, Ordering::Relaxed);
        *lock(&self.current) = Current { told: Told::default(), how: how.clone() };
        let mut environment = environment.clone();
        environment.add_global("this", Value::from_object(This(file.name.clone())));
        let prelude = self.macros.imports(&file.text);
        let source = format!("{prelude}{text}");
        let rendered = environment
            .template_from_named_str(&file.path, &source)
            .and_then(|template| bounded::render(&template, Value::from_serialize(context)));
        let told = std::mem::take(&mut lock(&self.current).told);
        match rendered {
            Ok(text) => Ok((text, told)),
            Err(error) => Err(self.located(&error, &file.path, &source, prelude.len(), told.hint.as_deref())),
        }
    }

    /// A jinja error with its place; the first `prelude` bytes of `source` are not the file's.
    fn located(&self, error: &Error, file: &str, source: &str, prelude: usize, hint: Option<&str>) -> Fault {
        let named = error.name().unwrap_or(file);
        let of_macro = named == TEMPLATE;
        let macros = if of_macro { self.macros.template(|_, text| text.to_owned()) } else { String::new() };
        let text = if of_macro { macros.as_str() } else { source };
        let expression = error.range().and_then(|range| text.get(range)).unwrap_or_default();
        let (what, better) = self.words(error, expression);
        let mut fault = Fault::usage(what);
        let hint = hint.map(str::to_owned).or(better).unwrap_or_else(|| BROKEN.to_owned());
        if of_macro {
            let place = error.line().and_then(|line| self.macros.place(line));
            let Some((of, line)) = place else { return fault.at("macros/", None, None).hint(hint) };
            fault = fault.at(&of.path, Some(line), None);
            let own = source.get(prelude..).unwrap_or_default();
            if let Some((name, at)) = self.macros.call_of(own, &of.path) {
                let (line, column) = line_column(own, at);
                fault = fault.detail(format!("{file}:{line}:{column} calls the macro `{name}`."));
            }
        } else {
            let start = error.range().map(|range| range.start.max(prelude));
            let column = start.and_then(|start| {
                let line = source.get(prelude..start)?.rsplit('\n').next()?;
                Some(line.chars().count() as u64 + 1)
            });
            fault = fault.at(named, error.line().map(|line| line as u64), column);
        }
        fault.hint(hint)
    }

    /// What an error says, and a hint where there is a better one than the general.
    fn words(&self, error: &Error, expression: &str) -> (String, Option<String>) {
        if let Some((what, remedy)) = bounded::stopped(error) {
            return (what, Some(remedy.to_owned()));
        }
        let expression = expression.trim_start_matches(['{', '%', '-', ' ']);
        let word: String = expression.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let mut what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let unknown =
            matches!(error.kind(), ErrorKind::UndefinedError | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod);
        if let Some(name) = what.strip_suffix(" is unknown") {
            what = format!("`{name}` is not known here");
        } else if error.kind() == ErrorKind::UndefinedError && error.detail().is_none() {
            what = if word.is_empty() {
                "a name here is not defined".into()
            } else {
                format!("`{word}` is not defined here")
            };
        }
        if !unknown || word.is_empty() {
            return (what, None);
        }
        if let Some((_, remedy)) = REFUSED.iter().find(|(name, _)| *name == word) {
            return (format!("`{word}` is dbt's and not supported"), Some((*remedy).to_owned()));
        }
        let names: Vec<&str> =
            KNOWN.iter().copied().chain(self.macros.names.iter().map(|(name, _)| name.as_str())).collect();
        let near = candidates(&word, &names).filter(|hint| hint.starts_with("did"));
        (what, near)
    }
}

fn lock(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hint(current: &Mutex<Current>, text: String) {
    lock(current).told.hint = Some(text);
}

fn refused(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

/// `text` without the letters behind names, and where they stood.
fn without_names(text: &str) -> (String, Vec<usize>) {
    let (mut plain, mut ends) = (String::with_capacity(text.len()), Vec::new());
    for letter in text.chars() {
        if letter == NAMED {
            ends.push(plain.len());
        } else {
            plain.push(letter);
        }
    }
    (plain, ends)
}

fn target(project: &Project) -> Value {
    minijinja::context! {
        name => project.target, type => "shoplake", schema => project.name,
        profile_name => project.name, threads => project.limits.threads
    }
}

/// Notes the table, and writes its name.
fn written(current: &Mutex<Current>, name: &str) -> String {
    let told = &mut lock(current).told;
    if !told.depends_on.iter().any(|known| known == name) {
        told.depends_on.push(name.to_owned());
    }
    format!("{}{NAMED}", sql::identifier(name))
}

/// `ref` and `source`: names of tables, each of which is noted.
fn add_names(environment: &mut Environment<'static>, current: &Arc<Mutex<Current>>, names: &Names) {
    let (known, note) = (names.clone(), Arc::clone(current));
    environment.add_function("ref", move |first: String, second: Option<String>, _version: Kwargs| {
        let name = second.unwrap_or(first);
        if !known.models.contains(&name) && !known.datasets.contains(&name) {
            let all: Vec<&str> = known.models.iter().map(String::as_str).collect();
            if let Some(near) = candidates(&name, &all) {
                hint(&note, near);
            }
            return Err(refused(format!("there is no model `{name}`")));
        }
        Ok(written(&note, &name))
    });
    let (known, note) = (names.clone(), Arc::clone(current));
    environment.add_function("source", move |first: String, second: Option<String>| {
        let called = second.as_ref().and_then(|table| known.called.get(&(first.clone(), table.clone())));
        let name = called.cloned().or(second).unwrap_or(first);
        if !known.datasets.contains(&name) {
            let all: Vec<&str> = known.datasets.iter().map(String::as_str).collect();
            if let Some(near) = candidates(&name, &all) {
                hint(&note, near);
            }
            return Err(refused(format!("there is no dataset `{name}`")));
        }
        Ok(written(&note, &name))
    });
}

/// `var`, `env_var`, `config`, `is_incremental` and `changed`.
fn add_settings(environment: &mut Environment<'static>, current: &Arc<Mutex<Current>>, project: &Project) {
    let (vars, note) = (project.vars.clone(), Arc::clone(current));
    environment.add_function("var", move |name: String, default: Option<Value>| {
        let own = lock(&note).how.vars.get(&name).cloned();
        match (own.as_ref().or_else(|| vars.get(&name)), default) {
            (Some(value), _) => Ok(Value::from_serialize(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => {
                hint(&note, "set it under `vars:` in shoplake.yml, or give a default: `var('x', 1)`".into());
                Err(refused(format!("variable `{name}` is not set")))
            }
        }
    });
    let note = Arc::clone(current);
    environment.add_function("env_var", move |name: String, default: Option<Value>| {
        std::env::var(&name).ok().map(Value::from).or(default).ok_or_else(|| {
            hint(&note, format!("set it before the run, or give a default: `env_var('{name}', '')`"));
            refused(format!("environment variable `{name}` is not set"))
        })
    });
    let note = Arc::clone(current);
    environment.add_function("is_incremental", move || lock(&note).how.incremental);
    environment.add_function("changed", |columns: Rest<String>| days::placeholder(&columns).map_err(refused));
    let note = Arc::clone(current);
    environment.add_function("config", move |settings: Kwargs| -> Result<&'static str, Error> {
        let names: Vec<String> = settings.args().map(str::to_owned).collect();
        for name in names {
            let value: ViaDeserialize<Json> = settings.get(&name)?;
            lock(&note).told.config.insert(name, value.0);
        }
        Ok("")
    });
}
