//! The figures of the last published batch: its pinned tables, its cube, and the answers that were
//! asked for already.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use shoplake_core::ports::{Engine, TableStore};
use shoplake_core::{BatchNumber, Catalog, Project, Result};
use tokio::sync::{Mutex, OnceCell, Semaphore};

use crate::cube::{Answer, Cube, Filter, ProductSum, Reader};
use crate::kept::Kept;
use crate::known::Known;
use crate::problem::Problem;
use crate::routes::SalesPage;

/// Customers by id, `None` for sales without one; nothing where they are too many.
pub(crate) type Buyers = Option<Vec<Option<Arc<str>>>>;

/// Who asks for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A request: its walk takes all threads, once it is its turn.
    Somebody,
    /// Nobody yet: its walk takes one thread, and nobody's turn.
    Nobody,
}

/// Bytes of answers, and of pages of sales, that are kept for a batch.
const KEPT_BYTES: usize = 128 << 20;
const PAGES_BYTES: usize = 32 << 20;

/// One published batch as it is shown.
pub(crate) struct Shown {
    /// The batch; 0 before the first.
    pub(crate) batch: BatchNumber,
    /// What of the project it was read by, see [`basis`].
    pub(crate) basis: String,
    /// When it was published, UTC.
    pub(crate) loaded_at: Option<DateTime<Utc>>,
    /// Its tables.
    pub(crate) catalog: Catalog,
    /// Its sales; `None` where the project has none that can be counted.
    pub(crate) cube: Option<Arc<Cube>>,
    answers: Kept<Filter, Answer>,
    /// Pages of sales and about how many bytes each takes, by the query that gives them.
    pub(crate) pages: Kept<String, (SalesPage, usize)>,
    /// All products with sales.
    sold: OnceCell<Arc<Vec<ProductSum>>>,
    /// Rows in quarantine and their money, counted when first asked for.
    pub(crate) quarantine: OnceCell<(u64, Option<String>)>,
    /// What is known of its tables, read when first asked for.
    pub(crate) known: OnceCell<Known>,
}

/// Keeps the last batch, and answers from it.
pub(crate) struct Figures {
    shown: RwLock<Option<Arc<Shown>>>,
    reader: Mutex<Reading>,
    /// Walks at once: each may take all threads, and more would only make all of them late.
    walks: Arc<Semaphore>,
    threads: usize,
    /// Walks that were made, and answers that were there already.
    pub(crate) walked: AtomicU64,
    pub(crate) recalled: AtomicU64,
    /// Data files of sales that were read, and partitions that were made anew from rows that the lake told.
    pub(crate) files_read: AtomicU64,
    pub(crate) files_followed: AtomicU64,
}

/// What has read the batches so far, and the basis that it stands on.
#[derive(Default)]
struct Reading {
    basis: String,
    /// `None` where sales are not dated.
    reader: Option<Reader>,
}

/// The column that dates sales.
fn event_time(project: &Project) -> Option<&str> {
    project.dataset("sales")?.contract.event_time.as_deref()
}

/// All of a project that its figures stand on: where it changes they are read anew.
pub(crate) fn basis(project: &Project) -> String {
    format!("{:?} {} {:?}", event_time(project), project.time_zone, project.limits)
}

