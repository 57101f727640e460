//! The figures of the last published batch: its pinned tables, its cube, and the answers that were
//! asked for already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use shoplake_core::ports::Engine;
use shoplake_core::{BatchNumber, Catalog, Project, Result};
use tokio::sync::{OnceCell, Semaphore};

use crate::cube::{Answer, Cube, Filter, Reader};
use crate::problem::Problem;

/// Bytes of answers that are kept for a batch.
const KEPT_BYTES: usize = 64 << 20;

/// One published batch as it is shown.
pub(crate) struct Shown {
    /// The batch; 0 before the first.
    pub(crate) batch: BatchNumber,
    /// When it was published, UTC.
    pub(crate) loaded_at: Option<DateTime<Utc>>,
    /// Its tables.
    pub(crate) catalog: Catalog,
    /// Its sales; `None` where the project has none that can be counted.
    pub(crate) cube: Option<Arc<Cube>>,
    answers: Mutex<Answers>,
    /// Rows in quarantine and their money, counted when first asked for.
    pub(crate) quarantine: OnceCell<(u64, Option<String>)>,
}

/// The place of an answer: empty until its walk has ended.
type Place = Arc<OnceCell<Arc<Answer>>>;

#[derive(Default)]
struct Answers {
    /// Each place, and when it was asked for last.
    by_filter: HashMap<Filter, (Place, u64)>,
    clock: u64,
}

/// Keeps the last batch, and answers from it.
pub(crate) struct Figures {
    shown: RwLock<Option<Arc<Shown>>>,
    /// `None` where sales are not dated.
    reader: Option<tokio::sync::Mutex<Reader>>,
    /// Walks at once: each may take all threads, and more would only make all of them late.
    walks: Arc<Semaphore>,
    threads: usize,
    /// Walks that were made, and answers that were there already.
    pub(crate) walked: AtomicU64,
    pub(crate) recalled: AtomicU64,
}

impl Figures {
    pub(crate) fn new(project: &Project, engine: &Arc<dyn Engine>, threads: usize) -> Self {
        let event_time = project.dataset("sales").and_then(|sales| sales.contract.event_time.clone());
        let reader = event_time.map(|column| Reader::new(Arc::clone(engine), project.time_zone, &column));
        Self {
            shown: RwLock::new(None),
            reader: reader.map(tokio::sync::Mutex::new),
            walks: Arc::new(Semaphore::new(threads)),
            threads,
            walked: AtomicU64::new(0),
            recalled: AtomicU64::new(0),
        }
    }

    /// The batch that is shown now; `None` until the first was read.
    pub(crate) fn shown(&self) -> Option<Arc<Shown>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another batch from now on.
    pub(crate) async fn show(
        &self,
        batch: BatchNumber,
        loaded_at: Option<DateTime<Utc>>,
        catalog: Catalog,
    ) -> Result<()> {
        let cube = match (&self.reader, loaded_at) {
            (Some(reader), Some(at)) => reader.lock().await.read(&catalog, batch, at).await?.map(Arc::new),
            _ => None,
        };
        let (answers, quarantine) = (Mutex::default(), OnceCell::new());
        let shown = Shown { batch, loaded_at, catalog, cube, answers, quarantine };
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shown));
        Ok(())
    }

    /// The figures of the sales that `filter` lets through. Who asks for the same at once waits for one walk.
    pub(crate) async fn answer(
        &self,
        shown: &Arc<Shown>,
        cube: &Arc<Cube>,
        filter: &Filter,
    ) -> Result<Arc<Answer>, Problem> {
        let cell = shown.cell(filter);
        if let Some(answer) = cell.get() {
            self.recalled.fetch_add(1, Ordering::Relaxed);
            return Ok(Arc::clone(answer));
        }
        let walk = async || {
            let permit = Arc::clone(&self.walks).acquire_owned().await.map_err(|error| Problem::internal(&error))?;
            let (cube, filter, threads) = (Arc::clone(cube), filter.clone(), self.threads);
            let walk = tokio::task::spawn_blocking(move || {
                let answer = Arc::new(cube.answer(&filter, threads));
                drop(permit);
                answer
            });
            self.walked.fetch_add(1, Ordering::Relaxed);
            walk.await.map_err(|error| Problem::internal(&error))
        };
        cell.get_or_try_init(walk).await.cloned()
    }
}

impl Shown {
    /// The place of an answer, made where there is none; the ones that were not asked for longest go.
    fn cell(&self, filter: &Filter) -> Place {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.clock += 1;
        let clock = answers.clock;
        if let Some((cell, used)) = answers.by_filter.get_mut(filter) {
            *used = clock;
            return Arc::clone(cell);
        }
        let bytes = |cell: &OnceCell<Arc<Answer>>| cell.get().map_or(0, |answer| answer.bytes());
        let mut kept: usize = answers.by_filter.values().map(|(cell, _)| bytes(cell)).sum();
        while kept > KEPT_BYTES {
            let oldest = answers.by_filter.iter().min_by_key(|(_, (_, used))| *used).map(|(filter, _)| filter.clone());
            let Some((cell, _)) = oldest.and_then(|filter| answers.by_filter.remove(&filter)) else { break };
            kept -= bytes(&cell);
        }
        let cell = Arc::default();
        answers.by_filter.insert(filter.clone(), (Arc::clone(&cell), clock));
        cell
    }
}
