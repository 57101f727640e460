//! What the tables are read and written through, here SQLite.

use shoplake_core::Result;
pub(super) use sqlx::SqliteConnection as Connection;
pub(super) use sqlx::SqlitePool as Pool;
pub(super) use sqlx::sqlite::SqliteRow as DbRow;

/// Waits for what is asked of a file, which always answers.
pub(super) async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    work.await
}

/// The same for much that is asked at once.
pub(super) async fn within_long<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    work.await
}

/// Begins a transaction that writes, after all that others have begun.
pub(super) async fn begin(pool: &Pool) -> sqlx::Result<sqlx::SqliteTransaction<'static>> {
    pool.begin_with("BEGIN IMMEDIATE").await
}
