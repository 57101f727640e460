//! The state of a project, in the database that shoplake.yml names.

use std::sync::Arc;
use std::time::Duration;

use shoplake_core::alert::AlertStore;
use shoplake_core::cost::UsageStore;
use shoplake_core::ports::StateStore;
use shoplake_core::schedule::ports::{Leadership, ScheduleStore};
use shoplake_core::{Fault, Project, RunId};
use shoplake_state::{PostgresState, SqliteState};

/// An instance of the schedule that beats for so long no more is dead.
const SILENCE: Duration = Duration::from_secs(5);

/// All that a state remembers.
pub(crate) trait Store: StateStore + ScheduleStore + UsageStore + AlertStore {}
impl<T: StateStore + ScheduleStore + UsageStore + AlertStore> Store for T {}

/// An open state.
pub(crate) enum Memory {
    /// A file on this machine.
    Sqlite(SqliteState),
    /// A database that machines share.
    Postgres(PostgresState),
}

impl Memory {
    /// Opens the state, and makes it where there is none.
    pub(crate) async fn open(project: &Project) -> Result<Self, Fault> {
        match &project.state {
            None => Ok(Self::Sqlite(SqliteState::open(&project.state_dir().join("state.db")).await?)),
            Some(url) => Ok(Self::Postgres(PostgresState::open(&url.0, &project.name).await?)),
        }
    }

    /// What it remembers.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(state) => Arc::new(state.clone()),
            Self::Postgres(state) => Arc::new(state.clone()),
        }
    }

    /// The stand of this process among those that share the state, under a name that no other has.
    pub(crate) fn leadership(&self) -> Arc<dyn Leadership> {
        let holder = RunId::new().0;
        match self {
            Self::Sqlite(state) => Arc::new(state.leadership(holder, SILENCE)),
            Self::Postgres(state) => Arc::new(state.leadership(holder, SILENCE)),
        }
    }
}
