//! The ports: one trait a role. The pipeline knows these; the binary puts adapters behind them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_core::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::counts::Counts;
use crate::fault::Result;
use crate::ids::{BatchNumber, RunId, Sha256};
use crate::judged::{JudgedChunk, RowPlace};
use crate::landed::{Corrections, LandedFile};
use crate::maintenance::{Compacted, Restored, Swept, TableVersion};
use crate::outcome::{DatasetOutcome, FileOutcome, FileStatus, RunOutcome, RunStatus, TestsOutcome};
use crate::planned::PlannedQuery;
use crate::proof::Check;
use crate::staged::StagedBatch;
use crate::table::{Catalog, PinnedTable};
use crate::upkeep::{ChangedRows, Upkeep, Upkept};

/// Rows that arrive as they are made.
pub struct RowStream {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>,
}

/// Runs SQL over a pinned catalog. It reads; nothing that a query says can write.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Plans `sql` and says which columns come out, without touching data.
    async fn schema(&self, catalog: &Catalog, sql: &str) -> Result<SchemaRef>;
    /// Runs one SELECT.
    async fn query(&self, catalog: &Catalog, sql: &str) -> Result<RowStream>;
    /// The rows of a stored query that changed with its tables, where its plan proves that no others did.
    async fn upkeep(&self, upkeep: &Upkeep<'_>) -> Result<Upkept>;
}

/// Says what a query is, without touching data: what it reads, where each column comes from, its shape.
#[async_trait]
pub trait SqlPlanner: Send + Sync {
    /// Plans `sql` over the tables of `catalog`; they need no files.
    ///
    /// # Errors
    /// SQL that does not fit the tables, with its place in `sql` and the names that were likely meant.
    async fn plan(&self, catalog: &Catalog, sql: &str) -> Result<PlannedQuery> {
        self.plan_through(catalog, &[], sql).await
    }
    /// Plans `sql` as if each table of `definitions` (its name, which `catalog` knows, and its SQL, over
    /// the catalog and the definitions before it) were a view: the shape goes through to what is behind it.
    async fn plan_through(
        &self,
        catalog: &Catalog,
        definitions: &[(String, String)],
        sql: &str,
    ) -> Result<PlannedQuery>;
}

/// Whether landing a file leaves the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// The file moves: it lay in the inbox.
    Move,
    /// The file is copied: it belongs to somebody else.
    Copy,
}

/// The landing zone and the archive behind it: bytes as they came.
pub trait LandingZone: Send + Sync {
    /// Lands a file under `name`; `origin` is its path as the user knows it.
    fn land_file(&self, dataset: &str, source: &Path, name: &str, origin: &str, take: Take) -> Result<LandedFile>;
    /// The file as it would land, with its bytes where they lie now; nothing is moved.
    fn foresee(&self, dataset: &str, source: &Path, name: &str, origin: &str) -> Result<LandedFile>;
    /// Lands the bytes of an API page.
    fn land_page(
        &self,
        dataset: &str,
        name: &str,
        origin: &str,
        page: (String, u64),
        bytes: &[u8],
    ) -> Result<LandedFile>;
    /// Files that lie in landing: ones that failed, were held, or whose run was cut off.
    fn waiting(&self, dataset: &str) -> Result<Vec<LandedFile>>;
    /// Moves a landed file to the archive and writes its metadata beside it. Doing it twice does no harm.
    fn archive(&self, file: &LandedFile, metadata: &serde_json::Value) -> Result<()>;
    /// Removes a landed file whose bytes the archive has already.
    fn discard(&self, file: &LandedFile) -> Result<()>;
    /// Where the archived bytes of a loaded file lie on this machine; from a lake elsewhere they are
    /// brought here first. There is no such file where the archive has none.
    fn archived(&self, key: &str) -> Result<std::path::PathBuf>;
    /// Keeps a file that was written into the lake's folder on this machine: a report.
    fn keep(&self, path: &Path) -> Result<()>;
    /// Brings a file that another machine has kept so to its place in the lake's folder on this one; one that is there
    /// stays as it is, and one that the lake does not have stays missing.
    fn kept(&self, path: &Path) -> Result<()>;
}

