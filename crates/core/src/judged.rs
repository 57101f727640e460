//! What the quality station hands on: rows that keep the contract, and the ones that do not.

use std::collections::BTreeMap;
use std::fmt;

use arrow_array::RecordBatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::Reason;

/// Where a row stands in its file. A line may have several rows: items of one record, objects side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "WrittenPlace", into = "WrittenPlace")]
pub struct RowPlace {
    /// The line where the record starts, counted as in [`JudgedChunk::lines`].
    pub line: u64,
    /// Its 1-based place among the rows of that line, those that were rejected counted too.
    pub item: u32,
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            1 => write!(f, "{}", self.line),
            item => write!(f, "{} (item {item})", self.line),
        }
    }
}

/// A place as it is written: the line alone, where its row is the first of it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenPlace {
    Line(u64),
    Item(u64, u32),
}

impl From<WrittenPlace> for RowPlace {
    fn from(written: WrittenPlace) -> Self {
        match written {
            WrittenPlace::Line(line) => Self { line, item: 1 },
            WrittenPlace::Item(line, item) => Self { line, item },
        }
    }
}

impl From<RowPlace> for WrittenPlace {
    fn from(place: RowPlace) -> Self {
        match place.item {
            1 => Self::Line(place.line),
            item => Self::Item(place.line, item),
        }
    }
}

/// One broken rule of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The reason that the rule falls under.
    pub reason: Reason,
    /// The rule in words: `required`, `min: 0`, `type: decimal(12,2)`, `fields: 6`.
    pub rule: String,
    /// The column, unless the row as a whole is at fault.
    pub column: Option<String>,
    /// The value as it stood in the file.
    pub value: Option<String>,
}

/// One row that goes to quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line where the record starts, counted as in [`JudgedChunk::lines`].
    pub line: u64,
    /// Its place among the rows of that line, as [`RowPlace::item`].
    pub item: u32,
    /// Every broken rule, never empty; the row's reason is the least of theirs by [`Reason`]'s order.
    pub violations: Vec<Violation>,
    /// The record as it stood in the file (bytes that are no text in hex, cut at 64 KiB).
    pub raw: String,
    /// The value of the contract's first decimal column as plain decimal text, where it can be read:
    /// the money at stake.
    pub money: Option<String>,
}

impl Reject {
    /// The violation that names the row: the first of the least reason.
    pub fn first(&self) -> Option<&Violation> {
        self.violations.iter().min_by_key(|v| v.reason)
    }

    /// Where it stands.
    pub fn place(&self) -> RowPlace {
        RowPlace { line: self.line, item: self.item }
    }
}

/// Values of one column that were left out of rows that are kept (`schema_change.types: discard_value`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscardedValues {
    /// How many.
    pub values: u64,
    /// The first, as it stood in the file.
    pub example: String,
}

/// A run of consecutive records of one file, judged.
#[derive(Debug, Clone)]
pub struct JudgedChunk {
    /// The rows that keep the contract: its columns in order, then columns that the file has beyond it
    /// (text, under `schema_change.columns: evolve`).
    pub rows: RecordBatch,
    /// For each row, the 1-based physical line where its record starts, the header counted; for a JSON
    /// array or Parquet the record's 1-based ordinal.
    pub lines: Vec<u64>,
    /// For each row, its [`RowPlace::item`]; empty where each is the first of its line.
    pub items: Vec<u32>,
    /// For each row, [`crate::hash::key_hashes`]; empty where the contract has no key.
    pub keys: Vec<u128>,
    /// For each row, [`crate::hash::content_hashes`].
    pub contents: Vec<u64>,
    /// The rows that do not, in order.
    pub rejects: Vec<Reject>,
    /// Values that were left out, by column.
    pub discarded: BTreeMap<String, DiscardedValues>,
}

impl JudgedChunk {
    /// Records in the chunk: rows and rejects.
    pub fn rows_read(&self) -> u64 {
        self.rows.num_rows() as u64 + self.rejects.len() as u64
    }

    /// Where each of the rows stands.
    pub fn places(&self) -> impl DoubleEndedIterator<Item = RowPlace> + ExactSizeIterator {
        let item = |row: usize| self.items.get(row).copied().unwrap_or(1);
        self.lines.iter().enumerate().map(move |(row, line)| RowPlace { line: *line, item: item(row) })
    }
}
