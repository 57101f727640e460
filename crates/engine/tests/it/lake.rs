//! Small lakes for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use shoplake_core::ports::Engine;
use shoplake_core::project::Limits;
use shoplake_core::{Catalog, Fault, PinnedTable, TableFile};
use shoplake_engine::DataFusionEngine;

/// A sale: id, customer, cents, UTC moment.
pub(crate) type Sale = (&'static str, Option<&'static str>, i64, &'static str);

/// An engine of two threads in New York.
pub(crate) fn engine() -> DataFusionEngine {
    let limits = Limits { threads: 2, ..Limits::default() };
    DataFusionEngine::new(&limits, chrono_tz::America::New_York).unwrap()
}

/// The columns of `sales` here: what stands in the files, then a late column, then the partition.
pub(crate) fn sales_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("year", DataType::Int32, true),
        Field::new("month", DataType::Int32, true),
        Field::new("transaction_id", DataType::Utf8, true),
        Field::new("customer_id", DataType::Utf8, true),
        Field::new("amount", DataType::Decimal128(12, 2), true),
        Field::new("transaction_date", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("day", DataType::Int32, true),
        Field::new("channel", DataType::Utf8, true),
    ]))
}

/// A table without files.
pub(crate) fn empty_sales(root: &Path) -> Catalog {
    sales(root, &[])
}

/// `sales` with one file for each `(year, month, rows)`; no file has the column `channel`.
pub(crate) fn sales(root: &Path, files: &[(i32, i32, Vec<Sale>)]) -> Catalog {
    let files = files.iter().enumerate().map(|(number, (year, month, rows))| {
        let path = format!("year={year}/month={month}/part {number}%.parquet");
        let size = write(&root.join(&path), &batch(rows));
        let partition =
            [("year", year), ("month", month)].map(|(name, value)| (name.to_owned(), Some(value.to_string())));
        let partition = BTreeMap::from(partition);
        let ids: Vec<&str> = rows.iter().map(|row| row.0).collect();
        let stats = serde_json::json!({
            "numRecords": rows.len(),
            "minValues": {"transaction_id": ids.iter().min()},
            "maxValues": {"transaction_id": ids.iter().max()},
            "nullCount": {"transaction_id": 0},
        });
        TableFile { path, size, rows: rows.len() as u64, partition, modified: 0, stats: Some(stats.to_string()) }
    });
    let table = PinnedTable {
        name: "sales".into(),
        root: root.to_path_buf().into(),
        schema: sales_schema(),
        partition_columns: vec!["year".into(), "month".into()],
        files: files.collect(),
    };
    Catalog { tables: BTreeMap::from([("sales".to_owned(), Arc::new(table))]), ..Catalog::default() }
}

fn batch(rows: &[Sale]) -> RecordBatch {
    let moments = rows.iter().map(|row| chrono::DateTime::parse_from_rfc3339(row.3).unwrap().timestamp_micros());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("transaction_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("customer_id", Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>())),
        (
            "amount",
            Arc::new(
                Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(row.2)))
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
        ("transaction_date", Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC"))),
        ("day", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.3[8..10].parse::<i32>().unwrap())))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A table of one column of whole numbers.
pub(crate) fn numbers(root: &Path, values: &[i64]) -> Catalog {
    let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let size = write(&root.join("a.parquet"), &batch);
    let rows = values.len() as u64;
    let file = TableFile { path: "a.parquet".into(), size, rows, partition: BTreeMap::new(), modified: 0, stats: None };
    let table = PinnedTable {
        name: "numbers".into(),
        root: root.to_path_buf().into(),
        schema: batch.schema(),
        partition_columns: Vec::new(),
        files: vec![file],
    };
    Catalog { tables: BTreeMap::from([("numbers".to_owned(), Arc::new(table))]), ..Catalog::default() }
}

pub(crate) fn write(path: &Path, batch: &RecordBatch) -> u64 {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(fs_err::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    fs_err::metadata(path).unwrap().len()
}

/// The rows as text, columns parted by `|`.
pub(crate) async fn rows(engine: &DataFusionEngine, catalog: &Catalog, sql: &str) -> Result<Vec<String>, Fault> {
    let mut stream = engine.query(catalog, sql).await?;
    let options = FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    while let Some(batch) = stream.batches.next().await {
        let batch = batch?;
        assert_eq!(batch.schema(), stream.schema, "rows come in the types that were promised");
        let columns: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    Ok(rows)
}

/// The fault in full: message with its place, detail, hint.
pub(crate) async fn fault(engine: &DataFusionEngine, catalog: &Catalog, sql: &str) -> String {
    let fault = rows(engine, catalog, sql).await.expect_err("this SQL is wrong");
    let mut text = format!("{:?}: {fault}", fault.kind);
    if let Some(hint) = fault.hint {
        text.extend(["\n  hint: ", &hint]);
    }
    text
}
