//! The keyed upsert of one dataset: decides of each judged row whether it is new, changed or known,
//! and sends what is kept to the data file of its partition.
//!
//! Rows are decided in the order of the files and their lines, on one thread; making columns and
//! encoding them happens on the pool. Nothing that was written before is changed here: rows that are
//! no longer current are listed, and [`crate::finish`] makes their files anew.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use shoplake_core::clock::civil;
use shoplake_core::ports::Loader;
use shoplake_core::{Counts, Fault, JudgedChunk, LandedFile, Result, ShopZone};

use crate::base::{Base, order_values};
use crate::parquet_writer::{FileWriter, OrderedFile, ROW_GROUP_ROWS, Shape, properties};
use crate::pool::{Pool, lock};
use crate::quarantine::Quarantine;
use crate::rewrite::new_file;
use crate::run_keys::{Current, Place, RunKeys};
use crate::shape::{TableShape, arrow_fault, conform};
use crate::stage::{Related, Shaper, Staged};

/// Rows that may wait for their row groups over all partitions; beyond that the fullest is written.
const WAITING_ROWS: usize = 1 << 20;

/// A month, or none: for a row without a day, and for tables that are not dated.
type Month = Option<(i32, i32)>;

/// One data file of the run.
pub(crate) struct Part {
    pub(crate) partition: BTreeMap<String, Option<String>>,
    pub(crate) file: OrderedFile<Staged>,
    /// The low 64 bits of each row's key hash.
    pub(crate) keys: Vec<u64>,
    /// For each relationship, hashes and ordinals of rows whose foreign key is unknown.
    pub(crate) orphans: Vec<Vec<(u64, u32)>>,
    /// Ordinals of rows that are not current any more.
    pub(crate) dropped: Vec<u32>,
    file_start: u64,
}

/// The load of one dataset.
pub(crate) struct TableLoader {
    pub(crate) root: PathBuf,
    pub(crate) shape: TableShape,
    pub(crate) base: Base,
    pub(crate) base_dropped: HashMap<u32, Vec<u32>>,
    pub(crate) parts: Vec<Part>,
    pub(crate) related: Arc<Vec<Related>>,
    pub(crate) days: BTreeSet<i32>,
    pub(crate) heal: bool,
    open: HashMap<Month, usize>,
    keys: RunKeys,
    pool: Arc<Pool>,
    quarantine: Arc<Mutex<Quarantine>>,
    zone: ShopZone,
    shaper: Arc<Shaper>,
    dataset: Arc<str>,
    source: Arc<str>,
    /// Whether the rows come out of quarantine: they are older than what the table says.
    replay: bool,
    counts: Counts,
}

/// What a loader starts from.
pub(crate) struct LoaderParts {
    pub(crate) base: Base,
    pub(crate) shaper: Shaper,
    pub(crate) pool: Arc<Pool>,
    pub(crate) quarantine: Arc<Mutex<Quarantine>>,
    pub(crate) zone: ShopZone,
    /// Whether a dimension that this dataset refers to has changed in this batch.
    pub(crate) heal: bool,
}

impl TableLoader {
    /// Begins a load.
    pub(crate) fn new(parts: LoaderParts) -> Self {
        let LoaderParts { base, shaper, pool, quarantine, zone, heal } = parts;
        Self {
            root: base.root.clone(),
            dataset: shaper.shape.contract.dataset.as_str().into(),
            shape: shaper.shape.clone(),
            related: shaper.related.clone(),
            shaper: Arc::new(shaper),
            base,
            base_dropped: HashMap::new(),
            parts: Vec::new(),
            days: BTreeSet::new(),
            heal,
            open: HashMap::new(),
            keys: RunKeys::default(),
            pool,
            quarantine,
            zone,
            source: "".into(),
            replay: false,
            counts: Counts::default(),
        }
    }

    /// The batch that writes.
    pub(crate) fn batch(&self) -> shoplake_core::BatchNumber {
        self.shaper.batch
    }

    fn keyed(&self) -> bool {
        !self.shape.contract.key.is_empty()
    }

    /// Takes in columns that the file has and the table does not: later rows go to files of the new shape.
    fn grow(&mut self, chunk: &RecordBatch) {
        let content = self.shape.content_schema();
        let fields = chunk.schema_ref().fields().iter();
        let new: Vec<String> =
            fields.map(|f| f.name()).filter(|name| content.column_with_name(name).is_none()).cloned().collect();
        if new.is_empty() {
            return;
        }
        self.shape.extras.extend(new);
        self.open.clear();
        self.shaper = Arc::new(Shaper {
            shape: self.shape.clone(),
            file_schema: self.shape.file_schema(),
            related: self.related.clone(),
            batch: self.shaper.batch,
            run_id: self.shaper.run_id.clone(),
            loaded_at: self.shaper.loaded_at,
        });
    }

