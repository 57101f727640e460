//! Data tests: the SQL whose rows are failures.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shoplake_core::{Fault, Project};

use crate::compile::Compiler;
use crate::properties::{PlainTest, Properties, SeverityWord, TestSpec, TestWith};
use crate::references::{Files, candidates};
use crate::sql::{identifier, tables, with_expressions};
use crate::{DataTest, Model, Severity};

/// The tests of the properties in the order of the models, then those of `data-tests/`.
pub(crate) fn all(
    project: &Project,
    files: &Files,
    properties: &BTreeMap<String, (String, Properties)>,
    models: &[Model],
) -> Result<Vec<DataTest>, Vec<Fault>> {
    let tables = Tables { models, sources: Files::sources(project) };
    let (mut tests, mut faults) = (Vec::new(), Vec::new());
    for model in models {
        let Some((path, properties)) = properties.get(&model.name) else { continue };
        let of_model = properties.data_tests.iter().map(|spec| (None, spec));
        let of_columns =
            properties.columns.iter().flat_map(|c| c.data_tests.iter().map(|spec| (Some(c.name.as_str()), spec)));
        for (column, spec) in of_model.chain(of_columns) {
            match tables.test(model, column, spec) {
                Ok(test) => tests.push(test),
                Err(fault) => faults.push(fault.at(path, None, None)),
            }
        }
    }
    let inlined: BTreeSet<String> =
        models.iter().filter(|m| !m.materialized.is_stored()).map(|m| m.name.clone()).collect();
    let compiler = Compiler::new(project, files, inlined);
    for file in &files.tests {
        match compiler.render(file, false) {
            Ok(rendered) => tests.push(tables.of_file(&file.name, &rendered.sql, rendered.told.depends_on)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(tests) } else { Err(faults) }
}

/// The tables that tests read.
struct Tables<'m> {
    models: &'m [Model],
    sources: Vec<&'m str>,
}

impl Tables<'_> {
    fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// A test of the properties.
    fn test(&self, model: &Model, column: Option<&str>, spec: &TestSpec) -> Result<DataTest, Fault> {
        let needs_column = |what: &str| {
            column.ok_or_else(|| Fault::usage(format!("`{what}` stands below a column of `{}`", model.name)))
        };
        let table = identifier(&model.name);
        let mut others = vec![model.name.as_str()];
        let (kind, severity, sql) = match spec {
            TestSpec::Plain(PlainTest::NotNull) => {
                ("not_null", SeverityWord::Error, not_null(&table, needs_column("not_null")?))
            }
            TestSpec::Plain(PlainTest::Unique) => {
                ("unique", SeverityWord::Error, unique(&table, &[needs_column("unique")?]))
            }
            TestSpec::With(with) => match with.as_ref() {
                TestWith::NotNull(s) => ("not_null", s.config.severity, not_null(&table, needs_column("not_null")?)),
                TestWith::Unique(s) => ("unique", s.config.severity, unique(&table, &[needs_column("unique")?])),
                TestWith::AcceptedValues(a) => (
                    "accepted_values",
                    a.config.severity,
                    accepted(&table, needs_column("accepted_values")?, &a.values)?,
                ),
                TestWith::UniqueCombinationOfColumns(c) => {
                    let columns: Vec<&str> = c.combination_of_columns.iter().map(String::as_str).collect();
                    if columns.is_empty() {
                        return Err(Fault::usage("`combination_of_columns` names no column"));
                    }
                    ("unique_combination_of_columns", c.config.severity, unique(&table, &columns))
                }
                TestWith::Relationships(r) => {
                    let to = table_name(&r.to);
                    self.must_exist(to)?;
                    others.push(to);
                    let column = needs_column("relationships")?;
                    ("relationships", r.config.severity, related(&table, column, &identifier(to), &r.field))
                }
            },
        };
        let named = column.map_or_else(|| model.name.clone(), |column| format!("{}.{column}", model.name));
        let severity = match severity {
            SeverityWord::Warn => Severity::Warn,
            SeverityWord::Error => Severity::Error,
        };
        let (sql, depends_on) = self.resolved(&sql, &others);
        Ok(DataTest { name: format!("{kind}({named})"), table: model.name.clone(), sql, severity, depends_on })
    }

    /// A test of `data-tests/`.
    fn of_file(&self, name: &str, sql: &str, mut names: Vec<String>) -> DataTest {
        let known: Vec<&str> =
            self.sources.iter().copied().chain(self.models.iter().map(|m| m.name.as_str())).collect();
        for table in tables(sql, &known) {
            if !names.iter().any(|name| name == table) {
                names.push(table.to_owned());
            }
        }
        let table = names.first().cloned().unwrap_or_default();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (sql, depends_on) = self.resolved(sql, &names);
        DataTest { name: name.to_owned(), table, sql, severity: Severity::Error, depends_on }
    }

    /// `sql` with the views among `names` put in, and the stored tables behind them all.
    fn resolved(&self, sql: &str, names: &[&str]) -> (String, Vec<String>) {
        let (mut expressions, mut stored) = (Vec::new(), Vec::new());
        for name in names {
            match self.model(name) {
                Some(model) if !model.materialized.is_stored() => {
                    // A test of a file calls a view by its expression, one of the properties by its name.
                    for called in [format!("cte__{name}"), identifier(name)] {
                        if sql.contains(&called) {
                            expressions.push((called, model.sql.clone()));
                        }
                    }
                    stored.extend(model.reads.iter().cloned());
                }
                _ => stored.push((*name).to_owned()),
            }
        }
        stored.sort();
        stored.dedup();
        (with_expressions(sql, &expressions), stored)
    }

    fn must_exist(&self, name: &str) -> Result<(), Fault> {
        if self.model(name).is_some() || self.sources.contains(&name) {
            return Ok(());
        }
        let known: Vec<&str> =
            self.models.iter().map(|m| m.name.as_str()).chain(self.sources.iter().copied()).collect();
        let fault = Fault::usage(format!("there is no table `{name}`"));
        Err(match candidates(name, &known) {
            Some(hint) => fault.hint(hint),
            None => fault,
        })
    }
}

