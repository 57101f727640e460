//! The effect of a run on its models: what it made, held against what is published.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use serde::Serialize;
use shoplake_core::{Catalog, Fault, PinnedTable, Result};
use shoplake_models::{Model, Models};

use super::staged::made;
use crate::Pipeline;
use crate::build::{Built, collect};

/// What a published table is called beside the new one.
const BEFORE: &str = "published__";
/// Days that are told, the latest of them; more are counted.
const DAYS: usize = 400;

/// How a model's rows would change.
#[derive(Debug, Serialize)]
pub struct ModelEffect {
    /// The model.
    pub model: String,
    /// Columns that name a row; without any, a changed row is one that goes and one that comes.
    pub key: Vec<String>,
    /// Rows that are published.
    pub rows_before: u64,
    /// Rows that would be.
    pub rows_after: u64,
    /// Rows that come.
    pub added: u64,
    /// Rows that go.
    pub removed: u64,
    /// Rows whose key stays and whose values differ.
    pub changed: u64,
    /// Sums over all rows of the columns that add up.
    pub totals: Vec<ColumnEffect>,
    /// Days whose figures differ, the earliest first, where the model has a day.
    pub days: Vec<DayEffect>,
    /// How many days differ; more than `days` holds where they are many.
    pub days_changed: u64,
}

/// A figure before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnEffect {
    /// The column.
    pub column: String,
    /// As published, as exact text; `None` where there is no figure.
    pub before: Option<String>,
    /// As it would be.
    pub after: Option<String>,
    /// `after` less `before`, nothing counting as 0.
    pub difference: String,
}

/// A day's figures.
#[derive(Debug, Serialize)]
pub struct DayEffect {
    /// The shop's day, `YYYY-MM-DD`.
    pub day: String,
    /// Its figures, those that stay among them.
    pub figures: Vec<ColumnEffect>,
}

/// What is compared of a model.
struct Compared<'m> {
    model: &'m Model,
    columns: Vec<String>,
    key: Vec<String>,
    /// The column of the day.
    day: Option<String>,
    /// Whole numbers and decimals that do not name a row.
    figures: Vec<String>,
}

impl Pipeline {
    /// The effect on each model that was made anew and differs.
    pub(crate) async fn effects(
        &self,
        models: &Models,
        built: &Built,
        before: &Catalog,
        after: &Catalog,
    ) -> Result<Vec<ModelEffect>> {
        let mut effects = Vec::new();
        for model in made(built).filter_map(|name| models.model(name)) {
            let Some(new) = after.tables.get(&model.name) else { continue };
            let old = before.tables.get(&model.name);
            let compared = Compared::of(model, models, new, old.map(AsRef::as_ref));
            let mut catalog = after.clone();
            // A model that is new is held against no rows.
            let empty = || PinnedTable { files: Vec::new(), ..new.as_ref().clone() };
            let mut old = old.map_or_else(empty, |old| old.as_ref().clone());
            old.name = format!("{BEFORE}{}", model.name);
            catalog.tables.insert(old.name.clone(), Arc::new(old.clone()));
            let mut effect = ModelEffect {
                model: model.name.clone(),
                key: compared.key.clone(),
                rows_before: old.rows(),
                rows_after: new.rows(),
                added: 0,
                removed: 0,
                changed: 0,
                totals: Vec::new(),
                days: Vec::new(),
                days_changed: 0,
            };
            let counts = self.cells(&catalog, &compared.counts()).await?;
            let count = |at: usize| counts.first().and_then(|row| row[at].as_ref()?.parse().ok()).unwrap_or(0);
            (effect.added, effect.removed, effect.changed) = (count(0), count(1), count(2));
            if effect.added + effect.removed + effect.changed == 0 {
                continue;
            }
            let sums: Vec<String> = compared.figures.iter().filter(|c| adds_up(&model.sql, c)).cloned().collect();
            if !sums.is_empty() {
                let rows = self.cells(&catalog, &compared.totals(&sums)).await?;
                effect.totals = rows.first().map(|row| figures(&sums, row)).unwrap_or_default();
            }
            if let Some(sql) = compared.by_day(&sums) {
                let rows = self.cells(&catalog, &sql).await?;
                let shown = compared.shown(&sums);
                effect.days_changed = rows.len() as u64;
                let skipped = rows.len().saturating_sub(DAYS);
                effect.days = rows
                    .iter()
                    .skip(skipped)
                    .map(|row| DayEffect {
                        day: row[0].clone().unwrap_or_default(),
                        figures: figures(&shown, &row[1..]),
                    })
                    .collect();
            }
            effects.push(effect);
        }
        Ok(effects)
    }

