//! Runs that the schedule starts: each a process of its own.
//!
//! What a run takes in memory goes with it, and a run can be ended at once whatever it is doing: that is
//! a crash, and a crash leaves nothing half done.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shoplake_core::Fault;
use shoplake_core::outcome::{RunOutcome, RunStatus};
use shoplake_core::schedule::Ending;
use shoplake_core::schedule::ports::{Ended, Launcher, Trigger};

use crate::render::count;

/// Starts `shoplake run` in a project folder.
pub(crate) struct ChildLauncher {
    dir: PathBuf,
    going: Arc<Mutex<Going>>,
}

#[derive(Default)]
struct Going {
    child: Option<Child>,
    cancelled: bool,
}

impl ChildLauncher {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, going: Arc::default() }
    }

    fn command(&self, trigger: &Trigger, unsettled: &[PathBuf]) -> Result<Command, Fault> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["run", "--json", "--quiet", "--project-dir"]).arg(&self.dir);
        for path in unsettled {
            command.arg("--leave").arg(path);
        }
        if let Trigger::Arrival(files) = trigger {
            command.arg("--").args(files);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // Ctrl-C is for us alone: we decide what becomes of a run.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(command)
    }
}

#[async_trait]
impl Launcher for ChildLauncher {
    async fn run(&self, trigger: &Trigger, unsettled: &[PathBuf]) -> Ended {
        let command = self.command(trigger, unsettled);
        let going = Arc::clone(&self.going);
        lock(&going).cancelled = false;
        let ran = tokio::task::spawn_blocking(move || wait_for(command?, &going)).await;
        ran.unwrap_or_else(|error| Err(Fault::internal("the run broke off").caused_by(error)))
            .unwrap_or_else(|fault| Ended { ending: Ending::Failed, run: None, note: fault.to_string() })
    }

    async fn cancel(&self) {
        let mut going = lock(&self.going);
        going.cancelled = true;
        if let Some(child) = &mut going.child
            && let Err(error) = child.kill()
        {
            tracing::warn!(%error, "the run could not be ended");
        }
    }
}

fn lock(going: &Mutex<Going>) -> MutexGuard<'_, Going> {
    going.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_for(mut command: Command, going: &Mutex<Going>) -> Result<Ended, Fault> {
    let cancelled = || Ended { ending: Ending::Cancelled, run: None, note: "it was told to end".to_owned() };
    let stdout = {
        let mut going = lock(going);
        if going.cancelled {
            return Ok(cancelled());
        }
        going.child.insert(command.spawn()?).stdout.take()
    };
    let mut text = String::new();
    // A run that is killed closes its output too.
    let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut text));
    let (child, was_cancelled) = {
        let mut going = lock(going);
        (going.child.take(), going.cancelled)
    };
    let status = child.map(|mut child| child.wait()).transpose()?;
    read?;
    if was_cancelled {
        return Ok(cancelled());
    }
    let Ok(outcome) = serde_json::from_str::<RunOutcome>(&text) else {
        let how = status.map_or_else(String::new, |status| format!(": {status}"));
        let note = format!("the run ended without an outcome{how}");
        return Ok(Ended { ending: Ending::Failed, run: None, note });
    };
    let ending = if outcome.status == RunStatus::Error { Ending::Failed } else { Ending::Done };
    Ok(Ended { ending, note: note(&outcome), run: Some(outcome.run_id) })
}

fn note(outcome: &RunOutcome) -> String {
    let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.counts.rows_read).sum();
    let files = outcome.datasets.iter().map(|dataset| dataset.files.len() as u64).sum();
    format!("{} of {}", count(rows, "row", "rows"), count(files, "file", "files"))
}
