//! The columns of a table: the contract's, those that the file had beyond it, the enrichment, the
//! shop's day, and where each row comes from.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use shoplake_core::{ColumnType, Contract, Fault, Result};

/// The columns that a dated table is partitioned by.
pub(crate) const PARTITION_COLUMNS: [&str; 2] = ["year", "month"];
/// The column of the day of the month.
pub(crate) const DAY: &str = "day";

/// The shape of one dataset's table.
#[derive(Debug, Clone)]
pub(crate) struct TableShape {
    /// The contract.
    pub(crate) contract: Arc<Contract>,
    /// Text columns that the table gained from files (`schema_change.columns: evolve`), in order.
    pub(crate) extras: Vec<String>,
}

impl TableShape {
    /// The shape of a table that may exist already with `known` columns.
    ///
    /// # Errors
    /// A column whose type in the contract is not its type in the table.
    pub(crate) fn new(contract: Arc<Contract>, known: Option<&Schema>) -> Result<Self> {
        let mut shape = Self { contract, extras: Vec::new() };
        let Some(known) = known else { return Ok(shape) };
        let wanted = shape.table_schema();
        for field in known.fields() {
            match wanted.column_with_name(field.name()) {
                None => shape.extras.push(field.name().clone()),
                Some((_, want)) if want.data_type() == field.data_type() => {}
                Some((_, want)) => {
                    let contract = &shape.contract;
                    let line = contract.column(field.name()).and_then(|c| c.line);
                    return Err(Fault::usage(format!(
                        "column `{}` of `{}` is {} in the contract and {} in the table",
                        field.name(),
                        contract.dataset,
                        want.data_type(),
                        field.data_type()
                    ))
                    .at(contract.file.clone(), line, None)
                    .hint("keep the column's type, or give the column a new name"));
                }
            }
        }
        Ok(shape)
    }

    /// Whether rows belong to a day, and the table to partitions of months.
    pub(crate) fn dated(&self) -> bool {
        self.contract.event_time.is_some()
    }

    /// Whether the event time is a day, not a moment.
    pub(crate) fn event_dates(&self) -> bool {
        let column = self.contract.event_time.as_deref().and_then(|name| self.contract.column(name));
        column.is_some_and(|column| column.column_type == ColumnType::Date)
    }

    /// The columns that come from the file: what a row says. Duplicates are told by these.
    pub(crate) fn content_schema(&self) -> SchemaRef {
        let contract = self.contract.columns.iter().map(|c| Field::new(&c.name, c.column_type.arrow_type(), true));
        let extras = self.extras.iter().map(|name| Field::new(name, DataType::Utf8, true));
        Arc::new(Schema::new(contract.chain(extras).collect::<Vec<_>>()))
    }

    /// The columns of a data file: all but the partition columns.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self.content_schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        fields
            .extend(self.contract.enrichments.iter().map(|e| Field::new(&e.column, e.column_type.arrow_type(), true)));
        if self.dated() {
            fields.push(Field::new(DAY, DataType::Int32, true));
        }
        fields.extend(origin_fields());
        Arc::new(Schema::new(fields))
    }

    /// Every column of the table.
    pub(crate) fn table_schema(&self) -> SchemaRef {
        let file = self.file_schema();
        if !self.dated() {
            return file;
        }
        let (day, _) = file.column_with_name(DAY).unwrap_or((file.fields().len(), file.field(0)));
        let partition = PARTITION_COLUMNS.map(|name| Field::new(name, DataType::Int32, true));
        let fields = file.fields();
        let fields = fields[..day]
            .iter()
            .cloned()
            .chain(partition.into_iter().map(Arc::new))
            .chain(fields[day..].iter().cloned());
        Arc::new(Schema::new(fields.collect::<Fields>()))
    }

    /// The table's partition columns.
    pub(crate) fn partition_columns(&self) -> Vec<String> {
        if self.dated() { PARTITION_COLUMNS.map(String::from).to_vec() } else { Vec::new() }
    }
}

/// Where a row comes from: the columns that every loaded table ends with.
pub(crate) fn origin_fields() -> [Field; 4] {
    [
        Field::new("_source_file", DataType::Utf8, true),
        Field::new("_source_line", DataType::Int64, true),
        Field::new("_run_id", DataType::Utf8, true),
        Field::new("_loaded_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]
}

/// The columns of `schema` from a batch that may lack some: NULL where it does.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
        Some(column) => arrow_cast::cast(column, field.data_type()).map_err(arrow_fault),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(arrow_fault)
}

/// A batch of `columns` under the names of `schema`: text may come by number where the schema has text.
pub(crate) fn named(schema: &Schema, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let fields = schema.fields().iter().zip(&columns);
    let fields = fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true));
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns, &options)
        .map_err(arrow_fault)
}

/// An Arrow error can only come from a mistake of ours: every input was typed before.
pub(crate) fn arrow_fault(error: arrow_schema::ArrowError) -> Fault {
    Fault::internal(format!("columns do not fit together: {error}")).caused_by(error)
}
