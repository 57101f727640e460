//! Where alerts stand, and messages on their way.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::alert::{AlertBook, AlertStore, CLAIM, Outgoing};
use shoplake_core::{Fault, FaultKind, Result};
use sqlx::Row;

use super::State;
use super::db::{DbRow, begin, within};
use super::fault::OrFault;
use super::runs::{moment, parse_moment};

const READ: &str = "read the alerts";
const NOTE: &str = "note the alerts";

/// Messages that are kept once they are delivered or given up.
const KEPT: i64 = 10_000;

#[async_trait]
impl AlertStore for State {
    async fn book(&self) -> Result<AlertBook> {
        within(async {
            let sql = "SELECT book FROM alert_book";
            let text: Option<String> = sqlx::query_scalar(sql).fetch_optional(&self.reader).await.or_fault(READ)?;
            text.map_or_else(|| Ok(AlertBook::default()), |text| serde_json::from_str(&text).or_fault(READ))
        })
        .await
    }

    async fn keep(&self, book: &AlertBook, messages: &[Outgoing]) -> Result<()> {
        within(async {
            let mut transaction = begin(&self.writer).await.or_fault(NOTE)?;
            let sql = "SELECT coalesce(max(version), 0) FROM alert_book";
            let version: i64 = sqlx::query_scalar(sql).fetch_one(&mut *transaction).await.or_fault(NOTE)?;
            if version as u64 != book.version {
                return Err(Fault::new(FaultKind::Busy, "somebody else judged the alerts at the same time"));
            }
            let sql = "INSERT INTO alert_book (one, version, book) VALUES (1, $1, $2)
                       ON CONFLICT (one) DO UPDATE SET version = excluded.version, book = excluded.book";
            let json =
                serde_json::to_string(&AlertBook { version: book.version + 1, ..book.clone() }).or_fault(NOTE)?;
            sqlx::query(sql).bind(version + 1).bind(json).execute(&mut *transaction).await.or_fault(NOTE)?;
            for message in messages {
                let sql =
                    "INSERT INTO alert_messages (key, outgoing, next_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
                let json = serde_json::to_string(message).or_fault(NOTE)?;
                let query = sqlx::query(sql).bind(&message.key).bind(json).bind(moment(message.next_at));
                query.execute(&mut *transaction).await.or_fault(NOTE)?;
            }
            if !messages.is_empty() {
                let sql = "DELETE FROM alert_messages
                           WHERE next_at IS NULL AND id <= (SELECT max(id) FROM alert_messages) - $1";
                sqlx::query(sql).bind(KEPT).execute(&mut *transaction).await.or_fault(NOTE)?;
            }
            transaction.commit().await.or_fault(NOTE)
        })
        .await
    }

    async fn claim(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Outgoing>> {
        within(async {
            let sql = "UPDATE alert_messages SET next_at = $3 WHERE next_at <= $1 AND id IN (
                           SELECT id FROM alert_messages WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2)
                       RETURNING *";
            let query = sqlx::query(sql).bind(moment(now)).bind(i64::from(limit)).bind(moment(now + CLAIM));
            let rows = query.fetch_all(&self.writer).await.or_fault(READ)?;
            let mut claimed = rows.iter().map(outgoing).collect::<Result<Vec<_>>>()?;
            claimed.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
            Ok(claimed)
        })
        .await
    }

    async fn delivered(&self, key: &str, at: DateTime<Utc>) -> Result<()> {
        within(async {
            let sql = "UPDATE alert_messages
                       SET attempts = attempts + 1, next_at = NULL, trouble = NULL, delivered_at = $2 WHERE key = $1";
            sqlx::query(sql).bind(key).bind(moment(at)).execute(&self.writer).await.or_fault(NOTE)?;
            Ok(())
        })
        .await
    }

    async fn undelivered(&self, key: &str, trouble: &str, next_at: Option<DateTime<Utc>>) -> Result<()> {
        within(async {
            let sql = "UPDATE alert_messages SET attempts = attempts + 1, next_at = $3, trouble = $2 WHERE key = $1";
            // PostgreSQL takes no NUL in a text, and what a receiver answered may have one.
            let trouble = trouble.replace('\0', "\u{fffd}");
            let query = sqlx::query(sql).bind(key).bind(trouble).bind(next_at.map(moment));
            query.execute(&self.writer).await.or_fault(NOTE)?;
            Ok(())
        })
        .await
    }

    async fn messages(&self, limit: u32) -> Result<Vec<(Outgoing, Option<DateTime<Utc>>)>> {
        within(async {
            let sql = "SELECT * FROM alert_messages ORDER BY id DESC LIMIT $1";
            let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&self.reader).await.or_fault(READ)?;
            let message = |row: &DbRow| {
                let delivered: Option<String> = row.try_get("delivered_at").or_fault(READ)?;
                Ok((outgoing(row)?, delivered.map(|at| parse_moment(&at, READ)).transpose()?))
            };
            rows.iter().map(message).collect()
        })
        .await
    }
}

fn outgoing(row: &DbRow) -> Result<Outgoing> {
    let json: String = row.try_get("outgoing").or_fault(READ)?;
    let attempts: i64 = row.try_get("attempts").or_fault(READ)?;
    let next_at: Option<String> = row.try_get("next_at").or_fault(READ)?;
    let written: Outgoing = serde_json::from_str(&json).or_fault(READ)?;
    let next_at = next_at.map_or(Ok(written.next_at), |at| parse_moment(&at, READ))?;
    Ok(Outgoing { attempts: attempts as u32, next_at, trouble: row.try_get("trouble").or_fault(READ)?, ..written })
}
