//! Parquet files against their contract.
//!
//! Columns are found by name, and every value is handed to the judge as the text that says it
//! exactly, so that one set of parsers decides for all formats. Lines are the rows' ordinals.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use shoplake_core::{ColumnType, Contract, Fault, JudgedChunk, LandedFile, Result};

use crate::ordered::in_order;
use crate::rows::{Cell, CompiledContract, Layout, RowJudge, shown};
use crate::{FileReading, ReadOptions};

const BATCH_ROWS: usize = 8192;
const FORMAT: FormatOptions<'static> = FormatOptions::new();

/// Judges a Parquet file; calls `sink` with its chunks in order.
pub(crate) fn judge(
    file: &LandedFile,
    contract: &Contract,
    options: &ReadOptions,
    sink: &mut dyn FnMut(JudgedChunk) -> Result<()>,
) -> Result<FileReading> {
    let compiled = Arc::new(CompiledContract::new(contract, options.zone)?);
    let (names, mut batches) = open(&file.path)?;
    let (layout, schema_changes) = Layout::new(contract, &names)?;
    let mut reading =
        FileReading { schema_changes, new_columns: layout.new_columns().to_vec(), ..FileReading::default() };
    let layout = Arc::new(layout);
    let types: Vec<ColumnType> = contract.columns.iter().map(|column| column.column_type).collect();
    let mut ordinal = 1;
    let next = || {
        let Some(batch) = batches.next_batch()? else { return Ok(None) };
        let first = ordinal;
        ordinal += batch.num_rows() as u64;
        Ok(Some((first, batch)))
    };
    let work = |(first, batch): (u64, RecordBatch)| {
        let mut judge = RowJudge::new(Arc::clone(&compiled), Arc::clone(&layout), batch.num_rows());
        let columns = texts(&batch)?;
        let mut cells = Vec::with_capacity(layout.width());
        for row in 0..batch.num_rows() {
            cells.clear();
            cells.extend(layout.sources().iter().enumerate().map(|(at, source)| match source {
                Some(source) => columns[*source].cell(row, types.get(at).copied()),
                None => Cell::Missing,
            }));
            judge.push(first + row as u64, &cells, &|| row_json(&names, &columns, row));
        }
        judge.finish()
    };
    in_order(options.workers(), next, work, |chunk| {
        reading.add(&chunk);
        sink(chunk)
    })?;
    Ok(reading)
}

/// The names of a Parquet file's columns, and its rows.
pub(crate) fn open(path: &std::path::Path) -> Result<(Vec<String>, Batches)> {
    let (file, _) = fs_err::File::open(path)?.into_parts();
    let opened = guarded(|| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let names = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        Ok((names, Batches(builder.with_batch_size(BATCH_ROWS).build()?)))
    })?;
    Ok(opened)
}

/// The rows of a Parquet file, some thousand at a time.
pub(crate) struct Batches(ParquetRecordBatchReader);

impl Batches {
    /// The next rows; `None` at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        guarded(|| Ok(self.0.next().transpose()?))
    }
}

/// Runs the Parquet reader, which answers some damaged files with a panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, parquet::errors::ParquetError>) -> Result<T> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
        Fault::data("the Parquet file is damaged or cut short")
            .detail(format!("The reader says: {error}."))
            .hint("fetch the file again; nothing of it is loaded")
            .caused_by(error)
    };
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| broken(error.into())),
        Err(_) => Err(broken("a page does not hold what its header says".into())),
    }
}

/// The columns of a batch as texts.
pub(crate) fn texts(batch: &RecordBatch) -> Result<Vec<Texts<'_>>> {
    let unreadable = |error: ArrowError| Fault::data("a column of the Parquet file cannot be read").caused_by(error);
    batch.columns().iter().map(|array| Texts::new(array).map_err(unreadable)).collect()
}

/// One column whose values can be had as text.
pub(crate) struct Texts<'a> {
    array: ArrayRef,
    formatter: Option<ArrayFormatter<'a>>,
}

