//! The quarantine: one row for each rejected row, in a Delta table of its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use shoplake_core::{BatchNumber, Reject, Result, RowPlace, RunId, TableFile, TableRoot};

use crate::parquet_writer::{FileWriter, OrderedFile};
use crate::pool::Pool;
use crate::read;
use crate::rewrite::{new_file, without_rows};
use crate::shape::{arrow_fault, named};
use crate::stage::repeat;

/// The table's name.
pub(crate) const QUARANTINE: &str = "quarantine";

/// The columns of the table, in order; all text but the place and the moment.
pub(crate) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("dataset"),
        text("source_file"),
        Field::new("source_line", DataType::Int64, true),
        Field::new("source_item", DataType::Int64, true),
        text("reason"),
        text("rule"),
        text("column_name"),
        text("value"),
        text("violations"),
        text("raw"),
        text("money"),
        text("run_id"),
        Field::new("quarantined_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
}

/// Bytes of rejects that wait for their row group: a reject may be long, and all of a file may be.
const GROUP_BYTES: usize = 8 << 20;

/// The run's part of the quarantine.
pub(crate) struct Quarantine {
    root: TableRoot,
    batch: BatchNumber,
    run_id: RunId,
    quarantined_at: i64,
    file: Option<OrderedFile<RecordBatch>>,
    /// Bytes that wait for their row group.
    waiting: usize,
    file_start: u64,
    dropped: Vec<u32>,
    /// Rows that go, by source file: they were judged again.
    forgotten: HashMap<Arc<str>, HashSet<RowPlace>>,
    forgetting: Option<(Arc<str>, Arc<HashSet<RowPlace>>)>,
}

/// What a run does to the quarantine's list of files.
#[derive(Debug, Default)]
pub(crate) struct QuarantineChanges {
    pub(crate) add: Vec<TableFile>,
    pub(crate) remove: Vec<TableFile>,
}

impl Quarantine {
    /// Begins with nothing.
    pub(crate) fn new(root: &TableRoot, batch: BatchNumber, run_id: RunId, quarantined_at: i64) -> Self {
        Self {
            root: root.clone(),
            batch,
            run_id,
            quarantined_at,
            file: None,
            waiting: 0,
            file_start: 0,
            dropped: Vec::new(),
            forgotten: HashMap::new(),
            forgetting: None,
        }
    }

