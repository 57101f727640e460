//! Reads data files of the lake back: some columns, and all rows or a few.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::basic::Encoding;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use shoplake_core::{Contract, Result, TableFile, TableRoot, hash};

use crate::parquet_writer::{parquet_fault, parquet_schema};
use crate::shape::{arrow_fault, conform};

/// Rows of one batch read.
const BATCH_ROWS: usize = 32 * 1024;

/// Which rows of a data file are read.
enum Which<'a> {
    All,
    /// Those with these ordinals, ascending, each once.
    Ordinals(&'a [u32]),
    /// Some of one row group.
    Slice(&'a Slice),
}

/// Rows of a data file that are read at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// Their row group.
    pub(crate) group: usize,
    /// The first of them in it.
    first: usize,
    pub(crate) rows: usize,
}

/// A data file on this machine, opened.
fn brought(root: &TableRoot, file: &TableFile) -> Result<(PathBuf, std::fs::File)> {
    let path = root.join(&file.path);
    root.bring(&[(path.clone(), Some(file.size))])?;
    let input = fs_err::File::open(&path)?.into_parts().0;
    Ok((path, input))
}

/// A data file whose footer was read.
struct Footer {
    path: PathBuf,
    builder: ParquetRecordBatchReaderBuilder<std::fs::File>,
}

impl Footer {
    fn read(root: &TableRoot, file: &TableFile) -> Result<Self> {
        let (path, input) = brought(root, file)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(|error| parquet_fault(&path, error))?;
        Ok(Self { path, builder })
    }
}

/// A data file whose column chunks are copied as they stand.
pub(crate) struct Original {
    path: PathBuf,
    pub(crate) file: Arc<std::fs::File>,
    metadata: Arc<ParquetMetaData>,
}

impl Original {
    /// Opens a data file with what its footer says of its pages.
    pub(crate) fn open(root: &TableRoot, file: &TableFile) -> Result<Self> {
        let (path, input) = brought(root, file)?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load(&input, options).map_err(|error| parquet_fault(&path, error))?;
        Ok(Self { path, file: Arc::new(input), metadata: Arc::clone(footer.metadata()) })
    }

    /// Whether it has just the columns that a file of `schema` would be written with.
    pub(crate) fn has_columns_of(&self, schema: &Schema) -> Result<bool> {
        let columns = parquet_schema(schema).map_err(|error| parquet_fault(&self.path, error))?;
        Ok(self.metadata.file_metadata().schema_descr().columns() == columns.columns())
    }

    /// What a writer would have said of a column chunk, with offsets into the file.
    pub(crate) fn column(&self, group: usize, column: usize) -> ColumnCloseResult {
        let rows = self.metadata.row_group(group);
        let metadata = rows.column(column).clone();
        let pages = self.metadata.offset_index().and_then(|groups| groups.get(group)?.get(column).cloned());
        ColumnCloseResult {
            bytes_written: metadata.compressed_size().max(0) as u64,
            rows_written: rows.num_rows().max(0) as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: pages,
        }
    }
}

/// Opens `columns` of a data file, in batches; columns that the file lacks are left out.
fn open(root: &TableRoot, file: &TableFile, columns: &Schema, which: &Which<'_>) -> Result<ParquetRecordBatchReader> {
    open_footer(Footer::read(root, file)?, columns, which)
}

fn open_footer(footer: Footer, columns: &Schema, which: &Which<'_>) -> Result<ParquetRecordBatchReader> {
    let Footer { path, builder } = footer;
    let wanted = builder.schema().fields().iter().enumerate();
    let wanted = wanted.filter(|(_, field)| columns.column_with_name(field.name()).is_some()).map(|(index, _)| index);
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.collect::<Vec<_>>());
    let mut builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
    match which {
        Which::All => {}
        Which::Ordinals(rows) => builder = builder.with_row_selection(selection(rows)),
        Which::Slice(Slice { group, first, rows }) => {
            builder = builder.with_row_groups(vec![*group]).with_offset(*first).with_limit(*rows);
        }
    }
    builder.build().map_err(|error| parquet_fault(&path, error))
}

/// The rows of a data file in slices of at most `most` rows.
pub(crate) fn slices(root: &TableRoot, file: &TableFile, most: usize) -> Result<Vec<Slice>> {
    let metadata = Footer::read(root, file)?.builder.metadata().clone();
    let groups =
        metadata.row_groups().iter().enumerate().map(|(group, known)| (group, known.num_rows().max(0) as usize));
    let slices = groups.flat_map(|(group, rows)| {
        let firsts = (0..rows).step_by(most.max(1));
        firsts.map(move |first| Slice { group, first, rows: most.min(rows - first) })
    });
    Ok(slices.collect())
}

