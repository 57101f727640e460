//! Data tests: the SQL whose rows are failures.

use serde_json::{Map, Value};
use shoplake_core::{Fault, Project};

use crate::jinja::{How, Jinja};
use crate::properties::{Described, line_of};
use crate::references::{Files, candidates};
use crate::relations::relations;
use crate::specs::{Spec, TestConfig};
use crate::sql::identifier;
use crate::views::Views;
use crate::{DataTest, Model};

/// The tests that need no macro.
const KNOWN: [&str; 5] = ["not_null", "unique", "accepted_values", "relationships", "unique_combination_of_columns"];

/// The tests of the properties in the order of the models, then those of `data-tests/`.
pub(crate) fn all(
    project: &Project,
    files: &Files,
    described: &Described,
    jinja: &Jinja,
    models: &[Model],
    views: &Views,
) -> Result<Vec<DataTest>, Vec<Fault>> {
    let tables = Tables { models, sources: Files::sources(project), jinja, views };
    let (mut tests, mut faults) = (Vec::new(), Vec::new());
    let names = models.iter().map(|model| model.name.as_str()).chain(Files::sources(project));
    for name in names {
        let Some((path, properties)) = described.models.get(name) else { continue };
        let of_model = properties.data_tests.iter().map(|spec| (None, spec));
        let of_columns = properties.columns.iter().flat_map(|c| c.data_tests.iter().map(move |spec| (Some(c), spec)));
        for (column, spec) in of_model.chain(of_columns) {
            let line = line_of(spec);
            let made = Spec::read(&spec.value).and_then(|spec| {
                let mut test = tables.test(name, column.map(|c| c.name.as_str()), &spec)?;
                test.tags.extend(column.iter().flat_map(|c| c.tags.iter().cloned()));
                Ok((spec.config.enabled, test))
            });
            match made {
                Ok((true, test)) => tests.push(DataTest { path: path.clone(), line, ..test }),
                Ok((false, _)) => {}
                Err(fault) if fault.place.is_some() => {
                    let at = line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"));
                    faults.push(fault.detail(format!("The test at {at} calls it.")));
                }
                Err(fault) => faults.push(fault.at(path, line, None)),
            }
        }
    }
    for file in &files.tests {
        let made = jinja.render(file, &How::default()).and_then(|rendered| {
            let mut config = TestConfig::default();
            config.take(&rendered.told.config).map_err(|fault| fault.at(&file.path, Some(1), None))?;
            let enabled = config.enabled;
            let mut test = tables.of_file(&file.name, &rendered.sql, rendered.told.depends_on, config);
            test.path.clone_from(&file.path);
            Ok(enabled.then_some(test))
        });
        match made {
            Ok(test) => tests.extend(test),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(tests) } else { Err(faults) }
}

/// The tables that tests read.
struct Tables<'m> {
    models: &'m [Model],
    sources: Vec<&'m str>,
    jinja: &'m Jinja,
    views: &'m Views,
}

