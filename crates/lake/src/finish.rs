//! Ends the load of a dataset: closes its files, makes anew those with rows that are no longer
//! current, fills in late enrichment, and joins small files where they have gathered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use shoplake_core::{Result, TableFile};

use crate::changes::{ChangeLog, Way};
use crate::key_index::index_path;
use crate::loader::{Part, TableLoader};
use crate::parquet_writer::Unsynced;
use crate::pool::{Pool, lock};
use crate::record::FilesOfRows;
use crate::replace::{self, Replaced};
use crate::rewrite::{Input, Merger};

/// A file smaller than this is small.
pub(crate) const SMALL_BYTES: u64 = 16 << 20;
/// So many small files of one partition are joined.
pub(crate) const SMALL_FILES: usize = 8;

type Partition = BTreeMap<String, Option<String>>;

/// What a load did to a table's list of files.
#[derive(Debug, Default)]
pub(crate) struct FileChanges {
    /// Files of the base that stay.
    pub(crate) stay: Vec<TableFile>,
    /// New files.
    pub(crate) add: Vec<TableFile>,
    /// Files of the base that go.
    pub(crate) remove: Vec<TableFile>,
}

/// One file that a load ends with, before it is decided whether it stands as it is.
struct Candidate {
    input: Input,
    /// A file of the base; the others were written by this run.
    base: bool,
    heal: bool,
}

/// Files of one partition: those of the base, and those of the run.
type Sides = [Vec<Candidate>; 2];

/// What a load came to.
pub(crate) struct Finished {
    /// What becomes of the table's files.
    pub(crate) changes: FileChanges,
    pub(crate) changed: bool,
    pub(crate) days: BTreeSet<i32>,
    pub(crate) undated: bool,
    pub(crate) first: bool,
    /// The rows that entered and those that left, where these are told.
    pub(crate) rows: Option<FilesOfRows>,
}

/// Ends a load.
pub(crate) fn finish(mut loader: TableLoader, pool: &Arc<Pool>) -> Result<Finished> {
    for part in &mut loader.parts {
        part.file.flush(pool)?;
    }
    // Before what the pool has in hand is awaited: one thread is enough for it.
    let keys = loader.take_keys()?;
    pool.wait()?;
    let merger = Arc::new(Merger {
        root: loader.root.clone(),
        batch: loader.batch(),
        shape: loader.shape.clone(),
        related: loader.related.clone(),
    });
    let first = loader.base.is_empty();
    let mut candidates = Vec::new();
    for (at, file) in std::mem::take(&mut loader.base.files).into_iter().enumerate() {
        let mut dropped = loader.base_dropped.remove(&(at as u32)).unwrap_or_default();
        dropped.sort_unstable();
        loader.note_days(&file, &dropped)?;
        let heal = loader.heal && merger.can_heal(&file)?;
        candidates.push(Candidate { input: Input { file, dropped }, base: true, heal });
    }
    candidates.extend(close_parts(std::mem::take(&mut loader.parts), keys, &merger, pool)?);
    // Where the table was empty all rows are new: whoever reads it is made in full.
    let log = Arc::new(ChangeLog::new(&merger.root, merger.batch, merger.shape.file_schema(), first));
    let changes = settle(candidates, &merger, &log, pool)?;
    let changed = !changes.add.is_empty() || !changes.remove.is_empty();
    let told = log.told();
    loader.days.extend(&told.days);
    let undated = loader.undated || told.undated;
    let rows = (!told.silent).then_some(told.rows);
    Ok(Finished { changes, changed, days: loader.days, undated, first, rows })
}

/// Ends the run's own files, each on the pool, with their indexes; `keys` are those of their rows.
fn close_parts(
    parts: Vec<Part>,
    keys: Vec<Vec<u64>>,
    merger: &Arc<Merger>,
    pool: &Arc<Pool>,
) -> Result<Vec<Candidate>> {
    let closed: Arc<Mutex<Vec<(usize, Candidate, Unsynced)>>> = Arc::default();
    for (order, (part, keys)) in parts.into_iter().zip(keys).enumerate() {
        let (merger, closed) = (merger.clone(), closed.clone());
        pool.submit(move || {
            let Part { partition, file, orphans, mut dropped, .. } = part;
            let (file, unsynced) = file.into_writer().finish(&merger.root, partition)?;
            dropped.sort_unstable();
            // A file that will be made anew gets its indexes then.
            if dropped.is_empty() {
                merger.write_indexes(&file, &keys, orphans)?;
            } else {
                merger.write_indexes(&file, &[], orphans)?;
            }
            let candidate = Candidate { input: Input { file, dropped }, base: false, heal: false };
            lock(&closed).push((order, candidate, unsynced));
            Ok(())
        })?;
    }
    pool.wait()?;
    let mut closed = std::mem::take(&mut *lock(&closed));
    closed.sort_by_key(|(order, ..)| *order);
    let closed = closed.into_iter().map(|(_, candidate, unsynced)| {
        // What is made anew goes again.
        if candidate.input.dropped.is_empty() {
            pool.sync(unsynced)?;
        }
        Ok(candidate)
    });
    closed.collect()
}