impl Figures {
    /// No figures yet; each walk takes `threads` threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            shown: RwLock::new(None),
            reader: Mutex::default(),
            walks: Arc::new(Semaphore::new(threads)),
            threads,
            walked: AtomicU64::new(0),
            recalled: AtomicU64::new(0),
            files_read: AtomicU64::new(0),
            files_followed: AtomicU64::new(0),
        }
    }

    /// The batch that is shown now; `None` until the first was read.
    pub(crate) fn shown(&self) -> Option<Arc<Shown>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another batch from now on, or the same one as the project now says.
    pub(crate) async fn show(
        &self,
        (project, engine, tables): (&Project, &Arc<dyn Engine>, &Arc<dyn TableStore>),
        batch: BatchNumber,
        loaded_at: Option<DateTime<Utc>>,
        catalog: Catalog,
    ) -> Result<()> {
        let (mut reading, basis) = (self.reader.lock().await, basis(project));
        if reading.basis != basis {
            let reader = |column: &str| Reader::new(Arc::clone(engine), project.time_zone, column);
            *reading = Reading { basis: basis.clone(), reader: event_time(project).map(reader) };
        }
        let cube = match (&mut reading.reader, loaded_at) {
            (Some(reader), Some(at)) => {
                let changes = match (reader.batch(), catalog.tables.get("sales")) {
                    (Some(before), Some(sales)) => tables.changed_rows(sales, before, batch).await?,
                    _ => None,
                };
                let cube = reader.read(&catalog, batch, at, changes.as_deref()).await?.map(Arc::new);
                let (read, followed) = reader.work();
                self.files_read.store(read, Ordering::Relaxed);
                self.files_followed.store(followed, Ordering::Relaxed);
                cube
            }
            _ => None,
        };
        drop(reading);
        let shown = Shown {
            batch,
            basis,
            loaded_at,
            catalog,
            cube,
            answers: Kept::new(KEPT_BYTES, Answer::bytes),
            pages: Kept::new(PAGES_BYTES, |(_, bytes)| *bytes),
            sold: OnceCell::new(),
            quarantine: OnceCell::new(),
            known: OnceCell::new(),
        };
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shown));
        Ok(())
    }

    /// The figures of the sales that `filter` lets through. Who asks for the same at once waits for one walk; days
    /// before and after all sales change nothing, so that a span that reaches up to today is that up to the last sale.
    pub(crate) async fn answer(
        &self,
        shown: &Shown,
        cube: &Arc<Cube>,
        filter: &Filter,
        asks: Asks,
    ) -> Result<Arc<Answer>, Problem> {
        let filter = cube.clipped(filter);
        let place = shown.answers.place(&filter);
        if let Some(answer) = place.get() {
            self.recalled.fetch_add(1, Ordering::Relaxed);
            return Ok(Arc::clone(answer));
        }
        let walk = async || {
            self.walked.fetch_add(1, Ordering::Relaxed);
            let (cube, threads) = (Arc::clone(cube), self.threads);
            match asks {
                Asks::Somebody => self.walk(move || Arc::new(cube.answer(&filter, threads))).await,
                Asks::Nobody => at_leisure(move || Arc::new(cube.answer(&filter, 1))).await,
            }
        };
        place.get_or_try_init(walk).await.cloned()
    }

    /// All products with sales that `filter` lets through; kept where that is all sales.
    pub(crate) async fn sold(
        &self,
        shown: &Arc<Shown>,
        cube: &Arc<Cube>,
        filter: &Filter,
    ) -> Result<Arc<Vec<ProductSum>>, Problem> {
        let filter = &cube.clipped(filter);
        let walk = async || {
            let (cube, filter, threads) = (Arc::clone(cube), filter.clone(), self.threads);
            self.walk(move || Arc::new(cube.sold(&filter, threads))).await
        };
        match cube.days() {
            Some((first, last)) if *filter == Filter::days(first, last) => {
                shown.sold.get_or_try_init(walk).await.cloned()
            }
            _ => walk().await,
        }
    }

    /// The customers of the sales that `filter` lets through, see [`Cube::buyers`].
    pub(crate) async fn buyers(&self, cube: &Arc<Cube>, filter: &Filter, most: usize) -> Result<Buyers, Problem> {
        let (cube, filter, threads) = (Arc::clone(cube), filter.clone(), self.threads);
        self.walk(move || cube.buyers(&filter, threads, most)).await
    }

    /// Walks once it is its turn.
    async fn walk<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let permit = Arc::clone(&self.walks).acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        at_leisure(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
    }
}

/// Works on a thread that may take its time.
async fn at_leisure<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}
