//! Rows that leave quarantine: which they are, judged again from the archived file or as somebody
//! corrected them. What becomes of each is decided by the lake, as for any other row.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::DataType;
use arrow_select::take::take_record_batch;
use shoplake_core::contract::{FileOptions, Format};
use shoplake_core::outcome::{FileOutcome, FileStatus};
use shoplake_core::ports::{FileRecord, Loader, Replay, Take};
use shoplake_core::project::Dataset;
use shoplake_core::{
    Catalog, Column, ColumnType, Contract, Corrections, Counts, Fault, FaultKind, JudgedChunk, LandedFile, Result,
    RowPlace, hash,
};
use shoplake_quality::{ReadOptions, judge_file};

use crate::causes::Causes;
use crate::collect::{Intake, outcome};
use crate::load::explain;
use crate::{Pipeline, build};

/// Where a corrected row says that it comes from: the file, the line in it, and which row of that line,
/// where it has several.
pub const ORIGIN_COLUMNS: [&str; 3] = ["_source_file", "_source_line", "_source_item"];
/// What a corrected row may bring along to be read by people: why it was set aside, and the record as
/// it stood where it could not be taken apart.
pub const REASON_COLUMNS: [&str; 5] = ["_reason", "_rule", "_column", "_value", "_raw"];
/// Where files of corrections land and are archived: no dataset is called so.
pub(crate) const CORRECTIONS: &str = "_corrections";
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
    /// By key, what of it is in quarantine.
    waiting: HashMap<String, Waiting>,
    /// The keys in the order of loads.
    order: Arc<HashMap<String, u64>>,
}

/// Rows of a file in quarantine.
#[derive(Default)]
struct Waiting {
    rows: u64,
    /// The contract that all of them were held against last.
    fingerprint: String,
}

