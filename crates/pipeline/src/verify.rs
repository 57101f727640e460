//! Proof of what the lake says: everything is read again and held against what was recorded.
//!
//! What the lake can prove of itself stands behind [`LakeProof`]; what takes the account of files, the
//! archive or SQL is here, one file a check. Nothing is changed, and what does not hold is a finding.

mod accounts;
mod archive;
mod marts;
mod replay;
mod rows;

use std::collections::HashMap;

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
    /// The account of every file that was loaded, the oldest first.
    loads: Vec<Load>,
}

/// The account of one load of a file, or of rows of it that left quarantine later.
#[derive(Debug)]
struct Load {
    /// The batch that it was part of.
    batch: BatchNumber,
    /// What became of it.
    record: FileRecord,
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
        if self.project.remote.is_some() {
            // Other machines publish too: this one's memory of their batches is no finding.
            self.catch_up().await?;
        }
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
        let batch_of: HashMap<_, _> = manifests.iter().map(|m| (&m.summary.run_id, m.batch)).collect();
        let mut loads = Vec::new();
        for record in self.state.files(Some(FileStatus::Loaded), u32::MAX).await?.into_iter().rev() {
            let batch = batch_of.get(&record.run_id).copied().unwrap_or(BatchNumber(0));
            loads.push(Load { batch, record });
        }
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