/// The tables, and the batches that change them.
#[async_trait]
pub trait TableStore: Send + Sync {
    /// Ends what an earlier run left: a decided batch is rolled forward, an undecided one set aside.
    async fn recover(&self) -> Result<()>;
    /// The tables as the last fully committed batch left them.
    async fn pinned(&self) -> Result<Catalog>;
    /// Every dataset's table as it is before the first row, for planning without data.
    fn blank(&self) -> Result<Catalog>;
    /// The number of that batch; 0 before the first. Cheap enough to ask twice a second.
    async fn last_committed(&self) -> Result<BatchNumber>;
    /// What each published batch after `after` did, in order.
    async fn manifests(&self, after: BatchNumber) -> Result<Vec<Manifest>>;
    /// The rows that the batches after `after`, up to `to`, put into `table` and took out of it, batch by batch, for
    /// those that did; `None` where they are not told, or not any more. The files that hold them may go at any time.
    async fn changed_rows(
        &self,
        table: &PinnedTable,
        after: BatchNumber,
        to: BatchNumber,
    ) -> Result<Option<Vec<ChangedRows>>>;
    /// Writes checkpoints of the logs that have grown long since their last; gives how many.
    async fn checkpoint(&self) -> Result<u64>;
    /// Begins the next batch over these files. A batch that is kept for later is set aside.
    async fn begin(&self, run: &RunId, files: &[LandedFile]) -> Result<Box<dyn Batch>>;
    /// The batch that a plan has kept, as long as the tables are what it was made over.
    async fn staged(&self) -> Result<Option<StagedBatch>>;
    /// Decides the batch that a plan has kept: writes the publish record and commits each table.
    async fn publish_staged(&self, batch: BatchNumber, summary: BatchSummary) -> Result<Manifest>;
    /// Sets the batch aside that a plan has kept, if there is one.
    async fn discard_staged(&self) -> Result<()>;
}

/// The versions of tables. Whoever calls it holds the project's lock.
#[async_trait]
pub trait TableMaintenance: Send + Sync {
    /// The versions of a table, the oldest first.
    async fn history(&self, table: &str) -> Result<Vec<TableVersion>>;
    /// A table at one of its versions. A version whose files a vacuum removed is a fault.
    async fn at_version(&self, table: &str, version: u64) -> Result<PinnedTable>;
    /// Removes the files that no version needs that was current within `older_than`; gives what it
    /// removed, or would remove.
    async fn vacuum(&self, older_than: TimeDelta, dry_run: bool) -> Result<Vec<Swept>>;
}

/// What the lake proves of itself: that what stands on disk is what its records say. It changes nothing.
#[async_trait]
pub trait LakeProof: Send + Sync {
    /// Every published batch has all of its commits.
    async fn commits(&self) -> Result<Check>;
    /// Every data file of `catalog` has the size and the rows that the log states.
    async fn data_files(&self, catalog: &Catalog) -> Result<Check>;
    /// No key stands twice in a keyed table.
    async fn keys(&self, catalog: &Catalog) -> Result<Check>;
    /// The side indexes say what their data files say.
    async fn indexes(&self, catalog: &Catalog) -> Result<Check>;
    /// The hash and the size of an archived file as it is now; `None` where it is gone.
    async fn archived_bytes(&self, key: &str) -> Result<Option<(Sha256, u64)>>;
}

