//! Tables as they stand at one moment: plain lists of Parquet files that any reader can pin.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

/// One Parquet file of a table, published or pending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// The path below the table's root, as it is on disk (not percent-encoded).
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its rows.
    pub rows: u64,
    /// Its partition values by column; `None` is NULL.
    pub partition: BTreeMap<String, Option<String>>,
    /// Milliseconds since 1970 of its last change.
    pub modified: i64,
    /// Statistics as the Delta log writes them (JSON), if there are any.
    pub stats: Option<String>,
}

/// A table pinned to a list of files.
#[derive(Debug, Clone)]
pub struct PinnedTable {
    /// The name in SQL.
    pub name: String,
    /// The folder of the table on this machine.
    pub root: PathBuf,
    /// Every column, partition columns among them, in the table's order.
    pub schema: SchemaRef,
    /// The partition columns.
    pub partition_columns: Vec<String>,
    /// The files. A file that lacks a column of `schema` has NULL there.
    pub files: Vec<TableFile>,
}

impl PinnedTable {
    /// Rows in the table.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }
}

/// All tables at one moment: published ones, or published ones plus what a run has pending.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The tables by name.
    pub tables: BTreeMap<String, Arc<PinnedTable>>,
    /// Views by name: SQL over `tables` and other views. A view goes before a table of its name.
    pub views: BTreeMap<String, String>,
}
