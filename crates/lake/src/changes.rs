//! The rows that a load put into a table and those that it took out of it, told to the models of the
//! same run, and to whoever follows the table afterwards.
//!
//! A file that holds nothing but rows of the run is named as it stands. All others (old versions of
//! changed rows, rows whose enrichment arrived late, rows that went into a file with older ones) are
//! copied to `_changes/` below the table, where no reader of the table looks. Few of them are kept for some batches,
//! on the machine that made them; many go before the batch is published. They are swept with a batch that is not, and
//! a vacuum takes those that are older: a follower who does not find them reads the table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use shoplake_core::clock::day_number;
use shoplake_core::upkeep::ChangedRows;
use shoplake_core::{BatchNumber, PinnedTable, Result, TableFile, TableRoot};

use crate::layout::Layout;
use crate::parquet_writer::{parquet_fault, properties};
use crate::pool::lock;
use crate::read;
use crate::record::{self, FilesOfRows, PublishRecord};
use crate::rewrite::{Input, batch_of, new_file, staying};
use crate::shape::{DAY, arrow_fault, conform};

/// The folder of the copies below a table.
const FOLDER: &str = "_changes";
/// Rows that are copied at most; a load that changes more of them tells no rows, and models are made in full.
const MOST_COPIED: u64 = 1 << 20;
/// Rows of copies that are kept once the models are made.
const MOST_KEPT: u64 = 1 << 16;
/// Batches whose copies are kept.
const BATCHES_KEPT: u64 = 8;
/// Rows that are copied at a time.
const COPIED_AT_ONCE: usize = 64 * 1024;

/// Which way a row went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Entered,
    Left,
}

/// What a load tells of its rows. Files may be told from any thread.
pub(crate) struct ChangeLog {
    root: TableRoot,
    batch: BatchNumber,
    schema: SchemaRef,
    told: Mutex<Told>,
}

/// What has been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) rows: FilesOfRows,
    /// Days of rows whose enrichment arrived late.
    pub(crate) days: BTreeSet<i32>,
    /// Whether such rows had no day.
    pub(crate) undated: bool,
    copied: u64,
    /// Whether the rows are not told: nobody could use them, or they are too many.
    pub(crate) silent: bool,
}

impl ChangeLog {
    /// A log of rows with the columns of `schema`; one that is `silent` tells days only.
    pub(crate) fn new(root: &TableRoot, batch: BatchNumber, schema: SchemaRef, silent: bool) -> Self {
        let told = Mutex::new(Told { silent, ..Told::default() });
        Self { root: root.clone(), batch, schema, told }
    }

    /// A file all of whose rows entered.
    pub(crate) fn whole_file_entered(&self, file: &TableFile) {
        lock(&self.told).rows.entered.push(file.clone());
    }

    /// Rows of a file that went one way: those it keeps entered, those it drops left.
    pub(crate) fn part_of_file(&self, input: &Input, way: Way) -> Result<()> {
        let Input { file, dropped } = input;
        if way == Way::Left {
            for ordinals in dropped.chunks(COPIED_AT_ONCE) {
                let rows = read::rows(&self.root, file, &self.schema, ordinals)?;
                self.rows(&file.partition, &[rows], way)?;
            }
            return Ok(());
        }
        for batch in staying(&self.root, file, dropped, &self.schema)? {
            self.rows(&file.partition, &[batch?], way)?;
        }
        Ok(())
    }

    /// Rows of one partition that went one way.
    pub(crate) fn rows(
        &self,
        partition: &BTreeMap<String, Option<String>>,
        batches: &[RecordBatch],
        way: Way,
    ) -> Result<()> {
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        if rows == 0 || !self.may_copy(rows) {
            return Ok(());
        }
        let path = new_file(&self.root.join(FOLDER), self.batch, &BTreeMap::new());
        let fault = |error| parquet_fault(&path, error);
        fs_err::create_dir_all(self.root.join(FOLDER))?;
        // Not made durable: after a crash nobody asks for it.
        let file = fs_err::File::create(&path)?;
        let mut writer = ArrowWriter::try_new(file, self.schema.clone(), Some(properties(&self.schema, &[])));
        for batch in batches {
            let batch = conform(batch, &self.schema)?;
            writer = writer.and_then(|mut writer| writer.write(&batch).map(|()| writer));
        }
        writer.and_then(|mut writer| writer.finish().map(drop)).map_err(fault)?;
        let (name, size) = (path.file_name().unwrap_or_default().to_string_lossy(), fs_err::metadata(&path)?.len());
        let file = TableFile {
            path: format!("{FOLDER}/{name}"),
            size,
            rows,
            partition: partition.clone(),
            modified: chrono::Utc::now().timestamp_millis(),
            stats: None,
        };
        let mut told = lock(&self.told);
        match way {
            Way::Entered => told.rows.entered.push(file),
            Way::Left => told.rows.left.push(file),
        }
        Ok(())
    }

