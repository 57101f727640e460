//! Files by bytes, by page, by status.

use shoplake_core::counts::Reason;
use shoplake_core::judged::Violation;
use shoplake_core::outcome::{FileStatus, Offender, Offenders};
use shoplake_core::ports::{FileRecord, StateStore, StepRecord, Totals};
use shoplake_core::{RunId, Sha256};

use crate::{fresh, json, manifest, moment, record};

/// Given a failed file with its offenders, when read back, then nothing of it is lost.
#[tokio::test]
async fn a_failed_file_keeps_its_reasons() {
    let (_dir, state) = fresh().await;
    let mut failed = record("run-1", "day-1.csv", FileStatus::Failed);
    failed.page = Some(("pull-7".into(), 3));
    failed.file.error = Some("no header matches".into());
    failed.file.warnings = vec!["a column is new: `colour`".into()];
    let violation =
        Violation { reason: Reason::Missing, rule: "required".into(), column: Some("amount".into()), value: None };
    failed.file.offenders = Some(Offenders {
        rows_read: 120,
        rejects: [(Reason::Missing, 100)].into(),
        first: vec![Offender { line: 2, violation }],
    });
    state.record_file(&failed).await.unwrap();

    let by_bytes = state.file("sales", &failed.file.sha256).await.unwrap().unwrap();
    let by_page = state.page("sales", "pull-7", 3).await.unwrap().unwrap();
    assert_eq!(json(&by_bytes), json(&failed));
    assert_eq!(json(&by_page), json(&failed));
    assert!(state.page("sales", "pull-7", 4).await.unwrap().is_none());
    assert!(state.file("customers", &failed.file.sha256).await.unwrap().is_none(), "another dataset's bytes");
    assert!(state.file("sales", &Sha256("unseen".into())).await.unwrap().is_none());
}

/// Given a file that was held and later loaded, when asked for its bytes, then the later answer counts.
#[tokio::test]
async fn the_latest_record_answers() {
    let (_dir, state) = fresh().await;
    state.record_file(&record("run-1", "day-1.csv", FileStatus::Held)).await.unwrap();
    state.record_batch(&manifest(1, "run-2", &["day-1.csv"])).await.unwrap();
    let found = state.file("sales", &Sha256("sha-of-day-1.csv".into())).await.unwrap().unwrap();
    assert_eq!((found.file.status, found.run_id.0.as_str()), (FileStatus::Loaded, "run-2"));
}

/// Given files that were refused or held, when one of them is loaded later, then only the others wait
/// for somebody; and files whose shape had changed are found again.
#[tokio::test]
async fn waiting_files_and_schema_changes() {
    let (_dir, state) = fresh().await;
    for (name, status) in [("a.csv", FileStatus::Failed), ("b.csv", FileStatus::Held), ("c.csv", FileStatus::Failed)] {
        state.record_file(&record("run-1", name, status)).await.unwrap();
    }
    let mut loaded = record("run-2", "a.csv", FileStatus::Loaded);
    loaded.file.schema_changes = vec!["column `x` is new".to_owned()];
    state.record_file(&loaded).await.unwrap();
    state.record_file(&record("run-2", "c.csv", FileStatus::Failed)).await.unwrap();
    let keys = |records: Vec<FileRecord>| records.into_iter().map(|r| r.file.key).collect::<Vec<_>>();
    assert_eq!(keys(state.waiting(9).await.unwrap()), ["sales/c.csv", "sales/b.csv"]);
    let changed = state.schema_changes(9).await.unwrap();
    assert_eq!(changed[0].file, loaded.file);
    assert_eq!(changed.len(), 1);
}

/// Given files of three statuses, when listed, then the newest come first and the status selects.
#[tokio::test]
async fn files_by_status() {
    let (_dir, state) = fresh().await;
    state.record_file(&record("run-1", "a.csv", FileStatus::Failed)).await.unwrap();
    state.record_file(&record("run-1", "b.csv", FileStatus::Held)).await.unwrap();
    state.record_batch(&manifest(1, "run-2", &["c.csv", "d.csv"])).await.unwrap();
    let names = async |status, limit| -> Vec<String> {
        state.files(status, limit).await.unwrap().into_iter().map(|record| record.file.key).collect()
    };
    assert_eq!(names(None, 3).await, ["sales/d.csv", "sales/c.csv", "sales/b.csv"]);
    assert_eq!(names(Some(FileStatus::Failed), 9).await, ["sales/a.csv"]);
    assert!(names(Some(FileStatus::AlreadyLoaded), 9).await.is_empty());
}

/// Given runs, stages and files, when they are summed up, then each counts once, and a file that was judged again
/// counts where it was loaded.
#[tokio::test]
async fn sums() {
    let (_dir, state) = fresh().await;
    assert_eq!(state.totals().await.unwrap(), Totals::default());
    let run = RunId("run-1".into());
    state.begin_run(&run, moment("2026-11-23T08:00:00Z")).await.unwrap();
    for seconds in [0.5, 0.25] {
        let step = StepRecord { name: "load".into(), seconds, detail: String::new() };
        state.record_step(&run, &step).await.unwrap();
    }
    state.record_batch(&manifest(1, "run-1", &["a.csv", "b.csv"])).await.unwrap();
    state.record_file(&record("run-1", "bad.csv", FileStatus::Failed)).await.unwrap();
    let totals = state.totals().await.unwrap();
    assert_eq!(totals.runs, [], "it has not ended");
    assert_eq!(totals.stages, [("load".to_owned(), 2, 0.75)]);
    let files = [("sales".to_owned(), FileStatus::Failed, 1), ("sales".to_owned(), FileStatus::Loaded, 2)];
    assert_eq!(totals.files, files);
    let [(dataset, rows)] = &totals.rows[..] else { panic!("{totals:?}") };
    assert_eq!((dataset.as_str(), rows.rows_read, rows.inserted, rows.orphans), ("sales", 20, 12, 6));
    assert!(rows.identity_holds() && rows.rejects[&shoplake_core::Reason::Range] == 2, "{rows:?}");
}
