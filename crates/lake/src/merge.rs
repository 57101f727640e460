//! A model's table with the rows of some keys replaced: only files that hold such rows are made anew,
//! and no SQL runs over those that stay.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use shoplake_core::{BatchNumber, Fault, Result, TableFile, TableRoot, hash};

use crate::finish::{FileChanges, SMALL_BYTES, SMALL_FILES};
use crate::parquet_writer::{FileWriter, OrderedFile, ROW_GROUP_ROWS, Shape};
use crate::pool::Pool;
use crate::read::{self, Slice};
use crate::rewrite::new_file;
use crate::shape::{arrow_fault, conform};

/// What a merge came to.
pub(crate) struct Merged {
    pub(crate) changes: FileChanges,
    /// Rows of the table afterwards.
    pub(crate) rows: u64,
}

/// Takes half of a key's hash for its hash.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The keys whose rows go.
struct Touched {
    columns: SchemaRef,
    hashes: HashSet<u128, BuildHasherDefault<Hashed>>,
}

impl Touched {
    fn new(table: &Schema, keys: &[RecordBatch]) -> Result<Self> {
        let Some(first) = keys.first() else {
            return Ok(Self { columns: Arc::new(Schema::empty()), hashes: HashSet::default() });
        };
        let fields = first.schema_ref().fields().iter();
        let fields = fields.map(|field| table.field_with_name(field.name()).cloned().map_err(arrow_fault));
        let columns: SchemaRef = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
        let mut hashes = HashSet::default();
        for batch in keys {
            hashes.extend(hash::key_hashes(conform(batch, &columns)?.columns()));
        }
        Ok(Self { columns, hashes })
    }

    /// Which rows stay.
    fn stay(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        if self.hashes.is_empty() {
            return Ok(BooleanArray::from(vec![true; batch.num_rows()]));
        }
        let columns = self.columns.fields().iter();
        let columns: Option<Vec<ArrayRef>> = columns.map(|f| batch.column_by_name(f.name()).cloned()).collect();
        let Some(columns) = columns else { return Err(Fault::internal("a table lacks the columns of its key")) };
        Ok(hash::key_hashes(&columns).iter().map(|key| Some(!self.hashes.contains(key))).collect())
    }

    /// The key's column where it is one: it holds a value a row, which a dictionary would only cost.
    fn only_column(&self) -> Vec<String> {
        match &self.columns.fields()[..] {
            [only] => vec![only.name().clone()],
            _ => Vec::new(),
        }
    }

    /// Whether a file has rows that go.
    fn touches(&self, root: &TableRoot, file: &TableFile) -> Result<bool> {
        if self.hashes.is_empty() {
            return Ok(false);
        }
        for batch in read::scan(root, file, &self.columns)? {
            if self.stay(&batch?)?.false_count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Replaces the rows of `keys` among `files` with `fresh` ones, of the columns of `schema`.
pub(crate) fn merge(
    pool: &Pool,
    batch: BatchNumber,
    root: &TableRoot,
    schema: &SchemaRef,
    files: Vec<TableFile>,
    keys: &[RecordBatch],
    fresh: Vec<RecordBatch>,
) -> Result<Merged> {
    let touched = Touched::new(schema, keys)?;
    let mut changes = FileChanges::default();
    for file in files {
        if touched.touches(root, &file)? { changes.remove.push(file) } else { changes.stay.push(file) }
    }
    // Small files gather, one a run: they are joined as those of a loaded table are.
    if changes.stay.iter().filter(|file| file.size < SMALL_BYTES).count() >= SMALL_FILES {
        let (small, large) = changes.stay.into_iter().partition(|file| file.size < SMALL_BYTES);
        changes.stay = large;
        changes.remove.extend::<Vec<_>>(small);
    }
    let path = new_file(root, batch, &BTreeMap::new());
    let writer = FileWriter::create(path.clone(), schema.clone(), &touched.only_column())?;
    let mut out = OrderedFile::new(writer, shape(root, schema, touched));
    let most = slice_rows(&changes.remove, pool.threads());
    for file in &changes.remove {
        for slice in read::slices(root, file, most)? {
            out.append(pool, Piece::Known(file.clone(), slice), slice.rows)?;
            if out.pending_rows() >= most {
                out.flush(pool)?;
            }
        }
    }
    for batch in fresh {
        let rows = batch.num_rows();
        out.append(pool, Piece::Fresh(batch), rows)?;
    }
    out.flush(pool)?;
    pool.wait()?;
    let (file, unsynced) = out.into_writer().finish(root, BTreeMap::new())?;
    if file.rows > 0 {
        pool.sync(unsynced)?;
        changes.add.push(file);
    } else {
        fs_err::remove_file(path)?;
    }
    let rows = changes.stay.iter().chain(&changes.add).map(|file| file.rows).sum();
    Ok(Merged { changes, rows })
}

/// So many rows are read, filtered and encoded at once that a small table keeps every thread busy too.
fn slice_rows(files: &[TableFile], threads: usize) -> usize {
    let rows = files.iter().map(|file| file.rows).sum::<u64>() as usize;
    rows.div_ceil(threads.max(1)).clamp(ROW_GROUP_ROWS / 8, ROW_GROUP_ROWS)
}

/// Rows on their way into the merged file.
enum Piece {
    /// Those of a slice that stay.
    Known(TableFile, Slice),
    Fresh(RecordBatch),
}

/// Reads and filters on the pool, where a row group is encoded too: both of that cost as much.
fn shape(root: &TableRoot, schema: &SchemaRef, touched: Touched) -> Shape<Piece> {
    let (root, schema) = (root.clone(), schema.clone());
    Arc::new(move |piece| match piece {
        Piece::Fresh(batch) => Ok(vec![batch.clone()]),
        Piece::Known(file, slice) => {
            let batches = read::scan_slice(&root, file, &schema, slice)?;
            let stay = |batch: RecordBatch| filter_record_batch(&batch, &touched.stay(&batch)?).map_err(arrow_fault);
            batches.map(|batch| stay(batch?)).collect()
        }
    })
}
