//! Rows that take the places of those that they replace. Of their data file only the columns in which they differ are
//! encoded anew; all others are copied as they stand, and the index of its keys stays.
//!
//! Where rows of a file go without another in their place (a row that moved to another month), where they are many, or
//! where the file is of another shape, it is made anew in [`crate::rewrite`].

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave;
use arrow_select::take::take_record_batch;
use shoplake_core::{Result, TableFile};

use crate::changes::{ChangeLog, Way};
use crate::key_index;
use crate::parquet_writer::{FileWriter, Unsynced};
use crate::read::{self, Original};
use crate::rewrite::{Input, Merger, Orphans, new_file, staying};
use crate::shape::{arrow_fault, named};
use crate::stage::Related;

/// The most rows of a partition that are held to find those that replace others.
const MOST_ROWS: u64 = 1 << 16;
/// A file of which more than one row in so many is replaced is made anew.
const ROWS_PER_REPLACED: usize = 8;

/// The files of one partition that rows are to be replaced in, and the run's own files there.
pub(crate) struct Partition<'i> {
    pub(crate) base: Vec<&'i Input>,
    pub(crate) run: Vec<&'i Input>,
}

/// What became of a partition.
#[derive(Default)]
pub(crate) struct Replaced {
    /// New files, each with the number of the file of the base that it stands for.
    pub(crate) files: Vec<(usize, TableFile, Unsynced)>,
    /// For each of the run's files, the ordinals of rows that stand in one of these now.
    pub(crate) moved: Vec<Vec<u32>>,
}

/// The run's rows of a partition, by key.
struct Rows {
    batch: RecordBatch,
    by_key: HashMap<u128, u32>,
    /// By row, the number of its file and its ordinal there.
    places: Vec<(usize, u32)>,
}

/// Rows of one file, and by their side those that take their places.
struct Pairs {
    /// Ordinals of the rows, ascending.
    ordinals: Vec<u32>,
    before: RecordBatch,
    after: RecordBatch,
    /// Where those that take their places stand: the number of a file of the run, and the ordinal.
    from: Vec<(usize, u32)>,
}

/// Whether it may pay to replace rows of `file` where they stand.
pub(crate) fn may_pay(input: &Input) -> bool {
    !input.dropped.is_empty() && input.dropped.len() * ROWS_PER_REPLACED <= input.file.rows as usize
}

impl Partition<'_> {
    /// Replaces rows where they stand, in each file where all that go have another in their place.
    pub(crate) fn replace(&self, merger: &Merger, log: &ChangeLog) -> Result<Replaced> {
        let rows = |inputs: &[&Input]| inputs.iter().map(|input| input.file.rows).sum::<u64>();
        // What is left of the run's own files is made anew: it must be less than what is spared.
        let mut replaced = Replaced { files: Vec::new(), moved: vec![Vec::new(); self.run.len()] };
        if rows(&self.run) > MOST_ROWS || rows(&self.run) * 2 > rows(&self.base) {
            return Ok(replaced);
        }
        let schema = merger.shape.file_schema();
        let (own, orphans) = (self.rows(merger, &schema)?, self.orphans(merger)?);
        for (number, input) in self.base.iter().enumerate() {
            let Some(pairs) = own.pairs(merger, input, &schema)? else { continue };
            let Some((file, unsynced)) = rewrite(merger, &input.file, &pairs, &schema)? else { continue };
            write_indexes(merger, (&input.file, &file), &pairs, &orphans)?;
            log.rows(&file.partition, std::slice::from_ref(&pairs.before), Way::Left)?;
            log.rows(&file.partition, std::slice::from_ref(&pairs.after), Way::Entered)?;
            for (file, ordinal) in pairs.from {
                replaced.moved[file].push(ordinal);
            }
            replaced.files.push((number, file, unsynced));
        }
        replaced.moved.iter_mut().for_each(|ordinals| ordinals.sort_unstable());
        Ok(replaced)
    }

    fn rows(&self, merger: &Merger, schema: &SchemaRef) -> Result<Rows> {
        let (mut batches, mut places) = (Vec::new(), Vec::new());
        for (number, input) in self.run.iter().enumerate() {
            let ordinals = 0..input.file.rows as u32;
            let ordinals = ordinals.filter(|ordinal| input.dropped.binary_search(ordinal).is_err());
            places.extend(ordinals.map(|ordinal| (number, ordinal)));
            for batch in staying(&merger.root, &input.file, &input.dropped, schema)? {
                batches.push(batch?);
            }
        }
        let batch = concat_batches(schema, &batches).map_err(arrow_fault)?;
        let by_key = read::key_hashes(&batch, &merger.shape.contract).into_iter().zip(0..).collect();
        Ok(Rows { batch, by_key, places })
    }

    /// For each relationship, and each file of the run, the rows whose foreign key is unknown.
    fn orphans(&self, merger: &Merger) -> Result<Vec<Vec<Orphans>>> {
        let of =
            |related: &Related| self.run.iter().map(|input| merger.orphans_of(&input.file, &related.column)).collect();
        merger.related.iter().map(of).collect()
    }
}

