//! The composition: which adapter stands behind which port. Nothing else in Shoplake chooses one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use shoplake_core::access::AccessStore;
use shoplake_core::alert::AlertStore;
use shoplake_core::cost::UsageStore;
use shoplake_core::metrics::Meters;
use shoplake_core::ports::{
    Engine, LakeProof, LandingZone, Progress, RunListener, SqlPlanner, StateStore, TableMaintenance, TableStore,
};
use shoplake_core::schedule::ports::ScheduleStore;
use shoplake_core::{Catalog, Fault, FaultKind, Project};
use shoplake_engine::DataFusionEngine;
use shoplake_lake::{LocalLake, WriterLock};
use shoplake_models::Models;
use shoplake_monitor::alerts::Watch;
use shoplake_monitor::metrics::ProjectMeters;
use shoplake_monitor::{Exporter, Listeners, OpenLineageListener, OtlpListener};
use shoplake_pipeline::schedule::{ProjectInbox, Runner as ScheduleRunner, SystemClock};
use shoplake_pipeline::{Explainer, Pipeline};
use shoplake_server::{Explain, Ports, Runner, Traffic};
use shoplake_state::SqliteAccess;

use crate::facts::ProjectFacts;
use crate::kept_log;
use crate::launcher::ChildLauncher;
use crate::machine::ProjectMachine;
use crate::memory::Memory;
use crate::printer::Printer;

/// All that answers a query: an engine, and the tables as the last fully committed run left them.
pub(crate) struct Reader {
    /// Runs the SQL.
    pub(crate) engine: Arc<dyn Engine>,
    /// The tables; none before the first run.
    pub(crate) catalog: Catalog,
}

/// Opens the lake for reading.
pub(crate) async fn reader(project: &Project) -> Result<Reader, Fault> {
    let catalog = LocalLake::open(project)?.pinned().await?;
    Ok(Reader { engine: engine(project)?, catalog })
}

/// The tables as the contracts make them, without rows: for planning without data.
pub(crate) fn blank(project: &Project) -> Result<Reader, Fault> {
    Ok(Reader { engine: engine(project)?, catalog: LocalLake::open(project)?.empty()? })
}

/// The fingerprints of what was published last.
pub(crate) fn published(project: &Project) -> Result<BTreeMap<String, String>, Fault> {
    let last = LocalLake::open(project)?.last_manifest()?;
    Ok(last.map(|manifest| manifest.summary.fingerprints.into_iter().collect()).unwrap_or_default())
}

/// All that takes SQL apart without running it: the planner, and the tables as the contracts make them.
pub(crate) fn planner(project: &Project) -> Result<(Arc<dyn SqlPlanner>, Catalog), Fault> {
    let engine = DataFusionEngine::new(&project.limits, project.time_zone)?;
    Ok((Arc::new(engine), LocalLake::open(project)?.empty()?))
}

/// All that explains a figure of the tables as the last fully committed run left them.
pub(crate) async fn explainer(project: &Arc<Project>, models: Models) -> Result<Explainer, Fault> {
    let lake = LocalLake::open(project)?;
    let engine = Arc::new(DataFusionEngine::new(&project.limits, project.time_zone)?);
    Ok(Explainer {
        project: Arc::clone(project),
        models,
        catalog: lake.pinned().await?,
        engine: Arc::clone(&engine) as Arc<dyn Engine>,
        planner: engine,
        landing: lake.landing(),
    })
}

/// Opens the engine.
fn engine(project: &Project) -> Result<Arc<dyn Engine>, Fault> {
    Ok(Arc::new(DataFusionEngine::new(&project.limits, project.time_zone)?))
}

/// Who hears how runs go: a catalogue that speaks OpenLineage and a receiver of OTLP, where the project
/// names them.
fn listener(project: &Arc<Project>, state: &Arc<dyn StateStore>) -> Result<Arc<dyn RunListener>, Fault> {
    let mut listeners: Vec<Arc<dyn RunListener>> = Vec::new();
    if let Some(target) = &project.openlineage {
        let (planner, empty) = planner(project)?;
        listeners.push(Arc::new(OpenLineageListener::new(Arc::clone(project), target.clone(), planner, empty)));
    }
    listeners.extend(
        exporter(project)
            .map(|exporter| -> Arc<dyn RunListener> { Arc::new(OtlpListener::new(exporter, Arc::clone(state))) }),
    );
    Ok(Arc::new(Listeners(listeners)))
}

/// What sends traces and metrics, where the project names a receiver.
pub(crate) fn exporter(project: &Project) -> Option<Exporter> {
    project.otlp.clone().map(|target| Exporter::new(target, project.name.clone()))
}

/// Opens the state, and makes it where there is none.
pub(crate) async fn state(project: &Project) -> Result<Arc<dyn StateStore>, Fault> {
    Ok(Memory::open(project).await?.store())
}

/// What the schedule knows and did.
pub(crate) async fn schedule_store(project: &Project) -> Result<Arc<dyn ScheduleStore>, Fault> {
    Ok(Memory::open(project).await?.store())
}

/// What runs and queries used.
pub(crate) async fn usage(project: &Project) -> Result<Arc<dyn UsageStore>, Fault> {
    Ok(Memory::open(project).await?.store())
}

/// Where alerts stand.
pub(crate) async fn alert_store(project: &Project) -> Result<Arc<dyn AlertStore>, Fault> {
    Ok(Memory::open(project).await?.store())
}

