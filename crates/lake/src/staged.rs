//! A batch that a plan keeps: worked out, not decided, published by a later run or set aside.
//!
//! `landing/_batches/staged/N.json` is written once every data file of the batch is whole. Until then
//! the batch is one that was cut off like any other; from then on `recover` leaves it alone as long as
//! the tables are what it was made over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shoplake_core::ports::{BatchSummary, Manifest};
use shoplake_core::{BatchNumber, Fault, Result, StagedBatch};

use crate::layout::{Layout, numbers};
use crate::publish;
use crate::record::{self, PublishRecord, TableCommit, put_if_absent};

/// What stands in the record.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StagedRecord {
    pub(crate) staged: StagedBatch,
    /// The version of each table that the batch starts from.
    pub(crate) base: BTreeMap<String, u64>,
    pub(crate) commits: Vec<TableCommit>,
    /// The version of every table once the commits are made.
    pub(crate) versions: BTreeMap<String, u64>,
}

/// Keeps a batch whose files are written.
pub(crate) fn keep(layout: &Layout, record: &StagedRecord) -> Result<()> {
    let batch = record.staged.batch;
    if put_if_absent(layout.store(), &layout.staged(batch), record)? {
        Ok(())
    } else {
        Err(Fault::internal(format!("batch {batch} is kept already")))
    }
}

/// The batch that is kept, if the tables are still what it was made over.
pub(crate) fn kept(layout: &Layout) -> Result<Option<StagedRecord>> {
    let Some(batch) = numbers(layout.store(), &layout.stages())?.pop() else { return Ok(None) };
    let Some(record) = record::read::<StagedRecord>(layout.store(), &layout.staged(batch))? else { return Ok(None) };
    let last = publish::last_committed(layout)?;
    let now = last.map(|last| last.versions).unwrap_or_default();
    let decided = layout.store().exists(&layout.publish(batch))?;
    Ok((record.base == now && !decided).then_some(record))
}

/// Decides the kept batch.
pub(crate) async fn publish(layout: &Layout, batch: BatchNumber, summary: BatchSummary) -> Result<Manifest> {
    let kept = kept(layout)?.filter(|kept| kept.staged.batch == batch);
    let Some(StagedRecord { commits, versions, .. }) = kept else {
        return Err(Fault::internal(format!("batch {batch} is not kept")));
    };
    let manifest = publish::decide(layout, PublishRecord { batch, commits, versions, summary }).await?;
    forget(layout, batch)?;
    Ok(manifest)
}

/// Sets aside whatever is kept; of a batch that was published by now, only the record goes.
pub(crate) fn discard(layout: &Layout) -> Result<()> {
    for batch in numbers(layout.store(), &layout.stages())? {
        if record::published(layout, batch)?.is_some() {
            forget(layout, batch)?;
        } else {
            publish::set_aside(layout, batch, true)?;
        }
    }
    Ok(())
}

/// Removes the record; what the batch wrote stays.
pub(crate) fn forget(layout: &Layout, batch: BatchNumber) -> Result<()> {
    layout.store().remove(&layout.staged(batch))
}