/// One batch: data files are written, nothing is committed until [`Batch::publish`].
#[async_trait]
pub trait Batch: Send {
    /// Its number.
    fn number(&self) -> BatchNumber;
    /// Starts to load a dataset. Dimensions load before the facts that they enrich.
    async fn loader(&mut self, contract: &Arc<Contract>) -> Result<Box<dyn Loader>>;
    /// Ends the load: the dataset's new files join [`Batch::catalog`].
    async fn finish(&mut self, loader: Box<dyn Loader>) -> Result<DatasetChange>;
    /// Lets go of what only loads need: all datasets are loaded.
    fn loaded(&mut self);
    /// The tables as they will be, were the batch published now.
    async fn catalog(&self) -> Result<Catalog>;
    /// Replaces all rows of a model's table; gives its rows.
    async fn replace(&mut self, table: &str, rows: RowStream) -> Result<u64>;
    /// Replaces the rows of a model's table whose key columns are among `keys`, and leaves files
    /// without such rows as they are; gives the table's rows.
    async fn merge(&mut self, table: &str, keys: &[RecordBatch], rows: RowStream) -> Result<u64>;
    /// Gives a table the files of another of its versions; its columns too.
    async fn restore(&mut self, version: PinnedTable) -> Result<()>;
    /// Joins the small files of a table; its rows stay as they are.
    async fn compact(&mut self, table: &str) -> Result<Compacted>;
    /// Decides: writes the publish record and commits each table.
    async fn publish(self: Box<Self>, summary: BatchSummary) -> Result<Manifest>;
    /// Keeps the batch as it is, for [`TableStore::publish_staged`].
    async fn stage(self: Box<Self>, staged: StagedBatch) -> Result<()>;
    /// Sets the batch aside and removes what it wrote.
    async fn abandon(self: Box<Self>) -> Result<()>;
}

/// Takes the judged rows of one dataset, file by file, and decides inserted, updated, duplicate.
///
/// Synchronous: it works on threads of its own, and is called from a blocking thread.
pub trait Loader: Send {
    /// Begins a file.
    fn begin_file(&mut self, file: &LandedFile) -> Result<()>;
    /// Begins to take rows of a loaded file out of quarantine: their lines go, and those that are
    /// rejected again come back. The rows stand in the order of loads as if they had been good at
    /// once: one replaces a row of its key that was loaded before it, never one that came later.
    fn begin_replay(&mut self, file: &LandedFile, replay: &Replay) -> Result<()>;
    /// Takes the next chunk of the file, in the order of the file.
    fn append(&mut self, chunk: JudgedChunk) -> Result<()>;
    /// Keeps the file; its counts.
    fn accept_file(&mut self) -> Result<Counts>;
    /// Takes back all that the file brought.
    fn refuse_file(&mut self) -> Result<()>;
    /// For downcasting by the batch that made it.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send>;
}

/// Rows of a loaded file that leave quarantine.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Where they stand in it.
    pub rows: Arc<HashSet<RowPlace>>,
    /// The key of every loaded file with its place in the order of loads.
    pub order: Arc<HashMap<String, u64>>,
}

/// What a load did to a dataset's table.
#[derive(Debug, Clone, Default)]
pub struct DatasetChange {
    /// Whether anything changed.
    pub changed: bool,
    /// Days (since 1970-01-01, shop's zone) that gained, lost or changed a row; only with `event_time`.
    pub days: BTreeSet<i32>,
    /// Whether rows without a day were among those; only with `event_time`.
    pub undated: bool,
    /// Whether the table was empty before.
    pub first: bool,
    /// The rows themselves; `None` where they are too many to tell, or where none were kept apart.
    pub rows: Option<ChangedRows>,
}

/// What the publish record says of a batch, besides the tables' actions: enough to rebuild the state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchSummary {
    /// The run.
    pub run_id: RunId,
    /// When the run began, UTC.
    pub started_at: DateTime<Utc>,
    /// When the batch was published, UTC; records of early versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<DateTime<Utc>>,
    /// Every dataset with its files and counts.
    pub datasets: Vec<DatasetOutcome>,
    /// The landed files that are loaded by this batch.
    pub files: Vec<LandedFile>,
    /// Cursors of API sources that move with this batch: dataset and value.
    pub cursors: Vec<(String, serde_json::Value)>,
    /// The contract's fingerprint by dataset.
    pub fingerprints: Vec<(String, String)>,
    /// Files of corrected rows that it took: their rows are counted under the files that they come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Corrections>,
    /// Tables that it brought back to an earlier version, before anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<Restored>,
    /// Views by name with their SQL, as readers of this batch see them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, String>,
}

impl BatchSummary {
    /// When the batch was published, as far as its record says.
    pub fn published(&self) -> DateTime<Utc> {
        self.published_at.map_or(self.started_at, |at| at.max(self.started_at))
    }
}

