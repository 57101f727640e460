//! The two records of a batch, and how a record comes to be on disk whole and once.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shoplake_core::ports::BatchSummary;
use shoplake_core::{BatchNumber, Fault, LandedFile, Result, RunId, TableFile};

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

/// Writes a record whole and durable, unless one stands there already: then `false`.
pub(crate) fn put_if_absent(path: &Path, record: &impl Serialize) -> Result<bool> {
    let Some(folder) = path.parent() else { return Err(Fault::internal("a record has no folder")) };
    fs_err::create_dir_all(folder)?;
    let bytes = serde_json::to_vec(record).map_err(|error| Fault::internal(error.to_string()))?;
    let temporary = folder.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let mut file = fs_err::File::create(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    // A hard link fails where the name is taken: the file system's own put-if-absent.
    let linked = fs_err::hard_link(&temporary, path);
    fs_err::remove_file(&temporary)?;
    match linked {
        Ok(()) => sync_folder(folder).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    Ok(fs_err::File::open(folder)?.sync_all()?)
}

/// Reads a record.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs_err::read(path)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Fault::unavailable(format!("`{}` is not a record that this version can read: {error}", path.display()))
            .hint("was it written by a newer shoplake? the record is never changed by hand")
    })
}
