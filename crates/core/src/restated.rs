//! Figures of days that were published before and have another value now.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The table that holds one row for each figure that a run restated.
pub const RESTATEMENTS: &str = "restatements";

/// The columns of that table.
///
/// `row_key` names the row within the day where the model has several a day, as `column=value, …`.
/// Values are text; NULL where there was no row, or is none any more. `rows_entered` and `rows_left`
/// count the rows of that day that came and went in the datasets that the model reads, and
/// `source_files` names the first of the files that they came from.
pub fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let number = |name| Field::new(name, DataType::Int64, true);
    Arc::new(Schema::new(vec![
        text("run_id"),
        Field::new("restated_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        text("model"),
        Field::new("day", DataType::Date32, true),
        text("row_key"),
        text("column_name"),
        text("old_value"),
        text("new_value"),
        text("cause"),
        number("rows_entered"),
        number("rows_left"),
        text("source_files"),
    ]))
}

/// What a run restated of one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restated {
    /// The model.
    pub model: String,
    /// Days with another figure than before.
    pub days: u64,
    /// Figures.
    pub figures: u64,
    /// Why, each cause once: `correction`, `late rows`, `replay`, `enrichment`, `restore`.
    pub causes: Vec<String>,
}
