//! Alerts and reports for people at work: after a run, each minute beside the schedule, and by hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use shoplake_core::{Fault, FaultKind, Project};
use shoplake_monitor::alerts::{Delivered, deliver};
use shoplake_monitor::letters;

use crate::wiring;

/// How often alerts are judged beside the schedule.
const EVERY: Duration = Duration::from_mins(1);

/// Runs that are looked through for the last report.
const RUNS: u32 = 50;
/// Files of reports that are brought from other machines: as many days as messages wait for, and more.
const BROUGHT: usize = 10;

/// Judges every alert but those whose file has one of these mistakes, and sends what waits. Where another does so at the
/// same time, that one tells.
pub(crate) async fn look_and_tell(project: &Arc<Project>, mistakes: Vec<Fault>) -> Result<Delivered, Fault> {
    let now = Utc::now();
    match wiring::watch(project, mistakes).await?.look(now).await {
        Err(fault) if fault.kind == FaultKind::Busy => {}
        looked => {
            looked?;
        }
    }
    let store = wiring::alert_store(project).await?;
    let mut senders = project.alerts.all.clone();
    if !project.deliveries.is_empty() {
        let runs = wiring::state(project).await?.runs(RUNS).await?;
        bring(project, &letters::files(project, &runs))?;
        letters::write(project, &runs, &*store, now).await?;
        senders.extend(letters::receivers(&project.deliveries));
    }
    let through = (project.alerts.smtp.as_ref(), project.lake_dir.as_path());
    deliver(&senders, through, &*store, now).await
}

/// Reports that another machine has made, brought to this one: whichever it is sends them whole.
fn bring(project: &Project, files: &[PathBuf]) -> Result<(), Fault> {
    if project.remote.is_none() {
        return Ok(());
    }
    let landing = wiring::landing(project)?;
    files.iter().take(BROUGHT).try_for_each(|file| landing.kept(file))
}

/// The same after a run, whose outcome no alert can change: what goes wrong is told in the log.
pub(crate) async fn after_run(project: &Arc<Project>) {
    if !project.alerts.all.is_empty() || !project.deliveries.is_empty() {
        watch_once(project, Vec::new()).await;
    }
}

async fn watch_once(project: &Arc<Project>, mistakes: Vec<Fault>) {
    if let Err(fault) = look_and_tell(project, mistakes).await {
        tracing::warn!(fault = fault.for_log(), "the alerts were not judged");
    }
}

/// The same each minute, for as long as the schedule works, with the alerts as their files say then; where one has a
/// mistake, as they said before it: an alert that came since the start must not be forgotten over a slip elsewhere.
pub(crate) async fn keep_watch(mut project: Arc<Project>) {
    loop {
        let read = shoplake_project::reread(&project);
        project = Arc::new(read.project);
        watch_once(&project, read.faults).await;
        tokio::time::sleep(EVERY).await;
    }
}
