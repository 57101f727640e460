//! One column of the batch while it grows. Unlike Arrow's builders it can take back its last value,
//! so that a row is written straight into its columns and withdrawn when it turns out bad.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use shoplake_core::{ColumnType, Fault, Result};

use crate::values::Value;

#[derive(Debug)]
pub(super) struct ColumnBuffer {
    values: Values,
    nulls: NullBufferBuilder,
    capacity: usize,
}

#[derive(Debug)]
enum Values {
    Text { offsets: Vec<i32>, text: String },
    Integer(Vec<i64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8 },
    Timestamp(Vec<i64>),
    Date(Vec<i32>),
    Boolean(Vec<bool>),
}

impl Values {
    fn new(column_type: ColumnType, capacity: usize, text_bytes: usize) -> Self {
        match column_type {
            ColumnType::String => {
                let mut offsets = Vec::with_capacity(capacity + 1);
                offsets.push(0);
                Self::Text { offsets, text: String::with_capacity(text_bytes) }
            }
            ColumnType::Integer => Self::Integer(Vec::with_capacity(capacity)),
            ColumnType::Decimal { precision, scale } => {
                Self::Decimal { values: Vec::with_capacity(capacity), precision, scale }
            }
            ColumnType::Timestamp => Self::Timestamp(Vec::with_capacity(capacity)),
            ColumnType::Date => Self::Date(Vec::with_capacity(capacity)),
            ColumnType::Boolean => Self::Boolean(Vec::with_capacity(capacity)),
        }
    }

    fn column_type(&self) -> ColumnType {
        match self {
            Self::Text { .. } => ColumnType::String,
            Self::Integer(_) => ColumnType::Integer,
            Self::Decimal { precision, scale, .. } => ColumnType::Decimal { precision: *precision, scale: *scale },
            Self::Timestamp(_) => ColumnType::Timestamp,
            Self::Date(_) => ColumnType::Date,
            Self::Boolean(_) => ColumnType::Boolean,
        }
    }
}

impl ColumnBuffer {
    pub(super) fn new(column_type: ColumnType, capacity: usize) -> Self {
        Self { values: Values::new(column_type, capacity, 0), nulls: NullBufferBuilder::new(capacity), capacity }
    }

    /// Adds a value of the column's own type, or none.
    pub(super) fn push(&mut self, value: Option<Value<'_>>) {
        self.nulls.append(value.is_some());
        match &mut self.values {
            Values::Text { offsets, text } => {
                if let Some(Value::Text(value)) = value {
                    text.push_str(value);
                }
                offsets.push(text.len() as i32);
            }
            Values::Integer(values) => values.push(if let Some(Value::Integer(value)) = value { value } else { 0 }),
            Values::Decimal { values, .. } => {
                values.push(if let Some(Value::Decimal(value)) = value { value } else { 0 });
            }
            Values::Timestamp(values) => {
                values.push(if let Some(Value::Timestamp(value)) = value { value } else { 0 });
            }
            Values::Date(values) => values.push(if let Some(Value::Date(value)) = value { value } else { 0 }),
            Values::Boolean(values) => values.push(matches!(value, Some(Value::Boolean(true)))),
        }
    }

    /// Takes back all values from the `rows`th on.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.nulls.truncate(rows);
        match &mut self.values {
            Values::Text { offsets, text } => {
                offsets.truncate(rows + 1);
                text.truncate(offsets.last().map_or(0, |end| *end as usize));
            }
            Values::Integer(values) | Values::Timestamp(values) => values.truncate(rows),
            Values::Decimal { values, .. } => values.truncate(rows),
            Values::Date(values) => values.truncate(rows),
            Values::Boolean(values) => values.truncate(rows),
        }
    }

    /// The decimal that was pushed last, if it is one.
    pub(super) fn last_decimal(&self) -> Option<i128> {
        let Values::Decimal { values, .. } = &self.values else { return None };
        let last = values.len().checked_sub(1)?;
        self.nulls.is_valid(last).then(|| values[last])
    }

    /// The column so far; begins the next one.
    pub(super) fn take(&mut self) -> Result<ArrayRef> {
        let text_bytes = if let Values::Text { text, .. } = &self.values { text.len() } else { 0 };
        let fresh = Values::new(self.values.column_type(), self.capacity, text_bytes);
        let nulls = std::mem::replace(&mut self.nulls, NullBufferBuilder::new(self.capacity)).build();
        let array: ArrayRef = match std::mem::replace(&mut self.values, fresh) {
            Values::Text { offsets, text } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                let array = StringArray::try_new(offsets, Buffer::from_vec(text.into_bytes()), nulls);
                Arc::new(array.map_err(broken)?)
            }
            Values::Integer(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Values::Decimal { values, precision, scale } => {
                let array = Decimal128Array::new(values.into(), nulls);
                Arc::new(array.with_precision_and_scale(precision, scale as i8).map_err(broken)?)
            }
            Values::Timestamp(values) => {
                Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC"))
            }
            Values::Date(values) => Arc::new(Date32Array::new(values.into(), nulls)),
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.into(), nulls)),
        };
        Ok(array)
    }
}

fn broken(error: arrow_schema::ArrowError) -> Fault {
    Fault::internal("a judged column is no Arrow column").caused_by(error)
}
