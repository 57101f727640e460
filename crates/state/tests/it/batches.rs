//! Batches, cursors, pulls, and two writers at once.

use std::sync::Arc;

use shoplake_core::outcome::FileStatus;
use shoplake_core::ports::{StateStore, StepRecord};
use shoplake_core::{BatchNumber, RunId};
use shoplake_state::SqliteState;

use crate::{file, fresh, json, manifest, moment, record};

/// Given a batch noted twice, when read, then it is there once: files, cursor, number.
#[tokio::test]
async fn a_batch_counts_once() {
    let (_dir, state) = fresh().await;
    assert_eq!(state.last_batch().await.unwrap(), BatchNumber(0));
    let mut batch = manifest(7, "run-1", &["day-1.csv", "day-2.csv"]);
    batch.summary.files[1].page = Some(("pull-1".into(), 2));
    batch.summary.datasets[0].files.push(file("broken.csv", FileStatus::Failed));
    state.record_batch(&batch).await.unwrap();
    let once = json(&state.files(None, 99).await.unwrap());
    state.record_batch(&batch).await.unwrap();

    assert_eq!(json(&state.files(None, 99).await.unwrap()), once, "the second time changes nothing");
    assert_eq!(once.as_array().unwrap().len(), 2, "a file that was not loaded is no part of the batch");
    assert_eq!(state.last_batch().await.unwrap(), BatchNumber(7));
    assert_eq!(state.run_of(BatchNumber(7)).await.unwrap(), Some(RunId("run-1".into())));
    assert_eq!(state.run_of(BatchNumber(6)).await.unwrap(), None);
    assert_eq!(state.cursor("customers").await.unwrap(), Some(serde_json::json!({ "since": 7 })));
    let page = state.page("sales", "pull-1", 2).await.unwrap().unwrap();
    assert_eq!(json(&page.file), json(&batch.summary.datasets[0].files[1]));
    assert_eq!((page.fingerprint.as_str(), page.at), ("print-1", batch.summary.started_at));
}

/// Given batches that are noted out of order while the state is rebuilt, then the last batch's file and cursor stand.
#[tokio::test]
async fn the_order_of_batches_is_their_numbers() {
    let (_dir, state) = fresh().await;
    for (number, name) in [(2, "day-2.csv"), (3, "day-3.csv"), (1, "day-1.csv")] {
        state.record_batch(&manifest(number, &format!("run-{number}"), &["first.csv", name])).await.unwrap();
    }
    assert_eq!(state.last_loaded("sales").await.unwrap().unwrap().file.key, "sales/day-3.csv");
    assert_eq!(state.cursor("customers").await.unwrap(), Some(serde_json::json!({ "since": 3 })));
    assert_eq!(state.last_batch().await.unwrap(), BatchNumber(3));
    assert!(state.last_loaded("products").await.unwrap().is_none());
}

/// Given an unfinished pull, when kept, replaced and forgotten, then each answer is the latest.
#[tokio::test]
async fn pulls_are_kept_and_forgotten() {
    let state = SqliteState::open_in_memory().await.unwrap();
    assert_eq!(state.pull("customers").await.unwrap(), None);
    for page in [1, 2] {
        state.set_pull("customers", Some(&serde_json::json!({ "page": page }))).await.unwrap();
    }
    assert_eq!(state.pull("customers").await.unwrap(), Some(serde_json::json!({ "page": 2 })));
    state.set_pull("customers", None).await.unwrap();
    assert_eq!(state.pull("customers").await.unwrap(), None);
}

/// Given two handles that open one new file and write 200 rows each at once, then no write is refused or lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = Arc::new(dir.path().join("state.db"));
    let writers = ["left", "right"].map(|side| {
        let path = Arc::clone(&path);
        tokio::spawn(async move {
            let state = SqliteState::open(&path).await.unwrap();
            let run = RunId(side.into());
            state.begin_run(&run, moment("2026-11-23T08:00:00Z")).await.unwrap();
            for n in 0..100 {
                let step = StepRecord { name: "load".into(), seconds: f64::from(n), detail: String::new() };
                state.record_step(&run, &step).await.unwrap();
                state.record_file(&record(side, &format!("{n}.csv"), FileStatus::Failed)).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let state = SqliteState::open(&path).await.unwrap();
    assert_eq!(state.files(None, 999).await.unwrap().len(), 200);
    for side in ["left", "right"] {
        assert_eq!(state.steps(&RunId(side.into())).await.unwrap().len(), 100);
    }
}
