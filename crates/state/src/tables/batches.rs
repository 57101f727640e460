//! Published batches, and the cursors and pulls of API sources.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;
use shoplake_core::outcome::{DatasetOutcome, FileStatus};
use shoplake_core::ports::{FileRecord, Manifest};
use shoplake_core::{BatchNumber, LandedFile, Result, RunId};

use super::db::{Connection, Pool, begin};
use super::fault::OrFault;
use super::{files, runs};

/// Notes a published batch in one transaction. A batch that is known already changes nothing, and an
/// older batch that is noted late (while the state is rebuilt) never moves a cursor back.
pub(super) async fn record(pool: &Pool, manifest: &Manifest) -> Result<()> {
    let doing = "note the published batch in the state";
    let summary = &manifest.summary;
    let batch = manifest.batch.0 as i64;
    let mut transaction = begin(pool).await.or_fault(doing)?;
    runs::ensure(&mut transaction, &summary.run_id, summary.started_at).await.or_fault(doing)?;
    sqlx::query("INSERT INTO batches (number, run_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(batch)
        .bind(&summary.run_id.0)
        .execute(&mut *transaction)
        .await
        .or_fault(doing)?;
    for (position, record) in loaded(manifest).iter().enumerate() {
        files::upsert(&mut transaction, record, Some((batch, position as i64))).await?;
    }
    for (dataset, value) in &summary.cursors {
        move_cursor(&mut transaction, dataset, value, batch).await.or_fault(doing)?;
    }
    transaction.commit().await.or_fault(doing)
}

/// The records of the files that a batch loaded, in the order that they were taken.
fn loaded(manifest: &Manifest) -> Vec<FileRecord> {
    let summary = &manifest.summary;
    let fingerprints: HashMap<&str, &str> =
        summary.fingerprints.iter().map(|(dataset, print)| (dataset.as_str(), print.as_str())).collect();
    // Pages with the same bytes may share a key; they pair up in order.
    let mut landed: HashMap<(&str, &str), VecDeque<&LandedFile>> = HashMap::new();
    for file in &summary.files {
        landed.entry((&file.dataset, &file.key)).or_default().push_back(file);
    }
    let mut records = Vec::with_capacity(summary.files.len());
    for DatasetOutcome { dataset, files, .. } in &summary.datasets {
        for file in files.iter().filter(|file| file.status == FileStatus::Loaded) {
            let landed = landed.get_mut(&(dataset.as_str(), file.key.as_str())).and_then(VecDeque::pop_front);
            records.push(FileRecord {
                dataset: dataset.clone(),
                run_id: summary.run_id.clone(),
                at: summary.started_at,
                page: landed.and_then(|landed| landed.page.clone()),
                fingerprint: fingerprints.get(dataset.as_str()).copied().unwrap_or_default().to_owned(),
                file: file.clone(),
            });
        }
    }
    records
}

async fn move_cursor(connection: &mut Connection, dataset: &str, value: &Value, batch: i64) -> sqlx::Result<()> {
    let sql = "INSERT INTO cursors (dataset, value, batch) VALUES ($1, $2, $3)
               ON CONFLICT (dataset) DO UPDATE SET value = excluded.value, batch = excluded.batch
               WHERE excluded.batch >= cursors.batch";
    sqlx::query(sql).bind(dataset).bind(value.to_string()).bind(batch).execute(connection).await?;
    Ok(())
}

pub(super) async fn last(pool: &Pool) -> Result<BatchNumber> {
    let sql = "SELECT coalesce(max(number), 0) FROM batches";
    let number: i64 = sqlx::query_scalar(sql).fetch_one(pool).await.or_fault("read the last batch")?;
    Ok(BatchNumber(number as u64))
}

pub(super) async fn run_of(pool: &Pool, batch: BatchNumber) -> Result<Option<RunId>> {
    let sql = "SELECT run_id FROM batches WHERE number = $1";
    let run: Option<String> =
        sqlx::query_scalar(sql).bind(batch.0 as i64).fetch_optional(pool).await.or_fault("read whose a batch is")?;
    Ok(run.map(RunId))
}

pub(super) async fn cursor(pool: &Pool, dataset: &str) -> Result<Option<Value>> {
    let doing = "read a cursor";
    let sql = "SELECT value FROM cursors WHERE dataset = $1";
    let text: Option<String> = sqlx::query_scalar(sql).bind(dataset).fetch_optional(pool).await.or_fault(doing)?;
    text.map(|text| serde_json::from_str(&text).or_fault(doing)).transpose()
}

pub(super) async fn pull(pool: &Pool, dataset: &str) -> Result<Option<Value>> {
    let doing = "read an unfinished pull";
    let sql = "SELECT value FROM pulls WHERE dataset = $1";
    let text: Option<String> = sqlx::query_scalar(sql).bind(dataset).fetch_optional(pool).await.or_fault(doing)?;
    text.map(|text| serde_json::from_str(&text).or_fault(doing)).transpose()
}

pub(super) async fn set_pull(pool: &Pool, dataset: &str, pull: Option<&Value>) -> Result<()> {
    let query = match pull {
        Some(value) => {
            let sql = "INSERT INTO pulls (dataset, value) VALUES ($1, $2)
                       ON CONFLICT (dataset) DO UPDATE SET value = excluded.value";
            sqlx::query(sql).bind(dataset).bind(value.to_string())
        }
        None => sqlx::query("DELETE FROM pulls WHERE dataset = $1").bind(dataset),
    };
    query.execute(pool).await.or_fault("keep an unfinished pull")?;
    Ok(())
}
