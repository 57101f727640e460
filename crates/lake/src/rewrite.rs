//! Copy on write: data files made anew without the rows that are no longer current, with late
//! enrichment filled in, or joined where small ones have gathered.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use arrow_select::zip::zip;
use shoplake_core::{BatchNumber, Result, TableFile, TableRoot};
use uuid::Uuid;

use crate::changes::ChangeLog;
use crate::dimension::LookedUp;
use crate::key_index::{KeyIndex, index_path};
use crate::parquet_writer::{FileWriter, ROW_GROUP_ROWS};
use crate::read;
use crate::shape::{TableShape, arrow_fault, named};
use crate::stage::Related;

/// A data file, and the rows of it that are to go.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The file.
    pub(crate) file: TableFile,
    /// Ordinals of rows to leave out, ascending.
    pub(crate) dropped: Vec<u32>,
}

/// The kind of index that lists rows whose foreign key in `column` was unknown when they were written.
pub(crate) fn orphans_kind(column: &str) -> String {
    format!("orphans-{column}")
}

/// The path of a new data file in a partition. Its name says which batch wrote it, so that a batch
/// that is set aside can be swept.
pub(crate) fn new_file(root: &Path, batch: BatchNumber, partition: &BTreeMap<String, Option<String>>) -> PathBuf {
    let mut path = root.to_owned();
    for column in crate::shape::PARTITION_COLUMNS {
        if let Some(value) = partition.get(column) {
            path.push(format!("{column}={}", value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__")));
        }
    }
    path.join(format!("part-{batch}-{}.parquet", Uuid::now_v7().simple()))
}

/// The batch that wrote the data file, index or copy at `path`, as its name says; `None` for what is not ours.
pub(crate) fn batch_of(path: &Path) -> Option<BatchNumber> {
    path.file_name()?.to_str()?.strip_prefix("part-")?.split('-').next()?.parse().ok().map(BatchNumber)
}

/// Writes a copy of `file` without some rows; `None` where no row is left.
pub(crate) fn without_rows(
    root: &TableRoot,
    batch: BatchNumber,
    file: &TableFile,
    dropped: &[u32],
    schema: &SchemaRef,
) -> Result<Option<TableFile>> {
    let mut out = Output::new(root, batch, &file.partition, schema, &[])?;
    for batch in staying(root, file, dropped, schema)? {
        out.push(batch?)?;
    }
    out.finish(root, file.partition.clone())
}

/// Writes all rows of some files of one partition into one; `None` where there is none.
pub(crate) fn joined(
    root: &TableRoot,
    batch: BatchNumber,
    files: &[TableFile],
    schema: &SchemaRef,
) -> Result<Option<TableFile>> {
    let Some(partition) = files.first().map(|file| file.partition.clone()) else { return Ok(None) };
    let mut out = Output::new(root, batch, &partition, schema, &[])?;
    for file in files {
        for batch in read::scan(root, file, schema)? {
            out.push(batch?)?;
        }
    }
    out.finish(root, partition)
}

/// Reads the rows of `file` that stay where those in `dropped` go, batch by batch.
pub(crate) fn staying(
    root: &TableRoot,
    file: &TableFile,
    dropped: &[u32],
    schema: &SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    let mut first = 0;
    Ok(read::scan(root, file, schema)?.map(move |batch| {
        let batch = batch?;
        let kept = kept(dropped, first, batch.num_rows());
        first += batch.num_rows() as u32;
        filter_record_batch(&batch, &kept).map_err(arrow_fault)
    }))
}

/// Which of the rows `first..first + rows` stay.
fn kept(dropped: &[u32], first: u32, rows: usize) -> BooleanArray {
    (first..first + rows as u32).map(|ordinal| Some(dropped.binary_search(&ordinal).is_err())).collect()
}

/// Merges data files of one table.
pub(crate) struct Merger {
    /// The table's folder.
    pub(crate) root: TableRoot,
    /// The batch that writes.
    pub(crate) batch: BatchNumber,
    /// Its shape.
    pub(crate) shape: TableShape,
    /// Its relationships; orphans whose key the dimension knows now are filled in.
    pub(crate) related: Arc<Vec<Related>>,
}

/// Foreign keys of one file that were unknown: by ordinal, the key's hash.
pub(crate) type Orphans = HashMap<u32, u64>;

impl Merger {
    /// Writes the rows that stay into one file with its indexes; `None` where no row is left. Tells
    /// `log` of rows whose enrichment was filled in.
    pub(crate) fn merge(&self, inputs: &[&Input], log: &ChangeLog) -> Result<Option<TableFile>> {
        let schema = self.shape.file_schema();
        let Some(partition) = inputs.first().map(|input| input.file.partition.clone()) else { return Ok(None) };
        let mut out = Output::new(&self.root, self.batch, &partition, &schema, &self.shape.contract.key)?;
        let mut keys = Vec::new();
        let mut orphans: Vec<Vec<(u64, u32)>> = vec![Vec::new(); self.related.len()];
        // Of a file all of whose rows go nothing has to be read.
        for input in inputs.iter().filter(|input| (input.dropped.len() as u64) < input.file.rows) {
            let lists = self.related.iter().map(|related| self.orphans_of(&input.file, &related.column));
            let lists = lists.collect::<Result<Vec<_>>>()?;
            let mut first = 0;
            for batch in read::scan_numbered(&self.root, &input.file, &schema, &self.looked_at(&lists), None)? {
                let mut batch = batch?;
                let keep = kept(&input.dropped, first, batch.num_rows());
                let (before, mut filled) = (batch.clone(), None::<BooleanArray>);
                for (at, list) in lists.iter().enumerate().filter(|(_, list)| !list.is_empty()) {
                    let (healed, still, fill) = self.heal(&batch, at, list, first)?;
                    batch = healed;
                    if let Some(fill) = fill {
                        filled = Some(match filled {
                            Some(known) => BooleanArray::new(known.values() | fill.values(), None),
                            None => fill,
                        });
                    }
                    let mut place = out.rows as u32;
                    for row in 0..batch.num_rows() {
                        if keep.value(row) {
                            if let Some(hash) = still.get(&(first + row as u32)) {
                                orphans[at].push((*hash, place));
                            }
                            place += 1;
                        }
                    }
                }
                first += batch.num_rows() as u32;
                if let Some(filled) = filled {
                    let told = BooleanArray::new(filled.values() & keep.values(), None);
                    log.healed(&partition, &before, &batch, &told)?;
                }
                let batch = filter_record_batch(&batch, &keep).map_err(arrow_fault)?;
                if !self.shape.contract.key.is_empty() {
                    keys.extend(read::key_hashes(&batch, &self.shape.contract).into_iter().map(|key| key as u64));
                }
                out.push(batch)?;
            }
        }
        let file = out.finish(&self.root, partition)?;
        if let Some(file) = &file {
            self.write_indexes(file, &keys, orphans)?;
        }
        Ok(file)
    }

    /// The columns whose text is looked at: the key's, and the foreign keys of files that have orphans.
    fn looked_at(&self, orphans: &[Orphans]) -> Vec<&str> {
        let foreign = self.related.iter().zip(orphans).filter(|(_, list)| !list.is_empty());
        let foreign = foreign.map(|(related, _)| related.column.as_str());
        self.shape.contract.key.iter().map(String::as_str).chain(foreign).collect()
    }

    /// Writes the indexes of a data file.
    pub(crate) fn write_indexes(&self, file: &TableFile, keys: &[u64], orphans: Vec<Vec<(u64, u32)>>) -> Result<()> {
        if !keys.is_empty() {
            KeyIndex::new(keys).write(&index_path(&self.root, &file.path, "keys"))?;
        }
        for (related, orphans) in self.related.iter().zip(orphans).filter(|(_, orphans)| !orphans.is_empty()) {
            let path = index_path(&self.root, &file.path, &orphans_kind(&related.column));
            KeyIndex::from_pairs(&orphans).write(&path)?;
        }
        Ok(())
    }

    /// Whether a file has orphans whose key is known by now.
    pub(crate) fn can_heal(&self, file: &TableFile) -> Result<bool> {
        for related in self.related.iter() {
            let index = KeyIndex::of_file(&self.root, file, &orphans_kind(&related.column), None)?;
            if index.is_some_and(|index| index.pairs().any(|(hash, _)| related.dimension.knows(hash))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows of a file whose foreign key in `column` was unknown.
    pub(crate) fn orphans_of(&self, file: &TableFile, column: &str) -> Result<Orphans> {
        let index = KeyIndex::of_file(&self.root, file, &orphans_kind(column), None)?;
        Ok(index.map(|index| index.pairs().map(|(hash, ordinal)| (ordinal, hash)).collect()).unwrap_or_default())
    }

    /// Fills the enrichment of orphans whose dimension has arrived; gives the ones that still wait, and
    /// which rows were filled in.
    fn heal(
        &self,
        batch: &RecordBatch,
        at: usize,
        orphans: &Orphans,
        first: u32,
    ) -> Result<(RecordBatch, Orphans, Option<BooleanArray>)> {
        let related = &self.related[at];
        let Some(foreign) = batch.column_by_name(&related.column) else {
            return Ok((batch.clone(), Orphans::new(), None));
        };
        let LookedUp { rows: found, orphans: unknown } = related.dimension.look_up(foreign);
        let still: Orphans = unknown
            .iter()
            .filter_map(|(row, _)| orphans.get_key_value(&(first + row)))
            .map(|(o, h)| (*o, *h))
            .collect();
        // Rows that were no orphans keep what they say: a later change of the dimension rewrites no sale.
        let found: UInt32Array = (0..found.len())
            .map(|row| (orphans.contains_key(&(first + row as u32)) && found.is_valid(row)).then(|| found.value(row)))
            .collect();
        if found.null_count() == found.len() {
            return Ok((batch.clone(), still, None));
        }
        let fill: BooleanArray = (0..found.len()).map(|row| Some(found.is_valid(row))).collect();
        let mut columns = batch.columns().to_vec();
        for enrichment in self.shape.contract.enrichments.iter().filter(|e| e.by == related.column) {
            let Some(new) = related.dimension.take(&enrichment.from, &found)? else { continue };
            let Some((place, _)) = batch.schema_ref().column_with_name(&enrichment.column) else { continue };
            let plain = |column| arrow_cast::cast(column, &enrichment.column_type.arrow_type()).map_err(arrow_fault);
            columns[place] = zip(&fill, &plain(&new)?, &plain(&columns[place])?).map_err(arrow_fault)? as ArrayRef;
        }
        Ok((named(batch.schema_ref(), columns, batch.num_rows())?, still, Some(fill)))
    }
}

/// One output file, encoded in this thread.
struct Output {
    writer: FileWriter,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    groups: usize,
    rows: u64,
}

impl Output {
    fn new(
        root: &Path,
        batch: BatchNumber,
        partition: &BTreeMap<String, Option<String>>,
        schema: &SchemaRef,
        unique: &[String],
    ) -> Result<Self> {
        let writer = FileWriter::create(new_file(root, batch, partition), schema.clone(), unique)?;
        Ok(Self { writer, pending: Vec::new(), pending_rows: 0, groups: 0, rows: 0 })
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        self.pending_rows += batch.num_rows();
        self.pending.push(batch);
        if self.pending_rows >= ROW_GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.writer.encode(self.groups, &std::mem::take(&mut self.pending))?;
            (self.pending_rows, self.groups) = (0, self.groups + 1);
        }
        Ok(())
    }

    fn finish(mut self, root: &Path, partition: BTreeMap<String, Option<String>>) -> Result<Option<TableFile>> {
        self.flush()?;
        if self.rows == 0 {
            // A file begins with its first rows.
            return Ok(None);
        }
        let (file, unsynced) = self.writer.finish(root, partition)?;
        unsynced.sync()?;
        Ok(Some(file))
    }
}
