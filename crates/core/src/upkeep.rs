//! Stored models brought up to date by the rows that changed: what is asked, and what comes of it.
//!
//! What lives here: the rows that a batch put into a table and took out of it, and the words between
//! the pipeline and the engine. What does not: the proof that a query can be kept up to date (engine),
//! the choice of how a model is made (pipeline), and the change of its table (lake).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::table::{Catalog, PinnedTable};

/// The rows that a batch put into a table, and those that it took out of it. A row that was changed
/// left as it was and entered as it is.
#[derive(Debug, Clone)]
pub struct ChangedRows {
    /// Rows that are new, with the table's columns.
    pub entered: Arc<PinnedTable>,
    /// Rows that are gone, with the table's columns.
    pub left: Arc<PinnedTable>,
}

/// A stored query whose tables changed.
#[derive(Debug, Clone)]
pub struct Upkeep<'a> {
    /// The tables as they are now; the query's own table as it was.
    pub catalog: &'a Catalog,
    /// The query for all of its rows.
    pub sql: &'a str,
    /// The table that holds its rows.
    pub table: &'a str,
    /// The columns whose values together name a row of it.
    pub key: &'a [String],
    /// What changed in the tables that it reads; those that are not named did not change.
    pub changes: BTreeMap<String, ChangedRows>,
    /// The most keys that are calculated from all of their rows; with more of them the query is run in full.
    pub most: Option<usize>,
}

/// What the changed rows come to.
#[derive(Debug, Clone)]
pub enum Upkept {
    /// The query cannot be kept up to date by its keys; why.
    Full(String),
    /// Rows of these keys go, and these rows come in their place.
    Keys(TouchedKeys),
}

/// The rows of a stored query that its changed tables touch.
#[derive(Debug, Clone)]
pub struct TouchedKeys {
    /// The key columns of the rows to go, in the order and of the types of the table.
    pub keys: Vec<RecordBatch>,
    /// The columns of [`TouchedKeys::rows`].
    pub schema: SchemaRef,
    /// The rows of these keys as they are now.
    pub rows: Vec<RecordBatch>,
    /// How many keys could not be told from the changed rows, and were calculated from all of theirs.
    pub recalculated: u64,
}

impl TouchedKeys {
    /// How many keys are touched.
    pub fn count(&self) -> u64 {
        self.keys.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}
