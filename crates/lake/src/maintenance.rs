//! Versions of tables: their history, the files of one of them, what no version within the retention
//! needs any more, and checkpoints of the log.
//!
//! All of it rests on the publish records, which say for every batch what it added and removed; the
//! caller holds the project's lock, so that no batch is under way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::maintenance::{Swept, TableVersion};
use shoplake_core::ports::TableMaintenance;
use shoplake_core::{BatchNumber, Fault, PinnedTable, Result};

use crate::layout::Layout;
use crate::record::{self, PublishRecord};
use crate::rewrite::batch_of;
use crate::staged;
use crate::store::Store;
use crate::{LocalLake, changes, delta};

/// A table whose log has so many commits since its last checkpoint gets another.
const COMMITS_A_CHECKPOINT: u64 = 50;

#[async_trait]
impl TableMaintenance for LocalLake {
    async fn history(&self, table: &str) -> Result<Vec<TableVersion>> {
        let records = record::all_published(&self.layout, BatchNumber(0))?;
        let mut versions: Vec<TableVersion> = Vec::new();
        for record in &records {
            let Some(commit) = record.commits.iter().find(|commit| commit.table == table) else { continue };
            let before = versions.last().map_or((0, 0, 0), |v| (v.rows, v.files, v.bytes));
            let sum = |files: &[shoplake_core::TableFile]| {
                files.iter().fold((0, 0, 0), |(rows, count, bytes), f| (rows + f.rows, count + 1, bytes + f.size))
            };
            let (added, removed) = (sum(&commit.add), sum(&commit.remove));
            let restored = record.summary.restored.iter().find(|restored| restored.table == table);
            versions.push(TableVersion {
                version: commit.version,
                batch: record.batch,
                run_id: record.summary.run_id.clone(),
                at: record.summary.published(),
                rows: (before.0 + added.0).saturating_sub(removed.0),
                files: (before.1 + added.1).saturating_sub(removed.1),
                bytes: (before.2 + added.2).saturating_sub(removed.2),
                restored: restored.map(|restored| restored.version),
            });
        }
        if versions.is_empty() {
            let known = records.last().map(|r| r.versions.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>());
            return Err(Fault::usage(format!("no table `{table}`")).hint(match known {
                Some(known) => format!("the lake has {}", known.join(", ")),
                None => "the first `shoplake run` makes the tables".to_owned(),
            }));
        }
        Ok(versions)
    }

    async fn at_version(&self, table: &str, version: u64) -> Result<PinnedTable> {
        let pinned = delta::pin(&self.layout, table, version).await?;
        let there = files_of(&self.layout, table)?;
        if let Some(gone) = pinned.files.iter().find(|file| !there.contains(&pinned.root.join(&file.path))) {
            return Err(Fault::usage(format!(
                "version {version} of `{table}` is gone: a vacuum removed `{}`",
                gone.path
            ))
            .hint(format!("`shoplake table history {table}` shows later versions")));
        }
        Ok(pinned)
    }

    async fn vacuum(&self, older_than: TimeDelta, dry_run: bool) -> Result<Vec<Swept>> {
        let records = record::all_published(&self.layout, BatchNumber(0))?;
        let Some(last) = records.last() else { return Ok(Vec::new()) };
        let now = Utc::now();
        if now < last.summary.published() {
            return Err(Fault::unavailable("this machine's clock stands before the last batch")
                .detail("What is old cannot be told from what is new; nothing was removed.")
                .hint("set the clock, then try again"));
        }
        // The batch before the first within the retention was current when the retention began.
        let cutoff = now - older_than;
        let first = published(&self.layout, &records)?.iter().position(|published| *published >= cutoff);
        let first = first.map_or(records.len() - 1, |first| first.saturating_sub(1));
        self.layout.store().still_ours()?;
        let mut swept = Vec::new();
        for table in last.versions.keys() {
            let needed = self.needed(table, &records[first..]).await?;
            let needed = Needed { files: &needed, last: self.layout.store().remote().map(|_| last.batch) };
            sweep(&self.layout, table, &needed, dry_run, &mut swept)?;
        }
        Ok(swept)
    }
}

