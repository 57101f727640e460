//! Whether two sets of rows are the same, order ignored: each row is counted on both sides, so that a row
//! that stands twice on one of them is found too. SQL counts, within the engine's memory; or each side is
//! asked for alone, where its query would need more memory inside a larger one.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};
use futures::TryStreamExt;
use shoplake_core::hash::fingerprint;
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
    let (names, values) = selected(columns);
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

/// The names of the columns, and what is selected of each.
fn selected(columns: &SchemaRef) -> (String, String) {
    let names: Vec<String> = columns.fields().iter().map(|field| quoted(field.name())).collect();
    // Sums of floats depend on the order of their rows in the last digits.
    let values = columns.fields().iter().zip(&names).map(|(field, name)| match field.data_type() {
        DataType::Float32 | DataType::Float64 => format!("round({name}, 6) AS {name}"),
        _ => name.clone(),
    });
    (names.join(", "), values.collect::<Vec<_>>().join(", "))
}

/// Compares the `columns` of two queries that are asked one after the other; a few words are kept of each
/// different row.
pub(super) async fn compare_apart(
    engine: &dyn Engine,
    catalog: &Catalog,
    columns: &SchemaRef,
    expected: &str,
    found: &str,
) -> Result<Difference> {
    let (_, values) = selected(columns);
    let sides =
        [(expected, 1), (found, -1)].map(|(sql, side)| (format!("SELECT {values} FROM (\n{sql}\n) AS s"), side));
    let mut surplus: HashMap<String, i64> = HashMap::new();
    for (sql, side) in &sides {
        let mut answer = engine.query(catalog, sql).await?.batches;
        while let Some(batch) = answer.try_next().await? {
            for row in 0..batch.num_rows() {
                *surplus.entry(fingerprint(&said(&batch, row)?)).or_default() += side;
            }
        }
    }
    surplus.retain(|_, count| *count != 0);
    let mut difference = Difference { rows: surplus.len() as u64, shown: Vec::new() };
    for (sql, _) in &sides {
        if surplus.is_empty() || difference.shown.len() == SHOWN {
            break;
        }
        let mut answer = engine.query(catalog, sql).await?.batches;
        while let Some(batch) = answer.try_next().await? {
            for row in 0..batch.num_rows() {
                let row = said(&batch, row)?;
                if difference.shown.len() < SHOWN
                    && let Some(count) = surplus.remove(&fingerprint(&row))
                {
                    difference.shown.push(format!("{row}: {}", words(count)));
                }
            }
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
    let last = batch.num_columns() - 1;
    let rest: Vec<usize> = (0..last).collect();
    let values = batch.project(&rest).map_err(|error| Fault::internal("a row cannot be shown").caused_by(error))?;
    let surplus = batch.column(last).as_primitive_opt::<Int64Type>().filter(|column| column.is_valid(row));
    Ok(format!("{}: {}", said(&values, row)?, words(surplus.map_or(0, |column| column.value(row)))))
}

/// A row in words: `date=2024-03-15, revenue=5.00`.
fn said(batch: &RecordBatch, row: usize) -> Result<String> {
    let options = FormatOptions::new().with_null("NULL");
    let schema = batch.schema();
    let values = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let value = ArrayFormatter::try_new(column, &options).map(|shown| shown.value(row).to_string());
        let value = value.map_err(|error| Fault::internal("a row cannot be shown").caused_by(error))?;
        Ok(format!("{}={value}", field.name()))
    });
    Ok(values.collect::<Result<Vec<_>>>()?.join(", "))
}

/// How often a row stands too seldom or too often.
fn words(surplus: i64) -> String {
    match surplus {
        few @ 1.. => format!("{few} too few"),
        many => format!("{} too many", many.unsigned_abs()),
    }
}
