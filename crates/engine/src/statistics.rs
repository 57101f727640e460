//! What the Delta log says of a file (rows, minima, maxima, NULLs) as DataFusion's statistics.
//!
//! Minima and maxima serve to skip files and nothing else: Delta cuts long text and timestamps below
//! the millisecond, so the engine is told bounds, never answers. Decimals and floats are left out,
//! since JSON numbers may have lost digits.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::Value;
use shoplake_core::TableFile;

/// The statistics of `file` over the columns that stand in the files, to skip it by: DataFusion skips
/// by exact bounds only.
pub(crate) fn of_file(file: &TableFile, in_files: &SchemaRef) -> Statistics {
    let mut statistics = Statistics::new_unknown(in_files);
    statistics.num_rows = Precision::Exact(file.rows as usize);
    statistics.total_byte_size = Precision::Inexact(file.size as usize);
    let Some(log) = file.stats.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return statistics;
    };
    for (field, column) in in_files.fields().iter().zip(&mut statistics.column_statistics) {
        let said = |what: &str| log.get(what).and_then(|values| values.get(field.name()));
        let bound = |what: &str, upper: bool| {
            said(what)
                .and_then(|value| scalar(value, field.data_type(), upper))
                .map_or(Precision::Absent, Precision::Exact)
        };
        *column = ColumnStatistics {
            min_value: bound("minValues", false),
            max_value: bound("maxValues", true),
            null_count: said("nullCount")
                .and_then(Value::as_u64)
                .map_or(Precision::Absent, |nulls| Precision::Exact(nulls as usize)),
            ..ColumnStatistics::new_unknown()
        };
    }
    statistics
}

/// `statistics` without a claim that any bound is a value of the file: MIN and MAX must read it.
pub(crate) fn as_bounds(mut statistics: Statistics) -> Statistics {
    statistics.column_statistics = statistics.column_statistics.into_iter().map(ColumnStatistics::to_inexact).collect();
    statistics
}

/// `value` as a bound of a column; an upper bound of a timestamp is the end of its millisecond.
fn scalar(value: &Value, column: &DataType, upper: bool) -> Option<ScalarValue> {
    match column {
        DataType::Utf8View => Some(ScalarValue::Utf8View(Some(value.as_str()?.to_owned()))),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Int32 => Some(ScalarValue::Int32(Some(i32::try_from(value.as_i64()?).ok()?))),
        DataType::Date32 => ScalarValue::try_from_string(value.as_str()?.to_owned(), column).ok(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            let moment = chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()?.timestamp_micros();
            let bound = moment.checked_add(if upper { 999 } else { 0 })?;
            Some(ScalarValue::TimestampMicrosecond(Some(bound), Some(zone.clone())))
        }
        _ => None,
    }
}
