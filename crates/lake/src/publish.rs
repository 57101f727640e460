//! From the decision to the commits, and back to order after a run that was cut off.

use std::path::{Path, PathBuf};

use futures::future::join_all;
use shoplake_core::ports::Manifest;
use shoplake_core::{BatchNumber, Fault, FaultKind, Result, fail_point};

use crate::delta;
use crate::layout::{Layout, numbers};
use crate::quarantine::QUARANTINE;
use crate::record::{self, ClosedRecord, PublishRecord, TableCommit, put_if_absent};
use crate::rewrite::batch_of;
use crate::staged;
use crate::store::Store;

/// Commits that are made at once: each waits for the disk, or for a store elsewhere.
const SIDE_BY_SIDE: usize = 4;

/// Sends the files that a batch wrote, with their indexes, to a lake elsewhere: whoever sees the decision
/// must find them there.
pub(crate) fn send_files(layout: &Layout, batch: BatchNumber, commits: &[TableCommit]) -> Result<()> {
    let Some(remote) = layout.store().remote() else { return Ok(()) };
    let mut files: Vec<PathBuf> = Vec::new();
    for commit in commits {
        let root = layout.table(&commit.table);
        // A file that a restore brings back is there already.
        for file in commit.add.iter().map(|file| root.join(&file.path)).filter(|file| is_of_batch(file, batch)) {
            files.extend(indexes_of(&root, &file)?);
            files.push(file);
        }
    }
    remote.upload(files)
}

/// The side indexes of a data file on this machine.
fn indexes_of(root: &Path, file: &Path) -> Result<Vec<PathBuf>> {
    let below = file.strip_prefix(root).unwrap_or(file);
    let beside = root.join("_index").join(below);
    let (Some(folder), Some(name)) = (beside.parent(), beside.file_name()) else { return Ok(Vec::new()) };
    let start = format!("{}.", name.to_string_lossy());
    let names = Store::Folder.names(folder)?;
    Ok(names.iter().filter(|name| name.starts_with(&start)).map(|name| folder.join(name)).collect())
}

