//! Versions of tables: their history, the files of one of them, what no version within the retention
//! needs any more, and checkpoints of the log.
//!
//! All of it rests on the publish records, which say for every batch what it added and removed; the
//! caller holds the project's lock, so that no batch is under way.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::maintenance::{Swept, TableVersion};
use shoplake_core::ports::TableMaintenance;
use shoplake_core::{Fault, PinnedTable, Result};

use crate::layout::{Layout, numbers};
use crate::record::{self, PublishRecord};
use crate::staged;
use crate::{LocalLake, delta};

/// A table whose log has so many commits since its last checkpoint gets another.
const COMMITS_A_CHECKPOINT: u64 = 50;

/// Every published batch, in order.
fn records(layout: &Layout) -> Result<Vec<PublishRecord>> {
    numbers(&layout.publishes())?.into_iter().map(|batch| record::read(&layout.publish(batch))).collect()
}

#[async_trait]
impl TableMaintenance for LocalLake {
    async fn history(&self, table: &str) -> Result<Vec<TableVersion>> {
        let records = records(&self.layout)?;
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
                at: record.summary.started_at,
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
        let pinned = delta::pin(&self.layout.table(table), table, version).await?;
        if let Some(gone) = pinned.files.iter().find(|file| !pinned.root.join(&file.path).exists()) {
            return Err(Fault::usage(format!(
                "version {version} of `{table}` is gone: a vacuum removed `{}`",
                gone.path
            ))
            .hint(format!("`shoplake table history {table}` shows later versions")));
        }
        Ok(pinned)
    }

    async fn vacuum(&self, older_than: TimeDelta, dry_run: bool) -> Result<Vec<Swept>> {
        let records = records(&self.layout)?;
        let Some(last) = records.last() else { return Ok(Vec::new()) };
        let now = Utc::now();
        if now < last.summary.started_at {
            return Err(Fault::unavailable("this machine's clock stands before the last batch")
                .detail("What is old cannot be told from what is new; nothing was removed.")
                .hint("set the clock, then try again"));
        }
        // The batch before the first within the retention was current when the retention began.
        let cutoff = now - older_than;
        let first = records.iter().position(|record| published(&self.layout, record) >= cutoff);
        let first = first.map_or(records.len() - 1, |first| first.saturating_sub(1));
        let mut swept = Vec::new();
        for table in last.versions.keys() {
            let needed = self.needed(table, &records[first..]).await?;
            sweep(&self.layout.table(table), table, &needed, dry_run, &mut swept)?;
        }
        Ok(swept)
    }
}

impl LocalLake {
    /// The data files that the versions of `records` need.
    async fn needed(&self, table: &str, records: &[PublishRecord]) -> Result<HashSet<String>> {
        let root = self.layout.table(table);
        let mut needed = HashSet::new();
        if let Some(version) = records.first().and_then(|record| record.versions.get(table)) {
            needed.extend(delta::pin(&root, table, *version).await?.files.into_iter().map(|file| file.path));
        }
        let later = records.iter().flat_map(|record| &record.commits).filter(|commit| commit.table == table);
        needed.extend(later.flat_map(|commit| &commit.add).map(|file| file.path.clone()));
        // What a plan keeps is of no version yet.
        let kept = staged::kept(&self.layout)?.map(|kept| kept.commits).unwrap_or_default();
        let kept = kept.into_iter().filter(|commit| commit.table == table);
        needed.extend(kept.flat_map(|commit| commit.add).map(|file| file.path));
        Ok(needed)
    }
}

/// When a batch was published: by its run, or by its record where that is later.
fn published(layout: &Layout, record: &PublishRecord) -> DateTime<Utc> {
    let written = fs_err::metadata(layout.publish(record.batch)).and_then(|metadata| metadata.modified());
    let started = record.summary.started_at;
    written.map_or(started, |written| started.max(DateTime::<Utc>::from(written)))
}

/// Removes our data files below `root` that are not needed, and their indexes.
fn sweep(root: &Path, table: &str, needed: &HashSet<String>, dry_run: bool, swept: &mut Vec<Swept>) -> Result<()> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type()?.is_dir() {
                if name != "_delta_log" {
                    folders.push(path);
                }
                continue;
            }
            let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            // Whatever another program put here is not ours to remove.
            let data = below.strip_prefix("_index/").unwrap_or(&below);
            let data = data.find(".parquet").map(|end| &data[..end + ".parquet".len()]);
            let Some(data) = data.filter(|_| name.to_string_lossy().starts_with("part-")) else { continue };
            if !needed.contains(data) {
                swept.push(Swept { table: table.to_owned(), path: below, bytes: entry.metadata()?.len() });
                if !dry_run {
                    fs_err::remove_file(&path)?;
                }
            }
        }
    }
    Ok(())
}

/// Writes a checkpoint for every table whose log has grown long; gives how many.
pub(crate) async fn checkpoint(layout: &Layout, versions: &BTreeMap<String, u64>) -> Result<u64> {
    let mut written = 0;
    for (table, version) in versions {
        let root = layout.table(table);
        let last = delta::last_checkpoint(&root)?;
        if *version >= last.map_or(0, |last| last + 1) + COMMITS_A_CHECKPOINT - 1 {
            delta::checkpoint(&root, table, *version).await?;
            written += 1;
        }
    }
    Ok(written)
}
