//! Columns of SQL answers as plain values, whatever exact Arrow type the engine chose for them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use chrono::{NaiveDate, TimeDelta};
use shoplake_core::{Fault, Result};

use crate::Decimal;

/// One batch of an answer.
pub(super) struct Rows<'a>(&'a RecordBatch);

impl<'a> Rows<'a> {
    pub(super) fn new(batch: &'a RecordBatch) -> Self {
        Self(batch)
    }

    pub(super) fn dates(&self, name: &str) -> Result<Vec<Option<NaiveDate>>> {
        let column = self.cast(name, &DataType::Date32)?;
        let days = column.as_primitive::<Date32Type>();
        let date = |day| NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(day)));
        Ok(days.iter().map(|day| day.and_then(date)).collect())
    }

    pub(super) fn counts(&self, name: &str) -> Result<Vec<u64>> {
        let column = self.cast(name, &DataType::Int64)?;
        let counts = column.as_primitive::<Int64Type>();
        Ok(counts.iter().map(|count| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)).collect())
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<Option<String>>> {
        let column = self.cast(name, &DataType::Utf8)?;
        Ok(column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
    }

    /// UTC microseconds.
    pub(super) fn moments(&self, name: &str) -> Result<Vec<Option<i64>>> {
        let column = self.cast(name, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
        Ok(column.as_primitive::<TimestampMicrosecondType>().iter().collect())
    }

    pub(super) fn decimals(&self, name: &str) -> Result<Vec<Option<Decimal>>> {
        let scale = match self.column(name)?.data_type() {
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => (*scale).max(0),
            other if other.is_integer() || other.is_null() => 0,
            other => return Err(Fault::internal(format!("column `{name}` of the report is {other}, not a decimal"))),
        };
        let column = self.cast(name, &DataType::Decimal128(38, scale))?;
        let units = column.as_primitive::<Decimal128Type>();
        Ok(units.iter().map(|units| units.map(|units| Decimal::new(units, scale.unsigned_abs().into()))).collect())
    }

    fn column(&self, name: &str) -> Result<&ArrayRef> {
        let known = || self.0.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        self.0.column_by_name(name).ok_or_else(|| {
            Fault::internal(format!("the report's query brought no column `{name}`, only {:?}", known()))
        })
    }

    fn cast(&self, name: &str, to: &DataType) -> Result<ArrayRef> {
        // Not the default options: those turn what does not fit into NULL without a word.
        let strict = arrow_cast::CastOptions { safe: false, ..arrow_cast::CastOptions::default() };
        arrow_cast::cast_with_options(self.column(name)?, to, &strict)
            .map_err(|error| Fault::internal(format!("column `{name}` of the report is no {to}")).caused_by(error))
    }
}
