//! What the schedule knows and did.

use async_trait::async_trait;
use shoplake_core::schedule::ports::{Logged, Memory, ScheduleStore};
use shoplake_core::{Fault, FaultKind, Result, RunId};
use sqlx::Row;

use super::State;
use super::db::{DbRow, begin, within};
use super::fault::{OrFault, damaged};
use super::files::word;
use super::leadership::ROLE;
use super::runs::{moment, parse_moment};

const READ: &str = "read what the schedule did";
const NOTE: &str = "note what the schedule did";

/// Lines of the log that are kept: years of a daily run, days of one a minute.
const LOG_MAX: i64 = 10_000;

#[async_trait]
impl ScheduleStore for State {
    async fn recall(&self) -> Result<Option<Memory>> {
        within(async {
            let sql = "SELECT memory FROM schedule_memory";
            let text: Option<String> = sqlx::query_scalar(sql).fetch_optional(&self.reader).await.or_fault(READ)?;
            text.map(|text| serde_json::from_str(&text).or_fault(READ)).transpose()
        })
        .await
    }

    async fn keep(&self, term: u64, memory: &Memory, log: &[Logged]) -> Result<()> {
        within(async {
            let mut transaction = begin(&self.writer).await.or_fault(NOTE)?;
            let sql = "SELECT term FROM leaders WHERE role = $1";
            let leads: Option<i64> =
                sqlx::query_scalar(sql).bind(ROLE).fetch_optional(&mut *transaction).await.or_fault(NOTE)?;
            if leads != Some(term as i64) {
                return Err(Fault::new(FaultKind::Busy, "another instance leads the schedule now"));
            }
            let sql = "INSERT INTO schedule_memory (one, memory) VALUES (1, $1)
                       ON CONFLICT (one) DO UPDATE SET memory = excluded.memory";
            let json = serde_json::to_string(memory).or_fault(NOTE)?;
            sqlx::query(sql).bind(json).execute(&mut *transaction).await.or_fault(NOTE)?;
            for line in log {
                let sql =
                    "INSERT INTO schedule_log (at, due, event, count, run_id, note) VALUES ($1, $2, $3, $4, $5, $6)";
                let query = sqlx::query(sql).bind(moment(line.at)).bind(line.due.map(moment));
                let query = query.bind(word(&line.event, NOTE)?).bind(line.count as i64);
                let query = query.bind(line.run.as_ref().map(|run| &run.0)).bind(&line.note);
                query.execute(&mut *transaction).await.or_fault(NOTE)?;
            }
            if !log.is_empty() {
                let sql = "DELETE FROM schedule_log WHERE id <= (SELECT max(id) FROM schedule_log) - $1";
                sqlx::query(sql).bind(LOG_MAX).execute(&mut *transaction).await.or_fault(NOTE)?;
            }
            transaction.commit().await.or_fault(NOTE)
        })
        .await
    }

    async fn logged(&self, limit: u32) -> Result<Vec<Logged>> {
        within(async {
            let sql = "SELECT at, due, event, count, run_id, note FROM schedule_log ORDER BY id DESC LIMIT $1";
            let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&self.reader).await.or_fault(READ)?;
            rows.iter().map(line).collect()
        })
        .await
    }
}

fn line(row: &DbRow) -> Result<Logged> {
    let at: String = row.try_get("at").or_fault(READ)?;
    let due: Option<String> = row.try_get("due").or_fault(READ)?;
    let event: String = row.try_get("event").or_fault(READ)?;
    let count: i64 = row.try_get("count").or_fault(READ)?;
    let run: Option<String> = row.try_get("run_id").or_fault(READ)?;
    Ok(Logged {
        at: parse_moment(&at, READ)?,
        due: due.map(|due| parse_moment(&due, READ)).transpose()?,
        event: serde_json::from_value(event.into()).map_err(|error| damaged(READ).caused_by(error))?,
        count: count as u64,
        run: run.map(RunId),
        note: row.try_get("note").or_fault(READ)?,
    })
}
