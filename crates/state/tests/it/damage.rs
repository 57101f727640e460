//! Databases that cannot be used: newer ones, damaged ones.

use shoplake_core::FaultKind;
use shoplake_core::ports::StateStore;
use shoplake_state::SqliteState;
use sqlx::Connection;

use crate::{fresh, manifest};

/// Given a database of a newer Shoplake, when opened, then it is refused with what to do, and nothing is changed.
#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (dir, state) = fresh().await;
    drop(state);
    let path = dir.path().join(".shoplake/state.db");
    let mut raw = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (9, 'from the future', '2030-01-01', true, x'00', 0)")
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();

    let fault = SqliteState::open(&path).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Usage);
    assert!(fault.message.contains("schema 9"), "{fault}");
    assert!(fault.hint.unwrap().contains("update shoplake"));
}

/// Given a file that is no database, when opened, then the fault names it and says that deleting it is safe.
#[tokio::test]
async fn a_damaged_file_says_that_deleting_is_safe() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    fs_err::write(&path, "this is not a database, whatever its name says".repeat(100)).unwrap();
    let fault = SqliteState::open(&path).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable);
    assert!(fault.to_string().contains("state.db") && fault.message.contains("damaged"), "{fault}");
    assert!(fault.hint.unwrap().contains("safe"));
}

/// Given pages overwritten in the middle of the file, when read, then the same fault comes instead of wrong answers.
#[tokio::test]
async fn damage_inside_is_noticed() {
    let (dir, state) = fresh().await;
    let names: Vec<String> = (0..300).map(|n| format!("day-{n}.csv")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    state.record_batch(&manifest(1, "run-1", &names)).await.unwrap();
    let path = dir.path().join(".shoplake/state.db");
    drop(state);
    let mut raw = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    let mut bytes = fs_err::read(&path).unwrap();
    let length = bytes.len();
    bytes[8192..length].fill(0xA5);
    fs_err::write(&path, bytes).unwrap();

    let fault = match SqliteState::open(&path).await {
        Ok(state) => state.files(None, 999).await.unwrap_err(),
        Err(fault) => fault,
    };
    assert!(fault.hint.unwrap().contains("delete `.shoplake/state.db`"));
}
