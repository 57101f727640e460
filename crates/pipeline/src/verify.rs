//! Proof of what the lake says: everything is read again and held against what was recorded.
//!
//! What the lake can prove of itself stands behind [`LakeProof`]; what takes the account of files, the
//! archive or SQL is here, one file a check. Nothing is changed, and what does not hold is a finding.

mod accounts;
mod archive;
mod marts;
mod replay;
mod rows;

use std::collections::BTreeMap;

use shoplake_core::outcome::FileStatus;
use shoplake_core::ports::{FileRecord, LakeProof, Manifest};
use shoplake_core::proof::{Check, Finding};
use shoplake_core::{BatchNumber, Catalog, Fault, Result};

use crate::Pipeline;

/// What the checks are held against.
struct Evidence {
    /// The tables as the last fully committed batch left them.
    catalog: Catalog,
    /// Every published batch, in order.
    manifests: Vec<Manifest>,
    /// The loads of every file, the oldest first.
    loads: Vec<Load>,
}

/// One load of a file, with what has become of its rows since.
#[derive(Debug, Clone)]
struct Load {
    /// The account of it.
    record: FileRecord,
    /// The accounts of its rows that left quarantine to be judged again, in order.
    replays: Vec<FileRecord>,
    /// Rows that it brought into the table, by the batch that brought them.
    inserted: Vec<(BatchNumber, u64)>,
}

impl Load {
    /// Every account of the file's rows.
    fn accounts(&self) -> impl Iterator<Item = &FileRecord> {
        std::iter::once(&self.record).chain(&self.replays)
    }

    /// Rows that are in quarantine still: those that were judged again left it, rejected ones came back.
    fn aside(&self) -> u64 {
        let left: u64 = self.replays.iter().map(|replay| replay.file.counts.rows_read).sum();
        let rejected: u64 = self.accounts().map(|account| account.file.counts.rejected).sum();
        rejected.saturating_sub(left)
    }
}

impl Pipeline {
    /// Proves that tables, quarantine, archive, indexes and marts are what the account says.
    ///
    /// The caller holds the project's lock.
    ///
    /// # Errors
    /// What keeps a check from being made at all: a disk that is away, models that do not compile.
    pub async fn verify(&self, proof: &dyn LakeProof) -> Result<Vec<Check>> {
        let models = shoplake_models::load(&self.project).map_err(crate::run::many)?;
        let evidence = self.evidence().await?;
        let catalog = &evidence.catalog;
        self.progress.stage("verifying batches", None);
        let mut checks = vec![self.batches(proof, &evidence).await?];
        self.progress.stage("verifying files", None);
        checks.push(readable("bytes", archive::bytes(self, proof, &evidence).await));
        checks.push(accounts::files(self, &evidence).await?);
        checks.push(accounts::tables(&evidence));
        checks.push(readable("quarantine", accounts::quarantine(self, &evidence).await));
        self.progress.stage("verifying tables", None);
        checks.push(readable("data_files", proof.data_files(catalog).await));
        checks.push(readable("keys", proof.keys(catalog).await));
        checks.push(readable("indexes", proof.indexes(catalog).await));
        self.progress.stage("verifying marts", None);
        checks.push(marts::fresh(self, &models, &evidence).await?);
        self.progress.done();
        Ok(checks)
    }

    /// Whether every batch is committed, and the state knows of it.
    async fn batches(&self, proof: &dyn LakeProof, evidence: &Evidence) -> Result<Check> {
        let mut check = proof.commits().await?;
        let last = evidence.manifests.last().map_or(0, |manifest| manifest.batch.0);
        let known = self.state.last_batch().await?.0;
        let hint = "`shoplake run` ends what a run that was cut off left; then verify again";
        check.equal("state", "last batch", &last, &known, hint);
        Ok(check)
    }

