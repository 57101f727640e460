//! Runs that the schedule starts: each a process of its own.
//!
//! What a run takes in memory goes with it, and a run can be ended at once whatever it is doing: that is
//! a crash, and a crash leaves nothing half done. One that dies by itself is begun again a few times, so that
//! a file that kills it is found and set aside, and the others are loaded.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::outcome::{RunOutcome, RunStatus};
use shoplake_core::retry::Trouble;
use shoplake_core::schedule::Ending;
use shoplake_core::schedule::ports::{Clock, Ended, Launcher, Trigger};
use shoplake_core::{Fault, Project};
use shoplake_pipeline::Attempts;

use crate::render::count;
use crate::wiring;

/// Starts `shoplake run` in a project folder.
pub(crate) struct ChildLauncher {
    project: Arc<Project>,
    clock: Arc<dyn Clock>,
    going: Arc<Mutex<Going>>,
}

#[derive(Default)]
struct Going {
    child: Option<Child>,
    /// How many runs have begun: tells one from the next.
    begun: u64,
    /// Whether a run goes on, be it that it waits to be begun again.
    busy: bool,
    cancelled: bool,
}

/// The binary of this very process, for a child: the version that serves, also after an upgrade has put another
/// in its place.
///
/// # Errors
/// Where the system does not tell.
pub(crate) fn own_binary() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // Linux keeps the bytes of a running binary that was removed, under this name.
    let kept = Path::new("/proc/self/exe");
    Ok(if !path.exists() && kept.exists() { kept.to_owned() } else { path })
}

impl ChildLauncher {
    pub(crate) fn new(project: Arc<Project>, clock: Arc<dyn Clock>) -> Self {
        Self { project, clock, going: Arc::default() }
    }

    /// Ends the run that goes on, and waits until it has ended; `false` where there is none.
    pub(crate) async fn stop(&self) -> bool {
        let begun = {
            let going = lock(&self.going);
            if !going.busy {
                return false;
            }
            going.begun
        };
        self.cancel().await;
        let until = self.clock.now() + STOP_WAIT;
        // The next run may have begun as soon as this one is gone.
        let goes_on = |going: &Going| going.busy && going.begun == begun;
        while goes_on(&lock(&self.going)) && self.clock.now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// How long to wait before a run that died `died` times is begun again; `None` where it is not.
    fn wait_after(&self, died: u32) -> Option<chrono::TimeDelta> {
        // The one run more loads what the others did not die of.
        if died > self.project.retries.set_aside_after {
            return None;
        }
        let mut retry = self.project.retries.every.clone();
        retry.attempts = u32::MAX;
        retry.on.insert(Trouble::Internal);
        retry.wait_after(died, Trouble::Internal, std::process::id())
    }

    fn command(&self, trigger: &Trigger, unsettled: &[PathBuf], again: bool) -> Result<Command, Fault> {
        let mut command = Command::new(own_binary()?);
        command.args(["run", "--json", "--quiet", "--project-dir"]).arg(&self.project.dir);
        let arrived = match trigger {
            Trigger::Arrival(files) => files.as_slice(),
            _ => &[],
        };
        let mut left = unsettled.to_vec();
        if again && !arrived.is_empty() {
            // What the run before took has landed, and only a run that names no file loads it from there. What has
            // come since is not known to rest, and starts a run of its own.
            let there = shoplake_sources::files::scan(&self.project)?.into_iter().map(|file| file.path);
            left.extend(there.filter(|path| !arrived.contains(path)));
        }
        for path in left {
            command.arg("--leave").arg(path);
        }
        if !again && !arrived.is_empty() {
            command.arg("--").args(arrived);
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
        {
            let mut going = lock(&self.going);
            *going = Going { child: None, begun: going.begun + 1, busy: true, cancelled: false };
        }
        let ended = self.until_ended(trigger, unsettled).await;
        lock(&self.going).busy = false;
        ended
    }

    async fn cancel(&self) {
        let begun = {
            let mut going = lock(&self.going);
            going.cancelled = true;
            let Some(child) = &mut going.child else { return };
            ask_to_end(child);
            going.begun
        };
        let going = Arc::clone(&self.going);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            let mut going = lock(&going);
            let same = going.begun == begun;
            if let Some(child) = going.child.as_mut().filter(|_| same)
                && let Err(error) = child.kill()
            {
                tracing::warn!(%error, "the run could not be ended");
            }
        });
    }
}

