//! Discovery: a contract from a sample of a file, with what was decided and what has to be asked.
//!
//! What lives here: the way from a file to a [`Contract`], and the choice of key and event time. The
//! sample is `table`'s, types are `infer`'s, names are `naming`'s. What does not: the YAML of the
//! contract (`project`), and any judgement of rows. Nothing is guessed where the sample does not
//! tell: it is asked in the notes.

mod infer;
mod keys;
mod naming;
mod table;

use std::io::Read;
use std::path::Path;

use chrono_tz::Tz;
use shoplake_core::contract::{FileOptions, Format, Relationship, SchemaChange};
use shoplake_core::project::Limits;
use shoplake_core::{Column, ColumnType, Contract, Fault, LandedFile, Result, Sha256};

use crate::ReadOptions;
use crate::open::{open_text, read_fault};
use crate::rows::Cell;
use table::{ROWS, Sample, Table};

/// Bytes that tell JSON from separated values.
const HEAD_BYTES: u64 = 4096;

/// What was found out about a file.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The contract, for `sources/<dataset>.yml`.
    pub contract: Contract,
    /// Rows that it rests on.
    pub rows_sampled: u64,
    /// What was decided and why, and questions to the person.
    pub notes: Vec<String>,
}

/// Discovers the contract of `dataset` from a file of any format, packed or not.
///
/// Looks at the first 100 000 rows (64 MiB of text). Fails where the file is no table at all.
pub fn discover(path: &Path, dataset: &str, zone: Tz) -> Result<Discovered> {
    let file = as_landed(path, dataset)?;
    let Sample { table, options, mut notes } = sample(&file, dataset, zone).map_err(|fault| {
        let placed = fault.place.is_some() || fault.kind != shoplake_core::FaultKind::Data;
        if placed { fault } else { fault.at(path.display().to_string(), None, None) }
    })?;
    let (names, naming_notes) = naming::names(dataset, &table.headers);
    notes.extend(naming_notes);
    let mut columns = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let guess = infer::column(name, &table.columns[at], zone);
        notes.extend(guess.notes.iter().map(|note| format!("`{name}` {note}")));
        let header = (*name != table.headers[at]).then(|| table.headers[at].clone());
        columns.push(Column { header, ..guess.column });
    }
    fit_template(dataset, &mut columns, &table, &mut notes);
    let key = keys::key(dataset, &columns, &table, &mut notes);
    let event_time = keys::event_time(dataset, &columns, &mut notes);
    if table.rows == 0 {
        notes.push("the file has no rows: every column is text until you say otherwise".to_owned());
    }
    let contract = Contract {
        dataset: dataset.to_owned(),
        file: format!("sources/{dataset}.yml"),
        key,
        event_time,
        version: None,
        columns,
        schema_change: SchemaChange::default(),
        reject_limit: 0.5,
        options,
        enrichments: Vec::new(),
    };
    Ok(Discovered { contract, rows_sampled: table.rows as u64, notes })
}

/// The template's relationships and types, and what its models would miss.
fn fit_template(dataset: &str, columns: &mut [Column], table: &Table, notes: &mut Vec<String>) {
    let wanted = naming::template(dataset);
    let missing = wanted.iter().filter(|name| !columns.iter().any(|column| column.name == **name));
    let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
    if !missing.is_empty() {
        notes.push(format!(
            "the models of the template read {}: set the name of the column that means it, or change the models",
            missing.join(", ")
        ));
    }
    for (at, column) in columns.iter_mut().enumerate() {
        match (dataset, column.name.as_str()) {
            ("sales", "customer_id") => {
                let empty = table.columns[at].iter().filter(|value| value.trim().is_empty()).count();
                if empty > 0 {
                    notes.push(format!(
                        "`customer_id` is empty in {empty} of {} rows: are they guests? They are kept; with \
                         `required: true` they would be set aside",
                        table.rows
                    ));
                }
                column.relationship = Some(relationship("customers", "customer_id"));
            }
            ("sales", "product_id") => column.relationship = Some(relationship("products", "product_id")),
            ("products", "price") => {
                if matches!(column.column_type, ColumnType::Decimal { scale, .. } if scale <= 4) {
                    column.column_type = ColumnType::Decimal { precision: 18, scale: 4 };
                }
            }
            _ => {}
        }
    }
}

fn relationship(dataset: &str, column: &str) -> Relationship {
    Relationship { dataset: dataset.to_owned(), column: column.to_owned() }
}

fn sample(file: &LandedFile, dataset: &str, zone: Tz) -> Result<Sample> {
    let mut magic = Vec::new();
    fs_err::File::open(&file.path)?.take(4).read_to_end(&mut magic)?;
    if magic == b"PAR1" {
        return parquet(file);
    }
    let reading = ReadOptions::new(zone, &Limits::default());
    let open = || open_text(file, &reading, &FileOptions::new(Format::Csv));
    let mut head = Vec::new();
    open()?.take(HEAD_BYTES).read_to_end(&mut head).map_err(read_fault)?;
    match head.trim_ascii_start().first() {
        None => Err(Fault::data("the file is empty").hint("discover needs a file with rows")),
        Some(b'{' | b'[') => {
            let mut table = Table::default();
            let take = &mut |values| table.add(values);
            let (mut options, notes) = crate::json::sample(&open, &file.origin, ROWS, dataset == "sales", take)?;
            let name = file.name.to_lowercase();
            if [".ndjson", ".jsonl"].iter().any(|ending| name.contains(ending)) {
                options.format = Format::Ndjson;
            }
            Ok(Sample { table, options, notes })
        }
        Some(_) => table::separated(open()?),
    }
}

