//! Rows as the rest of Shoplake knows them: plain Arrow types, in place of the engine's own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef, TimeUnit};
use shoplake_core::{Fault, Result};

/// A failed cast is an error, never a NULL.
const EXACT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// `schema` in plain types. Two columns of one name are a fault: no table could hold them.
pub(crate) fn schema(schema: &Schema) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if fields.iter().any(|known| known.name() == field.name()) {
            return Err(
                Fault::usage(format!("two columns are called `{}`", field.name())).hint("name them apart with `AS`")
            );
        }
        // Whether a column can be NULL is the engine's guess about a plan, not a promise about rows.
        fields.push(Field::new(field.name(), plain_type(field.data_type()), true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// `batch` in the types of `schema`; a value that does not fit is a fault.
pub(crate) fn batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<ArrayRef>> = columns.map(|(column, field)| plain_column(column, field)).collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &rows)
        .map_err(|e| Fault::internal("rows do not match their columns").caused_by(e))
}

fn plain_column(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if let DataType::Decimal128(precision, _) = column.data_type()
        && let Some(decimals) = column.as_any().downcast_ref::<arrow::array::PrimitiveArray<Decimal128Type>>()
    {
        // Sums are added without a look at the precision: what no longer fits is caught here.
        decimals.validate_decimal_precision(*precision).map_err(|e| overflow(field, e))?;
    }
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    cast_with_options(column, field.data_type(), &EXACT).map_err(|e| overflow(field, e))
}

fn overflow(field: &Field, source: arrow::error::ArrowError) -> Fault {
    Fault::data(format!("a value of `{}` does not fit in {}", field.name(), field.data_type()))
        .hint("cast it to a wider type or a smaller scale")
        .caused_by(source)
}

/// The type that a table or a reader outside gets in place of `given`.
fn plain_type(given: &DataType) -> DataType {
    match given {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date64 => DataType::Date32,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(precision, scale) => DataType::Decimal128((*precision).min(38), *scale),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            DataType::List(Arc::new(Field::new("item", plain_type(item.data_type()), true)))
        }
        other => other.clone(),
    }
}