/// Decides a batch, and makes its commits.
pub(crate) async fn decide(layout: &Layout, record: PublishRecord) -> Result<Manifest> {
    fail_point("before-publish")?;
    layout.store().still_ours()?;
    if !put_if_absent(layout.store(), &layout.publish(record.batch), &record)? {
        return Err(Fault::new(FaultKind::Busy, format!("batch {} was set aside by another run", record.batch))
            .detail(
                "This run was silent for so long that the other had to take it for dead. Nothing of it was published.",
            )
            .hint("run again; if that happens often, raise `lease` of the target in shoplake.yml"));
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

/// Makes every commit of a decided batch, in any order: readers go by the record until all are there.
/// Doing it twice does no harm.
pub(crate) async fn commit_all(layout: &Layout, record: &PublishRecord) -> Result<()> {
    for side_by_side in record.commits.chunks(SIDE_BY_SIDE) {
        let commits = side_by_side.iter().map(|commit| commit_one(layout, record.batch, commit));
        // All come to an end, whatever becomes of one: a commit that is left alone in its middle may still be made.
        join_all(commits).await.into_iter().collect::<Result<()>>()?;
    }
    Ok(())
}

async fn commit_one(layout: &Layout, batch: BatchNumber, commit: &TableCommit) -> Result<()> {
    delta::commit(layout, batch, commit).await?;
    fail_point("between-commits")
}

/// Whether every commit of a decided batch is made.
pub(crate) fn is_committed(layout: &Layout, record: &PublishRecord) -> Result<bool> {
    for commit in &record.commits {
        if !delta::has_version(layout, &commit.table, commit.version)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The last batch that was decided.
fn last_decided(layout: &Layout) -> Result<Option<PublishRecord>> {
    for batch in numbers(layout.store(), &layout.publishes())?.into_iter().rev() {
        if let Some(decided) = record::published(layout, batch)? {
            return Ok(Some(decided));
        }
    }
    Ok(None)
}

/// The last batch whose commits are all made.
pub(crate) fn last_committed(layout: &Layout) -> Result<Option<PublishRecord>> {
    for batch in numbers(layout.store(), &layout.publishes())?.into_iter().rev() {
        if let Some(published) = record::published(layout, batch)?
            && is_committed(layout, &published)?
        {
            return Ok(Some(published));
        }
    }
    Ok(None)
}

/// The number of the next batch: above every one that was ever begun.
pub(crate) fn next_number(layout: &Layout) -> Result<BatchNumber> {
    let folders = [layout.batches(), layout.batches().join("aside"), layout.publishes()];
    let mut last = None;
    for folder in &folders {
        last = last.max(numbers(layout.store(), folder)?.last().copied());
    }
    Ok(BatchNumber(last.map_or(0, |batch| batch.0) + 1))
}

/// Ends what a run that was cut off left behind: an undecided batch is set aside, a decided one
/// rolled forward.
pub(crate) async fn recover(layout: &Layout) -> Result<()> {
    if layout.store().remote().is_none() {
        sweep_unfinished(layout)?;
    }
    let published = numbers(layout.store(), &layout.publishes())?;
    let begun = numbers(layout.store(), &layout.batches())?;
    let kept = staged::kept(layout)?.map(|kept| kept.staged.batch);
    for batch in &begun {
        // Only the last can have been closed and not swept.
        let closed = || Ok::<_, Fault>(begun.last() == Some(batch) && record::published(layout, *batch)?.is_none());
        if Some(*batch) != kept && (published.binary_search(batch).is_err() || closed()?) {
            tracing::info!(batch = batch.0, "setting an undecided batch aside");
            set_aside(layout, *batch, true)?;
        }
    }
    if let Some(decided) = last_decided(layout)? {
        if !is_committed(layout, &decided)? {
            tracing::info!(batch = decided.batch.0, "rolling a decided batch forward");
            commit_all(layout, &decided).await?;
        }
        staged::forget(layout, decided.batch)?;
    }
    Ok(())
}

/// Removes landed files and records that were never finished: they are hidden, and bear a name of
/// chance until they are whole. On a disk that ran full they would keep the room that was made.
fn sweep_unfinished(layout: &Layout) -> Result<()> {
    for folder in [layout.landing(), layout.publishes()] {
        for listed in Store::Folder.list(&folder)? {
            let name = listed.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            let chance = name.strip_prefix('.').map(|name| name.trim_end_matches(".tmp"));
            if chance.is_some_and(|name| uuid::Uuid::parse_str(name).is_ok()) {
                fs_err::remove_file(&listed.path)?;
            }
        }
    }
    Ok(())
}

/// Sets an undecided batch aside and sweeps the files that it wrote: nobody reads them. `uploaded` says
/// whether some of them may be in a lake elsewhere already.
///
/// There its decision is closed first, for a writer that was taken for dead may live: from then on it
/// cannot publish. Where it was decided just before, it stays.
pub(crate) fn set_aside(layout: &Layout, batch: BatchNumber, uploaded: bool) -> Result<()> {
    if layout.store().remote().is_some() {
        let closed = ClosedRecord { batch, set_aside: true };
        if !put_if_absent(layout.store(), &layout.publish(batch), &closed)?
            && record::published(layout, batch)?.is_some()
        {
            return Ok(());
        }
        if uploaded {
            sweep_batch(layout, layout.store(), batch)?;
        }
    }
    // First of all: what is swept in part must not be taken for whole.
    staged::forget(layout, batch)?;
    sweep_batch(layout, &Store::Folder, batch)?;
    let aside = layout.batches().join("aside").join(format!("{batch}.json"));
    layout.store().rename(&layout.batch(batch), &aside)
}

/// Whether a batch wrote the data file or index at `path`.
fn is_of_batch(path: &Path, batch: BatchNumber) -> bool {
    batch_of(path) == Some(batch)
}

/// Removes the files of a batch from a store.
fn sweep_batch(layout: &Layout, store: &Store, batch: BatchNumber) -> Result<()> {
    for folder in [layout.processed(), layout.table(QUARANTINE)] {
        for listed in store.list(&folder)?.iter().filter(|listed| is_of_batch(&listed.path, batch)) {
            store.remove(&listed.path)?;
        }
    }
    Ok(())
}
