//! Where things stand in the lake's folder, as the design fixes it; the only place that joins these
//! names.

use std::path::{Path, PathBuf};

use shoplake_core::BatchNumber;

use crate::quarantine::QUARANTINE;

/// The folders of a lake.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
    /// Bytes as they came.
    pub(crate) fn landing(&self) -> PathBuf {
        self.root.join("landing")
    }
    /// Landed files after their load.
    pub(crate) fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }
    /// The tables.
    pub(crate) fn processed(&self) -> PathBuf {
        self.root.join("processed")
    }
    /// The folder of a table.
    pub(crate) fn table(&self, name: &str) -> PathBuf {
        if name == QUARANTINE { self.root.join(QUARANTINE) } else { self.processed().join(name) }
    }
    /// The record of what a batch set out to do.
    pub(crate) fn batch(&self, batch: BatchNumber) -> PathBuf {
        self.batches().join(format!("{batch}.json"))
    }
    /// The folder of those records.
    pub(crate) fn batches(&self) -> PathBuf {
        self.landing().join("_batches")
    }
    /// What a plan keeps of a batch that is worked out and not decided.
    pub(crate) fn staged(&self, batch: BatchNumber) -> PathBuf {
        self.stages().join(format!("{batch}.json"))
    }
    /// The folder of those records.
    pub(crate) fn stages(&self) -> PathBuf {
        self.batches().join("staged")
    }
    /// The record of what a batch decided.
    pub(crate) fn publish(&self, batch: BatchNumber) -> PathBuf {
        self.publishes().join(format!("{batch}.json"))
    }
    /// The folder of those records.
    pub(crate) fn publishes(&self) -> PathBuf {
        self.processed().join("_publish")
    }
}

/// The batch numbers of the records in a folder, ascending.
pub(crate) fn numbers(folder: &Path) -> std::io::Result<Vec<BatchNumber>> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".json")).and_then(|stem| stem.parse().ok());
        numbers.extend(number.map(BatchNumber));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
