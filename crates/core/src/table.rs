//! Tables as they stand at one moment: plain lists of Parquet files that any reader can pin.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::fault::Result;

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

impl TableFile {
    /// What the statistics say of a column under `what`: `minValues`, `maxValues` or `nullCount`.
    pub fn statistic(&self, what: &str, column: &str) -> Option<serde_json::Value> {
        let mut statistics: serde_json::Value = serde_json::from_str(self.stats.as_deref()?).ok()?;
        Some(statistics.get_mut(what)?.get_mut(column)?.take())
    }
}

/// A file that is to be on this machine: its path here, and its size where that is known.
pub type Wanted = (PathBuf, Option<u64>);

/// Brings files of a lake elsewhere to this machine.
pub trait Fetch: Send + Sync {
    /// Brings those that are not here yet, and waits for them. One that the lake does not have stays
    /// missing.
    ///
    /// # Errors
    /// A lake that is away; a file that has another size than is known of it.
    fn fetch(&self, wanted: &[Wanted]) -> Result<()>;
}

/// The folder of a table on this machine, and where its files come from if the lake is elsewhere.
#[derive(Clone)]
pub struct TableRoot {
    path: PathBuf,
    source: Option<Arc<dyn Fetch>>,
}

impl TableRoot {
    /// A folder whose files come from `source` when they are asked for.
    pub fn new(path: PathBuf, source: Option<Arc<dyn Fetch>>) -> Self {
        Self { path, source }
    }

    /// Whether files may have to be brought here before they are read.
    pub fn is_remote(&self) -> bool {
        self.source.is_some()
    }

    /// Sees to it that files of the table are on this machine; see [`Fetch::fetch`].
    pub fn bring(&self, wanted: &[Wanted]) -> Result<()> {
        self.source.as_ref().map_or(Ok(()), |source| source.fetch(wanted))
    }
}

impl From<PathBuf> for TableRoot {
    fn from(path: PathBuf) -> Self {
        Self { path, source: None }
    }
}

impl Deref for TableRoot {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for TableRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

/// A table pinned to a list of files.
#[derive(Debug, Clone)]
pub struct PinnedTable {
    /// The name in SQL.
    pub name: String,
    /// The folder of the table on this machine.
    pub root: TableRoot,
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