impl Waiting {
    /// Takes the next record of the file in.
    fn note(&mut self, record: &FileRecord) {
        let Counts { rows_read, rejected, .. } = record.file.counts;
        let left = if record.file.replayed { rows_read } else { 0 };
        // Corrections of some rows say nothing of the others; a replay of none was refused as a whole.
        if !record.file.replayed || left == 0 || left == self.rows {
            self.fingerprint.clone_from(&record.fingerprint);
        }
        self.rows = self.rows.saturating_sub(left) + rejected;
    }
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
        let due = |waiting: &Waiting| waiting.rows > 0 && waiting.fingerprint != fingerprint;
        let due = loaded.waiting.iter().filter(|(_, waiting)| due(waiting));
        let keys: Vec<String> = due.map(|(key, _)| key.clone()).collect();
        if keys.is_empty() { Ok(Vec::new()) } else { self.archived_rows(dataset, &loaded, Some(&keys)).await }
    }

    /// What `options` take out of a dataset's quarantine; with what cannot be taken, in words.
    pub(crate) async fn asked_for(&self, dataset: &Dataset, options: &ReplayOptions) -> Result<Intake> {
        let loaded = self.loaded_files(&dataset.contract.dataset).await?;
        let Some(path) = &options.corrections else {
            let replays = self.archived_rows(dataset, &loaded, None).await?;
            return Ok(Intake { replays, ..Intake::default() });
        };
        let origin = path.display().to_string();
        let name = path.file_name().map_or_else(|| origin.clone(), |name| name.to_string_lossy().into_owned());
        let landed = self.landing.land_file(CORRECTIONS, path, &name, &origin, Take::Copy)?;
        let file = LandedFile { dataset: dataset.contract.dataset.clone(), ..landed };
        let aside = self.quarantined(&dataset.contract.dataset, None).await?;
        let (replays, problems) = self.corrected(dataset, &loaded, &file, aside)?;
        let places = |replayed: &ReplayedFile| replayed.replay.rows.iter().copied().collect();
        let rows = replays.iter().map(|replayed| (replayed.file.key.clone(), places(replayed))).collect();
        let corrections = Some(Corrections { file, rows });
        Ok(Intake { replays, corrections, problems, ..Intake::default() })
    }

    /// The rows that a batch took from a file of corrections, read again from the archive.
    pub(crate) async fn corrected_again(&self, corrections: &Corrections) -> Result<Vec<ReplayedFile>> {
        let Corrections { file, rows } = corrections;
        let Some(dataset) = self.project.dataset(&file.dataset) else { return Ok(Vec::new()) };
        let loaded = self.loaded_files(&file.dataset).await?;
        let file = LandedFile { path: self.landing.archived(&file.key)?, ..file.clone() };
        let taken = rows.iter().map(|(key, places)| (key.clone(), places.iter().copied().collect())).collect();
        Ok(self.corrected(dataset, &loaded, &file, taken)?.0)
    }

    async fn loaded_files(&self, dataset: &str) -> Result<LoadedFiles> {
        let mut records = self.state.files(Some(FileStatus::Loaded), u32::MAX).await?;
        records.retain(|record| record.dataset == dataset);
        let (mut latest, mut order) = (HashMap::new(), HashMap::new());
        let mut waiting: HashMap<String, Waiting> = HashMap::new();
        // The newest come first.
        for (place, record) in records.into_iter().rev().enumerate() {
            if !record.file.replayed {
                order.insert(record.file.key.clone(), place as u64 + 1);
            }
            waiting.entry(record.file.key.clone()).or_default().note(&record);
            latest.insert(record.file.key.clone(), record);
        }
        Ok(LoadedFiles { latest, waiting, order: Arc::new(order) })
    }

    /// Rows in quarantine as they stand in their archived files, the oldest file first.
    async fn archived_rows(
        &self,
        dataset: &Dataset,
        loaded: &LoadedFiles,
        keys: Option<&[String]>,
    ) -> Result<Vec<ReplayedFile>> {
        let mut replays = Vec::new();
        for (key, rows) in self.quarantined(&dataset.contract.dataset, keys).await? {
            let Some(file) = loaded.landed(self, &key)? else { continue };
            let replay = Replay { rows: Arc::new(rows), order: Arc::clone(&loaded.order) };
            replays.push(ReplayedFile { file, replay, corrected: None });
        }
        replays.sort_by_key(|replay| loaded.order.get(&replay.file.key).copied());
        Ok(replays)
    }

    /// The places of a dataset's rows in quarantine by file: of some files, or of all.
    async fn quarantined(&self, dataset: &str, keys: Option<&[String]>) -> Result<Aside> {
        let catalog = self.tables.pinned().await?;
        let mut aside = Aside::new();
        if !catalog.tables.contains_key("quarantine") {
            return Ok(aside);
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let listed = |keys: &[String]| keys.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ");
        let of_keys = keys.map(|keys| format!(" AND source_file IN ({})", listed(keys))).unwrap_or_default();
        let item = source_item(&catalog);
        let dataset = quoted(dataset);
        let sql = format!("SELECT source_file, source_line, {item} FROM quarantine WHERE dataset = {dataset}{of_keys}");
        for batch in build::collect(self.engine.query(&catalog, &sql).await?).await? {
            let files = arrow_cast::cast(batch.column(0), &DataType::Utf8).map_err(broken)?;
            let places = places(batch.column(1), batch.column(2))?;
            for (file, place) in files.as_string::<i32>().iter().zip(places) {
                aside.entry(file.unwrap_or_default().to_owned()).or_default().insert(place);
            }
        }
        Ok(aside)
    }

    /// The rows of a file of corrections that keep the contract, each under the place that it names; only
    /// those that are `aside` are taken.
    fn corrected(
        &self,
        dataset: &Dataset,
        loaded: &LoadedFiles,
        file: &LandedFile,
        aside: Aside,
    ) -> Result<(Vec<ReplayedFile>, Vec<String>)> {
        let contract = &dataset.contract;
        let mut picked = Picked { aside, name: file.name.clone(), ..Picked::default() };
        let options = ReadOptions::new(self.project.time_zone, &self.project.limits);
        judge_file(file, &with_origin(contract), &options, &mut |chunk| picked.take(&chunk, contract))?;
        let mut replays = Vec::new();
        for (key, chunks) in picked.by_file {
            let Some(file) = loaded.landed(self, &key)? else { continue };
            let rows = chunks.iter().flat_map(JudgedChunk::places).collect();
            let replay = Replay { rows: Arc::new(rows), order: Arc::clone(&loaded.order) };
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

/// The contract of a file of corrections: plain CSV with the columns' own names, and where each row
/// comes from.
fn with_origin(contract: &Contract) -> Contract {
    let mut contract = contract.clone();
    contract.options = FileOptions::new(Format::Csv);
    for column in &mut contract.columns {
        column.header = None;
    }
    let [file, line, item] = ORIGIN_COLUMNS;
    contract.columns.push(Column { required: true, ..Column::new(file, ColumnType::String) });
    contract.columns.push(Column { required: true, ..Column::new(line, ColumnType::Integer) });
    contract.columns.push(Column::new(item, ColumnType::Integer));
    contract.columns.extend(REASON_COLUMNS.map(|name| Column::new(name, ColumnType::String)));
    contract
}

/// Rows in quarantine: their places by file.
type Aside = BTreeMap<String, HashSet<RowPlace>>;

/// How SQL asks which row of its line one in quarantine is; tables of early versions do not say it.
pub fn source_item(catalog: &Catalog) -> &'static str {
    let quarantine = catalog.tables.get("quarantine");
    let says_it = quarantine.is_some_and(|table| table.schema.column_with_name("source_item").is_some());
    if says_it { "coalesce(source_item, 1)" } else { "CAST(1 AS BIGINT)" }
}

/// Places from a column of lines and one of items.
pub fn places(lines: &ArrayRef, items: &ArrayRef) -> Result<Vec<RowPlace>> {
    let numbers = |column: &ArrayRef| arrow_cast::cast(column, &DataType::UInt64).map_err(broken);
    let (lines, items) = (numbers(lines)?, numbers(items)?);
    let (lines, items) = (lines.as_primitive::<UInt64Type>(), items.as_primitive::<UInt64Type>());
    // What no row can be, stands nowhere.
    let item = |item: Option<u64>| item.map_or(1, |item| u32::try_from(item).unwrap_or_default());
    Ok(lines.iter().zip(items).map(|(line, at)| RowPlace { line: line.unwrap_or_default(), item: item(at) }).collect())
}

/// Corrected rows by the file that they come from.
#[derive(Default)]
struct Picked {
    /// What is in quarantine.
    aside: Aside,
    name: String,
    by_file: BTreeMap<String, Vec<JudgedChunk>>,
    taken: HashSet<(String, RowPlace)>,
    problems: Vec<String>,
}

impl Picked {
    fn take(&mut self, chunk: &JudgedChunk, contract: &Contract) -> Result<()> {
        for reject in &chunk.rejects {
            let Some(first) = reject.first() else { continue };
            let column = first.column.as_deref().map(|column| format!(" in `{column}`")).unwrap_or_default();
            let value = first.value.as_deref().map(|value| format!(" (`{value}`)")).unwrap_or_default();
            self.problems.push(format!(
                "{}:{} still breaks `{}`{column}{value}: correct it there, then replay the file again",
                self.name, reject.line, first.rule
            ));
        }
        let width = contract.columns.len();
        let files = chunk.rows.column(width).as_string::<i32>();
        let places = places(chunk.rows.column(width + 1), chunk.rows.column(width + 2))?;
        let mut rows_of: BTreeMap<String, Vec<(u32, RowPlace)>> = BTreeMap::new();
        for (row, place) in places.into_iter().enumerate() {
            let (file, here) = (files.value(row).to_owned(), chunk.lines[row]);
            if !self.aside.get(&file).is_some_and(|aside| aside.contains(&place)) {
                self.problems.push(format!("{}:{here} names {file}:{place}, which is not in quarantine", self.name));
            } else if self.taken.insert((file.clone(), place)) {
                rows_of.entry(file).or_default().push((row as u32, place));
            } else {
                self.problems.push(format!("{}:{here} names {file}:{place} again", self.name));
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

/// Some rows of a chunk under the places that they come from.
fn pick(content: &RecordBatch, keys: &[u128], rows: &[(u32, RowPlace)]) -> Result<JudgedChunk> {
    let indices: UInt32Array = rows.iter().map(|(row, _)| *row).collect::<Vec<_>>().into();
    let picked = take_record_batch(content, &indices).map_err(broken)?;
    let schema = picked.schema();
    let named: Vec<(&str, ArrayRef)> =
        schema.fields().iter().map(|f| f.name().as_str()).zip(picked.columns().iter().cloned()).collect();
    Ok(JudgedChunk {
        lines: rows.iter().map(|(_, place)| place.line).collect(),
        items: rows.iter().map(|(_, place)| place.item).collect(),
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
    let mut found = 0;
    let mut take = |chunk: JudgedChunk| {
        found += chunk.rows_read();
        causes.add(&file.name, &chunk.rejects);
        loader.append(chunk)
    };
    let judged = match corrected {
        Some(chunks) => chunks.into_iter().try_for_each(take),
        None => judge_file(&file, contract, options, &mut |chunk| take(only(chunk, &replay.rows)?)).map(|_| ()),
    };
    let judged = judged.and_then(|()| all_found(found, replay.rows.len() as u64, contract));
    let (warning, counts) = match judged {
        Ok(()) => (judged_again(replay.rows.len()), loader.accept_file()?),
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

fn judged_again(rows: usize) -> String {
    match rows {
        1 => "1 row in quarantine was judged again".to_owned(),
        rows => format!("{rows} rows in quarantine were judged again"),
    }
}

/// Refuses a replay that did not meet every row again: what it did not meet would be nowhere.
fn all_found(found: u64, wanted: u64, contract: &Contract) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    let rows = format!("{} of its {wanted} rows in quarantine are not found again", wanted.saturating_sub(found));
    Err(Fault::data(rows).hint(format!(
        "{} reads the file in another way than when it was loaded: see `format`, `explode`, `header`, `delimiter`",
        contract.file
    )))
}

/// The rows and rejects of a chunk that stand at one of `places`.
fn only(mut chunk: JudgedChunk, places: &HashSet<RowPlace>) -> Result<JudgedChunk> {
    let stand = chunk.places().enumerate().filter(|(_, place)| places.contains(place));
    let rows: Vec<(u32, RowPlace)> = stand.map(|(row, place)| (row as u32, place)).collect();
    chunk.rejects.retain(|reject| places.contains(&reject.place()));
    Ok(JudgedChunk { rejects: chunk.rejects, ..pick(&chunk.rows, &chunk.keys, &rows)? })
}

fn broken(error: arrow_schema::ArrowError) -> Fault {
    Fault::internal("judged rows do not fit together").caused_by(error)
}