/// Writes the indexes of a file that rows were replaced in. Its keys stand where they stood; which foreign keys are
/// unknown may be others.
fn write_indexes(
    merger: &Merger,
    (old, new): (&TableFile, &TableFile),
    pairs: &Pairs,
    of_run: &[Vec<Orphans>],
) -> Result<()> {
    let orphans = merger.related.iter().zip(of_run).map(|(related, of_run)| {
        let stay = merger.orphans_of(old, &related.column)?.into_iter();
        let stay = stay.filter(|(ordinal, _)| pairs.ordinals.binary_search(ordinal).is_err());
        let come = pairs.from.iter().zip(&pairs.ordinals);
        let come = come.filter_map(|((file, from), ordinal)| Some((*ordinal, *of_run.get(*file)?.get(from)?)));
        Ok(stay.chain(come).map(|(ordinal, hash)| (hash, ordinal)).collect())
    });
    merger.write_indexes(new, &[], orphans.collect::<Result<_>>()?)?;
    key_index::copy(&merger.root, old, new)
}

impl Rows {
    /// The rows of `input` that go, each with the row of the same key that comes; `None` where one has none.
    fn pairs(&self, merger: &Merger, input: &Input, schema: &SchemaRef) -> Result<Option<Pairs>> {
        let before = read::rows(&merger.root, &input.file, schema, &input.dropped)?;
        let keys = read::key_hashes(&before, &merger.shape.contract);
        let come = keys.iter().map(|key| self.by_key.get(key).copied());
        let Some(come) = come.collect::<Option<Vec<u32>>>().filter(|come| come.len() == input.dropped.len()) else {
            return Ok(None);
        };
        let from = come.iter().filter_map(|row| self.places.get(*row as usize)).copied().collect();
        let after = take_record_batch(&self.batch, &UInt32Array::from(come)).map_err(arrow_fault)?;
        Ok(Some(Pairs { ordinals: input.dropped.clone(), before, after, from }))
    }
}

impl Pairs {
    /// Those of the pairs whose ordinals are in `rows`.
    fn within(&self, rows: &Range<u32>) -> Range<usize> {
        let at = |ordinal: u32| self.ordinals.partition_point(|known| *known < ordinal);
        at(rows.start)..at(rows.end)
    }

    /// The columns in which the rows of some pairs differ.
    fn changed(&self, pairs: &Range<usize>, schema: &Schema) -> Schema {
        let of = |batch: &RecordBatch, at: usize| batch.column(at).slice(pairs.start, pairs.len());
        let fields = schema.fields().iter().enumerate();
        let fields = fields.filter(|(at, _)| of(&self.before, *at) != of(&self.after, *at));
        Schema::new(fields.map(|(_, field)| Arc::clone(field)).collect::<Vec<_>>())
    }

    /// `batch`, some columns of the file's rows from `first`, with the rows that come in their places.
    fn put_into(&self, batch: &RecordBatch, first: u32) -> Result<RecordBatch> {
        let pairs = self.within(&(first..first + batch.num_rows() as u32));
        if pairs.is_empty() {
            return Ok(batch.clone());
        }
        let mut from: Vec<(usize, usize)> = (0..batch.num_rows()).map(|row| (0, row)).collect();
        for pair in pairs {
            from[(self.ordinals[pair] - first) as usize] = (1, pair);
        }
        let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, old)| {
            let (at, _) = self.after.schema_ref().column_with_name(field.name()).unwrap_or((0, field));
            let new = arrow_cast::cast(self.after.column(at), old.data_type()).map_err(arrow_fault)?;
            interleave(&[old, &new], &from).map_err(arrow_fault)
        });
        named(batch.schema_ref(), columns.collect::<Result<Vec<ArrayRef>>>()?, batch.num_rows())
    }
}

/// Writes a copy of `file` with the rows that come in their places; `None` where it is of another shape.
fn rewrite(
    merger: &Merger,
    file: &TableFile,
    pairs: &Pairs,
    schema: &SchemaRef,
) -> Result<Option<(TableFile, Unsynced)>> {
    let original = Original::open(&merger.root, file)?;
    if !original.has_columns_of(schema)? {
        return Ok(None);
    }
    let path = new_file(&merger.root, merger.batch, &file.partition);
    let writer = FileWriter::create(path, schema.clone(), &merger.shape.contract.key)?;
    let mut first = 0;
    for slice in read::slices(&merger.root, file, usize::MAX)? {
        let rows = first..first + slice.rows as u32;
        let columns = Arc::new(pairs.changed(&pairs.within(&rows), schema));
        let mut changed = Vec::new();
        if !columns.fields().is_empty() {
            for batch in read::scan_numbered(&merger.root, file, &columns, &[], Some(&slice))? {
                let batch = batch?;
                changed.push(pairs.put_into(&batch, first)?);
                first += batch.num_rows() as u32;
            }
        }
        first = rows.end;
        writer.encode_over(slice.group, &original, &changed)?;
    }
    Ok(Some(writer.finish(&merger.root, file.partition.clone())?))
}
