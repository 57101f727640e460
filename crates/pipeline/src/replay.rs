//! Rows that leave quarantine: which they are, judged again from the archived file or as somebody
//! corrected them. What becomes of each is decided by the lake, as for any other row.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use shoplake_core::contract::{FileOptions, Format};
use shoplake_core::outcome::{FileOutcome, FileStatus};
use shoplake_core::ports::{FileRecord, Loader, Replay};
use shoplake_core::project::Dataset;
use shoplake_core::{
    Column, ColumnType, Contract, Counts, Fault, FaultKind, JudgedChunk, LandedFile, Result, Sha256, hash,
};
use shoplake_quality::{ReadOptions, judge_file};

use crate::causes::Causes;
use crate::collect::outcome;
use crate::load::explain;
use crate::{Pipeline, build};

/// Where a corrected row says that it comes from: the file, and the line in it.
pub const ORIGIN_COLUMNS: [&str; 2] = ["_source_file", "_source_line"];
/// What a corrected row may bring along to be read by people: why it was set aside, and the record as
/// it stood where it could not be taken apart.
pub const REASON_COLUMNS: [&str; 5] = ["_reason", "_rule", "_column", "_value", "_raw"];
/// Rows of a file of corrections that are named when they do not fit.
const NAMED: usize = 20;

/// What leaves quarantine.
#[derive(Debug, Clone, Default)]
pub struct ReplayOptions {
    /// Only rows of this dataset.
    pub dataset: Option<String>,
    /// A CSV of corrected rows, as `quarantine export` writes it; without one the rows are judged
    /// again as they stand in their files.
    pub corrections: Option<PathBuf>,
}

/// Rows of one loaded file that are judged again.
#[derive(Debug, Clone)]
pub(crate) struct ReplayedFile {
    pub(crate) file: LandedFile,
    pub(crate) replay: Replay,
    /// The rows, where somebody corrected them.
    pub(crate) corrected: Option<Vec<JudgedChunk>>,
}

/// The files of a dataset that were loaded.
pub(crate) struct LoadedFiles {
    /// By key, the record of the last time that rows of it were judged.
    latest: HashMap<String, FileRecord>,
    /// The keys in the order of loads.
    order: Arc<HashMap<String, u64>>,
}

impl LoadedFiles {
    /// The landed file of a key, as it lies in the archive.
    fn landed(&self, pipeline: &Pipeline, key: &str) -> Result<Option<LandedFile>> {
        let Some(record) = self.latest.get(key) else { return Ok(None) };
        let path = pipeline.landing.archived(key)?;
        let name = key.rsplit('/').next().unwrap_or(key).to_owned();
        let FileRecord { dataset, page, file, .. } = record.clone();
        let FileOutcome { key, path: origin, sha256, size, .. } = file;
        Ok(path.exists().then_some(LandedFile { dataset, key, name, origin, sha256, size, path, page }))
    }
}

impl Pipeline {
    /// Files of a dataset with rejects that were judged under another contract: `required: false`,
    /// then `run`, is all that it takes to let the guests in.
    pub(crate) async fn outdated(&self, dataset: &Dataset) -> Result<Vec<ReplayedFile>> {
        let fingerprint = dataset.contract.fingerprint();
        let loaded = self.loaded_files(&dataset.contract.dataset).await?;
        let due = |record: &&FileRecord| record.fingerprint != fingerprint && record.file.counts.rejected > 0;
        let keys: Vec<String> = loaded.latest.values().filter(due).map(|record| record.file.key.clone()).collect();
        if keys.is_empty() { Ok(Vec::new()) } else { self.archived_rows(dataset, &loaded, Some(&keys)).await }
    }

    /// What `options` take out of a dataset's quarantine; with what cannot be taken, in words.
    pub(crate) async fn asked_for(
        &self,
        dataset: &Dataset,
        options: &ReplayOptions,
    ) -> Result<(Vec<ReplayedFile>, Vec<String>)> {
        let loaded = self.loaded_files(&dataset.contract.dataset).await?;
        match &options.corrections {
            None => Ok((self.archived_rows(dataset, &loaded, None).await?, Vec::new())),
            Some(path) => self.corrected(dataset, &loaded, path).await,
        }
    }

    async fn loaded_files(&self, dataset: &str) -> Result<LoadedFiles> {
        let mut records = self.state.files(Some(FileStatus::Loaded), u32::MAX).await?;
        records.retain(|record| record.dataset == dataset);
        let (mut latest, mut order) = (HashMap::new(), HashMap::new());
        // The newest come first.
        for (place, record) in records.into_iter().rev().enumerate() {
            if !record.file.replayed {
                order.insert(record.file.key.clone(), place as u64 + 1);
            }
            latest.insert(record.file.key.clone(), record);
        }
        Ok(LoadedFiles { latest, order: Arc::new(order) })
    }

