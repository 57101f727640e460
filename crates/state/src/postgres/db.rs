//! What the tables are read and written through, here PostgreSQL.

use std::time::Duration;

use shoplake_core::{Fault, Result};
pub(super) use sqlx::PgConnection as Connection;
pub(super) use sqlx::PgPool as Pool;
pub(super) use sqlx::postgres::PgRow as DbRow;

/// A server that is there has answered by then: who waits for a lock is told after half of it.
const ANSWER: Duration = Duration::from_mins(1);
/// The same for a batch of very many files, of which each is asked for by itself.
const ANSWER_LONG: Duration = Duration::from_hours(1);

/// Waits for what is asked of the server. A machine that lost its power after it took the question never says so: TCP
/// alone would wait for ever.
///
/// # Errors
/// The work's own; `Unavailable` where it takes too long, as for a connection that is lost.
pub(super) async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    within_time(ANSWER, work).await
}

/// The same for much that is asked at once.
pub(super) async fn within_long<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    within_time(ANSWER_LONG, work).await
}

/// Waits no longer than that.
pub(super) async fn within_time<T>(longest: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(longest, work).await.unwrap_or_else(|_| {
        let fault = Fault::unavailable(format!("the state database has not answered for {} s", longest.as_secs()));
        Err(fault.hint("look whether its server runs, and whether the network reaches it"))
    })
}

/// Begins a transaction that writes, after all that others have begun.
pub(super) async fn begin(pool: &Pool) -> sqlx::Result<sqlx::PgTransaction<'static>> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}
