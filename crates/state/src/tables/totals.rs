//! Sums over all runs and files.

use shoplake_core::ports::Totals;
use shoplake_core::{Counts, Result};
use sqlx::Row;

use super::db::Pool;
use super::fault::OrFault;
use super::files::{REASONS, from_word};

const READ: &str = "sum up the runs";

pub(super) async fn totals(pool: &Pool) -> Result<Totals> {
    let sql = "SELECT status, count(*) FROM runs WHERE outcome IS NOT NULL GROUP BY status ORDER BY status";
    let runs: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(pool).await.or_fault(READ)?;
    let sql = "SELECT name, count(*), sum(seconds) FROM steps GROUP BY name ORDER BY min(position), name";
    let stages: Vec<(String, i64, f64)> = sqlx::query_as(sql).fetch_all(pool).await.or_fault(READ)?;
    let sql = "SELECT dataset, status, count(*) FROM files WHERE NOT replayed
               GROUP BY dataset, status ORDER BY dataset, status";
    let files: Vec<(String, String, i64)> = sqlx::query_as(sql).fetch_all(pool).await.or_fault(READ)?;
    Ok(Totals {
        runs: runs.iter().map(|(word, runs)| Ok((from_word(word)?, *runs as u64))).collect::<Result<_>>()?,
        stages: stages.into_iter().map(|(name, count, seconds)| (name, count as u64, seconds)).collect(),
        files: files
            .into_iter()
            .map(|(dataset, word, files)| Ok((dataset, from_word(&word)?, files as u64)))
            .collect::<Result<_>>()?,
        rows: rows(pool).await?,
    })
}

/// The rows of loaded files: those that left quarantine are counted where they first were.
async fn rows(pool: &Pool) -> Result<Vec<(String, Counts)>> {
    let columns = ["rows_read", "inserted", "updated", "duplicate", "rejected", "orphans"];
    let columns = columns.into_iter().chain(REASONS.map(|(_, column)| column));
    let sums: Vec<String> = columns.map(|column| format!("CAST(sum({column}) AS BIGINT) AS {column}")).collect();
    let sums = sums.join(", ");
    let sql = format!(
        "SELECT dataset, {sums} FROM files WHERE batch IS NOT NULL AND NOT replayed GROUP BY dataset ORDER BY dataset"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.or_fault(READ)?;
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        let number = |column: &str| row.try_get::<i64, _>(column).or_fault(READ).map(|sum| sum as u64);
        let rejects = REASONS.iter().map(|(reason, column)| Ok((*reason, number(column)?)));
        let counts = Counts {
            rows_read: number("rows_read")?,
            inserted: number("inserted")?,
            updated: number("updated")?,
            duplicate: number("duplicate")?,
            rejected: number("rejected")?,
            orphans: number("orphans")?,
            rejects: rejects.collect::<Result<_>>()?,
        };
        known.push((row.try_get("dataset").or_fault(READ)?, counts));
    }
    Ok(known)
}