    /// The rows of a query whose columns are all texts.
    async fn cells(&self, catalog: &Catalog, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let batches: Vec<RecordBatch> = collect(self.engine.query(catalog, sql).await?).await?;
        let mut rows = Vec::new();
        for batch in batches {
            let columns: Option<Vec<_>> = batch.columns().iter().map(|column| column.as_string_opt::<i32>()).collect();
            let columns = columns.ok_or_else(|| Fault::internal("a comparison of a plan gave other than texts"))?;
            let cell = |row: usize, column: &arrow_array::StringArray| {
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| cell(row, c)).collect()));
        }
        Ok(rows)
    }
}

impl<'m> Compared<'m> {
    fn of(model: &'m Model, models: &Models, new: &PinnedTable, old: Option<&PinnedTable>) -> Self {
        // A column that comes or goes is told with the model; what both have is compared.
        let both = |name: &str| old.is_none_or(|old| old.schema.index_of(name).is_ok());
        let columns: Vec<String> =
            new.schema.fields().iter().map(|f| f.name().clone()).filter(|name| both(name)).collect();
        let mut key = key_of(model, models);
        if key.iter().any(|column| !columns.contains(column)) {
            key.clear();
        }
        let date = |name: &String| is_date(&new.schema, name);
        let day = model.by_day.clone().or_else(|| key.iter().find(|name| date(name)).cloned());
        let day = day.filter(|day| columns.contains(day));
        let figures = columns.iter().filter(|name| is_figure(&new.schema, name) && !key.contains(name)).cloned();
        Self { model, figures: figures.collect(), columns, key, day }
    }

    fn tables(&self) -> (String, String) {
        (quoted(&self.model.name), quoted(&format!("{BEFORE}{}", self.model.name)))
    }

    /// Rows that come, go and change.
    fn counts(&self) -> String {
        let (new, old) = self.tables();
        if self.key.is_empty() {
            let list = list(&self.columns);
            let less = |one: &str, other: &str| {
                format!("(SELECT count(*) FROM (SELECT {list} FROM {one} EXCEPT ALL SELECT {list} FROM {other}))")
            };
            return format!(
                "SELECT CAST({} AS VARCHAR), CAST({} AS VARCHAR) AS gone, '0' AS stays",
                less(&new, &old),
                less(&old, &new)
            );
        }
        let differs: Vec<String> = self
            .columns
            .iter()
            .filter(|c| !self.key.contains(c))
            .map(|column| {
                let column = quoted(column);
                format!("new.{column} IS DISTINCT FROM old.{column}")
            })
            .collect();
        let differs = if differs.is_empty() { "FALSE".to_owned() } else { differs.join(" OR ") };
        let on: Vec<String> =
            self.key.iter().map(|c| quoted(c)).map(|c| format!("new.{c} IS NOT DISTINCT FROM old.{c}")).collect();
        let count = |condition: &str, name: &str| {
            format!("CAST(coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS VARCHAR) AS {name}")
        };
        format!(
            "SELECT {}, {}, {} FROM (SELECT *, TRUE AS there__ FROM {new}) AS new \
             FULL JOIN (SELECT *, TRUE AS there__ FROM {old}) AS old ON {}",
            count("old.there__ IS NULL", "come"),
            count("new.there__ IS NULL", "gone"),
            count(&format!("new.there__ AND old.there__ AND ({differs})"), "stays"),
            on.join(" AND ")
        )
    }

    /// The sums over all rows.
    fn totals(&self, columns: &[String]) -> String {
        let (new, old) = self.tables();
        let sums = |table: &str| {
            let sums: Vec<String> = columns.iter().map(|c| quoted(c)).map(|c| format!("sum({c}) AS {c}")).collect();
            format!("(SELECT {} FROM {table})", sums.join(", "))
        };
        format!("SELECT {} FROM {} AS old CROSS JOIN {} AS new", sides(columns), sums(&old), sums(&new))
    }

    /// The figures that a day is told by: all where a day is one row, else those that add up.
    fn shown(&self, sums: &[String]) -> Vec<String> {
        if self.day.as_ref().is_some_and(|day| self.key == [day.clone()]) {
            self.figures.clone()
        } else {
            sums.to_vec()
        }
    }