/// Makes anew what has to be, joins what is small, and keeps the rest as it is.
fn settle(
    candidates: Vec<Candidate>,
    merger: &Arc<Merger>,
    log: &Arc<ChangeLog>,
    pool: &Arc<Pool>,
) -> Result<FileChanges> {
    let touched: Vec<Partition> = candidates
        .iter()
        .filter(|c| !c.base || c.heal || !c.input.dropped.is_empty())
        .map(|c| c.input.file.partition.clone())
        .collect();
    let mut small: HashMap<Partition, Vec<Candidate>> = HashMap::new();
    let mut changes = FileChanges::default();
    let mut tasks: Vec<Vec<Candidate>> = Vec::new();
    let mut single = Vec::new();
    for candidate in candidates {
        // A partition that the run leaves alone is left alone: daily work costs what is new.
        if candidate.input.file.size < SMALL_BYTES && touched.contains(&candidate.input.file.partition) {
            small.entry(candidate.input.file.partition.clone()).or_default().push(candidate);
        } else {
            single.push(candidate);
        }
    }
    for (_, group) in small {
        if group.len() >= SMALL_FILES { tasks.push(group) } else { single.extend(group) }
    }
    let (single, replaced) = replace(single, merger, log, pool, &mut changes)?;
    for candidate in single {
        place(candidate, &mut tasks, &mut changes);
    }
    let made = Arc::new(Mutex::new(replaced));
    for task in tasks {
        let mut inputs = Vec::new();
        for Candidate { input, base, .. } in task {
            if base {
                changes.remove.push(input.file.clone());
            }
            inputs.push((input, base));
        }
        let (merger, log, made) = (merger.clone(), log.clone(), made.clone());
        pool.submit(move || {
            let merged = merger.merge(&inputs.iter().map(|(input, _)| input).collect::<Vec<_>>(), &log)?;
            tell(&log, &inputs, merged.as_ref())?;
            lock(&made).extend(merged);
            for (input, _) in inputs.iter().filter(|(_, base)| !base) {
                remove_file(&merger.root, &input.file, &merger)?;
            }
            Ok(())
        })?;
    }
    pool.wait()?;
    changes.add.iter().for_each(|file| log.whole_file_entered(file));
    changes.add.append(&mut lock(&made));
    Ok(changes)
}

/// Puts rows into the places of those that they replace, where that is less than making files anew; gives the files that
/// are left, and those that were made.
fn replace(
    candidates: Vec<Candidate>,
    merger: &Arc<Merger>,
    log: &Arc<ChangeLog>,
    pool: &Arc<Pool>,
    changes: &mut FileChanges,
) -> Result<(Vec<Candidate>, Vec<TableFile>)> {
    let (mut rest, mut partitions) = (Vec::new(), HashMap::<Partition, Sides>::new());
    for candidate in candidates {
        if !candidate.base || !candidate.heal && replace::may_pay(&candidate.input) {
            let of_run = usize::from(!candidate.base);
            partitions.entry(candidate.input.file.partition.clone()).or_default()[of_run].push(candidate);
        } else {
            rest.push(candidate);
        }
    }
    let done: Arc<Mutex<Vec<(Sides, Replaced)>>> = Arc::default();
    for (_, files) in partitions {
        if files.iter().any(Vec::is_empty) {
            rest.extend(files.into_iter().flatten());
            continue;
        }
        let (merger, log, done) = (merger.clone(), log.clone(), done.clone());
        pool.submit(move || {
            let [base, run] = files.each_ref().map(|files| files.iter().map(|file| &file.input).collect());
            let replaced = replace::Partition { base, run }.replace(&merger, &log)?;
            lock(&done).push((files, replaced));
            Ok(())
        })?;
    }
    pool.wait()?;
    let mut made = Vec::new();
    for ([base, run], replaced) in std::mem::take(&mut *lock(&done)) {
        let mut base: Vec<Option<Candidate>> = base.into_iter().map(Some).collect();
        for (number, file, unsynced) in replaced.files {
            pool.sync(unsynced)?;
            changes.remove.extend(base[number].take().map(|candidate| candidate.input.file));
            made.push(file);
        }
        rest.extend(base.into_iter().flatten());
        for (mut candidate, moved) in run.into_iter().zip(replaced.moved) {
            candidate.input.dropped.extend(moved);
            candidate.input.dropped.sort_unstable();
            rest.push(candidate);
        }
    }
    Ok((rest, made))
}

/// Tells the rows that came and went as `inputs` (each with whether it is of the base) became `merged`.
fn tell(log: &ChangeLog, inputs: &[(Input, bool)], merged: Option<&TableFile>) -> Result<()> {
    if inputs.iter().all(|(_, base)| !base) {
        if let Some(file) = merged {
            log.whole_file_entered(file);
        }
        return Ok(());
    }
    for (input, base) in inputs {
        log.part_of_file(input, if *base { Way::Left } else { Way::Entered })?;
    }
    Ok(())
}

/// Keeps a file as it is, or makes it a task of its own.
fn place(candidate: Candidate, tasks: &mut Vec<Vec<Candidate>>, changes: &mut FileChanges) {
    if candidate.heal || !candidate.input.dropped.is_empty() {
        tasks.push(vec![candidate]);
    } else if candidate.base {
        changes.stay.push(candidate.input.file);
    } else {
        changes.add.push(candidate.input.file);
    }
}

/// Removes a file that this run wrote and does not need, with its indexes.
fn remove_file(root: &Path, file: &TableFile, merger: &Merger) -> Result<()> {
    let orphans = merger.related.iter().map(|related| crate::rewrite::orphans_kind(&related.column));
    let indexes = std::iter::once("keys".to_owned()).chain(orphans).map(|kind| index_path(root, &file.path, &kind));
    for path in std::iter::once(root.join(&file.path)).chain(indexes) {
        match fs_err::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
