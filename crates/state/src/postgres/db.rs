//! What the tables are read and written through, here PostgreSQL.

pub(super) use sqlx::PgConnection as Connection;
pub(super) use sqlx::PgPool as Pool;
pub(super) use sqlx::postgres::PgRow as DbRow;

/// Begins a transaction that writes, after all that others have begun.
pub(super) async fn begin(pool: &Pool) -> sqlx::Result<sqlx::PgTransaction<'static>> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}
