//! `sources/*.yml`: where a dataset comes from, and its contract.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RestApiFile, Scalar};

/// One dataset: where its files come from, and the contract they are judged by.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// The dataset's name, which is its table's name too: lowercase letters, digits and `_`.
    pub name: String,
    /// What the dataset is.
    pub description: Option<String>,
    /// How the bytes are laid out. Files ending in .gz, .zst or .zip are read as they are.
    pub format: FormatWord,
    /// Where the files come from; the files in `inbox/<name>/` unless stated.
    pub from: Option<FromFile>,
    /// The columns whose values together name a row. Without a key every row stands for itself.
    pub key: Option<Vec<String>>,
    /// The column that dates a row. Datasets with one are facts, the others are snapshots.
    pub event_time: Option<String>,
    /// A column that orders the versions of a row: a lower one never replaces a higher one.
    pub version: Option<String>,
    /// The columns in the table's order.
    pub columns: Vec<ColumnFile>,
    /// What happens when files change their shape.
    pub schema_change: Option<SchemaChangeFile>,
    /// From 100 rows on, a larger share of rejected rows fails the whole file; 0.5 unless stated.
    pub reject_limit: Option<f64>,
    /// The field separator of a CSV file, one character; `,` unless stated.
    pub delimiter: Option<String>,
    /// The encoding, where it is not UTF-8 and no byte-order mark tells it: `windows-1252`.
    pub encoding: Option<String>,
    /// Where the records stand in a JSON document: `data.items`.
    pub data_selector: Option<String>,
    /// The array in each record whose items become the rows, with the record's own fields beside them.
    pub explode: Option<String>,
    /// The headers of a CSV file that has no header line.
    pub header: Option<Vec<String>>,
    /// Columns that are filled from a dimension: `product_name: products.name`. Unless stated, a
    /// dataset with `event_time` gets `product_name` and `category` from `products`, and `city` from
    /// `customers`, where it is related to them.
    pub enrich: Option<BTreeMap<String, String>>,
}

/// The layout of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatWord {
    /// Separated values with a header line.
    Csv,
    /// A JSON array of records, one record, or records below `data_selector`.
    Json,
    /// One JSON record a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// Where the files of a dataset come from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromFile {
    /// A pattern for files below the project folder: `inbox/sales/*`.
    Files(String),
    /// A REST API that is read page by page.
    RestApi(Box<RestApiFile>),
    /// A stream. Not available yet.
    Stream(serde_json::Value),
    /// A bucket. Not available yet.
    S3(serde_json::Value),
}

/// One column of a dataset.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnFile {
    /// The name in the table: lowercase letters, digits and `_`.
    pub name: String,
    /// What the file calls the column, where that is not its name.
    pub header: Option<Scalar>,
    /// The type: `string`, `integer`, `decimal(12,2)` (digits in all, digits after the point),
    /// `timestamp`, `date` or `boolean`.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = r"^(string|integer|timestamp|date|boolean|decimal\( *[0-9]+ *, *[0-9]+ *\))$"))]
    pub column_type: String,
    /// Whether an empty value is a fault; false unless stated.
    pub required: Option<bool>,
    /// The smallest accepted value.
    pub min: Option<Scalar>,
    /// The largest accepted value.
    pub max: Option<Scalar>,
    /// A regular expression that the whole text must match.
    pub pattern: Option<String>,
    /// The only accepted values.
    pub accepted_values: Option<Vec<Scalar>>,
    /// The key of another dataset that this column refers to: `customers.customer_id`.
    pub relationship: Option<String>,
    /// How dates and timestamps are written (strptime), where it is not ISO 8601: `%d/%m/%y %H:%M`.
    pub formats: Option<Vec<String>>,
    /// What the column means.
    pub description: Option<String>,
    /// The decimal separator of numbers; `.` unless stated.
    pub decimal_separator: Option<String>,
    /// A separator of thousands that may stand in numbers.
    pub thousands_separator: Option<String>,
    /// A currency sign or word that may stand before or after numbers.
    pub currency_sign: Option<String>,
}

/// What happens when files change their shape.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaChangeFile {
    /// For columns that the contract does not name; `evolve` unless stated.
    pub columns: Option<OnChangeWord>,
    /// For values that are not of their column's type; `discard_row` unless stated.
    pub types: Option<OnChangeWord>,
}

/// What to do with something that the contract does not foresee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnChangeWord {
    /// Take it in: a new column becomes a text column of the table.
    Evolve,
    /// Refuse the whole file.
    Freeze,
    /// Set the row aside in the quarantine.
    DiscardRow,
    /// Drop the value and keep the row.
    DiscardValue,
}
