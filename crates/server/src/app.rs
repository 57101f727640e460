//! What all handlers share.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use shoplake_core::access::AccessStore;
use shoplake_core::alert::AlertStore;
use shoplake_core::cost::UsageStore;
use shoplake_core::logs::LogStore;
use shoplake_core::metrics::Meters;
use shoplake_core::ports::{Engine, StateStore, TableStore};
use shoplake_core::{Project, Result};
use tokio::sync::{Mutex, Semaphore, broadcast, watch};

use crate::access::Brake;
use crate::explain::Explain;
use crate::figures::Figures;
use crate::problem::Mistake;
use crate::runner::Runner;
use crate::traffic::Traffic;
use crate::turns::Turns;
use crate::watch::News;

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

/// Puts the ports together again, over the project as its files say now.
#[async_trait]
pub trait Reopen: Send + Sync {
    /// The ports over `project`, which stands on the same lake and the same state as before.
    async fn ports(&self, project: Arc<Project>) -> Result<Ports>;
}

/// What the project's files say that the server does not, or not yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Unheeded {
    /// Their mistakes and places, as long as they hold: until then all stays as it was.
    pub(crate) mistakes: Vec<Mistake>,
    /// Keys of shoplake.yml that hold from the next start on.
    pub(crate) later: Vec<&'static str>,
}

/// What lasts as long as the server, whatever the project's files say.
#[derive(Clone)]
pub(crate) struct Lasting {
    /// The figures of the last published batch.
    pub(crate) figures: Arc<Figures>,
    /// What pages are told.
    pub(crate) news: broadcast::Sender<News>,
    /// Whether the server listens on loopback alone.
    pub(crate) loopback: bool,
    /// What writes carry where nobody has to sign in.
    pub(crate) csrf: Arc<str>,
    /// The brake on sign-in.
    pub(crate) brake: Arc<Brake>,
    /// The brake on guesses of share links and API tokens; one guess is judged at a time.
    pub(crate) guesses: Arc<Brake>,
    pub(crate) guessing: Arc<Semaphore>,
    /// Passwords that are hashed at once: each takes 19 MB.
    pub(crate) hashing: Arc<Semaphore>,
    /// Turns at SQL.
    pub(crate) turns: Arc<Turns>,
    /// Held while users are looked at and then changed, so that two admins cannot remove each other at once.
    pub(crate) users: Arc<Mutex<()>>,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    unheeded: Arc<RwLock<Unheeded>>,
}

impl Lasting {
    /// What of the project's files is not heeded.
    pub(crate) fn unheeded(&self) -> Unheeded {
        self.unheeded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes it; whether that is news.
    pub(crate) fn note(&self, unheeded: Unheeded) -> bool {
        let mut known = self.unheeded.write().unwrap_or_else(PoisonError::into_inner);
        let news = *known != unheeded;
        *known = unheeded;
        news
    }
}

/// The server's state; cheap to clone. Where the project's files change another one takes its place.
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
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) lasting: Lasting,
}

impl Shared {
    /// The state of a server that begins.
    pub(crate) fn new(ports: Ports, loopback: bool, stopping: watch::Receiver<bool>) -> App {
        let threads = match ports.project.limits.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            stated => stated,
        };
        let lasting = Lasting {
            figures: Arc::new(Figures::new(threads)),
            news: broadcast::channel(256).0,
            loopback,
            csrf: crate::access::Secret::new("").text.into(),
            brake: Arc::default(),
            guesses: Arc::default(),
            guessing: Arc::new(Semaphore::new(1)),
            hashing: Arc::new(Semaphore::new(2)),
            turns: Turns::new(),
            users: Arc::default(),
            stopping,
            unheeded: Arc::default(),
        };
        Self::over(ports, lasting)
    }

    /// The state of the same server over other ports.
    pub(crate) fn over(ports: Ports, lasting: Lasting) -> App {
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
            traffic: ports.traffic,
            lasting,
        })
    }
}
