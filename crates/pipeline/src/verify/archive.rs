//! The bytes that landed are the bytes that lie there: every archived file, and every file that waits
//! in landing, is hashed again.

use std::collections::BTreeSet;

use shoplake_core::Result;
use shoplake_core::ports::LakeProof;
use shoplake_core::proof::{Check, Finding};

use super::Evidence;
use crate::Pipeline;

const CHANGED: &str = "somebody changed it: put it back from a backup; its rows in the tables are as they were loaded";

/// Hashes what is archived and what waits in landing.
pub(super) async fn bytes(pipeline: &Pipeline, proof: &dyn LakeProof, evidence: &Evidence) -> Result<Check> {
    let mut check = Check::new("bytes", "files");
    let mut seen = BTreeSet::new();
    let loaded = evidence.loads.iter().map(|load| &load.record.file).map(|f| (&f.key, f.size, &f.sha256));
    let corrections = evidence.manifests.iter().flat_map(|manifest| &manifest.summary.corrections);
    let corrections = corrections.map(|c| (&c.file.key, c.file.size, &c.file.sha256));
    for (key, known_size, known_sha256) in loaded.chain(corrections) {
        if !seen.insert(key) {
            continue;
        }
        check.checked += 1;
        let subject = format!("archive/{key}");
        match proof.archived_bytes(key).await? {
            Some((sha256, size)) => {
                check.equal(&subject, "bytes", &known_size, &size, CHANGED);
                check.equal(&subject, "sha256", known_sha256, &sha256, CHANGED);
            }
            None => check.find(Finding {
                subject,
                figure: "archived file".into(),
                expected: "there".into(),
                found: "missing".into(),
                hint: "put it back from a backup; its rows are in the tables, but cannot be loaded again".into(),
            }),
        }
    }
    for dataset in &pipeline.project.datasets {
        for file in pipeline.landing.waiting(&dataset.contract.dataset)? {
            check.checked += 1;
            // A landed file's folder is the beginning of its hash; a page is known by its pull.
            let named = file.key.split('/').nth(1).unwrap_or_default();
            if file.page.is_none() && named != file.sha256.short() {
                let hint = "somebody changed it: remove it there and drop the true file in the inbox";
                check.equal(&format!("landing/{}", file.key), "sha256", &named, &file.sha256.short(), hint);
            }
        }
    }
    Ok(check)
}
