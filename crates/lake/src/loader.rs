//! The keyed upsert of one dataset: decides of each judged row whether it is new, changed or known,
//! and sends what is kept to the data file of its partition.
//!
//! Rows are decided in the order of the files and their lines, on one thread; making columns and
//! encoding them happens on the pool. Nothing that was written before is changed here: rows that are
//! no longer current are listed, and [`crate::finish`] makes their files anew.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::Schema;
use shoplake_core::clock::civil;
use shoplake_core::ports::{Loader, Replay};
use shoplake_core::{Counts, Fault, JudgedChunk, LandedFile, Result, ShopZone, TableFile, TableRoot};

use crate::base::{Base, BaseRow, order_values};
use crate::dimension::LookedUp;
use crate::parquet_writer::{FileWriter, OrderedFile, ROW_GROUP_ROWS, Shape};
use crate::pool::{Pool, lock};
use crate::quarantine::Quarantine;
use crate::read;
use crate::rewrite::new_file;
use crate::run_keys::{Current, Origin, Place, RunKeys};
use crate::shape::{TableShape, arrow_fault, conform};
use crate::stage::{Related, Shaper, Staged, StagedChunk};

/// Rows that may wait for their row groups over all partitions; beyond that the fullest is written.
const WAITING_ROWS: usize = 1 << 19;

/// Rows whose keys are brought near together.
const WARMED: usize = 64;

/// A month, or none: for a row without a day, and for tables that are not dated.
type Month = Option<(i32, i32)>;

/// One data file of the run.
pub(crate) struct Part {
    pub(crate) partition: BTreeMap<String, Option<String>>,
    pub(crate) file: OrderedFile<Staged>,
    /// For each relationship, hashes and ordinals of rows whose foreign key is unknown.
    pub(crate) orphans: Vec<Vec<(u64, u32)>>,
    /// Ordinals of rows that are not current any more.
    pub(crate) dropped: Vec<u32>,
    file_start: u64,
}