/// A published batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Its number.
    pub batch: BatchNumber,
    /// What it did.
    pub summary: BatchSummary,
}

/// What the state remembers of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileRecord {
    /// The dataset.
    pub dataset: String,
    /// The run that judged it last.
    pub run_id: RunId,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// For an API page, `(pull, page)`.
    pub page: Option<(String, u64)>,
    /// The fingerprint of the contract that judged it.
    pub fingerprint: String,
    /// What became of it, with its counts.
    pub file: FileOutcome,
}

/// What the state remembers of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub run_id: RunId,
    /// When it began, UTC.
    pub started_at: DateTime<Utc>,
    /// Its outcome; `None` while it runs, or where it was cut off.
    pub outcome: Option<RunOutcome>,
    /// Whether it is known to be over although it has no outcome: it was told to end, or its process is gone.
    #[serde(default)]
    pub unfinished: bool,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It goes on.
    Running,
    /// It is over without an outcome: it was told to end, or its process is gone.
    Unfinished,
    /// All of it is published.
    Success,
    /// Published, and something wants a look.
    Warning,
    /// A file or a test failed.
    Error,
}

impl RunRecord {
    /// How it stands.
    pub fn state(&self) -> RunState {
        match self.outcome.as_ref().map(|outcome| outcome.status) {
            None if self.unfinished => RunState::Unfinished,
            None => RunState::Running,
            Some(RunStatus::Success) => RunState::Success,
            Some(RunStatus::Warning) => RunState::Warning,
            Some(RunStatus::Error) => RunState::Error,
        }
    }
}

/// What the last of these runs, newest first, that tested anything found: one that had nothing to do tested
/// nothing, and takes nothing back.
pub fn last_tests(runs: &[RunRecord]) -> Option<&TestsOutcome> {
    let mut tests = runs.iter().filter_map(|run| Some(&run.outcome.as_ref()?.tests));
    tests.find(|tests| tests.passed + tests.warned + tests.failed > 0)
}

/// One step of a run, for the log of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// `recover`, `collect`, `land`, `load`, `models`, `tests`, `publish`, `archive`, `reports`.
    pub name: String,
    /// Seconds it took.
    pub seconds: f64,
    /// What it did, in words.
    pub detail: String,
}

/// Sums over all runs and files that the state knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// How many runs ended so.
    pub runs: Vec<(RunStatus, u64)>,
    /// How often each stage was passed, and the seconds that it took together.
    pub stages: Vec<(String, u64, f64)>,
    /// By dataset, how many files were judged so.
    pub files: Vec<(String, FileStatus, u64)>,
    /// By dataset, the rows of its loaded files.
    pub rows: Vec<(String, Counts)>,
}

