//! Whether two sets of rows are the same, order ignored: SQL counts each row on both sides, so that a
//! row that stands twice on one of them is found too, within the engine's memory.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};
use futures::TryStreamExt;
use shoplake_core::ports::Engine;
use shoplake_core::{Catalog, Fault, Result};

/// Rows that are shown of a difference.
const SHOWN: usize = 3;

/// How two sets of rows differ.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Different rows that one side has more often than the other.
    pub(super) rows: u64,
    /// Some of them, in words.
    pub(super) shown: Vec<String>,
}

/// Compares the `columns` of two queries.
pub(super) async fn compare(
    engine: &dyn Engine,
    catalog: &Catalog,
    columns: &SchemaRef,
    expected: &str,
    found: &str,
) -> Result<Difference> {
    let names: Vec<String> = columns.fields().iter().map(|field| quoted(field.name())).collect();
    // Sums of floats depend on the order of their rows in the last digits.
    let values = columns.fields().iter().zip(&names).map(|(field, name)| match field.data_type() {
        DataType::Float32 | DataType::Float64 => format!("round({name}, 6) AS {name}"),
        _ => name.clone(),
    });
    let (names, values) = (names.join(", "), values.collect::<Vec<_>>().join(", "));
    // The model's text may end in a comment: the bracket stands on its own line.
    let sql = format!(
        "SELECT {names}, CAST(sum(side) AS BIGINT) AS surplus FROM (\
         SELECT {values}, 1 AS side FROM (\n{expected}\n) AS e UNION ALL \
         SELECT {values}, -1 AS side FROM (\n{found}\n) AS f) AS both_sides \
         GROUP BY {names} HAVING sum(side) <> 0"
    );
    let mut difference = Difference::default();
    let mut answer = engine.query(catalog, &sql).await?.batches;
    while let Some(batch) = answer.try_next().await? {
        difference.rows += batch.num_rows() as u64;
        for row in 0..batch.num_rows().min(SHOWN - difference.shown.len()) {
            difference.shown.push(shown(&batch, row)?);
        }
    }
    Ok(difference)
}

/// A name as SQL takes it whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One row of the difference: `date=2024-03-15, revenue=5.00: 1 too few`.
fn shown(batch: &RecordBatch, row: usize) -> Result<String> {
    let options = FormatOptions::new().with_null("NULL");
    let schema = batch.schema();
    let last = batch.num_columns() - 1;
    let mut values = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()).take(last) {
        let value = ArrayFormatter::try_new(column, &options).map(|shown| shown.value(row).to_string());
        let value = value.map_err(|error| Fault::internal("a row cannot be shown").caused_by(error))?;
        values.push(format!("{}={value}", field.name()));
    }
    let surplus = batch.column(last).as_primitive_opt::<Int64Type>().filter(|column| column.is_valid(row));
    let words = match surplus.map_or(0, |column| column.value(row)) {
        few @ 1.. => format!("{few} too few"),
        many => format!("{} too many", many.unsigned_abs()),
    };
    Ok(format!("{}: {words}", values.join(", ")))
}
