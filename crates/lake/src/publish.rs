//! From the decision to the commits, and back to order after a run that was cut off.

use shoplake_core::ports::Manifest;
use shoplake_core::{BatchNumber, Fault, Result, fail_point};

use crate::delta;
use crate::layout::{Layout, numbers};
use crate::record::{self, PublishRecord, put_if_absent};
use crate::staged;

/// Writes the decision of a batch, and makes its commits.
pub(crate) async fn decide(layout: &Layout, record: PublishRecord) -> Result<Manifest> {
    fail_point("before-publish")?;
    if !put_if_absent(&layout.publish(record.batch), &record)? {
        return Err(Fault::internal(format!("batch {} was published by somebody else", record.batch)));
    }
    fail_point("after-publish").map_err(|fault| decided(fault, record.batch))?;
    commit_all(layout, &record).await.map_err(|fault| decided(fault, record.batch))?;
    Ok(Manifest { batch: record.batch, summary: record.summary })
}

/// A fault after the decision: the batch stands, and only what follows it is missing.
fn decided(fault: Fault, batch: BatchNumber) -> Fault {
    fault
        .detail(format!(
            "Batch {} is decided, but not every table has it yet; readers stay at the one before.",
            batch.0
        ))
        .hint("bring the disk in order; the next `shoplake run` completes the batch and loads nothing twice")
}

/// Makes every commit of a decided batch. Doing it twice does no harm.
pub(crate) async fn commit_all(layout: &Layout, record: &PublishRecord) -> Result<()> {
    for commit in &record.commits {
        delta::commit(&layout.table(&commit.table), record.batch, commit).await?;
        fail_point("between-commits")?;
    }
    Ok(())
}

/// Whether every commit of a decided batch is made.
pub(crate) fn is_committed(layout: &Layout, record: &PublishRecord) -> bool {
    record.commits.iter().all(|commit| delta::has_version(&layout.table(&commit.table), commit.version))
}

/// The last batch whose commits are all made.
pub(crate) fn last_committed(layout: &Layout) -> Result<Option<PublishRecord>> {
    for batch in numbers(&layout.publishes())?.into_iter().rev() {
        let published: PublishRecord = record::read(&layout.publish(batch))?;
        if is_committed(layout, &published) {
            return Ok(Some(published));
        }
    }
    Ok(None)
}

/// The number of the next batch: above every one that was ever begun.
pub(crate) fn next_number(layout: &Layout) -> Result<BatchNumber> {
    let begun = numbers(&layout.batches())?.last().copied();
    let aside = numbers(&layout.batches().join("aside"))?.last().copied();
    let published = numbers(&layout.publishes())?.last().copied();
    let last = begun.max(aside).max(published).map_or(0, |batch| batch.0);
    Ok(BatchNumber(last + 1))
}

/// Ends what a run that was cut off left behind: a decided batch is rolled forward, an undecided one
/// set aside.
pub(crate) async fn recover(layout: &Layout) -> Result<()> {
    sweep_unfinished(layout)?;
    let published = numbers(&layout.publishes())?;
    if let Some(last) = published.last() {
        let decided: PublishRecord = record::read(&layout.publish(*last))?;
        if !is_committed(layout, &decided) {
            tracing::info!(batch = last.0, "rolling a decided batch forward");
            commit_all(layout, &decided).await?;
        }
        staged::forget(layout, *last)?;
    }
    let kept = staged::kept(layout)?.map(|kept| kept.staged.batch);
    for batch in numbers(&layout.batches())? {
        if published.binary_search(&batch).is_err() && Some(batch) != kept {
            tracing::info!(batch = batch.0, "setting an undecided batch aside");
            set_aside(layout, batch)?;
        }
    }
    Ok(())
}

/// Removes landed files and records that were never finished: they are hidden, and bear a name of
/// chance until they are whole. On a disk that ran full they would keep the room that was made.
fn sweep_unfinished(layout: &Layout) -> Result<()> {
    let mut folders = vec![layout.landing(), layout.publishes()];
    while let Some(folder) = folders.pop() {
        let entries = match fs_err::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let chance = name.strip_prefix('.').map(|name| name.trim_end_matches(".tmp"));
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if chance.is_some_and(|name| uuid::Uuid::parse_str(name).is_ok()) {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Sets an undecided batch aside and sweeps the files that it wrote: nobody reads them.
pub(crate) fn set_aside(layout: &Layout, batch: BatchNumber) -> Result<()> {
    // First of all: what is swept in part must not be taken for whole.
    staged::forget(layout, batch)?;
    let prefix = format!("part-{batch}-");
    let mut folders = vec![layout.processed(), layout.table(crate::quarantine::QUARANTINE)];
    while let Some(folder) = folders.pop() {
        let entries = match fs_err::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if !matches!(&*name, "_delta_log" | "_publish") {
                    folders.push(entry.path());
                }
            } else if name.starts_with(&prefix) {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    let aside = layout.batches().join("aside");
    fs_err::create_dir_all(&aside)?;
    match fs_err::rename(layout.batch(batch), aside.join(format!("{batch}.json"))) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
