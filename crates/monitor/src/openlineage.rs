//! OpenLineage: a run and each of its models as jobs, their tables as datasets with columns.
//!
//! The START of a run is sent when it begins; its end, and the events of its models, when it has ended.
//! Events are of schema 2-0-2 of the specification; datasets are named as it asks for: `file` and the
//! path of the Delta table, or the address of an API.

mod event;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shoplake_core::outcome::{ModelStatus, RunOutcome, RunStatus};
use shoplake_core::planned::PlannedQuery;
use shoplake_core::ports::{ModelText, RunListener, SqlPlanner};
use shoplake_core::project::OpenLineage;
use shoplake_core::{Catalog, Fault, PinnedTable, Project, RunId};

use self::event::{Events, Model, State};
use self::transport::Transport;

/// Tells a catalogue how runs go.
pub struct OpenLineageListener {
    events: Events,
    transport: Transport,
    planner: Arc<dyn SqlPlanner>,
    empty: Catalog,
    /// Who did not take one event is not asked to take the next.
    away: AtomicBool,
}

impl OpenLineageListener {
    /// A listener that sends to `target`; `empty` holds the tables of the datasets, without rows.
    pub fn new(project: Arc<Project>, target: OpenLineage, planner: Arc<dyn SqlPlanner>, empty: Catalog) -> Self {
        let folder = project.state_dir().join("openlineage");
        Self {
            events: Events::new(project, empty.clone()),
            transport: Transport::new(target, folder),
            planner,
            empty,
            away: AtomicBool::new(false),
        }
    }

    async fn send(&self, run: &RunId, events: &[Value]) -> Vec<String> {
        if self.away.load(Ordering::Relaxed) {
            return Vec::new();
        }
        match self.transport.send(run, events).await {
            Ok(()) => Vec::new(),
            Err(why) => {
                self.away.store(true, Ordering::Relaxed);
                tracing::warn!(run = %run, why, "openlineage");
                vec![format!("OpenLineage events of this run were not taken: {why}")]
            }
        }
    }

    /// Each model with its plan, as far as it has one.
    async fn planned(&self, models: &[ModelText]) -> Vec<Option<PlannedQuery>> {
        let (mut catalog, mut planned) = (self.empty.clone(), Vec::new());
        for model in models {
            // A model that does not fit its tables is told by the run itself.
            let plan = self.planner.plan(&catalog, &model.sql).await.ok();
            if let Some(plan) = &plan {
                let table = PinnedTable {
                    name: model.name.clone(),
                    root: std::env::temp_dir().into(),
                    schema: Arc::clone(&plan.schema),
                    partition_columns: Vec::new(),
                    files: Vec::new(),
                };
                catalog.tables.insert(model.name.clone(), Arc::new(table));
            }
            planned.push(plan);
        }
        planned
    }
}

#[async_trait]
impl RunListener for OpenLineageListener {
    async fn started(&self, run: &RunId, at: DateTime<Utc>) -> Vec<String> {
        self.send(run, &[self.events.run(run, &State::Start, at, None)]).await
    }

    async fn ended(&self, outcome: &RunOutcome, models: &[ModelText]) -> Vec<String> {
        let planned = self.planned(models).await;
        let now = Utc::now();
        let mut events = Vec::new();
        for done in outcome.models.iter().filter(|done| done.status != ModelStatus::Unchanged) {
            let Some(at) = models.iter().position(|model| model.name == done.name) else { continue };
            let own = RunId::new();
            let state = match (&done.error, done.status) {
                (Some(_), _) => State::Fail("the model failed; `shoplake status` says why".into()),
                (None, ModelStatus::Skipped) => State::Fail("a model that it reads failed".into()),
                (None, _) if outcome.batch.is_none() => State::Fail("nothing of the run was published".into()),
                (None, _) => State::Complete,
            };
            let model = Model {
                text: &models[at],
                planned: planned[at].as_ref(),
                rows: Some(done.rows),
                parent: &outcome.run_id,
            };
            let began = now - TimeDelta::milliseconds((done.seconds * 1_000.0) as i64);
            events.push(self.events.model(&own, &State::Start, began, &model));
            events.push(self.events.model(&own, &state, now, &model));
        }
        let state = match outcome.status {
            RunStatus::Error => State::Fail(failure(outcome)),
            RunStatus::Success | RunStatus::Warning => State::Complete,
        };
        events.push(self.events.run(&outcome.run_id, &state, now, Some(outcome)));
        self.send(&outcome.run_id, &events).await
    }

    async fn broke_off(&self, run: &RunId, fault: &Fault) {
        self.send(run, &[self.events.run(run, &State::Fail(fault.for_log()), Utc::now(), None)]).await;
    }
}

/// What failed of a run, in one line: its name alone, since why may quote a value of a row.
fn failure(outcome: &RunOutcome) -> String {
    let mut files = outcome.datasets.iter().flat_map(|dataset| &dataset.files);
    let of_models = outcome.models.iter().find(|model| model.error.is_some());
    let of_models = of_models.map(|model| format!("the model {} failed", model.name));
    let of_tests = outcome.tests.failures.iter().find(|test| test.blocks);
    let of_tests = of_tests.map(|test| format!("the test {} failed", test.name));
    let of_files = || Some(format!("{} was not loaded", files.find(|file| file.error.is_some())?.path));
    let first = of_models.or(of_tests).or_else(of_files).unwrap_or_else(|| "something was not fetched".into());
    format!("{first}; `shoplake status` says why")
}