/// The load of one dataset.
pub(crate) struct TableLoader {
    pub(crate) root: TableRoot,
    pub(crate) shape: TableShape,
    pub(crate) base: Base,
    pub(crate) base_dropped: HashMap<u32, Vec<u32>>,
    pub(crate) parts: Vec<Part>,
    pub(crate) related: Arc<Vec<Related>>,
    pub(crate) days: BTreeSet<i32>,
    /// Whether a row without a day came or went.
    pub(crate) undated: bool,
    pub(crate) heal: bool,
    open: HashMap<Month, usize>,
    keys: RunKeys,
    pool: Arc<Pool>,
    quarantine: Arc<Mutex<Quarantine>>,
    zone: ShopZone,
    shaper: Arc<Shaper>,
    dataset: Arc<str>,
    source: Arc<str>,
    /// What is replayed, where the rows come out of quarantine.
    replay: Option<Replay>,
    keyed: bool,
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
        let keyed = !shaper.shape.contract.key.is_empty();
        let root = base.root.clone();
        Self {
            root: root.clone(),
            dataset: shaper.shape.contract.dataset.as_str().into(),
            shape: shaper.shape.clone(),
            related: shaper.related.clone(),
            shaper: Arc::new(shaper),
            base,
            base_dropped: HashMap::new(),
            parts: Vec::new(),
            days: BTreeSet::new(),
            undated: false,
            heal,
            open: HashMap::new(),
            keys: RunKeys::new(&root),
            pool,
            quarantine,
            zone,
            source: "".into(),
            replay: None,
            keyed,
            counts: Counts::default(),
        }
    }

    /// The batch that writes.
    pub(crate) fn batch(&self) -> shoplake_core::BatchNumber {
        self.shaper.batch
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
        let path = new_file(&self.root, self.shaper.batch, &partition);
        let writer = FileWriter::create(path, schema, &self.shape.contract.key)?;
        let shaper = self.shaper.clone();
        let shape: Shape<Staged> = Arc::new(move |staged| Ok(vec![shaper.columns(staged)?]));
        let orphans = vec![Vec::new(); self.related.len()];
        let file = OrderedFile::new(writer, shape);
        self.parts.push(Part { partition, file, orphans, dropped: Vec::new(), file_start: 0 });
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
        if self.keyed && !self.base.is_empty() {
            let order = self.replay.as_ref().map(|replay| &*replay.order);
            known = self.base.find(&chunk.keys, self.keys.unknown(&chunk.keys)?, order)?;
        }
        let mut kept: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut last: Option<(Month, usize)> = None;
        let mut last_day = None;
        let load = self.replay.as_ref().map(|replay| replay.order.get(&*self.source).copied().unwrap_or_default());
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
            if self.keyed && row % WARMED == 0 {
                self.keys.warm(&chunk.keys[row..rows.min(row + WARMED)]);
            }
            let (part, indices) = &mut kept[slot];
            let ordinal = self.parts[*part].file.rows() as u32 + indices.len() as u32;
            let current = Current {
                content: chunk.contents[row],
                place: Place::Pending(*part as u32, ordinal),
                version: versions.as_ref().map_or(0, |values| values[row].unwrap_or(i64::MIN)),
            };
            let base = if known.is_empty() { None } else { known.remove(&(row as u32)) };
            if self.keyed {
                let origin = load.map(|load| Origin { load, line: chunk.lines[row] });
                if !self.decide_row(chunk.keys[row], current, origin, base)? {
                    continue;
                }
            } else {
                self.counts.inserted += 1;
            }
            indices.push(row as u32);
            // Rows come in days: most are of the day before.
            let day = days.and_then(|days| days[row]);
            self.undated |= days.is_some() && day.is_none();
            if day != last_day {
                self.days.extend(day);
                last_day = day;
            }
        }
        kept.retain(|(_, indices)| !indices.is_empty());
        Ok(kept)
    }

    /// Decides one row; says whether it is kept. `origin` is where it stands in the order of loads, if
    /// it comes out of quarantine.
    fn decide_row(&mut self, key: u128, new: Current, origin: Option<Origin>, base: Option<BaseRow>) -> Result<bool> {
        let entry = match (self.keys.find(key)?, base) {
            (Some(entry), _) => entry,
            (None, None) => {
                let entry = self.keys.insert(key, new)?;
                self.keys.note_origin(entry, origin);
                self.counts.inserted += 1;
                return Ok(true);
            }
            (None, Some(base)) => {
                let entry = self.keys.insert(key, base.current)?;
                self.keys.note_origin(entry, base.origin);
                entry
            }
        };
        let old = self.keys.current(entry)?;
        // A row of this run's files is later than any that was in quarantine.
        let late = origin.is_some_and(|origin| self.keys.origin(entry).is_none_or(|old| origin < old));
        let stays = new.version < old.version || new.version == old.version && late;
        if old.content == new.content || stays {
            self.counts.duplicate += 1;
            return Ok(false);
        }
        self.keys.replace(entry, new, origin)?;
        self.counts.updated += 1;
        Ok(true)
    }

    /// Looks up what the rows refer to.
    fn relate(&self, content: &RecordBatch) -> Vec<LookedUp> {
        let look_up = |related: &Related| match content.column_by_name(&related.column) {
            Some(foreign) => related.dimension.look_up(foreign),
            None => LookedUp { rows: UInt32Array::new_null(content.num_rows()), orphans: Vec::new() },
        };
        self.related.iter().map(look_up).collect()
    }

    /// Notes the orphans among kept rows of one part, which begin at its row `start`.
    fn note_orphans(&mut self, part: usize, kept: &[u32], orphans: &[Vec<(u32, u64)>]) {
        let start = self.parts[part].file.rows() as u32;
        let mut lonely: Vec<u32> = Vec::new();
        for (at, orphans) in orphans.iter().enumerate() {
            for (row, hash) in orphans {
                if let Ok(place) = kept.binary_search(row) {
                    self.parts[part].orphans[at].push((*hash, start + place as u32));
                    lonely.push(*row);
                }
            }
        }
        lonely.sort_unstable();
        lonely.dedup();
        self.counts.orphans += lonely.len() as u64;
    }

    /// Sends kept rows of one part on their way.
    fn stage(&mut self, chunk: &Arc<StagedChunk>, part: usize, kept: Vec<u32>) -> Result<()> {
        let rows = kept.len();
        let target = &mut self.parts[part];
        let staged = if rows == chunk.content.num_rows() {
            Staged { chunk: Arc::clone(chunk), picked: None }
        } else if rows * 2 >= chunk.content.num_rows() {
            Staged { chunk: Arc::clone(chunk), picked: Some(kept) }
        } else {
            // A few rows must not keep a whole chunk in memory until their row group is full.
            Staged { chunk: Arc::new(chunk.pick(&kept)?), picked: None }
        };
        target.file.append(&self.pool, staged, rows)
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

    /// Notes the days of rows of a base file that are no longer current.
    pub(crate) fn note_days(&mut self, file: &TableFile, dropped: &[u32]) -> Result<()> {
        let Some(event_time) = self.shape.contract.event_time.clone().filter(|_| !dropped.is_empty()) else {
            return Ok(());
        };
        let content = self.shape.content_schema();
        let column = content.field_with_name(&event_time).map_err(arrow_fault)?.clone();
        let rows = read::rows(&self.root, file, &Arc::new(Schema::new(vec![column])), dropped)?;
        let (days, _) = local_days(&mut self.zone, &self.shape, &rows);
        self.undated |= days.iter().flatten().any(Option::is_none);
        self.days.extend(days.into_iter().flatten().flatten());
        Ok(())
    }

    /// The keys of the run's rows by part, without those of rows that are not current any more; none where
    /// the table has no key.
    pub(crate) fn take_keys(&mut self) -> Result<Vec<Vec<u64>>> {
        let rows: Vec<u64> = self.parts.iter().map(|part| if self.keyed { part.file.rows() } else { 0 }).collect();
        std::mem::replace(&mut self.keys, RunKeys::new(&self.root)).into_files(&rows)
    }

    fn quarantine(&self) -> std::sync::MutexGuard<'_, Quarantine> {
        lock(&self.quarantine)
    }
}

