//! A row of a dataset or of quarantine: it is its own explanation.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use shoplake_core::planned::quoted;
use shoplake_core::{LandedFile, Result, Sha256};
use shoplake_quality::ReadOptions;

use super::words::{conditions, values_as_text, words_of};
use super::{Explainer, Why, value};

impl Explainer {
    /// A row of a dataset or of quarantine: where it comes from, and the text of its line.
    pub(super) fn dataset_row(&self, table: &str, names: &[String], row: &RecordBatch, column: &str) -> Result<Why> {
        let at = row.schema().index_of(column).map_err(value::unreadable)?;
        let origin = self.origin(table);
        let find = |name: &Option<String>| name.as_ref().and_then(|name| row.column_by_name(name));
        let file = find(&origin.file).map(|c| value::text(c.as_ref(), 0)).transpose()?.flatten();
        let line = find(&origin.line).map(|c| value::text(c.as_ref(), 0)).transpose()?.flatten();
        let line = line.and_then(|line| line.parse::<i64>().ok());
        let raw = match row.column_by_name("raw").filter(|_| self.project.dataset(table).is_none()) {
            Some(raw) => value::text(raw.as_ref(), 0)?,
            None => file.as_deref().zip(line).map(|(file, line)| self.raw(table, file, line)).transpose()?.flatten(),
        };
        let mut fields = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for key in origin.keys.iter().filter_map(|key| row.schema().index_of(key).ok()) {
            fields.push(row.schema().field(key).clone());
            columns.push(Arc::clone(row.column(key)));
        }
        fields.push(row.schema().field(at).clone().with_name("contribution"));
        columns.push(Arc::clone(row.column(at)));
        let text = |name: &str, value: Option<String>| {
            (Field::new(name, DataType::Utf8, true), Arc::new(StringArray::from(vec![value])) as ArrayRef)
        };
        let place: (Field, ArrayRef) =
            (Field::new("_source_line", DataType::Int64, true), Arc::new(Int64Array::from(vec![line])));
        for (field, column) in [text("_source_file", file), place, text("raw", raw)] {
            fields.push(field);
            columns.push(column);
        }
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(value::unreadable)?;
        let names = if names.is_empty() { words_of(row) } else { names.to_vec() };
        let named: Vec<String> = conditions(row, &names);
        let contract = self.project.dataset(table).map(|dataset| &dataset.contract);
        let enriched = contract.and_then(|c| c.enrichments.iter().find(|e| e.column == column));
        let parts = match enriched {
            Some(e) => vec![(format!("{}.{}, looked up by {} when the row was loaded", e.dataset, e.from, e.by), None)],
            None => Vec::new(),
        };
        Ok(Why {
            model: table.to_owned(),
            column: column.to_owned(),
            description: contract.and_then(|contract| contract.column(column)?.description.clone()),
            row: values_as_text(row, &names)?,
            sql: format!("SELECT {} FROM {} WHERE {}", quoted(column), quoted(table), named.concat()),
            value: Arc::clone(row.column(at)),
            parts,
            formula: None,
            differs: None,
            table: table.to_owned(),
            row_count: 1,
            rows,
        })
    }

    /// The text of a row in its archived file, where it is a text file and is still there.
    fn raw(&self, dataset: &str, key: &str, line: i64) -> Result<Option<String>> {
        let Some(dataset) = self.project.dataset(dataset) else { return Ok(None) };
        let path = self.landing.archived(key)?;
        let Ok(metadata) = fs_err::metadata(&path) else { return Ok(None) };
        let file = LandedFile {
            dataset: dataset.contract.dataset.clone(),
            key: key.to_owned(),
            name: key.rsplit('/').next().unwrap_or(key).to_owned(),
            origin: format!("archive/{key}"),
            sha256: Sha256(String::new()),
            size: metadata.len(),
            path,
            page: None,
        };
        let options = ReadOptions::new(self.project.time_zone, &self.project.limits);
        shoplake_quality::raw_line(&file, &dataset.contract.options, &options, line.max(0) as u64)
    }
}
