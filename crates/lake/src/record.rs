//! The records of a batch, and how they are written and read.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shoplake_core::ports::BatchSummary;
use shoplake_core::{BatchNumber, Fault, LandedFile, Result, RunId, TableFile};

use crate::layout::{Layout, numbers};
use crate::store::Store;

/// What a batch sets out to do: written before anything else (`landing/_batches/N.json`).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BatchRecord {
    pub(crate) batch: BatchNumber,
    pub(crate) run_id: RunId,
    pub(crate) files: Vec<LandedFile>,
    /// The version of each table that the batch starts from; a table that is not there yet is missing.
    pub(crate) base: BTreeMap<String, u64>,
}

/// What one table's commit does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableCommit {
    pub(crate) table: String,
    /// The version that the commit makes.
    pub(crate) version: u64,
    /// The table's columns as a Delta schema, where the commit creates the table or changes them.
    pub(crate) schema: Option<serde_json::Value>,
    pub(crate) partition_columns: Vec<String>,
    pub(crate) add: Vec<TableFile>,
    pub(crate) remove: Vec<TableFile>,
    /// The rows that make the difference; `None` where they are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<FilesOfRows>,
}

/// The rows that a batch put into a table and those that it took out of it, as files below the table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct FilesOfRows {
    /// Rows that are new: copies, and data files that hold nothing else.
    pub(crate) entered: Vec<TableFile>,
    /// Rows that are gone: copies.
    pub(crate) left: Vec<TableFile>,
}

/// The decision of a batch (`processed/_publish/N.json`): once it stands, the batch is published.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishRecord {
    pub(crate) batch: BatchNumber,
    pub(crate) commits: Vec<TableCommit>,
    /// The version of every table once the commits are made.
    pub(crate) versions: BTreeMap<String, u64>,
    pub(crate) summary: BatchSummary,
}

/// What stands in the place of a decision that will never be made: a writer that was taken for dead
/// and comes back finds its batch closed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClosedRecord {
    pub(crate) batch: BatchNumber,
    /// Always true; what a decision does not have.
    pub(crate) set_aside: bool,
}

/// Writes a record whole and durable, unless one stands there already: then `false`.
pub(crate) fn put_if_absent(store: &Store, path: &Path, record: &impl Serialize) -> Result<bool> {
    let bytes = serde_json::to_vec(record).map_err(|error| Fault::internal(error.to_string()))?;
    store.put_if_absent(path, bytes)
}

/// The decision of a batch; `None` where it was set aside, or nothing is decided.
pub(crate) fn published(layout: &Layout, batch: BatchNumber) -> Result<Option<PublishRecord>> {
    let path = layout.publish(batch);
    let Some(bytes) = layout.store().read(&path)? else { return Ok(None) };
    // A record that says that its batch was closed is short.
    if bytes.len() < 256 && serde_json::from_slice::<ClosedRecord>(&bytes).is_ok_and(|closed| closed.set_aside) {
        return Ok(None);
    }
    parse(&path, &bytes).map(Some)
}

/// Every published batch after `after`, in order.
pub(crate) fn all_published(layout: &Layout, after: BatchNumber) -> Result<Vec<PublishRecord>> {
    let later = numbers(layout.store(), &layout.publishes())?.into_iter().filter(|batch| *batch > after);
    later.filter_map(|batch| published(layout, batch).transpose()).collect()
}

/// A record as it stands; `None` where there is none.
pub(crate) fn read<T: DeserializeOwned>(store: &Store, path: &Path) -> Result<Option<T>> {
    store.read(path)?.map(|bytes| parse(path, &bytes)).transpose()
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::unavailable(format!("`{}` is not a record that this version can read: {error}", path.display()))
            .hint("was it written by a newer shoplake? the record is never changed by hand")
    })
}
