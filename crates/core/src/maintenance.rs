//! Versions of tables, as people look at them and go back to them. Pure values.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{BatchNumber, RunId};

/// One version of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    /// Its number in the Delta log.
    pub version: u64,
    /// The batch that made it.
    pub batch: BatchNumber,
    /// The run of that batch.
    pub run_id: RunId,
    /// When it was published, UTC.
    pub at: DateTime<Utc>,
    /// Rows in the table.
    pub rows: u64,
    /// Its data files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// The version that it brought back, if it brought one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
}

/// A table that a batch brought back to an earlier version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The table.
    pub table: String,
    /// The version that it is like.
    pub version: u64,
    /// Its rows.
    pub rows: u64,
}

/// A table whose small files were joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// The table.
    pub table: String,
    /// Its rows, which stay as they are.
    pub rows: u64,
    /// Data files before.
    pub before: u64,
    /// Data files now.
    pub after: u64,
}

/// A file that a vacuum removed, or would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// The table.
    pub table: String,
    /// The file below the table's folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}
