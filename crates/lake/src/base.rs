//! The rows that a table held before the run: found by key through the side indexes, and confirmed
//! on the real key and the real values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use shoplake_core::{Contract, Result, TableFile, TableRoot};

use crate::key_index::{self, IndexFile};
use crate::read;
use crate::run_keys::{Current, Origin, Place};
use crate::shape::origin_fields;

/// Rows whose index is kept in memory through the run (12 bytes each) where it was read whole; beyond
/// that it is read again for each chunk that seeks many keys in it. Filters are kept, two bytes a row.
const CACHED_ROWS: u64 = 8 << 20;

/// The data files that a run found.
pub(crate) struct Base {
    /// The table's folder.
    pub(crate) root: TableRoot,
    /// Its files.
    pub(crate) files: Vec<TableFile>,
    contract: Arc<Contract>,
    content: SchemaRef,
    indexes: HashMap<usize, IndexFile>,
    cached_rows: u64,
}

/// A current row of the base.
pub(crate) struct BaseRow {
    /// What the run must know of it.
    pub(crate) current: Current,
    /// Its place in the order of loads, where that was asked for.
    pub(crate) origin: Option<Origin>,
}

/// The keys of loaded files with their places in the order of loads.
pub(crate) type LoadOrder = HashMap<String, u64>;

impl Base {
    /// The files of a table whose rows say `content`.
    pub(crate) fn new(root: TableRoot, files: Vec<TableFile>, contract: Arc<Contract>, content: SchemaRef) -> Self {
        Self { root, files, contract, content, indexes: HashMap::new(), cached_rows: 0 }
    }

    /// Whether there is no row in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.rows == 0)
    }

    /// Finds the current rows of `keys[row]` for each of `rows`; the answer is by row. Where they
    /// stand in the order of loads is only looked up with `order`.
    pub(crate) fn find(
        &mut self,
        keys: &[u128],
        rows: Vec<u32>,
        order: Option<&LoadOrder>,
    ) -> Result<HashMap<u32, BaseRow>> {
        let mut wanted: Vec<(u64, u32)> = rows.into_iter().map(|row| (keys[row as usize] as u64, row)).collect();
        wanted.sort_unstable();
        let mut found = HashMap::new();
        for file in 0..self.files.len() {
            let hits = self.look_up(file, &wanted)?;
            if !hits.is_empty() {
                self.confirm(file, hits, keys, order, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Reads the rows that the index points at, and keeps those whose key is the key asked for.
    fn confirm(
        &self,
        file: usize,
        mut hits: Vec<(u32, u32)>,
        keys: &[u128],
        order: Option<&LoadOrder>,
        found: &mut HashMap<u32, BaseRow>,
    ) -> Result<()> {
        hits.sort_unstable();
        let mut ordinals: Vec<u32> = hits.iter().map(|(ordinal, _)| *ordinal).collect();
        ordinals.dedup();
        let batch = read::rows(&self.root, &self.files[file], &self.content, &ordinals)?;
        let real_keys = read::key_hashes(&batch, &self.contract);
        let contents = read::content_hashes(&batch);
        let versions = self.contract.version.as_deref().and_then(|name| order_values(&batch, name));
        let origins = order.map(|order| self.origins(file, &ordinals, order)).transpose()?;
        for (ordinal, row) in hits {
            let at = ordinals.binary_search(&ordinal).unwrap_or_default();
            if real_keys.get(at) != Some(&keys[row as usize]) {
                continue;
            }
            let version = versions.as_ref().map_or(0, |values| values[at].unwrap_or(i64::MIN));
            let current = Current { content: contents[at], place: Place::Base(file as u32, ordinal), version };
            found.insert(row, BaseRow { current, origin: origins.as_ref().map(|origins| origins[at]) });
        }
        Ok(())
    }

    /// Where rows stand in the order of loads. A file that the order does not know came before all others.
    fn origins(&self, file: usize, ordinals: &[u32], order: &LoadOrder) -> Result<Vec<Origin>> {
        let [source_file, source_line, ..] = origin_fields();
        let columns = Arc::new(Schema::new(vec![source_file, source_line]));
        let batch = read::rows(&self.root, &self.files[file], &columns, ordinals)?;
        let (sources, lines) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        let origin = |(source, line): (Option<&str>, Option<i64>)| {
            let load = source.and_then(|source| order.get(source)).copied().unwrap_or_default();
            Origin { load, line: line.unwrap_or_default() as u64 }
        };
        Ok(sources.iter().zip(lines).map(origin).collect())
    }

    /// Where a file may hold the keys that are `wanted`: ordinals and the numbers of keys.
    fn look_up(&mut self, file: usize, wanted: &[(u64, u32)]) -> Result<Vec<(u32, u32)>> {
        let entry = &self.files[file];
        let index = match self.indexes.entry(file) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let rebuild = || hash_keys(&self.root, entry, &self.contract);
                unknown.insert(key_index::open_or(&self.root, entry, rebuild)?)
            }
        };
        let was_read = index.is_read();
        let mut hits = Vec::new();
        index.look_up(wanted, |row, ordinal| hits.push((ordinal, row)))?;
        if index.is_read() && !was_read {
            if self.cached_rows + entry.rows <= CACHED_ROWS {
                self.cached_rows += entry.rows;
            } else {
                index.forget();
            }
        }
        Ok(hits)
    }
}

/// The low 64 bits of each row's key hash, read from the data file.
pub(crate) fn hash_keys(root: &TableRoot, file: &TableFile, contract: &Contract) -> Result<Vec<u64>> {
    let schema = read::key_schema(contract);
    let mut hashes = Vec::with_capacity(file.rows as usize);
    for batch in read::scan(root, file, &schema)? {
        hashes.extend(read::key_hashes(&batch?, contract).into_iter().map(|key| key as u64));
    }
    Ok(hashes)
}

/// A column that orders rows, as numbers: whole numbers, moments (microseconds) or days.
pub(crate) fn order_values(batch: &RecordBatch, name: &str) -> Option<Vec<Option<i64>>> {
    let column: &ArrayRef = batch.column_by_name(name)?;
    let values = match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().iter().collect(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().iter().collect(),
        DataType::Date32 => column.as_primitive::<Date32Type>().iter().map(|v| v.map(i64::from)).collect(),
        _ => return None,
    };
    Some(values)
}
