//! Unit tests: a model on rows that are given, and the rows that must come out.

use std::collections::BTreeMap;

use serde_json::Value;
use shoplake_core::Fault;

use crate::Model;
use crate::jinja::{How, Jinja};
use crate::properties::{Described, UnitTestProperties, line_of};
use crate::references::{Files, SqlFile, candidates};
use crate::seeds;
use crate::sql::identifier;
use crate::tests_of::table_name;

/// Rows as they are written: texts by column, `None` for NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The columns that are named.
    pub columns: Vec<String>,
    /// The values in the order of the columns.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A unit test.
#[derive(Debug, Clone)]
pub struct UnitTest {
    /// Its name.
    pub name: String,
    /// The model that it checks.
    pub model: String,
    /// What it shows.
    pub description: String,
    /// The file that states it.
    pub path: String,
    /// The line there.
    pub line: Option<u64>,
    /// The model's SQL, with its inputs by their names.
    pub sql: String,
    /// Rows of inputs by table, with the line that states them.
    pub given: Vec<(String, Option<u64>, Rows)>,
    /// Everything that the model reads by name.
    pub inputs: Vec<String>,
    /// The rows that must come out.
    pub expect: Rows,
    /// Words to choose it by.
    pub tags: Vec<String>,
}

impl Rows {
    /// A SELECT of these rows over `columns`, each with its Arrow type; a column that the rows do not name is NULL.
    ///
    /// # Errors
    /// A column of the rows that is not among them.
    pub fn select(&self, of: &str, columns: &[(String, String)]) -> Result<String, Fault> {
        let known: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(name) = self.columns.iter().find(|name| !known.contains(&name.as_str())) {
            let fault = Fault::usage(format!("`{of}` has no column `{name}`"));
            return Err(match candidates(name, &known) {
                Some(hint) => fault.hint(hint),
                None => fault,
            });
        }
        let cast = |value: &str, (name, kind): &(String, String)| {
            format!("arrow_cast({value}, '{}') AS {}", kind.replace('\'', "''"), identifier(name))
        };
        if self.rows.is_empty() {
            let list: Vec<String> = columns.iter().map(|column| cast("NULL", column)).collect();
            return Ok(format!("SELECT {} WHERE false", list.join(", ")));
        }
        let at: BTreeMap<&str, usize> = self.columns.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let list: Vec<String> = columns
            .iter()
            .map(|column| match at.get(column.0.as_str()) {
                Some(index) => cast(&format!("column{}", index + 1), column),
                None => cast("NULL", column),
            })
            .collect();
        let literal = |value: &Option<String>| match value {
            Some(text) => format!("'{}'", text.replace('\'', "''")),
            None => "CAST(NULL AS VARCHAR)".to_owned(),
        };
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| format!("({})", row.iter().map(literal).collect::<Vec<_>>().join(", ")))
            .collect();
        Ok(format!("SELECT {} FROM (VALUES {})", list.join(", "), rows.join(", ")))
    }
}

/// The unit tests of a project.
pub(crate) fn all(
    files: &Files,
    described: &Described,
    jinja: &Jinja,
    models: &[Model],
    datasets: &[&str],
) -> Result<Vec<UnitTest>, Vec<Fault>> {
    let (mut tests, mut faults) = (Vec::new(), Vec::new());
    for (path, test) in &described.unit_tests {
        match one(files, jinja, models, datasets, test) {
            Ok(Some(made)) => tests.push(UnitTest { path: path.clone(), line: line_of(&test.name), ..made }),
            Ok(None) => {}
            Err(fault) => {
                let line = fault.place.as_ref().and_then(|place| place.line).or(line_of(&test.name));
                let named = fault.place.as_ref().map(|place| place.file.clone()).filter(|file| !file.is_empty());
                faults.push(fault.at(named.as_deref().unwrap_or(path), line, None));
            }
        }
    }
    if faults.is_empty() { Ok(tests) } else { Err(faults) }
}

