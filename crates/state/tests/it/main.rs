//! The state on real database files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may panic

mod access;
mod batches;
mod damage;
mod files;
mod postgres;
mod runs;
mod schedule;
mod usage;

use chrono::{DateTime, Utc};
use shoplake_core::outcome::{DatasetOutcome, FileOutcome, FileStatus};
use shoplake_core::ports::{BatchSummary, FileRecord, Manifest};
use shoplake_core::{BatchNumber, Counts, LandedFile, Reason, RunId, Sha256};
use shoplake_state::SqliteState;

/// A state in a folder of its own; the folder is gone with the value.
async fn fresh() -> (tempfile::TempDir, SqliteState) {
    let dir = tempfile::tempdir().unwrap();
    let state = SqliteState::open(&dir.path().join(".shoplake/state.db")).await.unwrap();
    (dir, state)
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A file of 10 rows, one of them rejected where it is loaded.
fn file(name: &str, status: FileStatus) -> FileOutcome {
    let counts = match status {
        FileStatus::Loaded => Counts {
            rows_read: 10,
            inserted: 6,
            updated: 2,
            duplicate: 1,
            rejected: 1,
            orphans: 3,
            rejects: [(Reason::Range, 1)].into(),
        },
        _ => Counts::default(),
    };
    FileOutcome {
        path: format!("inbox/sales/{name}"),
        key: format!("sales/{name}"),
        sha256: Sha256(format!("sha-of-{name}")),
        size: 1234,
        status,
        replayed: false,
        error: None,
        offenders: None,
        warnings: Vec::new(),
        schema_changes: Vec::new(),
        counts,
    }
}

fn record(run: &str, name: &str, status: FileStatus) -> FileRecord {
    FileRecord {
        dataset: "sales".into(),
        run_id: RunId(run.into()),
        at: moment("2026-11-23T08:00:00.123456Z"),
        page: None,
        fingerprint: "print-1".into(),
        file: file(name, status),
    }
}

/// A published batch that loaded these sales files, the cursor of `customers` at its own number.
fn manifest(batch: u64, run: &str, names: &[&str]) -> Manifest {
    let files: Vec<_> = names.iter().map(|name| file(name, FileStatus::Loaded)).collect();
    let landed = files.iter().map(|file| LandedFile {
        dataset: "sales".into(),
        key: file.key.clone(),
        name: file.key.clone(),
        origin: file.path.clone(),
        sha256: file.sha256.clone(),
        size: file.size,
        path: "/nowhere".into(),
        page: None,
    });
    Manifest {
        batch: BatchNumber(batch),
        summary: BatchSummary {
            run_id: RunId(run.into()),
            started_at: moment("2026-11-23T08:00:00.5Z"),
            files: landed.collect(),
            published_at: None,
            datasets: vec![DatasetOutcome {
                dataset: "sales".into(),
                files,
                counts: Counts::default(),
                top_cause: None,
                seconds: 0.0,
            }],
            cursors: vec![("customers".into(), serde_json::json!({ "since": batch }))],
            fingerprints: vec![("sales".into(), "print-1".into())],
            corrections: Vec::new(),
            restored: Vec::new(),
            views: std::collections::BTreeMap::new(),
        },
    }
}

/// What a record says, comparable.
fn json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}
