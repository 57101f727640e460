//! Runs and their steps.

use chrono::{DateTime, SecondsFormat, Utc};
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{RunRecord, StepRecord};
use shoplake_core::{Result, RunId};
use sqlx::Row;

use super::db::{self, Connection, DbRow, Pool};
use super::fault::{OrFault, damaged};
use super::files::word;

const READ: &str = "read the runs";
/// The status of a run that is over and has no outcome.
const UNFINISHED: &str = "unfinished";

/// A moment as the tables keep it.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A moment as the tables keep it, read back.
pub(super) fn parse_moment(text: &str, doing: &str) -> Result<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text).map_err(|error| damaged(doing).caused_by(error))?;
    Ok(parsed.with_timezone(&Utc))
}

/// Makes sure that a run is known, whatever the state has forgotten of it.
pub(super) async fn ensure(connection: &mut Connection, run: &RunId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO runs (run_id, started_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(&run.0)
        .bind(moment(at))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn begin(pool: &Pool, run: &RunId, started_at: DateTime<Utc>) -> Result<()> {
    let doing = "note the run in the state";
    let mut transaction = db::begin(pool).await.or_fault(doing)?;
    let sql = "UPDATE runs SET status = $1 WHERE outcome IS NULL AND run_id <> $2";
    sqlx::query(sql).bind(UNFINISHED).bind(&run.0).execute(&mut *transaction).await.or_fault(doing)?;
    // A run that publishes what a plan has kept goes by the plan's name, and begins again.
    let sql = "INSERT INTO runs (run_id, started_at) VALUES ($1, $2)
               ON CONFLICT (run_id) DO UPDATE SET status = NULL WHERE runs.outcome IS NULL";
    sqlx::query(sql).bind(&run.0).bind(moment(started_at)).execute(&mut *transaction).await.or_fault(doing)?;
    transaction.commit().await.or_fault(doing)
}

pub(super) async fn leave(pool: &Pool, run: &RunId) -> Result<()> {
    let sql = "UPDATE runs SET status = $1 WHERE outcome IS NULL AND run_id = $2";
    let query = sqlx::query(sql).bind(UNFINISHED).bind(&run.0);
    query.execute(pool).await.or_fault("note that the run is over")?;
    Ok(())
}

pub(super) async fn record_step(pool: &Pool, run: &RunId, step: &StepRecord) -> Result<()> {
    let sql = "INSERT INTO steps (run_id, position, name, seconds, detail)
               VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM steps WHERE run_id = $1), $2, $3, $4)";
    let query = sqlx::query(sql).bind(&run.0).bind(&step.name).bind(step.seconds).bind(&step.detail);
    query.execute(pool).await.or_fault("note a step in the state")?;
    Ok(())
}

pub(super) async fn finish(pool: &Pool, outcome: &RunOutcome) -> Result<()> {
    let doing = "note the run's outcome in the state";
    let json = serde_json::to_string(outcome).or_fault(doing)?;
    let sql = "INSERT INTO runs (run_id, started_at, status, outcome) VALUES ($1, $2, $3, $4)
               ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, outcome = excluded.outcome";
    let query = sqlx::query(sql).bind(&outcome.run_id.0).bind(moment(outcome.started_at));
    query.bind(word(&outcome.status, doing)?).bind(json).execute(pool).await.or_fault(doing)?;
    Ok(())
}

pub(super) async fn latest(pool: &Pool, limit: u32) -> Result<Vec<RunRecord>> {
    let sql = "SELECT run_id, started_at, status, outcome FROM runs ORDER BY started_at DESC, run_id DESC LIMIT $1";
    read(pool, sql, limit).await
}

pub(super) async fn ended(pool: &Pool, limit: u32) -> Result<Vec<RunRecord>> {
    let sql = "SELECT run_id, started_at, status, outcome FROM runs WHERE outcome IS NOT NULL
               ORDER BY started_at DESC, run_id DESC LIMIT $1";
    read(pool, sql, limit).await
}

async fn read(pool: &Pool, sql: &'static str, limit: u32) -> Result<Vec<RunRecord>> {
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(pool).await.or_fault(READ)?;
    rows.iter().map(run_record).collect()
}

pub(super) async fn steps(pool: &Pool, run: &RunId) -> Result<Vec<StepRecord>> {
    let sql = "SELECT name, seconds, detail FROM steps WHERE run_id = $1 ORDER BY position";
    let rows = sqlx::query_as(sql).bind(&run.0).fetch_all(pool).await.or_fault("read the steps of a run")?;
    Ok(rows.into_iter().map(|(name, seconds, detail)| StepRecord { name, seconds, detail }).collect())
}

fn run_record(row: &DbRow) -> Result<RunRecord> {
    let started_at: String = row.try_get("started_at").or_fault(READ)?;
    let status: Option<String> = row.try_get("status").or_fault(READ)?;
    let outcome: Option<String> = row.try_get("outcome").or_fault(READ)?;
    Ok(RunRecord {
        run_id: RunId(row.try_get("run_id").or_fault(READ)?),
        started_at: parse_moment(&started_at, READ)?,
        unfinished: outcome.is_none() && status.as_deref() == Some(UNFINISHED),
        outcome: outcome.map(|json| serde_json::from_str(&json).or_fault(READ)).transpose()?,
    })
}
