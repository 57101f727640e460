//! What became of each file, by bytes, by API page, by status.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shoplake_core::outcome::{FileOutcome, FileStatus};
use shoplake_core::ports::FileRecord;
use shoplake_core::{Counts, Reason, Result, RunId, Sha256};
use sqlx::Row;

use super::db::{Connection, DbRow, Pool, begin};
use super::fault::{OrFault, damaged};
use super::runs::{self, moment, parse_moment};

const READ: &str = "read the files";
const NOTE: &str = "note a file in the state";

/// The columns of the reasons, in the order of [`Reason`].
pub(super) const REASONS: [(Reason, &str); 4] = [
    (Reason::Malformed, "rejected_malformed"),
    (Reason::Missing, "rejected_missing"),
    (Reason::Range, "rejected_range"),
    (Reason::Contract, "rejected_contract"),
];

pub(super) async fn by_bytes(pool: &Pool, dataset: &str, sha256: &Sha256) -> Result<Option<FileRecord>> {
    let sql = "SELECT * FROM files WHERE dataset = $1 AND sha256 = $2 ORDER BY id DESC LIMIT 1";
    let row = sqlx::query(sql).bind(dataset).bind(&sha256.0).fetch_optional(pool).await.or_fault(READ)?;
    row.as_ref().map(file_record).transpose()
}

pub(super) async fn by_page(pool: &Pool, dataset: &str, pull: &str, page: u64) -> Result<Option<FileRecord>> {
    let sql = "SELECT * FROM files WHERE dataset = $1 AND pull = $2 AND page = $3 ORDER BY id DESC LIMIT 1";
    let query = sqlx::query(sql).bind(dataset).bind(pull).bind(page as i64);
    let row = query.fetch_optional(pool).await.or_fault(READ)?;
    row.as_ref().map(file_record).transpose()
}

pub(super) async fn last_loaded(pool: &Pool, dataset: &str) -> Result<Option<FileRecord>> {
    let sql = "SELECT * FROM files WHERE dataset = $1 AND batch IS NOT NULL AND NOT replayed ORDER BY batch DESC, position DESC LIMIT 1";
    let row = sqlx::query(sql).bind(dataset).fetch_optional(pool).await.or_fault(READ)?;
    row.as_ref().map(file_record).transpose()
}

pub(super) async fn latest(pool: &Pool, status: Option<FileStatus>, limit: u32) -> Result<Vec<FileRecord>> {
    let query = match status {
        Some(status) => sqlx::query("SELECT * FROM files WHERE status = $2 ORDER BY id DESC LIMIT $1")
            .bind(i64::from(limit))
            .bind(word(&status, READ)?),
        None => sqlx::query("SELECT * FROM files ORDER BY id DESC LIMIT $1").bind(i64::from(limit)),
    };
    query.fetch_all(pool).await.or_fault(READ)?.iter().map(file_record).collect()
}

pub(super) async fn waiting(pool: &Pool, limit: u32) -> Result<Vec<FileRecord>> {
    let sql = "SELECT * FROM files WHERE status IN ('failed', 'held') AND NOT EXISTS (
                   SELECT 1 FROM files AS later
                   WHERE later.dataset = files.dataset AND later.sha256 = files.sha256 AND later.id > files.id)
               ORDER BY id DESC LIMIT $1";
    sqlx::query(sql).bind(i64::from(limit)).fetch_all(pool).await.or_fault(READ)?.iter().map(file_record).collect()
}

pub(super) async fn schema_changes(pool: &Pool, limit: u32) -> Result<Vec<FileRecord>> {
    let sql = "SELECT * FROM files WHERE schema_changes IS NOT NULL ORDER BY id DESC LIMIT $1";
    sqlx::query(sql).bind(i64::from(limit)).fetch_all(pool).await.or_fault(READ)?.iter().map(file_record).collect()
}

pub(super) async fn record(pool: &Pool, record: &FileRecord) -> Result<()> {
    let mut transaction = begin(pool).await.or_fault(NOTE)?;
    runs::ensure(&mut transaction, &record.run_id, record.at).await.or_fault(NOTE)?;
    upsert(&mut transaction, record, None).await?;
    transaction.commit().await.or_fault(NOTE)
}