    async fn evidence(&self) -> Result<Evidence> {
        let catalog = self.tables.pinned().await?;
        let manifests = self.tables.manifests(BatchNumber(0)).await?;
        let mut records = self.state.files(Some(FileStatus::Loaded), u32::MAX).await?;
        records.reverse();
        let loads = loads(records, &manifests);
        Ok(Evidence { catalog, manifests, loads })
    }
}

/// The check, or a failed one where it met a file that cannot be read: damage must not hide the others.
fn readable(name: &str, check: Result<Check>) -> Check {
    check.unwrap_or_else(|fault| {
        let mut check = Check::new(name, "looked at");
        check.find(unreadable(name, &fault));
        check
    })
}

/// The finding for something that cannot be read.
fn unreadable(subject: &str, fault: &Fault) -> Finding {
    let hint = "put what is damaged back from a backup; the check `data_files` names files that have changed";
    Finding {
        subject: subject.to_owned(),
        figure: "what it looks at".into(),
        expected: "files that can be read".into(),
        found: fault.to_string(),
        hint: fault.hint.clone().unwrap_or_else(|| hint.to_owned()),
    }
}

/// The loads that the records tell of, in their order. A snapshot that came again is a load of its own.
fn loads(records: Vec<FileRecord>, manifests: &[Manifest]) -> Vec<Load> {
    let batch_of: BTreeMap<_, _> = manifests.iter().map(|m| (&m.summary.run_id, m.batch)).collect();
    let mut latest: BTreeMap<(String, String, Option<(String, u64)>), usize> = BTreeMap::new();
    let mut loads: Vec<Load> = Vec::new();
    for record in records {
        let batch = batch_of.get(&record.run_id).copied().unwrap_or(BatchNumber(0));
        let file = (record.dataset.clone(), record.file.key.clone(), record.page.clone());
        let inserted = (batch, record.file.counts.inserted);
        match latest.get(&file).map(|at| &mut loads[*at]).filter(|_| record.file.replayed) {
            Some(load) => {
                load.inserted.push(inserted);
                load.replays.push(record);
            }
            None => {
                latest.insert(file, loads.len());
                loads.push(Load { record, replays: Vec::new(), inserted: vec![inserted] });
            }
        }
    }
    loads
}

#[cfg(test)]
mod tests {
    use shoplake_core::outcome::FileOutcome;
    use shoplake_core::{Counts, RunId, Sha256};

    use super::*;

    fn record(run: &str, replayed: bool, [read, inserted, rejected]: [u64; 3]) -> FileRecord {
        FileRecord {
            dataset: "sales".into(),
            run_id: RunId(run.into()),
            at: chrono::Utc::now(),
            page: None,
            fingerprint: "print".into(),
            file: FileOutcome {
                path: "inbox/sales/a.csv".into(),
                key: "sales/3f2a/a.csv".into(),
                sha256: Sha256("3f2a".into()),
                size: 1,
                status: FileStatus::Loaded,
                replayed,
                error: None,
                offenders: None,
                warnings: Vec::new(),
                schema_changes: Vec::new(),
                counts: Counts {
                    rows_read: read,
                    inserted,
                    duplicate: read - inserted - rejected,
                    rejected,
                    ..Counts::default()
                },
            },
        }
    }

    /// Given a file of which rows came out of quarantine later, then they belong to its load; given a
    /// snapshot that came again, then each time counts.
    #[test]
    fn a_replay_belongs_to_its_load_and_a_return_counts_again() {
        let replayed = loads(vec![record("1", false, [10, 6, 4]), record("2", true, [3, 2, 1])], &[]);
        let inserted: Vec<u64> = replayed.iter().flat_map(|l| &l.inserted).map(|(_, rows)| *rows).collect();
        assert_eq!((replayed.len(), replayed[0].aside(), inserted), (1, 2, vec![6, 2]));
        let returned = loads(vec![record("1", false, [10, 8, 2]), record("2", false, [10, 0, 2])], &[]);
        let aside: u64 = returned.iter().map(Load::aside).sum();
        assert_eq!((returned.len(), aside), (2, 4));
    }
}
