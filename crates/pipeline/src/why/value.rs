//! Values of rows: as SQL that means the same, and as text that can be compared.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use shoplake_core::{Fault, Result};

/// The value as text, `None` for NULL.
pub(crate) fn text(column: &dyn Array, row: usize) -> Result<Option<String>> {
    if column.is_null(row) {
        return Ok(None);
    }
    let values = ArrayFormatter::try_new(column, &FormatOptions::new()).map_err(unreadable)?;
    Ok(Some(values.value(row).to_string()))
}

/// The value as a SQL literal of its type, `None` for NULL.
pub(crate) fn literal(column: &ArrayRef, row: usize) -> Result<Option<String>> {
    let Some(text) = text(column.as_ref(), row)? else { return Ok(None) };
    Ok(Some(match column.data_type() {
        DataType::Decimal128(precision, scale) => format!("CAST('{text}' AS DECIMAL({precision}, {scale}))"),
        DataType::Date32 => format!("DATE '{text}'"),
        DataType::Timestamp(..) => format!("TIMESTAMP '{}'", text.trim_end_matches('Z').replace('T', " ")),
        DataType::Float32 | DataType::Float64 => format!("CAST('{text}' AS DOUBLE)"),
        DataType::Boolean => text.to_uppercase(),
        whole if whole.is_integer() => text,
        _ => quoted_text(&text),
    }))
}

/// `text` as a SQL literal.
pub(crate) fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The number in the column of that place in the first row.
pub(crate) fn count(batch: &RecordBatch, column: usize) -> u64 {
    let numbers = batch.column(column).as_primitive_opt::<arrow_array::types::Int64Type>();
    numbers.filter(|numbers| numbers.is_valid(0)).map_or(0, |numbers| numbers.value(0).max(0) as u64)
}

/// Whether two values of one row each are the same, the second in the first one's type.
pub(crate) fn same(published: &ArrayRef, made: &ArrayRef) -> Result<bool> {
    let made = arrow_cast::cast(made, published.data_type()).map_err(unreadable)?;
    Ok(text(published.as_ref(), 0)? == text(made.as_ref(), 0)?)
}

pub(crate) fn unreadable(error: arrow_schema::ArrowError) -> Fault {
    Fault::internal("values of a row cannot be read").caused_by(error)
}