impl Loader for TableLoader {
    fn begin_file(&mut self, file: &LandedFile) -> Result<()> {
        self.source = file.key.as_str().into();
        self.replay = None;
        self.counts = Counts::default();
        Ok(())
    }

    fn begin_replay(&mut self, file: &LandedFile, replay: &Replay) -> Result<()> {
        self.begin_file(file)?;
        self.quarantine().forget(&self.source, &replay.rows);
        self.replay = Some(replay.clone());
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
        self.quarantine().append(&self.pool, &self.dataset, &self.source, &rejects)?;
        drop(rejects);
        let (days, months) = local_days(&mut self.zone, &self.shape, &chunk.rows);
        let kept = self.decide(&chunk, &months, days.as_deref())?;
        let (related, orphans): (Vec<_>, Vec<_>) =
            self.relate(&chunk.rows).into_iter().map(|found| (found.rows, found.orphans)).unzip();
        let JudgedChunk { rows: content, lines, .. } = chunk;
        let staged = Arc::new(StagedChunk { content, lines, days, related, source: self.source.clone() });
        for (part, kept) in kept {
            self.note_orphans(part, &kept, &orphans);
            self.stage(&staged, part, kept)?;
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
        self.keys.refuse()?;
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
    let mut day_of = |time: i64| if dates { time as i32 } else { zone.local_day(time) };
    let days: Vec<Option<i32>> = times.into_iter().map(|time| time.map(&mut day_of)).collect();
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
