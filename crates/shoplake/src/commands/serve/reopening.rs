//! The ports of the server, put together at its start and whenever the project's files have changed.

use std::sync::Arc;

use async_trait::async_trait;
use shoplake_core::{Project, Result};
use shoplake_project::Environment;
use shoplake_server::{Ports, Reopen, Traffic};

use super::child::ChildRunner;
use super::explanations::Explanations;
use crate::commands::secrets_of;
use crate::{kept_log, wiring};

/// What is the same each time: counts, and the run that was started here.
pub(super) struct Reopening {
    pub(super) traffic: Arc<Traffic>,
    pub(super) runner: Arc<ChildRunner>,
}

#[async_trait]
impl Reopen for Reopening {
    async fn ports(&self, project: Arc<Project>) -> Result<Ports> {
        // What `.env` says now is as secret as what it said at the start.
        let process = Environment::of_process();
        let secrets = secrets_of(process.clone().with_dotenv(&project.dir)?, &process);
        kept_log::hide(&project, secrets.into_iter());
        let explanations = Arc::new(Explanations(Arc::clone(&project)));
        wiring::served(&project, &self.traffic, Arc::clone(&self.runner) as _, explanations).await
    }
}
