//! Where things stand in the lake's folder, as the design fixes it; the only place that joins these
//! names.

use std::path::{Path, PathBuf};

use shoplake_core::{BatchNumber, Result, TableRoot};

use crate::quarantine::QUARANTINE;
use crate::store::Store;

/// The folders of a lake.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    store: Store,
}

impl Layout {
    pub(crate) fn new(root: &Path, store: Store) -> Self {
        Self { root: root.to_owned(), store }
    }
    /// The folder of the lake on this machine.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    /// Where the objects are.
    pub(crate) fn store(&self) -> &Store {
        &self.store
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
    /// A table as messages name it: its folder, or its address.
    pub(crate) fn shown(&self, name: &str) -> PathBuf {
        let folder = self.table(name);
        self.store.remote().map_or_else(|| folder.clone(), |remote| remote.shown(&folder).into())
    }
    /// The folder of a table, with where its files come from.
    pub(crate) fn table_root(&self, name: &str) -> TableRoot {
        self.store.table_root(self.table(name))
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
pub(crate) fn numbers(store: &Store, folder: &Path) -> Result<Vec<BatchNumber>> {
    let names = store.names(folder)?;
    let numbers = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok().map(BatchNumber));
    let mut numbers: Vec<BatchNumber> = numbers.collect();
    numbers.sort_unstable();
    Ok(numbers)
}
