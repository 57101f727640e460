//! What all handlers share.

use std::sync::Arc;

use shoplake_core::Project;
use shoplake_core::access::AccessStore;
use shoplake_core::alert::AlertStore;
use shoplake_core::cost::UsageStore;
use shoplake_core::logs::LogStore;
use shoplake_core::metrics::Meters;
use shoplake_core::ports::{Engine, StateStore, TableStore};
use tokio::sync::{Semaphore, broadcast, watch};

use crate::access::Brake;
use crate::explain::Explain;
use crate::figures::Figures;
use crate::runner::Runner;
use crate::traffic::Traffic;
use crate::watch::News;

/// SQL queries that run at once.
const QUERIES: usize = 4;

/// What the server stands on, put together by the binary.
pub struct Ports {
    /// The project.
    pub project: Arc<Project>,
    /// Its tables.
    pub tables: Arc<dyn TableStore>,
    /// SQL.
    pub engine: Arc<dyn Engine>,
    /// Its memory of runs.
    pub state: Arc<dyn StateStore>,
    /// Who may do what.
    pub access: Arc<dyn AccessStore>,
    /// Where alerts stand.
    pub alerts: Arc<dyn AlertStore>,
    /// The log that is kept.
    pub logs: Arc<dyn LogStore>,
    /// What the project measures of itself.
    pub meters: Arc<dyn Meters>,
    /// What queries used.
    pub usage: Arc<dyn UsageStore>,
    /// What the server counts of its own work.
    pub traffic: Arc<Traffic>,
    /// Starts and stops runs.
    pub runner: Arc<dyn Runner>,
    /// Explains figures and columns.
    pub explain: Arc<dyn Explain>,
}

/// The server's state; cheap to clone.
pub(crate) type App = Arc<Shared>;

/// What [`App`] points to.
pub(crate) struct Shared {
    pub(crate) project: Arc<Project>,
    pub(crate) tables: Arc<dyn TableStore>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) access: Arc<dyn AccessStore>,
    pub(crate) alerts: Arc<dyn AlertStore>,
    pub(crate) logs: Arc<dyn LogStore>,
    pub(crate) meters: Arc<dyn Meters>,
    pub(crate) usage: Arc<dyn UsageStore>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) explain: Arc<dyn Explain>,
    /// The figures of the last published batch.
    pub(crate) figures: Figures,
    /// What pages are told.
    pub(crate) news: broadcast::Sender<News>,
    /// Whether the server listens on loopback alone.
    pub(crate) loopback: bool,
    /// What writes carry where nobody has to sign in.
    pub(crate) csrf: String,
    /// The brake on sign-in.
    pub(crate) brake: Brake,
    /// Passwords that are hashed at once: each takes 19 MB.
    pub(crate) hashing: Semaphore,
    /// SQL queries at once.
    pub(crate) queries: Semaphore,
    pub(crate) traffic: Arc<Traffic>,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn new(ports: Ports, loopback: bool, stopping: watch::Receiver<bool>) -> App {
        let threads = match ports.project.limits.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            stated => stated,
        };
        let figures = Figures::new(&ports.project, &ports.engine, threads);
        Arc::new(Self {
            project: ports.project,
            tables: ports.tables,
            engine: ports.engine,
            state: ports.state,
            access: ports.access,
            alerts: ports.alerts,
            logs: ports.logs,
            meters: ports.meters,
            usage: ports.usage,
            runner: ports.runner,
            explain: ports.explain,
            figures,
            news: broadcast::channel(256).0,
            loopback,
            csrf: crate::access::Secret::new("").text,
            brake: Brake::default(),
            hashing: Semaphore::new(2),
            queries: Semaphore::new(QUERIES),
            traffic: ports.traffic,
            stopping,
        })
    }
}
