//! The account of every file: each row read is in one place, and the places hold as many rows as the
//! files say.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use shoplake_core::outcome::FileStatus;
use shoplake_core::proof::Check;
use shoplake_core::{BatchNumber, Counts, Fault, Result};

use super::Evidence;
use crate::Pipeline;
use crate::build::collect;

const ACCOUNT: &str =
    "remove `.shoplake/state.db`, so that the next run builds it again from the lake; report this if it comes back";
const REPLAY: &str = "`shoplake verify --replay` loads the archived files again elsewhere and says which rows differ";

/// Of every loaded file, the rows that were read are accounted for once; of every other, none is.
pub(super) async fn files(pipeline: &Pipeline, evidence: &Evidence) -> Result<Check> {
    let mut check = Check::new("files", "files");
    for load in &evidence.loads {
        let counts = &load.record.file.counts;
        check.checked += 1;
        let placed = counts.inserted + counts.updated + counts.duplicate + counts.rejected;
        let (key, reasons) = (&load.record.file.key, counts.rejects.values().sum::<u64>());
        check.equal(key, "inserted + updated + duplicate + rejected", &counts.rows_read, &placed, ACCOUNT);
        check.equal(key, "rejects by reason", &counts.rejected, &reasons, ACCOUNT);
    }
    for status in [FileStatus::Failed, FileStatus::Held] {
        for record in pipeline.state.files(Some(status), u32::MAX).await? {
            check.checked += 1;
            let none = record.file.counts == Counts::default();
            check.equal(&record.file.key, "counts nothing, for it was not loaded", &true, &none, ACCOUNT);
        }
    }
    Ok(check)
}

/// A table has as many rows as its files inserted: an update replaces, and only going back to an
/// earlier version removes.
pub(super) fn tables(evidence: &Evidence) -> Check {
    let mut check = Check::new("tables", "rows");
    let mut inserted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut restored: BTreeMap<&str, BatchNumber> = BTreeMap::new();
    for manifest in &evidence.manifests {
        for table in &manifest.summary.restored {
            inserted.insert(&table.table, table.rows);
            restored.insert(&table.table, manifest.batch);
        }
    }
    for load in &evidence.loads {
        // What came before a table was brought back stands in the rows of that version.
        let since = restored.get(load.record.dataset.as_str());
        if since.is_none_or(|since| load.batch > *since) {
            *inserted.entry(&load.record.dataset).or_default() += load.record.file.counts.inserted;
        }
    }
    let datasets: BTreeSet<&str> =
        evidence.manifests.iter().flat_map(|m| &m.summary.datasets).map(|d| d.dataset.as_str()).collect();
    for dataset in datasets {
        let Some(table) = evidence.catalog.tables.get(dataset) else { continue };
        check.checked += table.rows();
        let expected = inserted.get(dataset).copied().unwrap_or_default();
        check.equal(dataset, "rows, against the rows that its files inserted", &expected, &table.rows(), REPLAY);
    }
    check
}

/// The quarantine has as many rows of each file as were rejected and did not leave it since.
pub(super) async fn quarantine(pipeline: &Pipeline, evidence: &Evidence) -> Result<Check> {
    let mut check = Check::new("quarantine", "rows");
    if !evidence.catalog.tables.contains_key("quarantine") {
        return Ok(check);
    }
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    for load in &evidence.loads {
        let file = (load.record.dataset.clone(), load.record.file.key.clone());
        let counts = &load.record.file.counts;
        let rows: &mut u64 = expected.entry(file).or_default();
        let left = if load.record.file.replayed { counts.rows_read } else { 0 };
        *rows = (*rows + counts.rejected).saturating_sub(left);
    }
    let sql = "SELECT dataset, source_file, count(*) FROM quarantine GROUP BY 1, 2";
    for batch in collect(pipeline.engine.query(&evidence.catalog, sql).await?).await? {
        let text = |at: usize| batch.column(at).as_string_opt::<i32>();
        let counts = batch.column(2).as_primitive_opt::<Int64Type>();
        let (Some(datasets), Some(files), Some(counts)) = (text(0), text(1), counts) else {
            return Err(Fault::internal("the quarantine has columns of other types than it was made with"));
        };
        for row in 0..batch.num_rows() {
            let file = (datasets.value(row).to_owned(), files.value(row).to_owned());
            let rows = counts.value(row).unsigned_abs();
            check.checked += rows;
            let expected = expected.remove(&file).unwrap_or_default();
            check.equal(&file.1, "rows in quarantine, against its rejected rows", &expected, &rows, REPLAY);
        }
    }
    for ((_, file), rows) in expected {
        check.equal(&file, "rows in quarantine, against its rejected rows", &rows, &0, REPLAY);
    }
    Ok(check)
}
