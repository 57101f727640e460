//! Runs that are started from the server: each is a process of its own, as from a shell.
//!
//! So it reads the project as it is now, has memory and threads of its own, takes the project's lock as
//! every run does, and can be ended at any moment without harm.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use shoplake_core::{Fault, FaultKind, Result};
use shoplake_pipeline::Attempts;
use shoplake_server::{Runner, Work};

use crate::launcher::{ChildLauncher, GRACE, ask_to_end, own_binary};

/// How often it is looked whether a child has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Starts one child at a time.
pub(super) struct ChildRunner {
    project: PathBuf,
    child: Mutex<Option<Child>>,
    /// Whoever starts the runs that the schedule asks for: they can be stopped here too.
    launcher: Option<Arc<ChildLauncher>>,
}

impl ChildRunner {
    pub(super) fn new(project: &Path, launcher: Option<Arc<ChildLauncher>>) -> Self {
        Self { project: project.to_owned(), child: Mutex::new(None), launcher }
    }

    /// The child that goes on, if one does; one that has ended is waited for and forgotten.
    fn running<T>(&self, act: impl FnOnce(&mut Option<Child>) -> Result<T>) -> Result<T> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match child.as_mut() {
            Some(child) => child.try_wait()?.is_some(),
            None => false,
        };
        if ended {
            *child = None;
        }
        act(&mut child)
    }
}

#[async_trait]
impl Runner for ChildRunner {
    async fn start(&self, work: Work) -> Result<()> {
        self.running(|running| {
            if running.is_some() {
                return Err(
                    Fault::new(FaultKind::Busy, "a run that was started here goes on").hint("wait for it, or stop it")
                );
            }
            let mut command = Command::new(own_binary()?);
            match work {
                Work::Run => command.arg("run"),
                Work::Replay { dataset: None } => command.args(["quarantine", "replay"]),
                Work::Replay { dataset: Some(name) } => command.args(["quarantine", "replay", "--dataset", &name]),
            };
            command.arg("--quiet").arg("--project-dir").arg(&self.project);
            // Its warnings and errors join the server's own log.
            *running = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
            Ok(())
        })
    }

    async fn stop(&self) -> Result<bool> {
        let running = self.running(|running| Ok(running.take()))?;
        match (running, &self.launcher) {
            (Some(child), _) => {
                // Also where whoever asks for it goes: a child that nobody waits for would stay for ever.
                let ended = tokio::spawn(end(child)).await;
                ended.map_err(|error| Fault::internal("the stop of the run broke off").caused_by(error))??;
                // Whoever stopped it is to blame, and not the file that it was loading.
                Attempts::forgive(&self.project.join(".shoplake"))?;
                Ok(true)
            }
            (None, Some(launcher)) => Ok(launcher.stop().await),
            (None, None) => Ok(false),
        }
    }
}

/// Asks a child to end, and kills it where it does not.
async fn end(mut child: Child) -> Result<()> {
    ask_to_end(&mut child);
    let until = Instant::now() + GRACE;
    while child.try_wait()?.is_none() {
        if Instant::now() >= until {
            child.kill()?;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