fn one(
    files: &Files,
    jinja: &Jinja,
    models: &[Model],
    datasets: &[&str],
    test: &UnitTestProperties,
) -> Result<Option<UnitTest>, Fault> {
    if test.config.get("enabled").and_then(Value::as_bool) == Some(false) {
        return Ok(None);
    }
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let (Some(model), Some(file)) =
        (models.iter().find(|model| model.name == test.model), files.models.get(&test.model))
    else {
        let fault = Fault::usage(format!("there is no model `{}`", test.model));
        return Err(fault.hint(candidates(&test.model, &names).unwrap_or_default()));
    };
    let rendered = jinja.render(file, &how(test)?)?;
    let mut inputs = model.depends_on.clone();
    for name in rendered.told.depends_on {
        if !inputs.contains(&name) {
            inputs.push(name);
        }
    }
    let mut given = Vec::new();
    for input in &test.given {
        let line = line_of(&input.input);
        let name = match input.input.value.trim() {
            "this" => model.name.as_str(),
            text => table_name(text),
        };
        if name != model.name && !inputs.iter().any(|known| known == name) {
            let known: Vec<&str> = inputs.iter().map(String::as_str).collect();
            let all = names.iter().chain(datasets).any(|known| *known == name);
            let what = if all {
                format!("`{}` does not read `{name}`", model.name)
            } else {
                format!("there is no table `{name}`")
            };
            let fault = Fault::usage(what).at("", line, None);
            return Err(fault.hint(candidates(name, &known).unwrap_or_default()));
        }
        let rows = rows(&input.rows, input.format.as_deref(), input.fixture.as_deref());
        given.push((name.to_owned(), line, rows.map_err(|fault| fault.at("", line, None))?));
    }
    inputs.push(model.name.clone());
    Ok(Some(UnitTest {
        name: test.name.value.clone(),
        model: model.name.clone(),
        description: test.description.trim().to_owned(),
        path: String::new(),
        line: None,
        sql: rendered.sql,
        given,
        inputs,
        expect: rows(&test.expect.rows, test.expect.format.as_deref(), test.expect.fixture.as_deref())?,
        tags: test.tags.clone(),
    }))
}

/// What the overrides ask for.
fn how(test: &UnitTestProperties) -> Result<How, Fault> {
    let mut how = How::default();
    for (key, value) in &test.overrides {
        match (key.as_str(), value) {
            ("vars", Value::Object(vars)) => how.vars.extend(vars.clone()),
            ("macros", Value::Object(macros)) => {
                for (name, value) in macros {
                    let ("is_incremental", Value::Bool(answer)) = (name.as_str(), value) else {
                        let fault = Fault::usage(format!("`overrides: macros: {name}` is dbt's and not supported"));
                        return Err(fault.hint("`is_incremental: true` can be overridden; use `vars` for the rest"));
                    };
                    how.incremental = *answer;
                }
            }
            _ => {
                let fault = Fault::usage(format!("`overrides: {key}` is dbt's and not supported"));
                return Err(fault.hint("`vars` and `macros` can be overridden"));
            }
        }
    }
    Ok(how)
}

/// Rows in either form.
fn rows(value: &Value, format: Option<&str>, fixture: Option<&str>) -> Result<Rows, Fault> {
    if fixture.is_some() {
        let fault = Fault::usage("`fixture` is dbt's and not supported");
        return Err(fault.hint("write the rows under `rows:`, as maps or as CSV"));
    }
    match (value, format) {
        (_, Some("sql")) => {
            let fault = Fault::usage("rows as SQL are dbt's and not supported");
            Err(fault.hint("write the rows as maps or as CSV"))
        }
        (_, Some(other)) if !matches!(other, "dict" | "csv") => {
            Err(Fault::usage(format!("`{other}` is no form of rows")).hint("write `dict` or `csv`"))
        }
        (Value::Null, _) => Ok(Rows::default()),
        (Value::String(text), _) => of_csv(text),
        (Value::Array(list), _) => of_maps(list),
        _ => Err(Fault::usage("these are no rows").hint("write a list of maps: `- {id: 1, amount: 2.50}`")),
    }
}

fn of_csv(text: &str) -> Result<Rows, Fault> {
    let file = SqlFile { name: String::new(), path: String::new(), text: text.to_owned() };
    let mut rows = seeds::rows(&file, ',').map_err(|fault| Fault::usage(fault.message))?.into_iter();
    let columns: Vec<String> =
        rows.next().map(|(_, header)| header.iter().map(|name| name.trim().to_owned()).collect()).unwrap_or_default();
    let value = |text: String| {
        let text = text.trim().to_owned();
        (!text.is_empty() && !text.eq_ignore_ascii_case("null")).then_some(text)
    };
    let mut made = Rows { columns, rows: Vec::new() };
    for (line, row) in rows {
        if row.len() != made.columns.len() {
            let what =
                format!("line {line} of the rows has {} values, the header {} columns", row.len(), made.columns.len());
            return Err(Fault::usage(what));
        }
        made.rows.push(row.into_iter().map(value).collect());
    }
    Ok(made)
}

fn of_maps(list: &[Value]) -> Result<Rows, Fault> {
    let mut made = Rows::default();
    for row in list {
        let Some(row) = row.as_object() else {
            return Err(Fault::usage("a row is a map of column and value").hint("write `- {id: 1, amount: 2.50}`"));
        };
        for name in row.keys().filter(|name| !made.columns.contains(name)).cloned().collect::<Vec<_>>() {
            made.columns.push(name);
        }
    }
    for row in list.iter().filter_map(Value::as_object) {
        let value = |name: &String| match row.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        made.rows.push(made.columns.iter().map(value).collect());
    }
    Ok(made)
}