    /// The days whose figures differ.
    fn by_day(&self, sums: &[String]) -> Option<String> {
        let day = quoted(self.day.as_ref()?);
        let shown = self.shown(sums);
        let (new, old) = self.tables();
        let table = |table: &str| {
            let mut text = format!("(SELECT {day} AS day__, count(*) AS rows__");
            for column in shown.iter().map(|column| quoted(column)) {
                let _ = write!(text, ", sum({column}) AS {column}");
            }
            text + &format!(" FROM {table} GROUP BY {day})")
        };
        let mut differs = vec!["new.rows__ IS DISTINCT FROM old.rows__".to_owned()];
        differs.extend(shown.iter().map(|c| quoted(c)).map(|c| format!("new.{c} IS DISTINCT FROM old.{c}")));
        let sides = if shown.is_empty() { String::new() } else { format!(", {}", sides(&shown)) };
        Some(format!(
            "SELECT CAST(coalesce(new.day__, old.day__) AS VARCHAR) AS day__{sides} FROM {} AS new \
             FULL JOIN {} AS old ON new.day__ IS NOT DISTINCT FROM old.day__ WHERE {} ORDER BY 1",
            table(&new),
            table(&old),
            differs.join(" OR ")
        ))
    }
}

/// For each column: before, after and the difference, as exact texts.
fn sides(columns: &[String]) -> String {
    let side = |(at, column): (usize, &String)| {
        let column = quoted(column);
        format!(
            "CAST(old.{column} AS VARCHAR) AS before_{at}, CAST(new.{column} AS VARCHAR) AS after_{at}, \
             CAST(coalesce(new.{column}, 0) - coalesce(old.{column}, 0) AS VARCHAR) AS less_{at}"
        )
    };
    columns.iter().enumerate().map(side).collect::<Vec<_>>().join(", ")
}

fn figures(columns: &[String], row: &[Option<String>]) -> Vec<ColumnEffect> {
    let figures = columns.iter().zip(row.chunks(3)).map(|(column, sides)| ColumnEffect {
        column: column.clone(),
        before: sides[0].clone(),
        after: sides[1].clone(),
        difference: sides[2].clone().unwrap_or_default(),
    });
    figures.collect()
}

/// The columns that name a row: the model's own, else those of a test that they are unique.
fn key_of(model: &Model, models: &Models) -> Vec<String> {
    if !model.unique_key.is_empty() {
        return model.unique_key.clone();
    }
    let test = models.tests.iter().find(|test| test.table == model.name && test.name.starts_with("unique"));
    // Its SQL is ours: `… GROUP BY columns HAVING count(*) > 1`.
    let columns = test.and_then(|test| test.sql.rsplit_once(" GROUP BY ")?.1.split_once(" HAVING "));
    let columns = columns.map(|(columns, _)| columns.split(", ").map(|column| column.trim_matches('"').to_owned()));
    columns.into_iter().flatten().collect()
}

/// Whether sums of a column over rows mean something: an average and a count of different things do not
/// add up. Told by how the SQL makes the column; in doubt it adds up.
fn adds_up(sql: &str, column: &str) -> bool {
    let sql = sql.to_lowercase();
    let Some(end) = sql.rfind(&format!(" as {}", column.to_lowercase())) else { return true };
    let mut depth = 0_i32;
    let start = sql[..end].rfind(|sign| {
        match sign {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        sign == ',' && depth == 0
    });
    let made = &sql[start.unwrap_or(0)..end];
    let made = made.rsplit("select").next().unwrap_or(made);
    !["average(", "avg(", "distinct", "min(", "max(", "median("].iter().any(|word| made.contains(word))
}

fn is_figure(schema: &Schema, name: &str) -> bool {
    let field = schema.field_with_name(name);
    field.is_ok_and(|f| matches!(f.data_type(), DataType::Int32 | DataType::Int64 | DataType::Decimal128(..)))
}

fn is_date(schema: &Schema, name: &str) -> bool {
    schema.field_with_name(name).is_ok_and(|field| field.data_type() == &DataType::Date32)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::adds_up;

    /// Given columns made in several ways, then averages and counts of different things do not add up.
    #[test]
    fn what_adds_up() {
        let sql = "SELECT make_date(year, month, day) AS date, count(*) AS transaction_count, sum(amount) AS total_revenue,
            average(sum(amount), count(*)) AS avg_order_value, count(DISTINCT customer_id) AS unique_customers FROM sales";
        assert!(adds_up(sql, "transaction_count") && adds_up(sql, "total_revenue") && adds_up(sql, "elsewhere"));
        assert!(!adds_up(sql, "avg_order_value") && !adds_up(sql, "unique_customers"));
    }
}
