//! The contract of a dataset: its columns, types, rules, key, and what happens when they change.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The type of a column, as the contract states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Text, trimmed and in Unicode NFC.
    String,
    /// A whole number in 64 bits.
    Integer,
    /// An exact decimal number of `precision` digits, `scale` of them after the point.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point, 0 to `precision`.
        scale: u8,
    },
    /// A moment, stored in UTC microseconds; text without an offset is the shop's local time.
    Timestamp,
    /// A calendar day of the shop.
    Date,
    /// True or false.
    Boolean,
}

impl ColumnType {
    /// The Arrow type of the column in memory and in the lake.
    pub fn arrow_type(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Boolean => DataType::Boolean,
        }
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Integer => f.write_str("integer"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Date => f.write_str("date"),
            Self::Boolean => f.write_str("boolean"),
        }
    }
}

/// How numbers are written where they are not written plainly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberFormat {
    /// The decimal separator: `.` unless stated.
    pub decimal_separator: Option<char>,
    /// A separator of thousands that may stand in the whole part.
    pub thousands_separator: Option<char>,
    /// A currency sign or word that may stand before or after the number.
    pub currency_sign: Option<String>,
}

/// A column of another dataset: `customers.customer_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// The related dataset.
    pub dataset: String,
    /// Its column, which is that dataset's key.
    pub column: String,
}

/// One column of a contract.
#[derive(Debug, Clone)]
pub struct Column {
    /// The name in the table.
    pub name: String,
    /// The header or JSON key in the file, where it is called otherwise.
    pub header: Option<String>,
    /// The type.
    pub column_type: ColumnType,
    /// Whether an empty value is a fault.
    pub required: bool,
    /// The smallest accepted value, as written in the contract.
    pub min: Option<String>,
    /// The largest accepted value, as written in the contract.
    pub max: Option<String>,
    /// A regular expression that the whole text must match.
    pub pattern: Option<String>,
    /// The only accepted values, if stated.
    pub accepted_values: Vec<String>,
    /// The key of another dataset that this column refers to.
    pub relationship: Option<Relationship>,
    /// strptime formats of dates and timestamps; ISO 8601 where there are none.
    pub formats: Vec<String>,
    /// How numbers are written.
    pub number: NumberFormat,
    /// What the column means.
    pub description: Option<String>,
    /// 1-based line of the column in its source file, for hints.
    pub line: Option<u64>,
}

impl Column {
    /// A plain optional column of this name and type.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self {
            name: name.into(),
            header: None,
            column_type,
            required: false,
            min: None,
            max: None,
            pattern: None,
            accepted_values: Vec::new(),
            relationship: None,
            formats: Vec::new(),
            number: NumberFormat::default(),
            description: None,
            line: None,
        }
    }
    /// What the file calls the column.
    pub fn file_name(&self) -> &str {
        self.header.as_deref().unwrap_or(&self.name)
    }
}

/// What to do with something that the contract does not foresee (dlt's words).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// Take it in: a new column becomes a text column of the table.
    Evolve,
    /// Refuse the whole file.
    Freeze,
    /// Set the row aside under reason `contract`.
    DiscardRow,
    /// Drop the value, keep the row.
    DiscardValue,
}

/// The contract's answer to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaChange {
    /// For columns that the contract does not name.
    pub columns: OnChange,
    /// For values that are not of their column's type: `discard_row` calls them malformed.
    pub types: OnChange,
}

impl Default for SchemaChange {
    fn default() -> Self {
        Self { columns: OnChange::Evolve, types: OnChange::DiscardRow }
    }
}

/// How the bytes of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Separated values with a header line.
    Csv,
    /// A JSON array of records, one record a file, or records under [`FileOptions::data_selector`].
    Json,
    /// One JSON record a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How to read the files of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// The layout.
    pub format: Format,
    /// The field separator of CSV; detected from nothing, `,` unless stated.
    pub delimiter: u8,
    /// The declared encoding (a WHATWG label), where it is not UTF-8 or told by a byte-order mark.
    pub encoding: Option<String>,
    /// The path of the records in a JSON document, dotted.
    pub data_selector: Option<String>,
    /// The array in each record whose items become the rows, with the parent's fields beside them.
    pub explode: Option<String>,
    /// The file's own header, where the CSV has none.
    pub header: Option<Vec<String>>,
}

impl FileOptions {
    /// The plain options of a format.
    pub fn new(format: Format) -> Self {
        Self { format, delimiter: b',', encoding: None, data_selector: None, explode: None, header: None }
    }
}

/// A column of a fact that is filled from a dimension: `product_name` from `products.name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrichment {
    /// The column in this dataset's table.
    pub column: String,
    /// The foreign key in this dataset.
    pub by: String,
    /// The dimension.
    pub dataset: String,
    /// The dimension's column.
    pub from: String,
    /// The dimension column's type.
    pub column_type: ColumnType,
}

/// The contract of one dataset.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The dataset's name, which is its table's name too.
    pub dataset: String,
    /// The source file, relative to the project folder.
    pub file: String,
    /// Columns whose values together name a row; empty where every row stands for itself.
    pub key: Vec<String>,
    /// The column that dates a row. Datasets with one are facts; the others are snapshots.
    pub event_time: Option<String>,
    /// A column that orders the versions of a row: a lower one never replaces a higher.
    pub version: Option<String>,
    /// The columns in order.
    pub columns: Vec<Column>,
    /// What happens when the file changes shape.
    pub schema_change: SchemaChange,
    /// From 100 rows on, a larger share of rejects fails the whole file.
    pub reject_limit: f64,
    /// How to read the files.
    pub options: FileOptions,
    /// Columns filled from dimensions, in the table's order.
    pub enrichments: Vec<Enrichment>,
}

impl Contract {
    /// The contract's columns as Arrow fields, all nullable, in order.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|c| Field::new(&c.name, c.column_type.arrow_type(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
    /// A fingerprint of all that decides how a file is judged: a failed file is judged again when it changes.
    pub fn fingerprint(&self) -> String {
        // Where a column stands in its file, and what it means to people, judges no row.
        let columns: Vec<Column> =
            self.columns.iter().map(|column| Column { line: None, description: None, ..column.clone() }).collect();
        let judged = (&self.key, &self.event_time, columns, &self.schema_change, self.reject_limit, &self.options);
        crate::hash::fingerprint(&format!("{judged:?}"))
    }
}
