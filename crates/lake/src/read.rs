//! Reads data files of the lake back: some columns, and all rows or a few.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use shoplake_core::{Contract, Result, TableFile, TableRoot, hash};

use crate::parquet_writer::parquet_fault;
use crate::shape::{arrow_fault, conform};

/// Rows of one batch read.
const BATCH_ROWS: usize = 32 * 1024;

/// Opens `columns` of a data file, in batches; columns that the file lacks are left out.
fn open(
    root: &TableRoot,
    file: &TableFile,
    columns: &Schema,
    rows: Option<&[u32]>,
) -> Result<ParquetRecordBatchReader> {
    let path = root.join(&file.path);
    root.bring(&[(path.clone(), Some(file.size))])?;
    let fault = |error| parquet_fault(&path, error);
    let input = fs_err::File::open(&path)?.into_parts().0;
    let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(fault)?;
    let wanted = builder.schema().fields().iter().enumerate();
    let wanted = wanted.filter(|(_, field)| columns.column_with_name(field.name()).is_some()).map(|(index, _)| index);
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.collect::<Vec<_>>());
    let mut builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
    if let Some(rows) = rows {
        builder = builder.with_row_selection(selection(rows));
    }
    builder.build().map_err(fault)
}

/// Reads all rows of `columns`, batch by batch.
pub(crate) fn scan(
    root: &TableRoot,
    file: &TableFile,
    columns: &SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let columns = columns.clone();
    let batches = open(root, file, &columns, None)?;
    Ok(batches.map(move |batch| conform(&batch.map_err(arrow_fault)?, &columns)))
}

/// Reads `columns` of the rows with these ordinals (ascending, each once) as one batch.
pub(crate) fn rows(root: &TableRoot, file: &TableFile, columns: &SchemaRef, ordinals: &[u32]) -> Result<RecordBatch> {
    let batches = open(root, file, columns, Some(ordinals))?;
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
