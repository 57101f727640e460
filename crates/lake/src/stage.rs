//! Rows on their way into a data file: staged as judged, made into the file's columns on the pool.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
    new_null_array,
};
use arrow_schema::SchemaRef;
use arrow_select::take::take_record_batch;
use shoplake_core::clock::civil;
use shoplake_core::{BatchNumber, Result, RunId};

use crate::dictionary_chunk::Numbered;
use crate::dimension::Dimension;
use crate::shape::{TableShape, arrow_fault, named};

/// Rows of one source file and one partition.
pub(crate) struct Staged {
    /// The rows that they are among.
    pub(crate) chunk: Arc<StagedChunk>,
    /// Which rows of it they are, where they are not all.
    pub(crate) picked: Option<Vec<u32>>,
}

/// Judged rows with what was found out about them.
pub(crate) struct StagedChunk {
    /// The content columns.
    pub(crate) content: RecordBatch,
    /// The line of each row.
    pub(crate) lines: Vec<u64>,
    /// The shop's day of each row, in days since 1970-01-01.
    pub(crate) days: Option<Vec<Option<i32>>>,
    /// For each relationship, the dimension's row of each row.
    pub(crate) related: Vec<UInt32Array>,
    /// The object's key below `landing/`.
    pub(crate) source: Arc<str>,
}

impl StagedChunk {
    /// Some of the rows.
    pub(crate) fn pick(&self, rows: &[u32]) -> Result<Self> {
        let indices = UInt32Array::from(rows.to_vec());
        let at = |row: &u32| *row as usize;
        let one = |row: &u32, values: &UInt32Array| values.is_valid(at(row)).then(|| values.value(at(row)));
        Ok(Self {
            content: take_record_batch(&self.content, &indices).map_err(arrow_fault)?,
            lines: rows.iter().map(|row| self.lines[at(row)]).collect(),
            days: self.days.as_ref().map(|days| rows.iter().map(|row| days[at(row)]).collect()),
            related: self.related.iter().map(|values| rows.iter().map(|row| one(row, values)).collect()).collect(),
            source: self.source.clone(),
        })
    }
}

/// A relationship of a fact to a dimension.
pub(crate) struct Related {
    /// The foreign key's column.
    pub(crate) column: String,
    /// The dimension's rows.
    pub(crate) dimension: Arc<Dimension>,
}

/// What turns staged rows into a file's columns.
pub(crate) struct Shaper {
    /// The table's shape.
    pub(crate) shape: TableShape,
    /// The columns of the file.
    pub(crate) file_schema: SchemaRef,
    /// The relationships, in the order of [`Staged::related`].
    pub(crate) related: Arc<Vec<Related>>,
    /// The batch that writes.
    pub(crate) batch: BatchNumber,
    /// The run.
    pub(crate) run_id: RunId,
    /// When the run began, UTC microseconds.
    pub(crate) loaded_at: i64,
}

impl Shaper {
    /// The file's columns for these rows; text that repeats comes by number.
    pub(crate) fn columns(&self, staged: &Staged) -> Result<RecordBatch> {
        let picked;
        let chunk = match &staged.picked {
            None => &*staged.chunk,
            Some(rows) => {
                picked = staged.chunk.pick(rows)?;
                &picked
            }
        };
        let rows = chunk.content.num_rows();
        let mut columns: Vec<ArrayRef> = chunk.content.columns().to_vec();
        for enrichment in &self.shape.contract.enrichments {
            let relation = self.related.iter().position(|related| related.column == enrichment.by);
            let value = match relation {
                Some(at) => self.related[at].dimension.take(&enrichment.from, &chunk.related[at])?,
                None => None,
            };
            columns.push(value.unwrap_or_else(|| new_null_array(&enrichment.column_type.arrow_type(), rows)));
        }
        if let Some(days) = &chunk.days {
            columns.push(Arc::new(day_of_month(days)));
        }
        columns.push(repeat(&chunk.source, rows));
        columns.push(Arc::new(chunk.lines.iter().map(|line| *line as i64).collect::<Int64Array>()));
        columns.push(repeat(&self.run_id.0, rows));
        let loaded_at = TimestampMicrosecondArray::from_value(self.loaded_at, rows).with_timezone("UTC");
        columns.push(Arc::new(loaded_at));
        named(&self.file_schema, columns, rows)
    }
}

/// Day of the month, remembering the last day asked: rows come in days.
fn day_of_month(days: &[Option<i32>]) -> Int32Array {
    let mut last = (i32::MIN, 0);
    days.iter()
        .map(|day| {
            day.map(|day| {
                if last.0 != day {
                    last = (day, civil(day).2);
                }
                last.1
            })
        })
        .collect()
}

/// The same text for every row, by number.
pub(crate) fn repeat(text: &str, rows: usize) -> ArrayRef {
    let keys = Int32Array::from_value(0, rows);
    Arc::new(Numbered::new(keys, Arc::new(StringArray::from(vec![text]))))
}