impl Tables<'_> {
    fn known(&self) -> Vec<&str> {
        self.models.iter().map(|m| m.name.as_str()).chain(self.sources.iter().copied()).collect()
    }

    /// A test of the properties.
    fn test(&self, table: &str, column: Option<&str>, spec: &Spec) -> Result<DataTest, Fault> {
        let needs_column = || {
            let named = spec.arguments.get("column_name").and_then(Value::as_str);
            column.or(named).ok_or_else(|| {
                Fault::usage(format!("`{}` stands below a column of `{table}`", spec.kind))
                    .hint("put it under `columns: - name: …` `data_tests:`")
            })
        };
        let rows = Rows { table: identifier(table), filter: spec.config.filter.as_deref() };
        let mut names = vec![table.to_owned()];
        let kind = spec.kind.strip_prefix("dbt_utils.").unwrap_or(&spec.kind);
        let sql = match kind {
            "not_null" => rows.not_null(needs_column()?),
            "unique" => rows.unique(&[needs_column()?]),
            "accepted_values" => rows.accepted(needs_column()?, &spec.arguments)?,
            "unique_combination_of_columns" => {
                let columns = texts(&spec.arguments, "combination_of_columns")?;
                rows.unique(&columns)
            }
            "relationships" => {
                let to = table_name(text(&spec.arguments, "to")?);
                self.must_exist(to)?;
                names.push(to.to_owned());
                rows.related(needs_column()?, &identifier(to), text(&spec.arguments, "field")?)
            }
            other => self.custom(other, column, spec, &rows, &mut names)?,
        };
        let allowed: &[&str] = match kind {
            "accepted_values" => &["values", "quote", "column_name"],
            "unique_combination_of_columns" => &["combination_of_columns"],
            "relationships" => &["to", "field", "column_name"],
            "not_null" | "unique" => &["column_name"],
            _ => return Ok(self.made(table, column, spec, sql, names)),
        };
        if let Some(key) = spec.arguments.keys().find(|key| !allowed.contains(&key.as_str())) {
            let fault = Fault::usage(format!("`{key}` is nothing that `{kind}` takes"));
            return Err(fault.hint(candidates(key, allowed).unwrap_or_default()));
        }
        Ok(self.made(table, column, spec, sql, names))
    }

    /// A test that a macro writes.
    fn custom(
        &self,
        kind: &str,
        column: Option<&str>,
        spec: &Spec,
        rows: &Rows<'_>,
        names: &mut Vec<String>,
    ) -> Result<String, Fault> {
        let Some(name) = self.jinja.macros.test(kind) else {
            let fault = Fault::usage(format!("there is no test `{kind}`"));
            let near = self.jinja.macros.near_test(kind, &KNOWN).filter(|hint| hint.starts_with("did"));
            let make = || format!("`{{% test {kind}(model, column_name) %}}` in a file of macros/ makes one");
            return Err(fault.hint(near.unwrap_or_else(make)));
        };
        let mut given = Map::new();
        given.insert("model".into(), Value::String(rows.from("dbt_subquery")));
        if let Some(column) = column {
            given.insert("column_name".into(), Value::String(identifier(column)));
        }
        for (key, value) in &spec.arguments {
            let value = match value.as_str().map(str::trim) {
                // `ref('x')` in a .yml is the table's name, as in dbt.
                Some(text) if text.starts_with("ref(") || text.starts_with("source(") => {
                    let to = table_name(text);
                    self.must_exist(to)?;
                    names.push(to.to_owned());
                    Value::String(identifier(to))
                }
                _ => value.clone(),
            };
            given.insert(key.clone(), value);
        }
        let rendered = self.jinja.call(&name, &given)?;
        names.extend(rendered.told.depends_on);
        let known = self.known();
        for relation in relations(&rendered.sql).unwrap_or_default() {
            if !relation.shadowed && known.contains(&relation.name.as_str()) {
                names.push(relation.name);
            }
        }
        names.dedup();
        Ok(rendered.sql)
    }

    fn made(&self, table: &str, column: Option<&str>, spec: &Spec, sql: String, names: Vec<String>) -> DataTest {
        let named = column.map_or_else(|| table.to_owned(), |column| format!("{table}.{column}"));
        let kind = spec.kind.strip_prefix("dbt_utils.").unwrap_or(&spec.kind).to_owned();
        let name = spec.called.clone().unwrap_or_else(|| format!("{kind}({named})"));
        self.finished(
            DataTest {
                name,
                table: table.to_owned(),
                column: column.map(str::to_owned),
                kind,
                path: String::new(),
                line: None,
                plain_sql: sql.clone(),
                sql,
                severity: spec.config.severity,
                warn_if: spec.config.warn_if,
                error_if: spec.config.error_if,
                tags: spec.config.tags.clone(),
                names,
                depends_on: Vec::new(),
            },
            spec.config.limit,
        )
    }

    /// A test of `data-tests/`.
    fn of_file(&self, name: &str, sql: &str, mut names: Vec<String>, config: TestConfig) -> DataTest {
        let known = self.known();
        for relation in relations(sql).unwrap_or_default() {
            if !relation.shadowed && known.contains(&relation.name.as_str()) && !names.contains(&relation.name) {
                names.push(relation.name);
            }
        }
        let plain_sql = match &config.filter {
            Some(filter) => format!("SELECT * FROM (\n{sql}\n) WHERE {filter}"),
            None => sql.to_owned(),
        };
        self.finished(
            DataTest {
                name: name.to_owned(),
                table: names.first().cloned().unwrap_or_default(),
                column: None,
                kind: "singular".into(),
                path: String::new(),
                line: None,
                sql: plain_sql.clone(),
                plain_sql,
                severity: config.severity,
                warn_if: config.warn_if,
                error_if: config.error_if,
                tags: config.tags,
                names,
                depends_on: Vec::new(),
            },
            config.limit,
        )
    }

    /// The test with its limit, its views put in and the stored tables behind it.
    fn finished(&self, mut test: DataTest, limit: Option<u64>) -> DataTest {
        if let Some(limit) = limit {
            test.plain_sql = format!("SELECT * FROM (\n{}\n) LIMIT {limit}", test.plain_sql);
        }
        test.sql = self.views.put_in(&test.plain_sql, &test.names);
        test.depends_on = self.views.reads(&test.names);
        test
    }

    fn must_exist(&self, name: &str) -> Result<(), Fault> {
        let known = self.known();
        if known.contains(&name) {
            return Ok(());
        }
        let fault = Fault::usage(format!("there is no table `{name}`"));
        Err(match candidates(name, &known) {
            Some(hint) => fault.hint(hint),
            None => fault,
        })
    }
}

