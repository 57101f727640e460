//! What runs and queries used.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::cost::{REMEMBERED, Usage, UsageStore};
use shoplake_core::{Result, RunId};
use sqlx::Row;

use super::State;
use super::db::{DbRow, within};
use super::fault::OrFault;
use super::runs::{moment, parse_moment};

const READ: &str = "read what was used";
const NOTE: &str = "note what was used";

#[async_trait]
impl UsageStore for State {
    async fn record(&self, usage: &Usage) -> Result<i64> {
        within(async {
            let sql = "INSERT INTO usage (at, run_id, seconds, memory, scanned, reads, writes, stored)
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
            let query = sqlx::query_scalar(sql).bind(moment(usage.at)).bind(usage.run.as_ref().map(|run| &run.0));
            let query = query.bind(usage.seconds).bind(usage.memory as i64).bind(usage.scanned as i64);
            let query = query.bind(usage.reads as i64).bind(usage.writes as i64);
            let query = query.bind(usage.stored.map(|bytes| bytes as i64));
            let note: i64 = query.fetch_one(&self.writer).await.or_fault(NOTE)?;
            let sql = "DELETE FROM usage WHERE at < $1 AND id <> coalesce(
                           (SELECT max(id) FROM usage WHERE at < $1 AND stored IS NOT NULL), 0)";
            sqlx::query(sql).bind(moment(usage.at - REMEMBERED)).execute(&self.writer).await.or_fault(NOTE)?;
            Ok(note)
        })
        .await
    }

    async fn record_again(&self, note: i64, usage: &Usage) -> Result<i64> {
        within(async {
            let sql = "UPDATE usage SET at = $1, run_id = $2, seconds = $3, scanned = $4, reads = $5, writes = $6,
                       stored = $7 WHERE id = $8";
            let query = sqlx::query(sql).bind(moment(usage.at)).bind(usage.run.as_ref().map(|run| &run.0));
            let query = query.bind(usage.seconds).bind(usage.scanned as i64).bind(usage.reads as i64);
            let query = query.bind(usage.writes as i64).bind(usage.stored.map(|bytes| bytes as i64)).bind(note);
            let written = query.execute(&self.writer).await.or_fault(NOTE)?;
            if written.rows_affected() == 0 { self.record(usage).await } else { Ok(note) }
        })
        .await
    }

    async fn used(&self, since: DateTime<Utc>) -> Result<Vec<Usage>> {
        within(async {
            let sql = "SELECT * FROM usage WHERE at >= $1 OR id = (
                           SELECT max(id) FROM usage WHERE at < $1 AND stored IS NOT NULL) ORDER BY at, id";
            let rows = sqlx::query(sql).bind(moment(since)).fetch_all(&self.reader).await.or_fault(READ)?;
            rows.iter().map(usage).collect()
        })
        .await
    }

    async fn query_seconds(&self, since: DateTime<Utc>) -> Result<Vec<f64>> {
        within(async {
            let sql = "SELECT seconds FROM usage WHERE at >= $1 AND run_id IS NULL AND memory > 0";
            sqlx::query_scalar(sql).bind(moment(since)).fetch_all(&self.reader).await.or_fault(READ)
        })
        .await
    }
}

fn usage(row: &DbRow) -> Result<Usage> {
    let count = |column: &str| -> Result<u64> { Ok(row.try_get::<i64, _>(column).or_fault(READ)? as u64) };
    let at: String = row.try_get("at").or_fault(READ)?;
    let run: Option<String> = row.try_get("run_id").or_fault(READ)?;
    let stored: Option<i64> = row.try_get("stored").or_fault(READ)?;
    Ok(Usage {
        at: parse_moment(&at, READ)?,
        run: run.map(RunId),
        seconds: row.try_get("seconds").or_fault(READ)?,
        memory: count("memory")?,
        scanned: count("scanned")?,
        reads: count("reads")?,
        writes: count("writes")?,
        stored: stored.map(|bytes| bytes as u64),
    })
}