/// Notes a file once a run; `load` is the batch that loaded it and its place there.
pub(super) async fn upsert(connection: &mut Connection, record: &FileRecord, load: Option<(i64, i64)>) -> Result<()> {
    // The conflict is on the columns of the index `files_once`. The id stays: what was judged first stays first.
    let sql = "INSERT INTO files (run_id, dataset, key, path, sha256, size, at, pull, page, fingerprint, status,
                   batch, position, rows_read, inserted, updated, duplicate, rejected, orphans, rejected_malformed,
                   rejected_missing, rejected_range, rejected_contract, error, offenders, warnings, replayed,
                   schema_changes)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                   $21, $22, $23, $24, $25, $26, $27, $28)
               ON CONFLICT (run_id, dataset, key, coalesce(pull, ''), coalesce(page, -1)) DO UPDATE SET
                   path = excluded.path, at = excluded.at, fingerprint = excluded.fingerprint,
                   status = excluded.status, batch = excluded.batch, position = excluded.position,
                   rows_read = excluded.rows_read, inserted = excluded.inserted, updated = excluded.updated,
                   duplicate = excluded.duplicate, rejected = excluded.rejected, orphans = excluded.orphans,
                   rejected_malformed = excluded.rejected_malformed, rejected_missing = excluded.rejected_missing,
                   rejected_range = excluded.rejected_range, rejected_contract = excluded.rejected_contract,
                   error = excluded.error, offenders = excluded.offenders, warnings = excluded.warnings,
                   replayed = excluded.replayed, schema_changes = excluded.schema_changes";
    let file = &record.file;
    let counts = &file.counts;
    let (pull, page) = record.page.as_ref().map(|(pull, page)| (pull, *page as i64)).unzip();
    let (batch, position) = load.unzip();
    let mut query = sqlx::query(sql)
        .bind(&record.run_id.0)
        .bind(&record.dataset)
        .bind(&file.key)
        .bind(&file.path)
        .bind(&file.sha256.0)
        .bind(file.size as i64)
        .bind(moment(record.at))
        .bind(pull)
        .bind(page)
        .bind(&record.fingerprint)
        .bind(word(&file.status, NOTE)?)
        .bind(batch)
        .bind(position);
    for count in [counts.rows_read, counts.inserted, counts.updated, counts.duplicate, counts.rejected, counts.orphans]
    {
        query = query.bind(count as i64);
    }
    for (reason, _) in REASONS {
        query = query.bind(counts.rejects.get(&reason).map_or(0, |rows| *rows as i64));
    }
    let offenders = file.offenders.as_ref().map(serde_json::to_string).transpose().or_fault(NOTE)?;
    let words = |words: &Vec<String>| (!words.is_empty()).then(|| serde_json::to_string(words)).transpose();
    let warnings = words(&file.warnings).or_fault(NOTE)?;
    let schema_changes = words(&file.schema_changes).or_fault(NOTE)?;
    // PostgreSQL takes no NUL in a text, and a value that an error names may have one.
    let error = file.error.as_ref().map(|error| error.replace('\0', "\u{fffd}"));
    let query = query.bind(error).bind(offenders).bind(warnings).bind(file.replayed).bind(schema_changes);
    query.execute(connection).await.or_fault(NOTE)?;
    Ok(())
}

fn file_record(row: &DbRow) -> Result<FileRecord> {
    let text = |column: &str| -> Result<Option<String>> { row.try_get(column).or_fault(READ) };
    let words = |column: &str| -> Result<Vec<String>> {
        text(column)?.map_or(Ok(Vec::new()), |json| serde_json::from_str(&json).or_fault(READ))
    };
    let required = |column: &str| text(column)?.ok_or_else(|| damaged(READ));
    let number = |column: &str| -> Result<u64> { row.try_get::<i64, _>(column).or_fault(READ).map(|n| n as u64) };
    let page: Option<i64> = row.try_get("page").or_fault(READ)?;
    let mut rejects = std::collections::BTreeMap::new();
    for (reason, column) in REASONS {
        let rows = number(column)?;
        if rows > 0 {
            rejects.insert(reason, rows);
        }
    }
    Ok(FileRecord {
        dataset: required("dataset")?,
        run_id: RunId(required("run_id")?),
        at: parse_moment(&required("at")?, READ)?,
        page: text("pull")?.zip(page.map(|page| page as u64)),
        fingerprint: required("fingerprint")?,
        file: FileOutcome {
            path: required("path")?,
            key: required("key")?,
            sha256: Sha256(required("sha256")?),
            size: number("size")?,
            status: from_word(&required("status")?)?,
            replayed: row.try_get("replayed").or_fault(READ)?,
            error: text("error")?,
            offenders: text("offenders")?.map(|json| serde_json::from_str(&json).or_fault(READ)).transpose()?,
            warnings: words("warnings")?,
            schema_changes: words("schema_changes")?,
            counts: Counts {
                rows_read: number("rows_read")?,
                inserted: number("inserted")?,
                updated: number("updated")?,
                duplicate: number("duplicate")?,
                rejected: number("rejected")?,
                orphans: number("orphans")?,
                rejects,
            },
        },
    })
}

/// The word of a status, the same as in JSON.
pub(super) fn word<T: Serialize>(status: &T, doing: &str) -> Result<String> {
    match serde_json::to_value(status).or_fault(doing)? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(shoplake_core::Fault::internal(format!("`{other}` is no word for a status"))),
    }
}

pub(super) fn from_word<T: DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).or_fault(READ)
}