    /// Rows in quarantine as they stand in their archived files, the oldest file first.
    async fn archived_rows(
        &self,
        dataset: &Dataset,
        loaded: &LoadedFiles,
        keys: Option<&[String]>,
    ) -> Result<Vec<ReplayedFile>> {
        let mut replays = Vec::new();
        for (key, lines) in self.quarantined(&dataset.contract.dataset, keys).await? {
            let Some(file) = loaded.landed(self, &key)? else { continue };
            let replay = Replay { lines: Arc::new(lines), order: Arc::clone(&loaded.order) };
            replays.push(ReplayedFile { file, replay, corrected: None });
        }
        replays.sort_by_key(|replay| loaded.order.get(&replay.file.key).copied());
        Ok(replays)
    }

    /// The lines of a dataset's rows in quarantine by file: of some files, or of all.
    async fn quarantined(&self, dataset: &str, keys: Option<&[String]>) -> Result<BTreeMap<String, HashSet<u64>>> {
        let catalog = self.tables.pinned().await?;
        let mut lines: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
        if !catalog.tables.contains_key("quarantine") {
            return Ok(lines);
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let listed = |keys: &[String]| keys.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ");
        let of_keys = keys.map(|keys| format!(" AND source_file IN ({})", listed(keys))).unwrap_or_default();
        let sql =
            format!("SELECT source_file, source_line FROM quarantine WHERE dataset = {}{of_keys}", quoted(dataset));
        for batch in build::collect(self.engine.query(&catalog, &sql).await?).await? {
            let files = arrow_cast::cast(batch.column(0), &arrow_schema::DataType::Utf8).map_err(broken)?;
            let numbers = batch.column(1).as_primitive_opt::<Int64Type>();
            for (file, line) in files.as_string::<i32>().iter().zip(numbers.into_iter().flatten()) {
                if let (Some(file), Some(line)) = (file, line) {
                    lines.entry(file.to_owned()).or_default().insert(line as u64);
                }
            }
        }
        Ok(lines)
    }

    /// The rows of a file of corrections that keep the contract, each under the file and line that it
    /// names.
    async fn corrected(
        &self,
        dataset: &Dataset,
        loaded: &LoadedFiles,
        path: &Path,
    ) -> Result<(Vec<ReplayedFile>, Vec<String>)> {
        let contract = &dataset.contract;
        let aside = self.quarantined(&contract.dataset, None).await?;
        let file = corrections(contract, path)?;
        let mut picked = Picked { aside, name: file.name.clone(), ..Picked::default() };
        let options = ReadOptions::new(self.project.time_zone, &self.project.limits);
        judge_file(&file, &with_origin(contract), &options, &mut |chunk| picked.take(&chunk, contract))?;
        let mut replays = Vec::new();
        for (key, chunks) in picked.by_file {
            let Some(file) = loaded.landed(self, &key)? else { continue };
            let lines = chunks.iter().flat_map(|chunk| chunk.lines.iter().copied()).collect();
            let replay = Replay { lines: Arc::new(lines), order: Arc::clone(&loaded.order) };
            replays.push(ReplayedFile { file, replay, corrected: Some(chunks) });
        }
        replays.sort_by_key(|replay| loaded.order.get(&replay.file.key).copied());
        let more = picked.problems.len().saturating_sub(NAMED);
        picked.problems.truncate(NAMED);
        if more > 0 {
            picked.problems.push(format!("{}: and {more} rows more", picked.name));
        }
        Ok((replays, picked.problems))
    }
}

/// The file of corrections as one that can be judged.
fn corrections(contract: &Contract, path: &Path) -> Result<LandedFile> {
    let size = fs_err::metadata(path)?.len();
    let origin = path.display().to_string();
    let name = path.file_name().map_or_else(|| origin.clone(), |name| name.to_string_lossy().into_owned());
    let (dataset, sha256) = (contract.dataset.clone(), Sha256(String::new()));
    Ok(LandedFile { dataset, key: origin.clone(), name, origin, sha256, size, path: path.to_owned(), page: None })
}

/// The contract of a file of corrections: plain CSV with the columns' own names, and where each row
/// comes from.
fn with_origin(contract: &Contract) -> Contract {
    let mut contract = contract.clone();
    contract.options = FileOptions::new(Format::Csv);
    for column in &mut contract.columns {
        column.header = None;
    }
    let [file, line] = ORIGIN_COLUMNS;
    contract.columns.push(Column { required: true, ..Column::new(file, ColumnType::String) });
    contract.columns.push(Column { required: true, ..Column::new(line, ColumnType::Integer) });
    contract.columns.extend(REASON_COLUMNS.map(|name| Column::new(name, ColumnType::String)));
    contract
}

/// Corrected rows by the file that they come from.
#[derive(Default)]
struct Picked {
    /// What is in quarantine: lines by file.
    aside: BTreeMap<String, HashSet<u64>>,
    name: String,
    by_file: BTreeMap<String, Vec<JudgedChunk>>,
    taken: HashSet<(String, u64)>,
    problems: Vec<String>,
}

impl Picked {
    fn take(&mut self, chunk: &JudgedChunk, contract: &Contract) -> Result<()> {
        for reject in &chunk.rejects {
            let Some(first) = reject.first() else { continue };
            let column = first.column.as_deref().map(|column| format!(" in `{column}`")).unwrap_or_default();
            let value = first.value.as_deref().map(|value| format!(" (`{value}`)")).unwrap_or_default();
            self.problems.push(format!("{}:{} still breaks `{}`{column}{value}", self.name, reject.line, first.rule));
        }
        let width = contract.columns.len();
        let (files, lines) = (chunk.rows.column(width).as_string::<i32>(), chunk.rows.column(width + 1));
        let lines = lines.as_primitive::<Int64Type>();
        let mut rows_of: BTreeMap<String, Vec<(u32, u64)>> = BTreeMap::new();
        for row in 0..chunk.rows.num_rows() {
            let (file, line) = (files.value(row).to_owned(), lines.value(row) as u64);
            let place = (file.clone(), line);
            if !self.aside.get(&file).is_some_and(|lines| lines.contains(&line)) {
                let here = chunk.lines[row];
                self.problems.push(format!("{}:{here} names {file}:{line}, which is not in quarantine", self.name));
            } else if self.taken.insert(place) {
                rows_of.entry(file).or_default().push((row as u32, line));
            } else {
                self.problems.push(format!("{}:{} names {file}:{line} again", self.name, chunk.lines[row]));
            }
        }
        let content = without_origin(&chunk.rows, width)?;
        for (file, rows) in rows_of {
            let part = pick(&content, &chunk.keys, &rows)?;
            self.by_file.entry(file).or_default().push(part);
        }
        Ok(())
    }
}

/// The rows without the columns that say where they come from, which stand behind the contract's.
fn without_origin(rows: &RecordBatch, width: usize) -> Result<RecordBatch> {
    let behind = width + ORIGIN_COLUMNS.len() + REASON_COLUMNS.len();
    let columns: Vec<usize> = (0..width).chain(behind..rows.num_columns()).collect();
    rows.project(&columns).map_err(broken)
}

/// Some rows of a chunk under the lines that they come from.
fn pick(content: &RecordBatch, keys: &[u128], rows: &[(u32, u64)]) -> Result<JudgedChunk> {
    let indices: UInt32Array = rows.iter().map(|(row, _)| *row).collect::<Vec<_>>().into();
    let picked = take_record_batch(content, &indices).map_err(broken)?;
    let schema = picked.schema();
    let named: Vec<(&str, ArrayRef)> =
        schema.fields().iter().map(|f| f.name().as_str()).zip(picked.columns().iter().cloned()).collect();
    Ok(JudgedChunk {
        lines: rows.iter().map(|(_, line)| *line).collect(),
        keys: if keys.is_empty() { Vec::new() } else { rows.iter().map(|(row, _)| keys[*row as usize]).collect() },
        contents: hash::content_hashes(&named),
        rejects: Vec::new(),
        discarded: BTreeMap::new(),
        rows: picked,
    })
}

/// Judges rows of a loaded file again, and hands them to the loader.
pub(crate) fn replay_file(
    loader: &mut dyn Loader,
    replayed: ReplayedFile,
    contract: &Contract,
    options: &ReadOptions,
) -> Result<(FileOutcome, Causes)> {
    let ReplayedFile { file, replay, corrected } = replayed;
    let mut causes = Causes::default();
    loader.begin_replay(&file, &replay)?;
    let judged = match corrected {
        Some(chunks) => chunks.into_iter().try_for_each(|chunk| loader.append(chunk)),
        None => judge_file(&file, contract, options, &mut |chunk| {
            let chunk = only(chunk, &replay.lines)?;
            causes.add(&file.name, &chunk.rejects);
            loader.append(chunk)
        })
        .map(|_| ()),
    };
    let (warning, counts) = match judged {
        Ok(()) => (format!("{} rows in quarantine were judged again", replay.lines.len()), loader.accept_file()?),
        Err(fault) if fault.kind == FaultKind::Data => {
            loader.refuse_file()?;
            causes = Causes::default();
            (format!("its rows stay in quarantine: {}", explain(&fault)), Counts::default())
        }
        Err(fault) => return Err(fault),
    };
    let outcome = outcome(&file, FileStatus::Loaded);
    Ok((FileOutcome { replayed: true, warnings: vec![warning], counts, ..outcome }, causes))
}

/// The rows and rejects of a chunk that start at one of `lines`.
fn only(mut chunk: JudgedChunk, lines: &HashSet<u64>) -> Result<JudgedChunk> {
    let starts = chunk.lines.iter().enumerate().filter(|(_, line)| lines.contains(line));
    let rows: Vec<(u32, u64)> = starts.map(|(row, line)| (row as u32, *line)).collect();
    chunk.rejects.retain(|reject| lines.contains(&reject.line));
    Ok(JudgedChunk { rejects: chunk.rejects, ..pick(&chunk.rows, &chunk.keys, &rows)? })
}

fn broken(error: arrow_schema::ArrowError) -> Fault {
    Fault::internal("judged rows do not fit together").caused_by(error)
}
