//! The port to runs: the server starts and stops them, and learns of them as of any other process's.

use async_trait::async_trait;
use shoplake_core::Result;

/// What is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A run over what lies in the inbox and what the APIs have.
    Run,
    /// A run that judges quarantined rows again.
    Replay {
        /// Only rows of this dataset.
        dataset: Option<String>,
    },
}

/// Starts and stops runs.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Starts work and comes back at once. [`shoplake_core::FaultKind::Busy`] where work that it started goes on.
    async fn start(&self, work: Work) -> Result<()>;
    /// Stops the work that it started, or that the schedule of this process did; `false` where there is none. A run can be cut off at any moment.
    async fn stop(&self) -> Result<bool>;
}