/// Reads all rows of `columns`, batch by batch.
pub(crate) fn scan(
    root: &TableRoot,
    file: &TableFile,
    columns: &SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    Ok(conformed(open(root, file, columns, &Which::All)?, columns))
}

/// Reads `columns`, of a slice or of all rows, batch by batch. Text that the file keeps by number comes by number, but
/// for the columns `except`: it is copied without a look at it.
pub(crate) fn scan_numbered(
    root: &TableRoot,
    file: &TableFile,
    columns: &SchemaRef,
    except: &[&str],
    slice: Option<&Slice>,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let Footer { path, builder } = Footer::read(root, file)?;
    let groups = builder.metadata().row_groups();
    let numbered = |at: usize| {
        let encodings = groups.iter().map(|group| group.column(at).encodings_mask());
        encodings.fold(!groups.is_empty(), |all, mask| all && mask.is_set(Encoding::RLE_DICTIONARY))
    };
    let by_number = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = builder.schema().fields().iter().enumerate().map(|(at, field)| {
        let plain = field.data_type() != &DataType::Utf8 || except.contains(&field.name().as_str()) || !numbered(at);
        if plain { field.clone() } else { Arc::new(field.as_ref().clone().with_data_type(by_number.clone())) }
    });
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let wanted = columns.fields().iter().map(|field| match schema.field_with_name(field.name()) {
        Ok(numbered) if numbered.data_type() == &by_number && field.data_type() == &DataType::Utf8 => numbered.clone(),
        _ => Field::clone(field),
    });
    let wanted: SchemaRef = Arc::new(Schema::new(wanted.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata = ArrowReaderMetadata::try_new(builder.metadata().clone(), options);
    let metadata = metadata.map_err(|error| parquet_fault(&path, error))?;
    let input = fs_err::File::open(&path)?.into_parts().0;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata);
    let which = slice.map_or(Which::All, Which::Slice);
    Ok(conformed(open_footer(Footer { path, builder }, &wanted, &which)?, &wanted))
}

/// Reads `columns` of a slice, batch by batch.
pub(crate) fn scan_slice(
    root: &TableRoot,
    file: &TableFile,
    columns: &SchemaRef,
    slice: &Slice,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    Ok(conformed(open(root, file, columns, &Which::Slice(slice))?, columns))
}

fn conformed(
    batches: ParquetRecordBatchReader,
    columns: &SchemaRef,
) -> impl Iterator<Item = Result<RecordBatch>> + use<> {
    let columns = columns.clone();
    batches.map(move |batch| conform(&batch.map_err(arrow_fault)?, &columns))
}

/// Reads `columns` of the rows with these ordinals (ascending, each once) as one batch.
pub(crate) fn rows(root: &TableRoot, file: &TableFile, columns: &SchemaRef, ordinals: &[u32]) -> Result<RecordBatch> {
    let batches = open(root, file, columns, &Which::Ordinals(ordinals))?;
    let batches = batches.map(|batch| conform(&batch.map_err(arrow_fault)?, columns)).collect::<Result<Vec<_>>>()?;
    concat_batches(columns, &batches).map_err(arrow_fault)
}

fn selection(ordinals: &[u32]) -> RowSelection {
    let mut selectors = Vec::new();
    let mut next = 0;
    for ordinal in ordinals {
        if *ordinal > next {
            selectors.push(RowSelector::skip((*ordinal - next) as usize));
        }
        selectors.push(RowSelector::select(1));
        next = *ordinal + 1;
    }
    selectors.into()
}

/// The key columns of a contract.
pub(crate) fn key_schema(contract: &Contract) -> SchemaRef {
    let schema = contract.schema();
    let fields = contract.key.iter().filter_map(|name| schema.field_with_name(name).ok().cloned());
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The key hashes of a batch that has the key's columns.
pub(crate) fn key_hashes(batch: &RecordBatch, contract: &Contract) -> Vec<u128> {
    let columns: Vec<ArrayRef> = contract.key.iter().filter_map(|name| batch.column_by_name(name).cloned()).collect();
    hash::key_hashes(&columns)
}

/// The content hashes of a batch of content columns.
pub(crate) fn content_hashes(batch: &RecordBatch) -> Vec<u64> {
    let schema = batch.schema_ref();
    let columns: Vec<(&str, ArrayRef)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().as_str(), column.clone()))
        .collect();
    hash::content_hashes(&columns)
}