    /// Adds the rejects of a file. They become columns at once: these take a fraction of the memory.
    pub(crate) fn append(
        &mut self,
        pool: &Pool,
        dataset: &Arc<str>,
        source: &Arc<str>,
        rejects: &[Reject],
    ) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                let path = new_file(&self.root, self.batch, &BTreeMap::new());
                let writer = FileWriter::create(path, schema(), &[])?;
                empty.insert(OrderedFile::new(writer, Arc::new(|columns: &RecordBatch| Ok(vec![columns.clone()]))))
            }
        };
        let columns = columns(dataset, source, rejects, &self.run_id, self.quarantined_at)?;
        self.waiting += columns.get_array_memory_size();
        file.append(pool, columns, rejects.len())?;
        if self.waiting >= GROUP_BYTES {
            file.flush(pool)?;
            self.waiting = 0;
        }
        Ok(())
    }

    /// Earlier rows of a source file go, if what comes next is kept.
    pub(crate) fn forget(&mut self, source: &Arc<str>, rows: &Arc<HashSet<RowPlace>>) {
        self.forgetting = Some((source.clone(), rows.clone()));
    }

    /// Keeps the rejects since the last file.
    pub(crate) fn accept(&mut self) {
        self.file_start = self.file.as_ref().map_or(0, OrderedFile::rows);
        if let Some((source, rows)) = self.forgetting.take() {
            self.forgotten.entry(source).or_default().extend(rows.iter());
        }
    }

    /// Takes back the rejects since the last file.
    pub(crate) fn refuse(&mut self) {
        let rows = self.file.as_ref().map_or(0, OrderedFile::rows);
        self.dropped.extend(self.file_start as u32..rows as u32);
        self.file_start = rows;
        self.forgetting = None;
    }

    /// Ends the run's part; `base` is what the table holds.
    pub(crate) fn finish(mut self, pool: &Pool, base: &[TableFile]) -> Result<QuarantineChanges> {
        let mut changes = QuarantineChanges::default();
        if !self.forgotten.is_empty() {
            for file in base {
                let gone = self.rows_of_forgotten(file)?;
                if !gone.is_empty() {
                    changes.add.extend(without_rows(&self.root, self.batch, file, &gone, &schema())?);
                    changes.remove.push(file.clone());
                }
            }
        }
        let Some(mut file) = self.file.take() else { return Ok(changes) };
        file.flush(pool)?;
        pool.wait()?;
        let (written, unsynced) = file.into_writer().finish(&self.root, BTreeMap::new())?;
        if self.dropped.is_empty() {
            unsynced.sync()?;
            changes.add.push(written);
        } else if self.dropped.len() as u64 == written.rows {
            fs_err::remove_file(self.root.join(&written.path))?;
        } else {
            changes.add.extend(without_rows(&self.root, self.batch, &written, &self.dropped, &schema())?);
            fs_err::remove_file(self.root.join(&written.path))?;
        }
        Ok(changes)
    }

    /// Ordinals of a file's rows that were judged again.
    fn rows_of_forgotten(&self, file: &TableFile) -> Result<Vec<u32>> {
        let place = Arc::new(schema().project(&[1, 2, 3]).map_err(arrow_fault)?);
        let (mut gone, mut ordinal) = (Vec::new(), 0);
        for batch in read::scan(&self.root, file, &place)? {
            let batch = batch?;
            let sources = batch.column(0).as_string::<i32>();
            let [lines, items] = [1, 2].map(|column| batch.column(column).as_primitive::<Int64Type>());
            for ((source, line), item) in sources.iter().zip(lines).zip(items) {
                let rows = source.and_then(|source| self.forgotten.get(source));
                // Early versions wrote no item.
                let place = line.map(|line| RowPlace { line: line as u64, item: item.unwrap_or(1) as u32 });
                if rows.zip(place).is_some_and(|(rows, place)| rows.contains(&place)) {
                    gone.push(ordinal);
                }
                ordinal += 1;
            }
        }
        Ok(gone)
    }
}

fn columns(dataset: &str, source: &str, rejects: &[Reject], run_id: &RunId, at: i64) -> Result<RecordBatch> {
    let rows = rejects.len();
    let [mut line, mut item] = std::array::from_fn(|_| Int64Builder::with_capacity(rows));
    let [mut reason, mut rule, mut column, mut value, mut violations, mut raw, mut money] =
        std::array::from_fn(|_| StringBuilder::new());
    for reject in rejects {
        line.append_value(reject.line as i64);
        item.append_value(i64::from(reject.item));
        let first = reject.first();
        reason.append_option(first.map(|v| v.reason.as_str()));
        rule.append_option(first.map(|v| v.rule.as_str()));
        column.append_option(first.and_then(|v| v.column.as_deref()));
        value.append_option(first.and_then(|v| v.value.as_deref()));
        violations.append_option(serde_json::to_string(&reject.violations).ok());
        raw.append_value(&reject.raw);
        money.append_option(reject.money.as_deref());
    }
    let columns: Vec<ArrayRef> = vec![
        repeat(dataset, rows),
        repeat(source, rows),
        Arc::new(line.finish()),
        Arc::new(item.finish()),
        Arc::new(reason.finish()),
        Arc::new(rule.finish()),
        Arc::new(column.finish()),
        Arc::new(value.finish()),
        Arc::new(violations.finish()),
        Arc::new(raw.finish()),
        Arc::new(money.finish()),
        repeat(&run_id.0, rows),
        Arc::new(TimestampMicrosecondArray::from_value(at, rows).with_timezone("UTC")),
    ];
    named(&schema(), columns, rows)
}
