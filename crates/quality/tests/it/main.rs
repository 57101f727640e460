//! The quality station from outside: files in, batches and rejects out.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod csv_records;
mod csv_spectrum;
mod properties;
mod values_in_context;
mod whole_files;

use std::io::Write;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use shoplake_core::contract::{FileOptions, Format, SchemaChange};
use shoplake_core::{Column, ColumnType, Contract, JudgedChunk, LandedFile, Reject, Result, Sha256};
use shoplake_quality::{FileReading, ReadOptions, judge_file};

/// The seed's contract of `sales`, as `init` writes it.
fn sales() -> Contract {
    let required = |name, column_type| Column { required: true, ..Column::new(name, column_type) };
    Contract {
        dataset: "sales".to_owned(),
        file: "sources/sales.yml".to_owned(),
        key: vec!["transaction_id".to_owned()],
        event_time: Some("transaction_date".to_owned()),
        version: None,
        columns: vec![
            required("transaction_id", ColumnType::String),
            required("customer_id", ColumnType::String),
            required("product_id", ColumnType::String),
            Column { min: Some("1".to_owned()), ..required("quantity", ColumnType::Integer) },
            Column { min: Some("0".to_owned()), ..required("amount", ColumnType::Decimal { precision: 12, scale: 2 }) },
            required("transaction_date", ColumnType::Timestamp),
        ],
        schema_change: SchemaChange::default(),
        reject_limit: 0.5,
        options: FileOptions::new(Format::Csv),
        enrichments: Vec::new(),
    }
}

/// A contract of optional text columns.
fn texts(names: &[&str]) -> Contract {
    let columns = names.iter().map(|name| Column::new(*name, ColumnType::String)).collect();
    Contract { columns, key: Vec::new(), event_time: None, ..sales() }
}

fn options() -> ReadOptions {
    ReadOptions {
        zone: chrono_tz::UTC,
        threads: 1,
        chunk_bytes: 1 << 16,
        record_bytes: 1 << 20,
        unpacked_bytes: 1 << 24,
    }
}

/// All that came of a file, in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    reading: FileReading,
    /// Each row as text, columns between bars, nulls as `∅`.
    rows: Vec<String>,
    lines: Vec<u64>,
    keys: Vec<u128>,
    contents: Vec<u64>,
    rejects: Vec<Reject>,
}

impl Outcome {
    /// For each reject, its line and its first broken rule.
    fn rejected(&self) -> Vec<(u64, &str)> {
        self.rejects.iter().map(|reject| (reject.line, reject.first().unwrap().rule.as_str())).collect()
    }
}

fn landed(path: &Path, name: &str, size: usize) -> LandedFile {
    LandedFile {
        dataset: "sales".to_owned(),
        key: format!("sales/0/{name}"),
        name: name.to_owned(),
        origin: format!("inbox/sales/{name}"),
        sha256: Sha256("0".repeat(64)),
        size: size as u64,
        path: path.to_owned(),
        page: None,
    }
}

fn judge_named(name: &str, bytes: &[u8], contract: &Contract, options: &ReadOptions) -> Result<Outcome> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut outcome = Outcome {
        reading: FileReading::default(),
        rows: Vec::new(),
        lines: Vec::new(),
        keys: Vec::new(),
        contents: Vec::new(),
        rejects: Vec::new(),
    };
    outcome.reading =
        judge_file(&landed(file.path(), name, bytes.len()), contract, options, &mut |chunk: JudgedChunk| {
            outcome.rows.extend((0..chunk.rows.num_rows()).map(|row| row_text(&chunk.rows, row)));
            outcome.lines.extend(chunk.lines);
            outcome.keys.extend(chunk.keys);
            outcome.contents.extend(chunk.contents);
            outcome.rejects.extend(chunk.rejects);
            Ok(())
        })?;
    Ok(outcome)
}

fn judge(text: impl AsRef<[u8]>, contract: &Contract) -> Result<Outcome> {
    judge_named("day.csv", text.as_ref(), contract, &options())
}

fn row_text(rows: &RecordBatch, row: usize) -> String {
    let value = |column: &dyn Array| {
        if column.is_null(row) {
            "∅".to_owned()
        } else if let Some(text) = column.as_string_opt::<i32>() {
            text.value(row).to_owned()
        } else {
            arrow_cast::display::array_value_to_string(column, row).unwrap()
        }
    };
    rows.columns().iter().map(|column| value(column.as_ref())).collect::<Vec<_>>().join("|")
}