/// The state: runs, steps, files, cursors. A memory that can be rebuilt from the lake's manifests;
/// never the truth about what is in a table.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Notes that a run began. Runs take turns: each that began before and has no outcome is over.
    async fn begin_run(&self, run: &RunId, started_at: DateTime<Utc>) -> Result<()>;
    /// Notes a step of a run.
    async fn record_step(&self, run: &RunId, step: &StepRecord) -> Result<()>;
    /// Notes how a run ended.
    async fn finish_run(&self, outcome: &RunOutcome) -> Result<()>;
    /// Notes that a run without an outcome is over: it was told to end.
    async fn leave_run(&self, run: &RunId) -> Result<()>;
    /// The last runs, newest first.
    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>>;
    /// The last runs that have an outcome, newest first.
    async fn ended_runs(&self, limit: u32) -> Result<Vec<RunRecord>>;
    /// The steps of a run, in order.
    async fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>>;
    /// The record of these bytes in a dataset, the latest.
    async fn file(&self, dataset: &str, sha256: &Sha256) -> Result<Option<FileRecord>>;
    /// The record of this API page.
    async fn page(&self, dataset: &str, pull: &str, page: u64) -> Result<Option<FileRecord>>;
    /// The file of a dataset that was loaded last.
    async fn last_loaded(&self, dataset: &str) -> Result<Option<FileRecord>>;
    /// How files were judged, newest first, of one status or of all: a file that was judged several
    /// times stands there as often.
    async fn files(&self, status: Option<FileStatus>, limit: u32) -> Result<Vec<FileRecord>>;
    /// Files that wait for somebody: refused or held when their bytes were judged last, newest first.
    async fn waiting(&self, limit: u32) -> Result<Vec<FileRecord>>;
    /// Files whose shape differed from their contract, newest first.
    async fn schema_changes(&self, limit: u32) -> Result<Vec<FileRecord>>;
    /// Notes what became of a file that is not part of a published batch (failed, held).
    async fn record_file(&self, record: &FileRecord) -> Result<()>;
    /// Notes a published batch in one transaction: its files, its cursors, its number.
    async fn record_batch(&self, manifest: &Manifest) -> Result<()>;
    /// The last batch that the state knows; 0 before the first.
    async fn last_batch(&self) -> Result<BatchNumber>;
    /// The run that published a batch, if the state knows the batch.
    async fn run_of(&self, batch: BatchNumber) -> Result<Option<RunId>>;
    /// The stored cursor of an API source: what it has loaded.
    async fn cursor(&self, dataset: &str) -> Result<Option<serde_json::Value>>;
    /// What the state knows of all runs and files, summed up.
    async fn totals(&self) -> Result<Totals>;
    /// Where an unfinished pull stands, so that the next run resumes it.
    async fn pull(&self, dataset: &str) -> Result<Option<serde_json::Value>>;
    /// Keeps or (with `None`) forgets an unfinished pull.
    async fn set_pull(&self, dataset: &str, pull: Option<&serde_json::Value>) -> Result<()>;
}

/// What became of a pull from an API.
#[derive(Debug)]
pub struct Pulled {
    /// The pages that are landed, in order, those of an earlier unfinished pull first.
    pub files: Vec<LandedFile>,
    /// The cursor to store once all of them are loaded.
    pub cursor: Option<serde_json::Value>,
    /// Things to tell that stopped nothing: a page that repeated the one before.
    pub warnings: Vec<String>,
    /// Why the pull ended early, if it did; the pages before it are landed, the next run resumes.
    pub problem: Option<crate::fault::Fault>,
}

/// A stored model as those who listen to runs know it.
#[derive(Debug, Clone)]
pub struct ModelText {
    /// Its name, and its table's.
    pub name: String,
    /// Plain SQL over stored tables.
    pub sql: String,
    /// What it means.
    pub description: String,
    /// Its documented columns, each with what it means.
    pub columns: Vec<(String, String)>,
}

/// Hears how runs go, for those who watch from outside. Nothing that happens to it can fail a run:
/// what it could not do comes back in words.
#[async_trait]
pub trait RunListener: Send + Sync {
    /// A run begins.
    async fn started(&self, run: &RunId, at: DateTime<Utc>) -> Vec<String>;
    /// A run has ended, well or not.
    async fn ended(&self, outcome: &RunOutcome, models: &[ModelText]) -> Vec<String>;
    /// A run broke off.
    async fn broke_off(&self, run: &RunId, fault: &crate::fault::Fault);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deaf;

#[async_trait]
impl RunListener for Deaf {
    async fn started(&self, _run: &RunId, _at: DateTime<Utc>) -> Vec<String> {
        Vec::new()
    }
    async fn ended(&self, _outcome: &RunOutcome, _models: &[ModelText]) -> Vec<String> {
        Vec::new()
    }
    async fn broke_off(&self, _run: &RunId, _fault: &crate::fault::Fault) {}
}

/// What is going on, for people who watch. Called often; must be cheap.
pub trait Progress: Send + Sync {
    /// A stage of the run begins: `landing`, `sales: day-9.csv`, `models`.
    fn stage(&self, name: &str, total_bytes: Option<u64>);
    /// So much more of the stage is done.
    fn advance(&self, bytes: u64, rows: u64);
    /// The stage ends.
    fn done(&self);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _name: &str, _total_bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64, _rows: u64) {}
    fn done(&self) {}
}