impl LocalLake {
    /// The data files that the versions of `records` need.
    async fn needed(&self, table: &str, records: &[PublishRecord]) -> Result<HashSet<String>> {
        let mut needed = HashSet::new();
        if let Some(version) = records.first().and_then(|record| record.versions.get(table)) {
            needed.extend(delta::pin(&self.layout, table, *version).await?.files.into_iter().map(|file| file.path));
        }
        let later = records.iter().flat_map(|record| &record.commits).filter(|commit| commit.table == table);
        needed.extend(later.flat_map(|commit| &commit.add).map(|file| file.path.clone()));
        needed.extend(changes::kept_of(records, table));
        // What a plan keeps is of no version yet.
        let kept = staged::kept(&self.layout)?.map(|kept| kept.commits).unwrap_or_default();
        let kept = kept.into_iter().filter(|commit| commit.table == table);
        needed.extend(kept.flat_map(|commit| commit.add).map(|file| file.path));
        Ok(needed)
    }
}

/// The paths of a table's objects.
fn files_of(layout: &Layout, table: &str) -> Result<HashSet<PathBuf>> {
    Ok(layout.store().list(&layout.table(table))?.into_iter().map(|listed| listed.path).collect())
}

/// When each batch was published: as it says, or when its record was written where that is later.
fn published(layout: &Layout, records: &[PublishRecord]) -> Result<Vec<DateTime<Utc>>> {
    let written = layout.store().list(&layout.publishes())?;
    let written: HashMap<PathBuf, DateTime<Utc>> = written.into_iter().map(|l| (l.path, l.written)).collect();
    let of = |record: &PublishRecord| written.get(&layout.publish(record.batch)).copied();
    Ok(records.iter().map(|record| of(record).unwrap_or_default().max(record.summary.published())).collect())
}

/// What a sweep leaves.
struct Needed<'a> {
    files: &'a HashSet<String>,
    /// Files of batches after this one may be another machine's, which took this one for dead.
    last: Option<BatchNumber>,
}

/// Removes our data files of a table that are not needed, and their indexes.
fn sweep(layout: &Layout, table: &str, needed: &Needed<'_>, dry_run: bool, swept: &mut Vec<Swept>) -> Result<()> {
    let root = layout.table(table);
    let store = layout.store();
    for listed in store.list(&root)? {
        let Some(path) = unneeded(&root, &listed.path, needed) else { continue };
        swept.push(Swept { table: table.to_owned(), path, bytes: listed.size });
        if !dry_run {
            store.remove(&listed.path)?;
        }
    }
    // Copies of what another machine removed.
    if !dry_run && store.remote().is_some() {
        for listed in Store::Folder.list(&root)? {
            if unneeded(&root, &listed.path, needed).is_some() {
                Store::Folder.remove(&listed.path)?;
            }
        }
    }
    Ok(())
}

/// The path below the table of a file of ours that is not needed.
fn unneeded(root: &Path, path: &Path, needed: &Needed<'_>) -> Option<String> {
    let below = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let data = below.strip_prefix("_index/").unwrap_or(&below);
    let data = data.find(".parquet").map(|end| &data[..end + ".parquet".len()])?;
    // Whatever another program put here is not ours to remove; nor is the log.
    let batch = batch_of(path)?;
    let ours = needed.last.is_none_or(|last| batch <= last);
    (ours && !needed.files.contains(data)).then_some(below)
}

/// Writes a checkpoint for every table whose log has grown long; gives how many.
pub(crate) async fn checkpoint(layout: &Layout, versions: &BTreeMap<String, u64>) -> Result<u64> {
    let mut written = 0;
    for (table, version) in versions {
        let last = delta::last_checkpoint(layout, table)?;
        if *version >= last.map_or(0, |last| last + 1) + COMMITS_A_CHECKPOINT - 1 {
            delta::checkpoint(layout, table, *version).await?;
            written += 1;
        }
    }
    Ok(written)
}
