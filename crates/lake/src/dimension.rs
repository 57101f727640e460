//! Dimensions as a fact sees them: which keys are known, and what they say.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use shoplake_core::{Contract, Result, TableFile, TableRoot, hash};

use crate::key_slots::KeyTable;
use crate::parquet_writer::ROW_GROUP_ROWS;
use crate::read;
use crate::shape::{arrow_fault, named};

/// The rows of a dimension, by key.
pub(crate) struct Dimension {
    keys: KeyTable,
    rows: RecordBatch,
}

/// What a dimension knows of a column of foreign keys.
pub(crate) struct LookedUp {
    /// The dimension's row of each foreign key; NULL where the key is NULL or unknown.
    pub(crate) rows: UInt32Array,
    /// The rows whose key is unknown, ascending, with the low 64 bits of the key's hash.
    pub(crate) orphans: Vec<(u32, u64)>,
}

impl Dimension {
    /// Reads `columns` of a dimension whose key is `key`.
    pub(crate) fn read(
        root: &TableRoot,
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
        let keys = KeyTable::new(hash::key_hashes(&[rows.column(0).clone()]));
        // The key itself is known by its hash; only what it says is needed from here on.
        let rest: Vec<usize> = (1..schema.fields().len()).collect();
        let rows = numbered(&rows.project(&rest).map_err(arrow_fault)?)?;
        Ok(Self { keys, rows })
    }

    /// Looks foreign keys up.
    pub(crate) fn look_up(&self, foreign: &ArrayRef) -> LookedUp {
        let keys = hash::key_hashes(std::slice::from_ref(foreign));
        let nulls = foreign.logical_nulls();
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let (mut rows, mut orphans) = (Vec::with_capacity(keys.len()), Vec::new());
        self.keys.find_all(&keys, |found| {
            let row = rows.len();
            let found = found.filter(|_| !is_null(row));
            if found.is_none() && !is_null(row) {
                orphans.push((row as u32, keys[row] as u64));
            }
            rows.push(found);
        });
        LookedUp { rows: UInt32Array::from(rows), orphans }
    }

    /// Whether a key with these low 64 bits is known.
    pub(crate) fn knows(&self, hash: u64) -> bool {
        self.keys.has_low(hash)
    }

    /// What the dimension says in `column` of each of `rows`; text may come by number.
    pub(crate) fn take(&self, column: &str, rows: &UInt32Array) -> Result<Option<ArrayRef>> {
        let values = self.rows.column_by_name(column);
        values.map(|values| arrow_select::take::take(values, rows, None).map_err(arrow_fault)).transpose()
    }
}

/// Text by number where it repeats: a fact's rows are written by those numbers.
fn numbered(rows: &RecordBatch) -> Result<RecordBatch> {
    let by_number = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let columns = rows.columns().iter().map(|column| {
        if column.data_type() != &DataType::Utf8 {
            return Ok(column.clone());
        }
        let numbered = arrow_cast::cast(column, &by_number).map_err(arrow_fault)?;
        let texts = numbered.as_dictionary::<Int32Type>().values().len();
        // Among so many a row group's rows would hardly name one twice.
        let scattered = texts > ROW_GROUP_ROWS && texts * 2 > column.len();
        Ok(if scattered { column.clone() } else { numbered })
    });
    named(rows.schema_ref(), columns.collect::<Result<_>>()?, rows.num_rows())
}