/// What watches the project, in whose files these mistakes were found.
pub(crate) async fn watch(project: &Arc<Project>, mistakes: Vec<Fault>) -> Result<Watch, Fault> {
    let facts = ProjectFacts { project: Arc::clone(project), state: state(project).await? };
    Ok(Watch {
        alerts: project.alerts.all.clone(),
        mistakes: Arc::new(mistakes),
        zone: project.time_zone,
        project: project.name.clone(),
        facts: Arc::new(facts),
        store: alert_store(project).await?,
    })
}

/// What is measured for those who watch from outside.
pub(crate) async fn meters(project: &Arc<Project>) -> Result<Arc<dyn Meters>, Fault> {
    let machine = Arc::new(ProjectMachine(Arc::clone(project)));
    let (state, alerts) = (state(project).await?, alert_store(project).await?);
    Ok(Arc::new(ProjectMeters::new(Arc::clone(project), state, alerts, machine)))
}

/// Requests that this process made to the lake's store: those that read, and those that wrote or listed.
pub(crate) fn requests() -> (u64, u64) {
    shoplake_lake::requests()
}

/// Whoever starts the runs of the schedule: processes of their own.
pub(crate) fn launcher(project: &Arc<Project>) -> Arc<ChildLauncher> {
    Arc::new(ChildLauncher::new(Arc::clone(project), Arc::new(SystemClock)))
}

/// Puts the schedule together.
pub(crate) async fn scheduler(project: &Arc<Project>, launcher: Arc<ChildLauncher>) -> Result<ScheduleRunner, Fault> {
    let memory = Memory::open(project).await?;
    Ok(ScheduleRunner {
        schedule: project.schedule.clone(),
        zone: project.time_zone,
        arrival: project.arrival,
        clock: Arc::new(SystemClock),
        leadership: memory.leadership(),
        store: memory.store(),
        launcher,
        inbox: Arc::new(ProjectInbox(Arc::clone(project))),
    })
}

/// Puts the pipeline together. Whoever runs it holds the [`lock`].
pub(crate) async fn pipeline(project: &Arc<Project>, progress: Arc<dyn Progress>) -> Result<Pipeline, Fault> {
    let lake = LocalLake::open(project)?;
    let state = state(project).await?;
    Ok(Pipeline {
        project: Arc::clone(project),
        landing: lake.landing(),
        tables: Arc::new(lake),
        engine: engine(project)?,
        listener: listener(project, &state)?,
        state,
        clock: Arc::new(SystemClock),
        progress,
        give_back: crate::heap::give_back,
    })
}

/// Opens the database of users, and makes it where there is none.
pub(crate) async fn access(project: &Project) -> Result<Arc<dyn AccessStore>, Fault> {
    Ok(Arc::new(SqliteAccess::open(&project.state_dir().join("access.db")).await?))
}

/// What the server stands on.
pub(crate) async fn served(
    project: &Arc<Project>,
    traffic: &Arc<Traffic>,
    runner: Arc<dyn Runner>,
    explain: Arc<dyn Explain>,
) -> Result<Ports, Fault> {
    Ok(Ports {
        project: Arc::clone(project),
        tables: Arc::new(LocalLake::open(project)?),
        engine: engine(project)?,
        state: state(project).await?,
        access: access(project).await?,
        alerts: alert_store(project).await?,
        logs: Arc::new(kept_log::folder(project)),
        meters: meters(project).await?,
        usage: usage(project).await?,
        traffic: Arc::clone(traffic),
        runner,
        explain,
    })
}

/// The files of the lake that are no tables.
pub(crate) fn landing(project: &Project) -> Result<Arc<dyn LandingZone>, Fault> {
    Ok(LocalLake::open(project)?.landing())
}

/// What the lake proves of itself.
pub(crate) fn proof(project: &Project) -> Result<Arc<dyn LakeProof>, Fault> {
    Ok(Arc::new(LocalLake::open(project)?))
}

/// The versions of the tables.
pub(crate) fn maintenance(project: &Project) -> Result<Arc<dyn TableMaintenance>, Fault> {
    Ok(Arc::new(LocalLake::open(project)?))
}

/// The tables, for a look at what is published and what is kept.
pub(crate) fn tables(project: &Project) -> Result<Arc<dyn TableStore>, Fault> {
    Ok(Arc::new(LocalLake::open(project)?))
}

/// An empty lake of the same project in another folder.
pub(crate) fn lake_elsewhere(project: &Project, dir: &Path) -> Result<Arc<dyn TableStore>, Fault> {
    let elsewhere = Project { lake_dir: dir.to_owned(), remote: None, ..project.clone() };
    Ok(Arc::new(LocalLake::open(&elsewhere)?))
}

/// The bytes of each of these folders of a lake elsewhere; `None` where the lake is a folder.
pub(crate) fn remote_sizes(project: &Project, folders: &[&str]) -> Result<Option<Vec<u64>>, Fault> {
    if project.remote.is_none() {
        return Ok(None);
    }
    let lake = LocalLake::open(project)?;
    folders.iter().map(|folder| lake.size(folder)).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Takes the project's lock; where another run has it, says so before it waits.
pub(crate) fn lock(project: &Project, wait: bool, printer: &Printer) -> Result<WriterLock, Fault> {
    match shoplake_lake::lock(project, false) {
        Err(fault) if wait && fault.kind == FaultKind::Busy => {
            printer.say(format_args!("{fault}, waiting for its end"));
            shoplake_lake::lock(project, true)
        }
        taken => taken,
    }
}
