//! Rows of a query as JSON: decimals as text, dates and moments in ISO 8601, NULL as null.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use futures::TryStreamExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use shoplake_core::ports::RowStream;
use shoplake_core::{Fault, Result};

/// The most bytes of one answer's values.
const BYTES_MAX: usize = 32 << 20;

/// A column of rows: its name, and its type by the words of contracts where they have one.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NamedType {
    name: String,
    r#type: String,
}

/// Rows that were read, and whether there are more.
pub(crate) struct Rows {
    pub(crate) schema: SchemaRef,
    pub(crate) values: Vec<Vec<Value>>,
    pub(crate) truncated: bool,
}

impl Rows {
    /// Reads at most `limit` rows.
    pub(crate) async fn read(mut stream: RowStream, limit: usize) -> Result<Self> {
        let mut read = Self { schema: stream.schema.clone(), values: Vec::new(), truncated: false };
        let mut bytes = 0;
        while let Some(batch) = stream.batches.try_next().await? {
            let columns = batch.columns().iter().map(Column::new).collect::<Result<Vec<_>>>()?;
            for row in 0..batch.num_rows() {
                if read.values.len() == limit || bytes > BYTES_MAX {
                    read.truncated = true;
                    return Ok(read);
                }
                let values: Vec<Value> = columns.iter().map(|column| column.value(row)).collect();
                bytes += values.iter().map(|value| 8 + value.as_str().map_or(0, str::len)).sum::<usize>();
                read.values.push(values);
            }
        }
        Ok(read)
    }

    /// The columns.
    pub(crate) fn columns(&self) -> Vec<NamedType> {
        let named = |field: &FieldRef| NamedType { name: field.name().clone(), r#type: type_name(field.data_type()) };
        self.schema.fields().iter().map(named).collect()
    }

    /// The rows as objects.
    pub(crate) fn objects(self) -> Vec<Map<String, Value>> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        self.values.into_iter().map(|row| names.iter().cloned().zip(row).collect()).collect()
    }
}

/// The rows of a batch as objects, one by one.
pub(crate) fn objects(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>> {
    let columns = batch.columns().iter().map(Column::new).collect::<Result<Vec<_>>>()?;
    let schema = batch.schema();
    let named: Vec<_> = schema.fields().iter().map(|field| field.name()).zip(&columns).collect();
    let object = |row| named.iter().map(|(name, column)| ((*name).clone(), column.value(row))).collect();
    Ok((0..batch.num_rows()).map(object).collect())
}

/// A type by the words of contracts where they have one.
pub(crate) fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        kind if kind.is_integer() => "integer".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "float".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        other => other.to_string(),
    }
}

/// One column on its way to JSON.
struct Column<'a> {
    array: &'a ArrayRef,
    text: ArrayFormatter<'a>,
}

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new();
        let text = ArrayFormatter::try_new(array.as_ref(), &OPTIONS).map_err(|error| {
            Fault::usage(format!("the result cannot be written: {error}")).hint("cast the column to VARCHAR")
        })?;
        Ok(Self { array, text })
    }

    fn value(&self, row: usize) -> Value {
        if self.array.is_null(row) {
            return Value::Null;
        }
        let text = || self.text.value(row).to_string();
        match self.array.data_type() {
            DataType::Null => Value::Null,
            DataType::Boolean => self.array.as_boolean().value(row).into(),
            // What is no number of JSON is null.
            DataType::Float64 => self.array.as_primitive::<Float64Type>().value(row).into(),
            DataType::Float32 => f64::from(self.array.as_primitive::<Float32Type>().value(row)).into(),
            kind if kind.is_integer() => serde_json::from_str(&text()).unwrap_or(Value::Null),
            _ => text().into(),
        }
    }
}
