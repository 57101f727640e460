//! `on_schema_change`: which columns a table gets when its model gives others than it has.

use arrow_schema::Schema;
use shoplake_core::{Catalog, Fault, Result};
use shoplake_models::{Model, OnSchemaChange};

use crate::Pipeline;

impl Pipeline {
    /// The model's SQL, with the columns that its table is to have.
    ///
    /// # Errors
    /// Columns that have changed where the model says that they must not.
    pub(crate) async fn fitted(&self, model: &Model, catalog: &Catalog) -> Result<String> {
        let (Some(rule), Some(known)) = (model.on_schema_change, catalog.tables.get(&model.name)) else {
            return Ok(model.sql.clone());
        };
        if rule == OnSchemaChange::SyncAllColumns {
            return Ok(model.sql.clone());
        }
        let now = self.engine.schema(catalog, &model.sql).await?;
        let (added, gone) = (missing(&known.schema, &now), missing(&now, &known.schema));
        if added.is_empty() && gone.is_empty() {
            return Ok(model.sql.clone());
        }
        match rule {
            OnSchemaChange::Fail => Err(changed(&added, &gone)),
            OnSchemaChange::Ignore if !gone.is_empty() => Err(changed(&[], &gone)),
            OnSchemaChange::Ignore => {
                let kept: Vec<String> = known.schema.fields().iter().map(|field| quoted(field.name())).collect();
                Ok(format!("SELECT {} FROM (\n{}\n)", kept.join(", "), model.sql))
            }
            _ => {
                let fields = known.schema.fields().iter().filter(|field| gone.contains(field.name()));
                let empty = fields
                    .map(|field| format!(", arrow_cast(NULL, '{}') AS {}", field.data_type(), quoted(field.name())));
                Ok(format!("SELECT *{} FROM (\n{}\n)", empty.collect::<String>(), model.sql))
            }
        }
    }
}

/// Columns of `other` that `schema` lacks.
fn missing(schema: &Schema, other: &Schema) -> Vec<String> {
    let fields = other.fields().iter().filter(|field| schema.column_with_name(field.name()).is_none());
    fields.map(|field| field.name().clone()).collect()
}

fn changed(added: &[String], gone: &[String]) -> Fault {
    let list = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if !added.is_empty() {
        parts.push(format!("{} new", list(added)));
    }
    if !gone.is_empty() {
        parts.push(format!("{} gone", list(gone)));
    }
    Fault::usage(format!("the model's columns have changed: {}", parts.join(", ")))
        .hint("say `on_schema_change='sync_all_columns'` where the table shall follow")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