    /// Whether rows are still told, and so many more may be copied.
    fn may_copy(&self, rows: u64) -> bool {
        let mut told = lock(&self.told);
        told.copied += rows;
        told.silent |= told.copied > MOST_COPIED;
        !told.silent
    }

    /// Rows whose enrichment arrived late, as they were and as they are: those of `healed`.
    pub(crate) fn healed(
        &self,
        partition: &BTreeMap<String, Option<String>>,
        before: &RecordBatch,
        after: &RecordBatch,
        healed: &BooleanArray,
    ) -> Result<()> {
        let filtered = |batch| filter_record_batch(batch, healed).map_err(arrow_fault);
        let (before, after) = (filtered(before)?, filtered(after)?);
        if before.num_rows() == 0 {
            return Ok(());
        }
        self.note_days(partition, &before);
        self.rows(partition, &[before], Way::Left)?;
        self.rows(partition, &[after], Way::Entered)
    }

    fn note_days(&self, partition: &BTreeMap<String, Option<String>>, rows: &RecordBatch) {
        let Some(days) = rows.column_by_name(DAY).and_then(|days| days.as_primitive_opt::<Int32Type>()) else {
            return;
        };
        let part = |name: &str| partition.get(name).and_then(Option::as_deref).and_then(|text| text.parse().ok());
        let mut told = lock(&self.told);
        for row in 0..days.len() {
            let day = days.is_valid(row).then(|| days.value(row));
            match part("year").zip(part("month")).zip(day).and_then(|((y, m), d)| day_number(y, m, d)) {
                Some(day) => drop(told.days.insert(day)),
                None => told.undated = true,
            }
        }
    }

    /// All that was told.
    pub(crate) fn told(&self) -> Told {
        std::mem::take(&mut *lock(&self.told))
    }
}

/// Keeps what followers of a table may ask for once its models are made: few copies, of the last batches. Gives the
/// rows of this batch, where they are still told.
pub(crate) fn keep_few(root: &Path, batch: BatchNumber, rows: Option<FilesOfRows>) -> Result<Option<FilesOfRows>> {
    let is_copy = |file: &&TableFile| file.path.starts_with(FOLDER);
    let copied = |rows: &FilesOfRows| -> u64 {
        rows.entered.iter().chain(&rows.left).filter(is_copy).map(|file| file.rows).sum()
    };
    let rows = rows.filter(|rows| copied(rows) <= MOST_KEPT);
    let entries = match fs_err::read_dir(root.join(FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(rows),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        let Some(of) = batch_of(&entry.path()) else { continue };
        if of.0 + BATCHES_KEPT <= batch.0 || (of == batch && rows.is_none()) {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(rows)
}

/// The copies of a table's rows that batches still keep, of those that `records` are the last of.
pub(crate) fn kept_of<'r>(records: &'r [PublishRecord], table: &'r str) -> impl Iterator<Item = String> + 'r {
    let last = records.last().map_or(0, |record| record.batch.0);
    let kept = records.iter().filter(move |record| record.batch.0 + BATCHES_KEPT > last);
    let commits = kept.flat_map(|record| &record.commits).filter(move |commit| commit.table == table);
    let rows = commits.filter_map(|commit| commit.rows.as_ref());
    rows.flat_map(|rows| rows.entered.iter().chain(&rows.left)).map(|file| file.path.clone())
}

/// The rows that the batches after `after`, up to `to`, put into a table and took out of it; `None` where they are not
/// told.
pub(crate) fn between(
    layout: &Layout,
    table: &PinnedTable,
    after: BatchNumber,
    to: BatchNumber,
) -> Result<Option<Vec<ChangedRows>>> {
    // A lake that has fewer batches than before is another one.
    if to.0.checked_sub(after.0).is_none_or(|batches| batches > BATCHES_KEPT) {
        return Ok(None);
    }
    let mut changes = Vec::new();
    for batch in after.0 + 1..=to.0 {
        let Some(record) = record::published(layout, BatchNumber(batch))? else { continue };
        let Some(commit) = record.commits.into_iter().find(|commit| commit.table == table.name) else { continue };
        let Some(rows) = commit.rows else { return Ok(None) };
        changes.push(rows.of(table));
    }
    Ok(Some(changes))
}

impl FilesOfRows {
    /// The same as tables with the columns of `table`.
    pub(crate) fn of(self, table: &PinnedTable) -> ChangedRows {
        let of = |files| Arc::new(PinnedTable { files, ..table.clone() });
        ChangedRows { entered: of(self.entered), left: of(self.left) }
    }
}