fn parquet(file: &LandedFile) -> Result<Sample> {
    let (names, mut batches) = crate::parquet_file::open(&file.path)?;
    let mut table = Table::default();
    while let Some(batch) = batches.next_batch()? {
        let columns = crate::parquet_file::texts(&batch)?;
        for row in 0..batch.num_rows().min(ROWS - table.rows) {
            let text = |cell| match cell {
                Cell::Text(text) => text.into_owned(),
                Cell::Missing | Cell::Invalid { .. } => String::new(),
            };
            table.add(names.iter().cloned().zip(columns.iter().map(|column| text(column.cell(row, None)))).collect());
        }
        if table.rows == ROWS {
            break;
        }
    }
    Ok(Sample { table, options: FileOptions::new(Format::Parquet), notes: Vec::new() })
}

/// The file as if it had landed, for the code that opens landed files.
fn as_landed(path: &Path, dataset: &str) -> Result<LandedFile> {
    let size = fs_err::metadata(path)?.len();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(LandedFile {
        dataset: dataset.to_owned(),
        key: name.clone(),
        name,
        origin: path.display().to_string(),
        sha256: Sha256(String::new()),
        size,
        path: path.to_owned(),
        page: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{Judged, judged};

    fn discovered(path: &Path, dataset: &str) -> (Discovered, Judged) {
        let found = discover(path, dataset, chrono_tz::UTC).unwrap();
        let judged = judged(path.to_owned(), &found.contract, 2, 1 << 20).unwrap();
        (found, judged)
    }

    fn written(bytes: impl AsRef<[u8]>) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("export.csv");
        fs_err::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn shape(found: &Discovered) -> Vec<String> {
        let columns = found.contract.columns.iter();
        columns.map(|column| format!("{} {}", column.name, column.column_type)).collect()
    }

    /// Given a shop's export in German habits, when discovered, then its rows are accepted and the
    /// template's columns are there.
    #[test]
    fn an_export_with_habits_of_its_own() {
        let (_dir, path) = written(
            b"Order ID;SKU;Qty;Total;Order date;Customer;Note\r\n\
              0001;007;2;1.234,50 \x80;31.12.2024 10:30;C1;caf\xe9\r\n\
              0002;008;1;5,00 \x80;01.02.2025 09:00;;\r\n",
        );
        let (found, judged) = discovered(&path, "sales");
        assert_eq!(
            shape(&found),
            [
                "transaction_id string",
                "product_id string",
                "quantity integer",
                "amount decimal(12,2)",
                "transaction_date timestamp",
                "customer_id string",
                "note string"
            ]
        );
        assert_eq!(
            (found.contract.key, found.contract.event_time.as_deref()),
            (vec!["transaction_id".to_owned()], Some("transaction_date"))
        );
        assert_eq!(judged.rejects, [""; 0]);
        assert_eq!(judged.rows[0].1, "0001|007|2|1234.50|2024-12-31T10:30:00Z|C1|café");
        assert!(found.notes.iter().any(|note| note.contains("guests")), "{:?}", found.notes);
    }

    /// Given a page of an API with orders, when discovered as sales, then its items are the rows.
    #[test]
    fn an_api_page() {
        let (_dir, path) = written(
            r#"{"orders":[{"id":1,"created_at":"2024-01-01T00:00:00Z","customer":{"id":7},
                "line_items":[{"id":10,"sku":"A","quantity":1,"price":"2.50"},{"id":11,"sku":"B","quantity":2,"price":"1"}]}]}"#,
        );
        let (found, judged) = discovered(&path, "sales");
        assert_eq!(found.contract.options.data_selector.as_deref(), Some("orders"));
        assert_eq!(found.contract.options.explode.as_deref(), Some("line_items"));
        assert_eq!((judged.rows.len(), judged.rejects.len()), (2, 0), "{:?}", judged.rejects);
    }

    /// Given real exports, when discovered, then the contract accepts every row of them.
    #[test]
    fn real_files() {
        let data = Path::new("/work/shared/data");
        if !data.exists() {
            eprintln!("passed over: the data sets are not on this machine");
            return;
        }
        let (found, judged) = discovered(&data.join("online-retail-slice/online_retail_2010-12-01_08.csv"), "sales");
        assert_eq!((found.rows_sampled, judged.rows.len(), judged.rejects.len()), (19_632, 19_632, 0));
        assert!(shape(&found).contains(&"transaction_date timestamp".to_owned()), "{:?}", shape(&found));
        for (name, dataset, key) in [
            ("jaffle-classic/raw_customers.csv", "customers", "customer_id"),
            ("jaffle-classic/raw_orders.csv", "orders", "id"),
            ("jaffle-classic/raw_payments.csv", "payments", "id"),
            ("jaffle-classic/seed-format/sales.csv", "sales", "transaction_id"),
            ("online-retail-slice/seed-format/products.json", "products", "product_id"),
            ("online-retail-slice/seed-format/customers.json", "customers", "customer_id"),
        ] {
            let (found, judged) = discovered(&data.join(name), dataset);
            assert_eq!((found.contract.key, judged.rejects.len()), (vec![key.to_owned()], 0), "{name}");
            assert_eq!(judged.rows.len() as u64, found.rows_sampled, "{name}");
        }
        let (found, judged) = discovered(&data.join("api-fixtures/shopify/order.json"), "sales");
        assert_eq!((judged.rows.len(), judged.rejects.len()), (3, 0), "{:?} {:?}", judged.rejects, found.notes);
        assert_eq!(found.contract.options.data_selector.as_deref(), Some("order"));
    }
}