    /// The part that takes rows of `month`.
    fn part(&mut self, month: Month) -> Result<usize> {
        if let Some(part) = self.open.get(&month) {
            return Ok(*part);
        }
        let mut partition = BTreeMap::new();
        if self.shape.dated() {
            partition.insert("year".to_owned(), month.map(|(year, _)| year.to_string()));
            partition.insert("month".to_owned(), month.map(|(_, month)| month.to_string()));
        }
        let schema = self.shaper.file_schema.clone();
        let properties = properties(&schema, &self.shape.contract.key);
        let writer = FileWriter::create(new_file(&self.root, self.shaper.batch, &partition), schema, properties)?;
        let shaper = self.shaper.clone();
        let shape: Shape<Staged> = Arc::new(move |staged| shaper.columns(staged));
        let orphans = vec![Vec::new(); self.related.len()];
        let file = OrderedFile::new(writer, shape);
        self.parts.push(Part { partition, file, keys: Vec::new(), orphans, dropped: Vec::new(), file_start: 0 });
        self.open.insert(month, self.parts.len() - 1);
        Ok(self.parts.len() - 1)
    }

    /// Decides every row of a chunk; gives the rows to keep by part.
    fn decide(
        &mut self,
        chunk: &JudgedChunk,
        months: &[Month],
        days: Option<&[Option<i32>]>,
    ) -> Result<Vec<(usize, Vec<u32>)>> {
        let rows = chunk.rows.num_rows();
        let versions = self.shape.contract.version.as_deref().and_then(|name| order_values(&chunk.rows, name));
        let mut known = HashMap::new();
        if self.keyed() && !self.base.is_empty() {
            let unknown =
                (0..rows as u32).filter(|row| self.keys.find(chunk.keys[*row as usize]).is_none()).collect::<Vec<_>>();
            known = self.base.find(&chunk.keys, unknown.into_iter())?;
        }
        let mut kept: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut last: Option<(Month, usize)> = None;
        for row in 0..rows {
            let slot = match last {
                Some((month, slot)) if month == months[row] => slot,
                _ => {
                    let part = self.part(months[row])?;
                    let slot = kept.iter().position(|(p, _)| *p == part).unwrap_or_else(|| {
                        kept.push((part, Vec::with_capacity(rows)));
                        kept.len() - 1
                    });
                    last = Some((months[row], slot));
                    slot
                }
            };
            let (part, indices) = &mut kept[slot];
            let ordinal = self.parts[*part].file.rows() as u32 + indices.len() as u32;
            let current = Current {
                content: chunk.contents[row],
                place: Place::Pending(*part as u32, ordinal),
                version: versions.as_ref().map_or(0, |values| values[row].unwrap_or(i64::MIN)),
            };
            if self.shape.contract.key.is_empty()
                || self.decide_row(chunk.keys[row], current, known.remove(&(row as u32)))
            {
                indices.push(row as u32);
                if self.shape.contract.key.is_empty() {
                    self.counts.inserted += 1;
                }
                if let Some(day) = days.and_then(|days| days[row]) {
                    self.days.insert(day);
                }
            }
        }
        kept.retain(|(_, indices)| !indices.is_empty());
        Ok(kept)
    }

    /// Decides one row; says whether it is kept.
    fn decide_row(&mut self, key: u128, new: Current, base: Option<crate::base::BaseRow>) -> bool {
        let entry = match (self.keys.find(key), base) {
            (Some(entry), _) => entry,
            (None, None) => {
                self.keys.insert(key, new);
                self.counts.inserted += 1;
                return true;
            }
            (None, Some(base)) => {
                let entry = self.keys.insert(key, base.current);
                let changed =
                    !self.replay && base.current.content != new.content && new.version >= base.current.version;
                if changed && let Some(time) = base.event_time {
                    self.days.insert(local_day(&mut self.zone, self.shape.event_dates(), time));
                }
                entry
            }
        };
        let old = self.keys.current(entry);
        if self.replay || old.content == new.content || new.version < old.version {
            self.counts.duplicate += 1;
            return false;
        }
        self.keys.replace(entry, new);
        self.counts.updated += 1;
        true
    }

    /// Sends kept rows of one part on their way.
    fn stage(&mut self, chunk: &StagedChunk<'_>, part: usize, indices: &[u32]) -> Result<()> {
        let whole = indices.len() == chunk.content.num_rows();
        let content = if whole {
            chunk.content.clone()
        } else {
            take_record_batch(chunk.content, &UInt32Array::from(indices.to_vec())).map_err(arrow_fault)?
        };
        let start = self.parts[part].file.rows() as u32;
        let mut related = Vec::with_capacity(self.related.len());
        let mut lonely = vec![false; indices.len()];
        for (at, relation) in self.related.iter().enumerate() {
            let Some(foreign) = content.column_by_name(&relation.column) else {
                related.push(UInt32Array::new_null(indices.len()));
                continue;
            };
            let orphans = &mut self.parts[part].orphans[at];
            related.push(relation.dimension.look_up(foreign, |row, hash| {
                orphans.push((hash, start + row as u32));
                lonely[row] = true;
            }));
        }
        self.counts.orphans += lonely.iter().filter(|lonely| **lonely).count() as u64;
        let staged = Staged {
            lines: indices.iter().map(|row| chunk.lines[*row as usize]).collect(),
            days: chunk.days.map(|days| indices.iter().map(|row| days[*row as usize]).collect()),
            content,
            related,
            source: self.source.clone(),
        };
        let target = &mut self.parts[part];
        if !self.shape.contract.key.is_empty() {
            target.keys.extend(indices.iter().map(|row| chunk.keys[*row as usize] as u64));
        }
        target.file.append(&self.pool, staged, indices.len())
    }

