//! The side indexes against their data files. A missing index of keys is no finding, since it is made
//! again when it is asked for; one that says something else than its file would hide a key, and a list
//! of orphans that lacks a row would leave it without its product's name for good.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use shoplake_core::proof::Check;
use shoplake_core::{Contract, PinnedTable, Result, TableFile};

use crate::base::hash_keys;
use crate::dimension::{Dimension, LookedUp};
use crate::key_index::{IndexFile, KeyIndex};
use crate::read;
use crate::rewrite::orphans_kind;

/// What to do about an index that is wrong.
const REMOVE: &str = "remove that file under `_index/`; the next run makes it again from the data";
/// What to do about a list of orphans that is wrong.
const ORPHANS: &str = "load the rows again under their key, or report this: names that arrive late are not filled in";

type Datasets = [(Arc<PinnedTable>, Arc<Contract>)];

/// Checks the indexes of keys of `keyed`, and the lists of orphans of `all`.
pub(super) fn agree(keyed: &Datasets, all: &Datasets) -> Result<Check> {
    let mut check = Check::new("indexes", "files");
    for (table, contract) in keyed {
        for file in &table.files {
            let Some(index) = IndexFile::of_file(&table.root, file, "keys", Some(file.rows))? else { continue };
            check.checked += 1;
            let fresh = KeyIndex::new(&hash_keys(&table.root, file, contract)?);
            let filter = index.filter().is_none_or(|filter| *filter == fresh.filter());
            let same = filter && fresh.pairs().eq(index.read()?.pairs());
            let subject = format!("{}/_index/{}.keys", table.name, file.path);
            check.equal(&subject, "agrees with its data file", &true, &same, REMOVE);
        }
    }
    for (table, contract) in all {
        for column in &contract.columns {
            let Some(relationship) = &column.relationship else { continue };
            let Some((other, other_contract)) = all.iter().find(|(table, _)| table.name == relationship.dataset) else {
                continue;
            };
            let dimension = Dimension::read(&other.root, &other.files, other_contract, &relationship.column, &[])?;
            for file in &table.files {
                check.checked += 1;
                orphans(table, contract, file, &column.name, &dimension, &mut check)?;
            }
        }
    }
    Ok(check)
}

/// Holds the list of a file's orphans against the rows and the dimension as it is now.
fn orphans(
    table: &PinnedTable,
    contract: &Contract,
    file: &TableFile,
    column: &str,
    dimension: &Dimension,
    check: &mut Check,
) -> Result<()> {
    let kind = orphans_kind(column);
    let listed = KeyIndex::of_file(&table.root, file, &kind, None)?;
    let mut listed: HashSet<(u64, u32)> = listed.map(|index| index.pairs().collect()).unwrap_or_default();
    let schema = foreign_schema(contract, column);
    let (mut first, mut missing) = (0_u32, 0_u64);
    let mut known: HashSet<(u64, u32)> = HashSet::new();
    for batch in read::scan(&table.root, file, &schema)? {
        let batch = batch?;
        let LookedUp { orphans, .. } = dimension.look_up(batch.column(0));
        for (row, hash) in orphans {
            if !listed.remove(&(hash, first + row)) && nothing_filled_in(&batch, row) {
                missing += 1;
            }
        }
        // What is listed and known by now is filled in when its dimension changes next.
        let keys = shoplake_core::hash::key_hashes(&batch.columns()[..1]);
        known.extend(
            keys.iter()
                .enumerate()
                .map(|(row, key)| (*key as u64, first + row as u32))
                .filter(|pair| listed.contains(pair)),
        );
        first += batch.num_rows() as u32;
    }
    let subject = format!("{}/_index/{}.{kind}", table.name, file.path);
    let wrong = listed.difference(&known).count() as u64;
    check.equal(&subject, "orphans that are not listed", &0, &missing, ORPHANS);
    check.equal(&subject, "listed rows that are not in the file", &0, &wrong, ORPHANS);
    Ok(())
}

/// The foreign key, then what it fills in.
fn foreign_schema(contract: &Contract, column: &str) -> SchemaRef {
    let foreign = contract.columns.iter().filter(|c| c.name == column);
    let foreign = foreign.map(|c| Field::new(&c.name, c.column_type.arrow_type(), true));
    let filled = contract.enrichments.iter().filter(|e| e.by == column);
    let filled = filled.map(|e| Field::new(&e.column, e.column_type.arrow_type(), true));
    Arc::new(Schema::new(foreign.chain(filled).collect::<Vec<_>>()))
}

/// Whether a row still waits for its dimension: one that went back to an older version may lack rows
/// whose names the sales keep.
fn nothing_filled_in(batch: &RecordBatch, row: u32) -> bool {
    batch.columns()[1..].iter().all(|column| column.is_null(row as usize))
}
