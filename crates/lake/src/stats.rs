//! The statistics of a data file, as the Delta log writes them.
//!
//! Rows of the file; nulls, least and greatest value of numbers, days and moments. Text has none:
//! readers differ in how they cut it (delta-kernel-rs#2793, delta-rs#1411).

use arrow_schema::{DataType, Schema};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat};
use deltalake::kernel::{DataType as DeltaType, PrimitiveType, StructType};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde_json::{Map, Number, Value, json};

/// The most digits of a decimal that survive every reader's floating point.
const SHORT_DECIMAL: u8 = 15;

/// The statistics of a whole file, as JSON text.
pub(crate) fn of_file(metadata: &ParquetMetaData, schema: &Schema) -> String {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for (index, field) in schema.fields().iter().enumerate() {
        let groups = metadata.row_groups().iter().map(|group| group.column(index).statistics());
        let Some(groups) = groups.collect::<Option<Vec<_>>>() else { continue };
        if let Some(count) = groups.iter().map(|s| s.null_count_opt()).sum::<Option<u64>>() {
            nulls.insert(field.name().clone(), json!(count));
        }
        let bounds = groups.iter().filter_map(|s| bounds(s));
        let Some((low, high)) = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { continue };
        if let (Some(low), Some(high)) = (shown(low, field.data_type(), false), shown(high, field.data_type(), true)) {
            least.insert(field.name().clone(), low);
            greatest.insert(field.name().clone(), high);
        }
    }
    let rows = metadata.file_metadata().num_rows();
    json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
}

/// The columns that every file of a table has bounds of, as `delta.dataSkippingStatsColumns` lists them.
///
/// Without the list Python's deltalake takes a column without bounds for one between NULL and NULL, and
/// a reader that filters by it gets no row at all. Columns that partition the table are none of its files'.
pub(crate) fn columns(schema: &StructType, partition_columns: &[String]) -> String {
    let stored = schema.fields().filter(|field| !partition_columns.contains(field.name()));
    let bounded = stored.filter(|field| match field.data_type() {
        DeltaType::Primitive(PrimitiveType::Decimal(decimal)) => decimal.precision() <= SHORT_DECIMAL,
        DeltaType::Primitive(
            PrimitiveType::Integer | PrimitiveType::Long | PrimitiveType::Date | PrimitiveType::Timestamp,
        ) => true,
        _ => false,
    });
    bounded.map(|field| field.name().as_str()).collect::<Vec<_>>().join(",")
}

fn bounds(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int32(s) => Some((i64::from(*s.min_opt()?), i64::from(*s.max_opt()?))),
        Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}

fn shown(value: i64, data_type: &DataType, up: bool) -> Option<Value> {
    match data_type {
        DataType::Int32 | DataType::Int64 => Some(json!(value)),
        DataType::Date32 => {
            let day = NaiveDate::default();
            let day = if value < 0 {
                day.checked_sub_days(Days::new(value.unsigned_abs()))
            } else {
                day.checked_add_days(Days::new(value as u64))
            };
            Some(json!(day?.to_string()))
        }
        // The log keeps milliseconds: the bounds must not cut a moment off.
        DataType::Timestamp(..) => {
            let millis = if up {
                value.div_euclid(1000) + i64::from(value.rem_euclid(1000) != 0)
            } else {
                value.div_euclid(1000)
            };
            Some(json!(DateTime::from_timestamp_millis(millis)?.to_rfc3339_opts(SecondsFormat::Millis, true)))
        }
        DataType::Decimal128(precision, scale) if *precision <= SHORT_DECIMAL => {
            let (sign, digits) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            let unit = 10_u64.checked_pow(u32::try_from(*scale).ok()?)?;
            let text = if *scale == 0 {
                format!("{sign}{digits}")
            } else {
                format!("{sign}{}.{:0width$}", digits / unit, digits % unit, width = *scale as usize)
            };
            text.parse::<Number>().ok().map(Value::Number)
        }
        _ => None,
    }
}
