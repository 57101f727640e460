//! The audit log: lines that each carry the hash of the one before.

use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};
use shoplake_core::Result;
use shoplake_core::access::AuditEntry;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use super::rows::moment;
use super::{OrFault, column};

const READ: &str = "read the audit log";
const WRITE: &str = "write the audit log";

pub(super) async fn append(pool: &SqlitePool, who: &str, what: &str, detail: &str) -> Result<()> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.or_fault(WRITE)?;
    let last = sqlx::query("SELECT * FROM audit ORDER BY number DESC LIMIT 1");
    let last = last.fetch_optional(&mut *transaction).await.or_fault(WRITE)?.as_ref().map(entry).transpose()?;
    let (number, before) = last.map_or((1, String::new()), |last| (last.number + 1, last.hash));
    let at = Utc::now().trunc_subsecs(6);
    let hash = hash(&before, number, at, who, what, detail);
    sqlx::query("INSERT INTO audit (number, at, who, what, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(number as i64)
        .bind(at.timestamp_micros())
        .bind(who)
        .bind(what)
        .bind(detail)
        .bind(hash)
        .execute(&mut *transaction)
        .await
        .or_fault(WRITE)?;
    transaction.commit().await.or_fault(WRITE)
}

pub(super) async fn latest(pool: &SqlitePool, limit: u32) -> Result<Vec<AuditEntry>> {
    let query = sqlx::query("SELECT * FROM audit ORDER BY number DESC LIMIT ?1").bind(limit);
    query.fetch_all(pool).await.or_fault(READ)?.iter().map(entry).collect()
}

pub(super) async fn first_break(pool: &SqlitePool) -> Result<Option<u64>> {
    let lines = sqlx::query("SELECT * FROM audit ORDER BY number").fetch_all(pool).await.or_fault(READ)?;
    let mut before = String::new();
    for (row, expected) in lines.iter().zip(1..) {
        let line = entry(row)?;
        let right = hash(&before, line.number, line.at, &line.who, &line.what, &line.detail);
        if line.number != expected || line.hash != right {
            return Ok(Some(expected));
        }
        before = line.hash;
    }
    Ok(None)
}

fn entry(row: &SqliteRow) -> Result<AuditEntry> {
    Ok(AuditEntry {
        number: column::<i64>(row, "number")?.unsigned_abs(),
        at: moment(column(row, "at")?)?,
        who: column(row, "who")?,
        what: column(row, "what")?,
        detail: column(row, "detail")?,
        hash: column(row, "hash")?,
    })
}

fn hash(before: &str, number: u64, at: DateTime<Utc>, who: &str, what: &str, detail: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [before, &number.to_string(), &at.timestamp_micros().to_string(), who, what, detail] {
        // With its length in front, so that no two lists of parts are the same bytes.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
