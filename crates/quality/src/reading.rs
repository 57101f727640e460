//! The crate's entry: one landed file against its contract, and what is known of it afterwards.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use shoplake_core::contract::Format;
use shoplake_core::outcome::Offender;
use shoplake_core::project::Limits;
use shoplake_core::{Contract, DiscardedValues, Fault, JudgedChunk, LandedFile, Reason, Result};

use crate::items::Items;

/// Offenders that are kept of a file.
const FIRST_OFFENDERS: usize = 20;
/// Rows from which on a share of them says something, that of [`Contract::reject_limit`] for one.
const REJECT_LIMIT_FROM: u64 = 100;
/// From this share of values on that are not of their column's type, it is the type that has changed.
const CHANGED_SHARE: f64 = 0.1;

/// How to read a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// The shop's zone: text without an offset is its local time.
    pub zone: Tz,
    /// Threads that judge; 0 takes one for each processor, 1 judges on the calling thread.
    pub threads: usize,
    /// Bytes of a chunk, about; a record is never cut.
    pub chunk_bytes: usize,
    /// The longest record, in bytes.
    pub record_bytes: usize,
    /// Bytes that one compressed file may unpack to.
    pub unpacked_bytes: u64,
}

impl ReadOptions {
    /// The options that a project's zone and limits ask for.
    pub fn new(zone: Tz, limits: &Limits) -> Self {
        Self {
            zone,
            threads: limits.threads,
            chunk_bytes: 4 << 20,
            record_bytes: limits.record_bytes,
            unpacked_bytes: limits.unpacked_bytes,
        }
    }

    /// The threads to start.
    pub fn workers(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// What is known of a file once it is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReading {
    /// Records in the file, the header and empty lines left out.
    pub rows_read: u64,
    /// Rejected rows by reason.
    pub rejects: BTreeMap<Reason, u64>,
    /// The first 20 rejected rows, by their first broken rule.
    pub first_offenders: Vec<Offender>,
    /// Notes that are no faults: an empty file.
    pub warnings: Vec<String>,
    /// How the file's shape differs from the contract, in words.
    pub schema_changes: Vec<String>,
    /// Columns of the table that the contract does not name (`schema_change.columns: evolve`).
    pub new_columns: Vec<String>,
    /// By column, values that are not of its type: in rejected rows, and left out of rows that are kept.
    pub(crate) mistyped: BTreeMap<String, (u64, DiscardedValues)>,
}

impl FileReading {
    /// Rejected rows.
    pub fn rejected(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Counts a chunk in.
    pub(crate) fn add(&mut self, chunk: &JudgedChunk) {
        self.rows_read += chunk.rows_read();
        for reject in &chunk.rejects {
            let Some(first) = reject.first() else { continue };
            *self.rejects.entry(first.reason).or_default() += 1;
            for violation in reject.violations.iter().filter(|violation| violation.rule.starts_with("type: ")) {
                let Some(column) = &violation.column else { continue };
                self.mistyped.entry(column.clone()).or_default().0 += 1;
            }
            if self.first_offenders.len() < FIRST_OFFENDERS {
                self.first_offenders.push(Offender { line: reject.line, violation: first.clone() });
            }
        }
        for (column, discarded) in &chunk.discarded {
            let (_, mine) = self.mistyped.entry(column.clone()).or_default();
            if mine.values == 0 {
                mine.example.clone_from(&discarded.example);
            }
            mine.values += discarded.values;
        }
    }

    /// Puts into words which columns are not of their type any more.
    fn note_types(&mut self, contract: &Contract) {
        for (name, (rejected, discarded)) in &self.mistyped {
            let Some(column) = contract.column(name) else { continue };
            let column_type = column.column_type;
            if discarded.values > 0 {
                let (values, first) = (discarded.values, discarded.example.escape_debug());
                let values = if values == 1 { "1 value".to_owned() } else { format!("{values} values") };
                self.schema_changes.push(format!(
                    "column `{name}` is {column_type}: {values} of another type left out, the first `{first}`"
                ));
            } else if self.rows_read >= REJECT_LIMIT_FROM && *rejected as f64 >= CHANGED_SHARE * self.rows_read as f64 {
                self.schema_changes.push(format!(
                    "column `{name}` is {column_type} in the contract: {rejected} of {} values are not",
                    self.rows_read
                ));
            }
        }
    }
}

/// Judges a file; calls `sink` with its chunks in the order of the file, on the calling thread.
///
/// An error of kind `Data` refuses the whole file: the caller forgets the chunks it was given.
pub fn judge_file(
    file: &LandedFile,
    contract: &Contract,
    options: &ReadOptions,
    sink: &mut dyn FnMut(JudgedChunk) -> Result<()>,
) -> Result<FileReading> {
    let judge = match contract.options.format {
        Format::Csv => crate::csv::judge,
        Format::Json | Format::Ndjson => crate::json::judge,
        Format::Parquet => crate::parquet_file::judge,
    };
    let mut items = Items::default();
    let mut sink = |mut chunk| {
        items.carry_on(&mut chunk);
        sink(chunk)
    };
    let mut reading = judge(file, contract, options, &mut sink).map_err(|fault| of_file(fault, file))?;
    reading.note_types(contract);
    Ok(reading)
}

/// Whether so many of the rows are rejected that the whole file is refused; it counts from 100 rows on.
pub fn over_reject_limit(contract: &Contract, rows_read: u64, rejected: u64) -> bool {
    rows_read >= REJECT_LIMIT_FROM && rejected as f64 > contract.reject_limit * rows_read as f64
}

/// A fault of the data that knows at most its line gets the file that it is about.
fn of_file(mut fault: Fault, file: &LandedFile) -> Fault {
    match &mut fault.place {
        Some(place) if place.file.is_empty() => place.file.clone_from(&file.origin),
        None if fault.kind == shoplake_core::FaultKind::Data => return fault.at(file.origin.clone(), None, None),
        _ => {}
    }
    fault
}
