//! SQL over the lake: one SELECT over a pinned [`Catalog`], with bounds on what it may say and use.
//!
//! What lives here: [`DataFusionEngine`], the only adapter of the engine port, with its sessions, its
//! table provider over plain lists of Parquet files, its functions in the shop's zone, its guard, and
//! the words that its errors are told in. No other crate names DataFusion. What does not live here:
//! which files a table has (lake), which SQL runs when (models, pipeline).
//!
//! A query is guarded, parsed, planned and run on threads of the engine's own with large stacks: deep
//! expressions recurse, and an overflow would end the process.

mod average;
mod dialect;
mod faults;
mod guard;
mod local_time;
mod plain;
mod planner;
mod provider;
mod relations;
mod session;
mod statistics;
mod upkeep;

use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, stream};
use shoplake_core::ports::{Engine, RowStream};
use shoplake_core::project::Limits;
use shoplake_core::upkeep::{Upkeep, Upkept};
use shoplake_core::{Catalog, Fault, Result};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::session::Sessions;

/// The stack of an engine thread: what the guard lets through fits many times over.
const STACK_BYTES: usize = 64 << 20;

/// Runs SQL in this process with DataFusion.
///
/// All queries share one memory pool (`limits.memory`), one spill folder and one cache of file footers.
/// They know these functions besides DataFusion's own:
/// - `local_time(timestamp)`: the shop's clock at that moment, a timestamp without a zone
/// - `local_date(timestamp)`: the shop's calendar day
/// - `local_hour(timestamp)`: the shop's hour, 0 to 23
/// - `iso_weekday(timestamp or date)`: 1 is Monday, 7 is Sunday
/// - `average(sum, count)`: `sum / count` as an exact decimal of 4 places, half away from zero
pub struct DataFusionEngine {
    sessions: Arc<Sessions>,
    runtime: Option<Runtime>,
}

impl DataFusionEngine {
    /// An engine within `limits` that counts days and hours in `zone`.
    pub fn new(limits: &Limits, zone: Tz) -> Result<Self> {
        let threads = match limits.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            stated => stated,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("shoplake-sql")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(Self { sessions: Arc::new(Sessions::new(limits, threads, zone)?), runtime: Some(runtime) })
    }

    /// Runs `work` on the engine's own threads.
    async fn on_own_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Fault::internal("the engine is shut down"))?;
        runtime
            .spawn(work)
            .await
            .map_err(|error| Fault::internal("a query ended without an answer").caused_by(error))?
    }
}

impl Drop for DataFusionEngine {
    fn drop(&mut self) {
        // A runtime may not be dropped where blocking is not allowed; queries end at their next row. Its threads are
        // joined: to let go of a thread that is just ending has ended processes (glibc 2.36, `pthread_detach`).
        let runtime = Arc::new(Mutex::new(self.runtime.take()));
        let take = |runtime: &Mutex<Option<Runtime>>| runtime.lock().ok().and_then(|mut runtime| runtime.take());
        let taken = Arc::clone(&runtime);
        let ending = std::thread::Builder::new().name("shoplake-sql-end".to_owned());
        let begun = ending.spawn(move || drop(take(&taken)));
        if begun.is_err()
            && let Some(runtime) = take(&runtime)
        {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl Engine for DataFusionEngine {
    async fn schema(&self, catalog: &Catalog, sql: &str) -> Result<SchemaRef> {
        let (sessions, catalog, sql) = (Arc::clone(&self.sessions), catalog.clone(), sql.to_owned());
        self.on_own_thread(async move {
            let (context, plan) = sessions.plan(&catalog, &sql).await?;
            let state = context.state();
            // Types are only held against each other here: a mistake must show before any row is read.
            let checked = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
            plain::schema(checked.map_err(|e| faults::planning(&e, &catalog))?.schema().as_arrow())
        })
        .await
    }

    async fn upkeep(&self, upkeep: &Upkeep<'_>) -> Result<Upkept> {
        let (sessions, task) = (Arc::clone(&self.sessions), upkeep::Task::from(upkeep));
        self.on_own_thread(async move { upkeep::upkeep(&sessions, &task).await }).await
    }

    async fn query(&self, catalog: &Catalog, sql: &str) -> Result<RowStream> {
        let (sessions, catalog, sql) = (Arc::clone(&self.sessions), catalog.clone(), sql.to_owned());
        self.on_own_thread(async move {
            let (context, logical) = sessions.plan(&catalog, &sql).await?;
            let physical =
                context.state().create_physical_plan(&logical).await.map_err(|e| faults::planning(&e, &catalog))?;
            let schema = plain::schema(&physical.schema())?;
            let (sender, receiver) = mpsc::channel(2);
            tokio::spawn(pump(physical, context.task_ctx(), Arc::clone(&schema), sender));
            let batches =
                stream::unfold(
                    receiver,
                    |mut receiver| async move { receiver.recv().await.map(|batch| (batch, receiver)) },
                );
            Ok(RowStream { schema, batches: batches.boxed() })
        })
        .await
    }
}

/// Sends the rows of `plan` until it ends, fails, or nobody listens.
async fn pump(
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<datafusion::execution::TaskContext>,
    schema: SchemaRef,
    sender: mpsc::Sender<Result<arrow::array::RecordBatch>>,
) {
    let mut rows = match execute_stream(plan, task) {
        Ok(rows) => rows,
        Err(error) => {
            // Nobody listens any more: there is nobody to tell.
            let _ = sender.send(Err(faults::running(&error))).await;
            return;
        }
    };
    loop {
        let batch = tokio::select! {
            batch = rows.next() => batch,
            () = sender.closed() => return,
        };
        let Some(batch) = batch else { return };
        let batch = batch.map_err(|e| faults::running(&e)).and_then(|batch| plain::batch(&batch, &schema));
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
}