/// `x` of `ref('x')`, `source('shop', 'x')` or `x`.
fn table_name(to: &str) -> &str {
    let quoted = to.split(['\'', '"']).collect::<Vec<_>>();
    match quoted.len() {
        0 | 1 => to.trim(),
        many => quoted[many - 2],
    }
}

fn not_null(table: &str, column: &str) -> String {
    format!("SELECT * FROM {table} WHERE {} IS NULL", identifier(column))
}

fn unique(table: &str, columns: &[&str]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
    let list = columns.join(", ");
    // One column: NULL is no value, as in dbt. Several: NULL is one of the values of a combination.
    let known = if columns.len() == 1 { format!(" WHERE {list} IS NOT NULL") } else { String::new() };
    format!("SELECT {list}, count(*) AS copies FROM {table}{known} GROUP BY {list} HAVING count(*) > 1")
}

fn accepted(table: &str, column: &str, values: &[Value]) -> Result<String, Fault> {
    let literal = |value: &Value| match value {
        Value::String(text) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Fault::usage(format!("`accepted_values` of `{column}` are texts, numbers, true or false"))),
    };
    let values: Vec<String> = values.iter().map(literal).collect::<Result<_, _>>()?;
    if values.is_empty() {
        return Err(Fault::usage(format!("`accepted_values` of `{column}` names no value")));
    }
    let column = identifier(column);
    let list = values.join(", ");
    Ok(format!("SELECT {column}, count(*) AS copies FROM {table} WHERE {column} NOT IN ({list}) GROUP BY {column}"))
}

fn related(table: &str, column: &str, to: &str, field: &str) -> String {
    let (column, field) = (identifier(column), identifier(field));
    format!(
        "SELECT child.{column}, count(*) AS copies FROM {table} AS child WHERE child.{column} IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM {to} AS parent WHERE parent.{field} = child.{column}) GROUP BY child.{column}"
    )
}
