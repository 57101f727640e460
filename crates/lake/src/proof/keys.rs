//! No key stands twice in a table: all 128-bit key hashes, sorted slice by slice, so that a table of
//! any size is checked within the project's memory.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use shoplake_core::proof::{Check, Finding};
use shoplake_core::{Contract, PinnedTable, Result};

use crate::read;
use crate::shape::arrow_fault;

/// Keys of one table that are named when they stand twice.
const NAMED: usize = 20;

/// Checks every table with a key; `memory` bounds the hashes that are held at once, in bytes.
pub(super) fn unique(tables: &[(Arc<PinnedTable>, Arc<Contract>)], memory: u64) -> Result<Check> {
    let mut check = Check::new("keys", "rows");
    // Half of the memory: sorting is in place, but whoever else works must not starve.
    let room = (memory / 2 / size_of::<u128>() as u64).max(1);
    for (table, contract) in tables {
        check.checked += table.rows();
        let twice = twice(table, contract, room)?;
        if !twice.is_empty() {
            name_them(table, contract, &twice, &mut check)?;
        }
    }
    Ok(check)
}

/// The hashes of keys that stand more than once, with how often.
fn twice(table: &PinnedTable, contract: &Contract, room: u64) -> Result<HashMap<u128, u64>> {
    let slices = u128::from(table.rows().div_ceil(room).max(1));
    let schema = read::key_schema(contract);
    let mut found = HashMap::new();
    for slice in 0..slices {
        let mut hashes = Vec::new();
        for file in &table.files {
            for batch in read::scan(&table.root, file, &schema)? {
                let keys = read::key_hashes(&batch?, contract);
                hashes.extend(keys.into_iter().filter(|key| (key >> 64) % slices == slice));
            }
        }
        hashes.sort_unstable();
        let copies = hashes.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
        found.extend(copies.map(|same| (same[0], same.len() as u64)));
    }
    Ok(found)
}

/// Says which keys they are and where their rows stand.
fn name_them(table: &PinnedTable, contract: &Contract, twice: &HashMap<u128, u64>, check: &mut Check) -> Result<()> {
    let schema = read::key_schema(contract);
    let options = FormatOptions::new().with_null("NULL");
    let mut places: HashMap<u128, (String, Vec<String>)> = HashMap::new();
    for file in &table.files {
        let mut ordinal = 0_u64;
        for batch in read::scan(&table.root, file, &schema)? {
            let batch = batch?;
            for (row, key) in read::key_hashes(&batch, contract).into_iter().enumerate() {
                if twice.contains_key(&key) && (places.len() < NAMED || places.contains_key(&key)) {
                    let shown = batch.columns().iter().map(|column| {
                        ArrayFormatter::try_new(column, &options).map(|shown| shown.value(row).to_string())
                    });
                    let shown = shown.collect::<Result<Vec<_>, _>>().map_err(arrow_fault)?;
                    let (_, rows) = places.entry(key).or_insert_with(|| (shown.join(", "), Vec::new()));
                    rows.push(format!("row {} of {}", ordinal + row as u64 + 1, file.path));
                }
            }
            ordinal += batch.num_rows() as u64;
        }
    }
    let mut named: Vec<_> = places.into_values().collect();
    named.sort();
    let rest = (twice.len() - named.len()) as u64;
    for (key, rows) in named {
        check.find(Finding {
            subject: table.name.clone(),
            figure: format!("rows with the key `{key}`"),
            expected: "1".into(),
            found: format!("{} ({})", rows.len(), rows.join(", ")),
            hint: format!("`shoplake table history {}` shows versions to go back to", table.name),
        });
    }
    check.more_findings += rest;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use shoplake_core::contract::{FileOptions, Format, SchemaChange};
    use shoplake_core::{BatchNumber, Column, ColumnType};

    use super::*;
    use crate::parquet_writer::FileWriter;
    use crate::rewrite::new_file;

    /// Given keys that stand twice within a file and across files, when memory holds only a few hashes
    /// at once, then exactly those keys are found, each with its places.
    #[test]
    fn finds_copies_slice_by_slice() {
        let dir = tempfile::tempdir().unwrap();
        let column = |name: &str, column_type| Column::new(name, column_type);
        let contract = Contract {
            dataset: "orders".into(),
            file: "sources/orders.yml".into(),
            key: vec!["shop".into(), "id".into()],
            event_time: None,
            version: None,
            columns: vec![column("shop", ColumnType::String), column("id", ColumnType::Integer)],
            schema_change: SchemaChange::default(),
            reject_limit: 1.0,
            options: FileOptions::new(Format::Csv),
            enrichments: Vec::new(),
        };
        let schema = read::key_schema(&contract);
        let file = |ids: Vec<i64>| {
            let shops: ArrayRef = Arc::new(StringArray::from(vec!["north"; ids.len()]));
            let batch = RecordBatch::try_new(schema.clone(), vec![shops, Arc::new(Int64Array::from(ids))]).unwrap();
            let path = new_file(dir.path(), BatchNumber(1), &BTreeMap::new());
            let writer = FileWriter::create(path, schema.clone(), &[]).unwrap();
            writer.encode(0, &[batch]).unwrap();
            writer.finish(dir.path(), BTreeMap::new()).unwrap().0
        };
        let files = vec![file((0..500).collect()), file((495..900).chain([600]).collect())];
        let (root, name) = (dir.path().to_owned().into(), "orders".to_owned());
        let table = Arc::new(PinnedTable { name, root, schema: schema.clone(), partition_columns: Vec::new(), files });
        for memory in [64, 1 << 20] {
            let check = unique(&[(table.clone(), Arc::new(contract.clone()))], memory).unwrap();
            let found: Vec<&str> = check.findings.iter().map(|finding| finding.figure.as_str()).collect();
            let want = [495, 496, 497, 498, 499, 600].map(|id| format!("rows with the key `north, {id}`"));
            assert_eq!((check.checked, found), (906, want.iter().map(String::as_str).collect()));
        }
    }
}
