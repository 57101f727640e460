//! The project again, for a process that goes on while its files change.

use shoplake_core::{Fault, Project};

use crate::environment::Environment;
use crate::load::load;

/// What the files of a project say now.
#[derive(Debug)]
pub struct Reread {
    /// The project as its files say now, but for what a process stands on from its start; as it was where a
    /// file is wrong.
    pub project: Project,
    /// What is wrong in the files.
    pub faults: Vec<Fault>,
    /// Keys of shoplake.yml that say something else than at the start and hold from the next start on.
    pub later: Vec<&'static str>,
}

/// Reads the project again. `start` is what it was when the process began: the lake, the state, the schedule and
/// where logs and metrics go stay as they were then.
pub fn reread(start: &Project) -> Reread {
    let read = Environment::of_process().with_dotenv(&start.dir);
    match read.map_err(|fault| vec![fault]).and_then(|env| load(&start.dir, &env)) {
        Ok(now) => Reread { later: later(start, &now), project: standing(start, now), faults: Vec::new() },
        Err(faults) => Reread { project: start.clone(), faults, later: Vec::new() },
    }
}

/// The project of now on what the process stands on.
fn standing(start: &Project, now: Project) -> Project {
    let start = start.clone();
    Project {
        target: start.target,
        lake_dir: start.lake_dir,
        remote: start.remote,
        state: start.state,
        schedule: start.schedule,
        arrival: start.arrival,
        otlp: start.otlp,
        logs: start.logs,
        ..now
    }
}

fn later(start: &Project, now: &Project) -> Vec<&'static str> {
    let remote = |project: &Project| project.remote.clone().map(|remote| (remote.url, remote.access, remote.lease));
    let zoned = start.schedule.is_some() && start.time_zone != now.time_zone;
    let changed = [
        ("targets", start.lake_dir != now.lake_dir || remote(start) != remote(now)),
        ("state", start.state != now.state),
        ("schedule", start.schedule != now.schedule),
        ("time_zone of the schedule", zoned),
        ("arrival", start.arrival != now.arrival),
        ("otlp", start.otlp != now.otlp),
        ("logs", start.logs != now.logs),
        ("limits.threads", start.limits.threads != now.limits.threads),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}
