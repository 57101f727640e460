//! What the tables are read and written through, here SQLite.

pub(super) use sqlx::SqliteConnection as Connection;
pub(super) use sqlx::SqlitePool as Pool;
pub(super) use sqlx::sqlite::SqliteRow as DbRow;

/// Begins a transaction that writes, after all that others have begun.
pub(super) async fn begin(pool: &Pool) -> sqlx::Result<sqlx::SqliteTransaction<'static>> {
    pool.begin_with("BEGIN IMMEDIATE").await
}
