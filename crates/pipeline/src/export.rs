//! Rows in quarantine as a table that a person can correct: each with its place, why it was set aside,
//! and the values as they stand in its file, under the contract's own names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use futures::{StreamExt, stream};
use shoplake_core::contract::{OnChange, SchemaChange};
use shoplake_core::ports::RowStream;
use shoplake_core::project::Dataset;
use shoplake_core::{Column, ColumnType, Contract, Fault, LandedFile, Result, RowPlace};
use shoplake_quality::{ReadOptions, judge_file};

use crate::replay::{ORIGIN_COLUMNS, REASON_COLUMNS, places, source_item};
use crate::{Pipeline, build};

/// One row in quarantine, as text: the columns of [`ORIGIN_COLUMNS`] and [`REASON_COLUMNS`].
type Aside = [Option<String>; ORIGIN_COLUMNS.len() + REASON_COLUMNS.len()];

/// The values of one row by column.
type Values = HashMap<String, String>;

impl Pipeline {
    /// A dataset's rows in quarantine (of one reason, or all), in the order of their files and places:
    /// the columns of [`ORIGIN_COLUMNS`] and [`REASON_COLUMNS`], then the contract's and those that the
    /// files have beyond it, all text. `_raw` is filled where a record could not be taken apart.
    pub async fn export(&self, dataset: &Dataset, reason: Option<&str>) -> Result<RowStream> {
        let contract = &dataset.contract;
        let mut names: Vec<String> = contract.columns.iter().map(|column| column.name.clone()).collect();
        let mut rows: Vec<(Aside, Values)> = Vec::new();
        for (key, aside) in self.aside(&contract.dataset, reason).await? {
            let mut values = self.values(contract, &key, &aside.keys().copied().collect(), &mut names)?;
            for (place, mut aside) in aside {
                let values = values.remove(&place).unwrap_or_default();
                if !values.is_empty()
                    && let Some(raw) = aside.last_mut()
                {
                    *raw = None;
                }
                rows.push((aside, values));
            }
        }
        table(&names, &rows)
    }

    /// Rows in quarantine by file and place.
    async fn aside(&self, dataset: &str, reason: Option<&str>) -> Result<BTreeMap<String, BTreeMap<RowPlace, Aside>>> {
        let catalog = self.tables.pinned().await?;
        let mut rows: BTreeMap<String, BTreeMap<RowPlace, Aside>> = BTreeMap::new();
        if !catalog.tables.contains_key("quarantine") {
            return Ok(rows);
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let of_reason = reason.map(|reason| format!(" AND reason = {}", quoted(reason))).unwrap_or_default();
        let sql = format!(
            "SELECT source_file, source_line, {}, reason, rule, column_name, value, raw \
             FROM quarantine WHERE dataset = {}{of_reason}",
            source_item(&catalog),
            quoted(dataset)
        );
        for batch in build::collect(self.engine.query(&catalog, &sql).await?).await? {
            let text = |column: &ArrayRef| arrow_cast::cast(column, &DataType::Utf8).map_err(broken);
            let places = places(batch.column(1), batch.column(2))?;
            let columns = batch.columns().iter().map(text).collect::<Result<Vec<_>>>()?;
            for (row, place) in places.into_iter().enumerate() {
                let cell = |column: usize| {
                    let column = columns[column].as_string::<i32>();
                    column.is_valid(row).then(|| column.value(row).to_owned())
                };
                rows.entry(cell(0).unwrap_or_default()).or_default().insert(place, std::array::from_fn(cell));
            }
        }
        Ok(rows)
    }

    /// The values of some rows of an archived file, read without any rule. Columns that `names` does
    /// not have yet are added to it.
    fn values(
        &self,
        contract: &Contract,
        key: &str,
        rows: &HashSet<RowPlace>,
        names: &mut Vec<String>,
    ) -> Result<HashMap<RowPlace, Values>> {
        let path = self.landing.archived(key)?;
        let mut found = HashMap::new();
        let Ok(metadata) = fs_err::metadata(&path) else { return Ok(found) };
        let name = key.rsplit('/').next().unwrap_or(key).to_owned();
        let file = LandedFile {
            dataset: contract.dataset.clone(),
            key: key.to_owned(),
            name,
            origin: format!("archive/{key}"),
            sha256: shoplake_core::Sha256(String::new()),
            size: metadata.len(),
            path,
            page: None,
        };
        let options = ReadOptions::new(self.project.time_zone, &self.project.limits);
        judge_file(&file, &as_text(contract), &options, &mut |chunk| {
            let schema = chunk.rows.schema();
            for (row, place) in chunk.places().enumerate().filter(|(_, place)| rows.contains(place)) {
                let mut values = Values::new();
                for (field, column) in schema.fields().iter().zip(chunk.rows.columns()) {
                    let column = column.as_string::<i32>();
                    if column.is_valid(row) {
                        values.insert(field.name().clone(), column.value(row).to_owned());
                    }
                    if !names.contains(field.name()) {
                        names.push(field.name().clone());
                    }
                }
                found.insert(place, values);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// The contract with nothing but names: every value is text, and no rule is left to break.
fn as_text(contract: &Contract) -> Contract {
    let plain = |column: &Column| Column {
        header: column.header.clone(),
        ..Column::new(column.name.clone(), ColumnType::String)
    };
    Contract {
        key: Vec::new(),
        event_time: None,
        version: None,
        columns: contract.columns.iter().map(plain).collect(),
        schema_change: SchemaChange { columns: OnChange::Evolve, types: OnChange::DiscardRow },
        reject_limit: 1.0,
        enrichments: Vec::new(),
        ..contract.clone()
    }
}

/// The rows as a stream of one batch.
fn table(names: &[String], rows: &[(Aside, Values)]) -> Result<RowStream> {
    let fixed = ORIGIN_COLUMNS.iter().chain(&REASON_COLUMNS).map(|name| (*name).to_owned());
    let fields = fixed.chain(names.iter().cloned()).map(|name| Field::new(name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut columns: Vec<ArrayRef> = Vec::new();
    for at in 0..ORIGIN_COLUMNS.len() + REASON_COLUMNS.len() {
        columns.push(text_column(rows.iter().map(|(aside, _)| aside[at].as_deref())));
    }
    for name in names {
        columns.push(text_column(rows.iter().map(|(_, values)| values.get(name).map(String::as_str))));
    }
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(broken)?;
    Ok(RowStream { schema, batches: stream::iter([Ok(batch)]).boxed() })
}

fn text_column<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn broken(error: arrow_schema::ArrowError) -> Fault {
    Fault::internal("rows in quarantine do not fit together").caused_by(error)
}