    /// Keeps the rows that wait for their row groups within bounds.
    fn relieve(&mut self) -> Result<()> {
        let waiting: usize = self.parts.iter().map(|part| part.file.pending_rows()).sum();
        if waiting > WAITING_ROWS.max(ROW_GROUP_ROWS)
            && let Some(fullest) = self.parts.iter_mut().max_by_key(|part| part.file.pending_rows())
        {
            fullest.file.flush(&self.pool)?;
        }
        Ok(())
    }

    fn quarantine(&self) -> std::sync::MutexGuard<'_, Quarantine> {
        lock(&self.quarantine)
    }
}

/// A chunk with what was found out about its rows.
struct StagedChunk<'a> {
    content: &'a RecordBatch,
    lines: &'a [u64],
    keys: &'a [u128],
    days: Option<&'a [Option<i32>]>,
}

impl Loader for TableLoader {
    fn begin_file(&mut self, file: &LandedFile) -> Result<()> {
        self.source = file.key.as_str().into();
        self.replay = false;
        self.counts = Counts::default();
        Ok(())
    }

    fn begin_replay(&mut self, file: &LandedFile) -> Result<()> {
        self.begin_file(file)?;
        self.replay = true;
        self.quarantine().forget(&self.source);
        Ok(())
    }

    fn append(&mut self, mut chunk: JudgedChunk) -> Result<()> {
        self.grow(&chunk.rows);
        chunk.rows = conform(&chunk.rows, &self.shape.content_schema())?;
        self.counts.rows_read += chunk.rows_read();
        self.counts.rejected += chunk.rejects.len() as u64;
        for reject in &chunk.rejects {
            let Some(first) = reject.first() else { return Err(Fault::internal("a row was rejected for no reason")) };
            *self.counts.rejects.entry(first.reason).or_default() += 1;
        }
        let rejects = std::mem::take(&mut chunk.rejects);
        self.quarantine().append(&self.pool, &self.dataset, &self.source, rejects)?;
        let (days, months) = local_days(&mut self.zone, &self.shape, &chunk.rows);
        let kept = self.decide(&chunk, &months, days.as_deref())?;
        let staged =
            StagedChunk { content: &chunk.rows, lines: &chunk.lines, keys: &chunk.keys, days: days.as_deref() };
        for (part, indices) in kept {
            self.stage(&staged, part, &indices)?;
        }
        self.relieve()
    }

    fn accept_file(&mut self) -> Result<Counts> {
        for place in self.keys.accept() {
            match place {
                Place::Base(file, ordinal) => self.base_dropped.entry(file).or_default().push(ordinal),
                Place::Pending(part, ordinal) => self.parts[part as usize].dropped.push(ordinal),
            }
        }
        for part in &mut self.parts {
            part.file_start = part.file.rows();
        }
        self.quarantine().accept();
        let counts = std::mem::take(&mut self.counts);
        if !counts.identity_holds() {
            return Err(Fault::internal(format!("rows of `{}` are not accounted for: {counts:?}", self.source)));
        }
        Ok(counts)
    }

    fn refuse_file(&mut self) -> Result<()> {
        self.keys.refuse();
        for part in &mut self.parts {
            part.dropped.extend(part.file_start as u32..part.file.rows() as u32);
            part.file_start = part.file.rows();
        }
        self.quarantine().refuse();
        self.counts = Counts::default();
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// The shop's day and month of each row.
fn local_days(zone: &mut ShopZone, shape: &TableShape, rows: &RecordBatch) -> (Option<Vec<Option<i32>>>, Vec<Month>) {
    let times = shape.contract.event_time.as_deref().and_then(|name| order_values(rows, name));
    let Some(times) = times else { return (None, vec![None; rows.num_rows()]) };
    let dates = shape.event_dates();
    let days: Vec<Option<i32>> = times.into_iter().map(|time| time.map(|time| local_day(zone, dates, time))).collect();
    let mut last = (i32::MIN, (0, 0));
    let months = days.iter().map(|day| {
        day.map(|day| {
            if last.0 != day {
                let (year, month, _) = civil(day);
                last = (day, (year, month));
            }
            last.1
        })
    });
    let months = months.collect();
    (Some(days), months)
}

/// The shop's day of an event: `time` is a day already where `dates`, else UTC microseconds.
fn local_day(zone: &mut ShopZone, dates: bool, time: i64) -> i32 {
    if dates { time as i32 } else { zone.local_day(time) }
}