/// How long a run that is asked to end may take to note what it used; then it is killed.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Asks the process of a run to end, which it does at once; who cannot be asked is killed.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library only knows how to kill")]
pub(crate) fn ask_to_end(child: &mut Child) {
    let Ok(process) = libc::pid_t::try_from(child.id()) else { return };
    // A child that has ended is waited for by this, and asked no more: its number may be another's by now.
    if matches!(child.try_wait(), Ok(None)) {
        // SAFETY: `kill` takes two integers by value and touches no memory of ours. The process is a child that nobody
        // has waited for, so that its number is still its own.
        unsafe { libc::kill(process, libc::SIGTERM) };
    }
}

/// Ends the process of a run: elsewhere there is no other way.
#[cfg(not(unix))]
pub(crate) fn ask_to_end(child: &mut Child) {
    // It has ended already where this fails.
    let _ = child.kill();
}

impl ChildLauncher {
    /// The end of a run that gave up: by its name where it had begun. Why it did may hold values of rows, which
    /// `shoplake status` shows and no log keeps.
    async fn gave_up(&self, since: DateTime<Utc>) -> Ended {
        let ended = async { wiring::state(&self.project).await?.ended_runs(1).await };
        // Where the state is what is away, the run could not begin either.
        let run = ended.await.ok().and_then(|runs| runs.into_iter().find(|run| run.started_at >= since));
        let note = match run {
            Some(_) => "it broke off: `shoplake status` says why",
            None => "it could not begin: `shoplake run` says why",
        };
        Ended { run: run.map(|run| run.run_id), ..failed(note.to_owned()) }
    }

    /// Runs it, and again where it dies.
    async fn until_ended(&self, trigger: &Trigger, unsettled: &[PathBuf]) -> Ended {
        let began = Utc::now();
        for died in 1.. {
            let command = self.command(trigger, unsettled, died > 1);
            let (going, state_dir) = (Arc::clone(&self.going), self.project.state_dir());
            let ran = tokio::task::spawn_blocking(move || wait_for(command?, &going, &state_dir)).await;
            let ran = ran.unwrap_or_else(|error| Err(Fault::internal("the run broke off").caused_by(error)));
            let note = match ran {
                Ok(Ran::Ended(ended)) => return ended,
                Ok(Ran::GaveUp) => return self.gave_up(began).await,
                Ok(Ran::Died(note)) => note,
                Err(fault) => return failed(fault.to_string()),
            };
            let Some(wait) = self.wait_after(died) else { return failed(note) };
            tracing::warn!(note, died, "a run died, and is begun again");
            let until = self.clock.now() + wait;
            while self.clock.now() < until && !lock(&self.going).cancelled {
                self.clock.sleep_until(until.min(self.clock.now() + LOOK)).await;
            }
        }
        failed("the run died".to_owned())
    }
}

/// How often whoever waits looks whether the run was cancelled.
const LOOK: chrono::TimeDelta = chrono::TimeDelta::milliseconds(100);
/// The longest that whoever stops a run waits for its process to be gone.
const STOP_WAIT: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// What became of a run's process.
enum Ran {
    /// It came to an end.
    Ended(Ended),
    /// It could not begin, or not go on, and said so.
    GaveUp,
    /// It was killed, or broke down.
    Died(String),
}

fn failed(note: String) -> Ended {
    Ended { ending: Ending::Failed, run: None, note }
}

fn lock(going: &Mutex<Going>) -> MutexGuard<'_, Going> {
    going.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_for(mut command: Command, going: &Mutex<Going>, state_dir: &Path) -> Result<Ran, Fault> {
    let cancelled =
        || Ran::Ended(Ended { ending: Ending::Cancelled, run: None, note: "it was told to end".to_owned() });
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
        Attempts::forgive(state_dir)?;
        return Ok(cancelled());
    }
    let Ok(outcome) = serde_json::from_str::<RunOutcome>(&text) else {
        // By a signal, or by a panic: what a run cannot do ends with code 1 or 2, and would again.
        let died = status.is_none_or(|status| !matches!(status.code(), Some(0..=2)));
        let how = status.map_or_else(String::new, |status| format!(": {status}"));
        return Ok(if died { Ran::Died(format!("the process of the run died{how}")) } else { Ran::GaveUp });
    };
    let ending = if outcome.status == RunStatus::Error { Ending::Failed } else { Ending::Done };
    Ok(Ran::Ended(Ended { ending, note: note(&outcome), run: Some(outcome.run_id) }))
}

fn note(outcome: &RunOutcome) -> String {
    let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.counts.rows_read).sum();
    let files = outcome.datasets.iter().map(|dataset| dataset.files.len() as u64).sum();
    format!("{} of {}", count(rows, "row", "rows"), count(files, "file", "files"))
}