/// `x` of `ref('x')`, `source('shop', 'x')` or `x`.
pub(crate) fn table_name(to: &str) -> &str {
    let quoted = to.split(['\'', '"']).collect::<Vec<_>>();
    match quoted.len() {
        0 | 1 => to.trim(),
        many => quoted[many - 2],
    }
}

fn text<'v>(arguments: &'v Map<String, Value>, key: &str) -> Result<&'v str, Fault> {
    let value = arguments.get(key).and_then(Value::as_str);
    value.ok_or_else(|| Fault::usage(format!("`{key}` is missing: a text")))
}

fn texts<'v>(arguments: &'v Map<String, Value>, key: &str) -> Result<Vec<&'v str>, Fault> {
    let list = arguments.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return Err(Fault::usage(format!("`{key}` names no column")).hint("write `[first, second]`"));
    }
    list.iter().map(|item| item.as_str().ok_or_else(|| Fault::usage(format!("`{key}` names columns")))).collect()
}

/// The rows that a test looks at.
struct Rows<'t> {
    table: String,
    filter: Option<&'t str>,
}

impl Rows<'_> {
    /// What stands after FROM; `name` is what a part of a table is called.
    fn from(&self, name: &str) -> String {
        match self.filter {
            Some(filter) => format!("(SELECT * FROM {} WHERE {filter}) AS {name}", self.table),
            None => self.table.clone(),
        }
    }

    fn not_null(&self, column: &str) -> String {
        format!("SELECT * FROM {} WHERE {} IS NULL", self.from(&self.table), identifier(column))
    }

    fn unique(&self, columns: &[&str]) -> String {
        let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
        let list = columns.join(", ");
        // One column: NULL is no value, as in dbt. Several: NULL is one of the values of a combination.
        let known = if columns.len() == 1 { format!(" WHERE {list} IS NOT NULL") } else { String::new() };
        let from = self.from(&self.table);
        format!("SELECT {list}, count(*) AS copies FROM {from}{known} GROUP BY {list} HAVING count(*) > 1")
    }

    fn accepted(&self, column: &str, arguments: &Map<String, Value>) -> Result<String, Fault> {
        let quote = arguments.get("quote").and_then(Value::as_bool).unwrap_or(true);
        let literal = |value: &Value| match value {
            Value::String(text) if quote => Ok(format!("'{}'", text.replace('\'', "''"))),
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(truth) => Ok(truth.to_string()),
            _ => Err(Fault::usage(format!("`accepted_values` of `{column}` are texts, numbers, true or false"))),
        };
        let values = arguments.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let values: Vec<String> = values.iter().map(literal).collect::<Result<_, _>>()?;
        if values.is_empty() {
            let fault = Fault::usage(format!("`accepted_values` of `{column}` names no value"));
            return Err(fault.hint("write `accepted_values: {values: [paid, sent]}`"));
        }
        let (column, list, from) = (identifier(column), values.join(", "), self.from(&self.table));
        Ok(format!("SELECT {column}, count(*) AS copies FROM {from} WHERE {column} NOT IN ({list}) GROUP BY {column}"))
    }

    fn related(&self, column: &str, to: &str, field: &str) -> String {
        let (column, field) = (identifier(column), identifier(field));
        let from = match self.filter {
            Some(_) => self.from("child"),
            None => format!("{} AS child", self.table),
        };
        format!(
            "SELECT child.{column}, count(*) AS copies FROM {from} WHERE child.{column} IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM {to} AS parent WHERE parent.{field} = child.{column}) GROUP BY child.{column}"
        )
    }
}