impl<'a> Texts<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let plain = |to: DataType| arrow_cast::cast(array, &to);
        Ok(match array.data_type() {
            DataType::LargeUtf8 | DataType::Utf8View => Self { array: plain(DataType::Utf8)?, formatter: None },
            DataType::Dictionary(_, values) if values.is_string() => {
                Self { array: plain(DataType::Utf8)?, formatter: None }
            }
            DataType::Utf8 | DataType::Binary | DataType::Float32 | DataType::Float64 => {
                Self { array: Arc::clone(array), formatter: None }
            }
            DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self { array: plain(DataType::Binary)?, formatter: None }
            }
            DataType::Float16 => Self { array: plain(DataType::Float32)?, formatter: None },
            _ => Self { array: Arc::clone(array), formatter: Some(ArrayFormatter::try_new(array.as_ref(), &FORMAT)?) },
        })
    }

    /// The value of a row for a column of the contract's type, or, without a type, as it is.
    pub(crate) fn cell(&self, row: usize, wanted: Option<ColumnType>) -> Cell<'_> {
        if self.array.is_null(row) {
            return Cell::Missing;
        }
        if let Some(formatter) = &self.formatter {
            let text = formatter.value(row).to_string();
            if wanted.is_some() && self.array.data_type().is_nested() {
                return Cell::Invalid { shown: text, rule: "parquet: scalar".to_owned() };
            }
            return Cell::Text(Cow::Owned(match text.strip_suffix("T00:00:00") {
                // Many writers have no days, only midnights.
                Some(day) if wanted == Some(ColumnType::Date) => day.to_owned(),
                _ => text,
            }));
        }
        match self.array.data_type() {
            // Rust writes a float in as few digits as name it, and never with an exponent.
            DataType::Float64 => Cell::Text(self.array.as_primitive::<Float64Type>().value(row).to_string().into()),
            DataType::Float32 => Cell::Text(self.array.as_primitive::<Float32Type>().value(row).to_string().into()),
            DataType::Binary => {
                let bytes = self.array.as_binary::<i32>().value(row);
                match std::str::from_utf8(bytes) {
                    Ok(text) => Cell::Text(Cow::Borrowed(text)),
                    Err(_) => Cell::Invalid { shown: shown(bytes), rule: "encoding".to_owned() },
                }
            }
            _ => Cell::Text(Cow::Borrowed(self.array.as_string::<i32>().value(row))),
        }
    }
}

/// A row as JSON: numbers and truth values bare, all else in quotes.
fn row_json(names: &[String], columns: &[Texts<'_>], row: usize) -> String {
    let fields = names.iter().zip(columns).map(|(name, column)| {
        let kind = column.array.data_type();
        let value = match column.cell(row, None) {
            Cell::Missing => "null".to_owned(),
            Cell::Text(text) if kind.is_numeric() && text.parse::<f64>().is_ok_and(f64::is_finite) => text.into_owned(),
            Cell::Text(text) if *kind == DataType::Boolean => text.into_owned(),
            Cell::Text(text) => serde_json::Value::from(text.as_ref()).to_string(),
            Cell::Invalid { shown, .. } => serde_json::Value::from(shown).to_string(),
        };
        format!("{}:{value}", serde_json::Value::from(name.as_str()))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{
        BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, TimestampMicrosecondArray,
    };

    use super::*;

    /// Given values of every kind a shop's Parquet has, when read, then the text says them exactly.
    #[test]
    fn values_are_exact_text() {
        let moment = 1_709_210_096_000_000;
        let midnight = 1_709_164_800_000_000;
        let cases: Vec<(ArrayRef, Option<ColumnType>, &str)> = vec![
            (Arc::new(Int64Array::from(vec![9_007_199_254_740_993])), None, "9007199254740993"),
            (Arc::new(Decimal128Array::from(vec![110]).with_precision_and_scale(12, 2).unwrap()), None, "1.10"),
            (Arc::new(Float64Array::from(vec![2.0])), None, "2"),
            (Arc::new(Float64Array::from(vec![9.99])), None, "9.99"),
            (Arc::new(Date32Array::from(vec![0])), None, "1970-01-01"),
            (Arc::new(TimestampMicrosecondArray::from(vec![moment])), None, "2024-02-29T12:34:56"),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![moment]).with_timezone("UTC")),
                None,
                "2024-02-29T12:34:56Z",
            ),
            (Arc::new(TimestampMicrosecondArray::from(vec![midnight])), Some(ColumnType::Date), "2024-02-29"),
            (Arc::new(["ä"].into_iter().collect::<DictionaryArray<Int32Type>>()), None, "ä"),
        ];
        for (array, wanted, text) in cases {
            assert_eq!(Texts::new(&array).unwrap().cell(0, wanted), Cell::Text(text.into()));
        }
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"\xff"[..]]));
        assert!(matches!(Texts::new(&bytes).unwrap().cell(0, None), Cell::Invalid { .. }));
    }
    /// Given a Parquet file, when judged, then columns are found by name, lines are ordinals, and a
    /// bad row is shown as JSON; given the same file cut short, then it is refused.
    #[test]
    fn whole_files() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("b", Arc::new(arrow_array::StringArray::from(vec!["x", "y"]))),
            ("a", Arc::new(Float64Array::from(vec![1.0, 1.5]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.parquet");
        fs_err::write(&path, &bytes).unwrap();
        let mut contract = crate::json::tests::contract(&[("a", ColumnType::Integer), ("b", ColumnType::String)]);
        contract.options.format = shoplake_core::contract::Format::Parquet;
        let judged = crate::json::tests::judged(path.clone(), &contract, 1, 1).unwrap();
        assert_eq!(
            (judged.rows, judged.rejects),
            (vec![(1, "1|x".to_owned())], vec!["2 malformed type: integer".to_owned()])
        );
        let (names, mut batches) = open(&path).unwrap();
        let batch = batches.next_batch().unwrap().unwrap();
        assert_eq!(row_json(&names, &texts(&batch).unwrap(), 1), r#"{"b":"y","a":1.5}"#);
        fs_err::write(&path, &bytes[..bytes.len() - 20]).unwrap();
        let fault = crate::json::tests::judged(path, &contract, 1, 1).unwrap_err();
        assert_eq!(fault.message, "the Parquet file is damaged or cut short");
    }
}
