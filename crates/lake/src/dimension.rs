//! Dimensions as a fact sees them: which keys are known, and what they say.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use hashbrown::HashTable;
use shoplake_core::{Contract, Result, TableFile, hash};

use crate::read;
use crate::shape::arrow_fault;

/// The rows of a dimension, by key.
pub(crate) struct Dimension {
    table: HashTable<u32>,
    keys: Vec<u128>,
    rows: RecordBatch,
}

impl Dimension {
    /// Reads `columns` of a dimension whose key is `key`.
    pub(crate) fn read(
        root: &Path,
        files: &[TableFile],
        contract: &Contract,
        key: &str,
        columns: &[String],
    ) -> Result<Self> {
        let all = contract.schema();
        let wanted = std::iter::once(key).chain(columns.iter().map(String::as_str));
        let fields: Vec<Field> = wanted.filter_map(|name| all.field_with_name(name).ok().cloned()).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let mut batches = Vec::new();
        for file in files {
            for batch in read::scan(root, file, &schema)? {
                batches.push(batch?);
            }
        }
        let rows = concat_batches(&schema, &batches).map_err(arrow_fault)?;
        drop(batches);
        let keys = hash::key_hashes(&[rows.column(0).clone()]);
        let mut table = HashTable::with_capacity(keys.len());
        for row in 0..keys.len() as u32 {
            table.insert_unique(keys[row as usize] as u64, row, |row| keys[*row as usize] as u64);
        }
        // The key itself is known by its hash; only what it says is needed from here on.
        let rest: Vec<usize> = (1..schema.fields().len()).collect();
        let rows = rows.project(&rest).map_err(arrow_fault)?;
        Ok(Self { table, keys, rows })
    }

    /// The row of each foreign key, NULL where the key is NULL or unknown; `unknown` is told the rest.
    pub(crate) fn look_up(&self, foreign: &ArrayRef, mut unknown: impl FnMut(usize, u64)) -> UInt32Array {
        let keys = hash::key_hashes(std::slice::from_ref(foreign));
        keys.iter()
            .enumerate()
            .map(|(row, key)| {
                if foreign.is_null(row) {
                    return None;
                }
                let found = self.find(*key);
                if found.is_none() {
                    unknown(row, *key as u64);
                }
                found
            })
            .collect()
    }

    /// The row of a key.
    fn find(&self, key: u128) -> Option<u32> {
        self.table.find(key as u64, |row| self.keys[*row as usize] == key).copied()
    }

    /// Whether a key with these low 64 bits is known.
    pub(crate) fn knows(&self, hash: u64) -> bool {
        self.table.find(hash, |row| self.keys[*row as usize] as u64 == hash).is_some()
    }

    /// What the dimension says in `column` of each of `rows`.
    pub(crate) fn take(&self, column: &str, rows: &UInt32Array) -> Result<Option<ArrayRef>> {
        let values = self.rows.column_by_name(column);
        values.map(|values| arrow_select::take::take(values, rows, None).map_err(arrow_fault)).transpose()
    }
}
