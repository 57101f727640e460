//! Runs: what they did, starting one, stopping the one that was started here.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use shoplake_core::access::Role;
use shoplake_core::logs::LogLevel;
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{RunRecord, RunState, StepRecord};
use shoplake_core::{BatchNumber, Counts, RunId};

use super::Endpoint;
use crate::access::Identity;
use crate::app::App;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::{Answer, Problem};
use crate::runner::Work;

/// Runs that are looked through for one of them.
const RUNS: u32 = 1_000;
/// How long a run that was started may take to say its name.
const NAMED: Duration = Duration::from_secs(5);

pub(super) fn endpoints() -> Vec<Endpoint> {
    let (viewer, operator) = (Needs::Role(Role::Viewer), Needs::Role(Role::Operator));
    vec![
        Endpoint::get("/api/v1/runs", viewer, "The last runs, newest first", get(list))
            .gives::<Vec<ListedRun>>()
            .takes([Parameter::number("limit", 50, 1, RUNS)]),
        Endpoint::get("/api/v1/runs/{id}", viewer, "A run: its steps, files, models and tests", get(show))
            .gives::<ShownRun>(),
        Endpoint::post("/api/v1/runs", operator, "Starts a run", post(start)).gives::<BegunRun>(),
        Endpoint::delete(
            "/api/v1/runs/current",
            operator,
            "Stops the run that this server started, because somebody or the schedule asked for it",
            delete(stop),
        ),
    ]
}

/// When it ended, UTC.
pub(super) fn ended(run: &RunRecord) -> Option<DateTime<Utc>> {
    let outcome = run.outcome.as_ref()?;
    Some(outcome.started_at + TimeDelta::microseconds((outcome.seconds * 1e6) as i64))
}

fn rows(run: &RunRecord) -> Counts {
    let mut counts = Counts::default();
    run.outcome.iter().flat_map(|outcome| &outcome.datasets).for_each(|dataset| counts += &dataset.counts);
    counts
}

/// A run among all.
#[derive(Serialize, JsonSchema)]
struct ListedRun {
    run_id: RunId,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    status: RunState,
    /// The batch that it published.
    batch: Option<BatchNumber>,
    /// The sums over its files.
    rows: Counts,
}

async fn list(State(app): State<App>, params: Params) -> Answer<Json<Vec<ListedRun>>> {
    params.only(&[&["limit"]])?;
    let runs = app.state.runs(params.number("limit", 50, 1, RUNS)?).await?;
    let entry = |run: &RunRecord| ListedRun {
        run_id: run.run_id.clone(),
        started_at: run.started_at,
        ended_at: ended(run),
        status: run.state(),
        batch: run.outcome.as_ref().and_then(|outcome| outcome.batch),
        rows: rows(run),
    };
    Ok(Json(runs.iter().map(entry).collect()))
}

/// A run: what became of it, and what it said.
#[derive(Serialize, JsonSchema)]
struct ShownRun {
    #[serde(flatten)]
    run: Ran,
    ended_at: Option<DateTime<Utc>>,
    log: Vec<SaidLine>,
    steps: Vec<StepRecord>,
    /// The sums over its files.
    rows: Counts,
}

/// What became of a run.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Ran {
    /// It has ended.
    Ended(Box<RunOutcome>),
    /// It goes on, or is over without an outcome.
    Running { run_id: RunId, status: RunState, started_at: DateTime<Utc> },
}

/// One line of what a run said.
#[derive(Serialize, JsonSchema)]
struct SaidLine {
    at: DateTime<Utc>,
    level: LogLevel,
    message: String,
}

async fn show(State(app): State<App>, Path(id): Path<String>) -> Answer<Json<ShownRun>> {
    let run = app.state.runs(RUNS).await?.into_iter().find(|run| run.run_id.0 == id);
    let run = run.ok_or_else(|| Problem::not_found("there is no such run").hint("GET /api/v1/runs lists them"))?;
    let steps = app.state.steps(&run.run_id).await?;
    let (ended_at, log, rows) = (ended(&run), log(&run, &steps), rows(&run));
    let status = run.state();
    let run = match run.outcome {
        Some(outcome) => Ran::Ended(Box::new(outcome)),
        None => Ran::Running { run_id: run.run_id, status, started_at: run.started_at },
    };
    Ok(Json(ShownRun { run, ended_at, log, steps, rows }))
}

/// What the run said: its steps, each when it had ended, then what a person must know of it.
fn log(run: &RunRecord, steps: &[StepRecord]) -> Vec<SaidLine> {
    let line = |at: DateTime<Utc>, level: LogLevel, message: String| SaidLine { at, level, message };
    let mut at = run.started_at;
    let mut lines = Vec::new();
    for step in steps {
        at += TimeDelta::microseconds((step.seconds * 1e6) as i64);
        lines.push(line(at, LogLevel::Info, format!("{}: {}", step.name, step.detail)));
    }
    let end = ended(run).unwrap_or(at);
    let outcome = run.outcome.as_ref();
    for file in outcome.iter().flat_map(|outcome| &outcome.datasets).flat_map(|dataset| &dataset.files) {
        if let Some(error) = &file.error {
            lines.push(line(end, LogLevel::Error, format!("{}: {error}", file.path)));
        }
    }
    for model in outcome.iter().flat_map(|outcome| &outcome.models) {
        if let Some(error) = &model.error {
            lines.push(line(end, LogLevel::Error, format!("model {}: {error}", model.name)));
        }
    }
    for problem in outcome.iter().flat_map(|outcome| &outcome.problems) {
        lines.push(line(end, LogLevel::Warn, problem.clone()));
    }
    lines
}

async fn start(State(app): State<App>, Extension(identity): Extension<Identity>) -> Answer<Response> {
    begin(&app, &identity, Work::Run, "run.start").await
}

/// A run that was started.
#[derive(Serialize, JsonSchema)]
pub(super) struct BegunRun {
    /// Null where it waits for another one.
    run_id: Option<RunId>,
}

/// Starts work, and waits a moment for the run that it becomes.
pub(super) async fn begin(app: &App, identity: &Identity, work: Work, what: &str) -> Answer<Response> {
    let before = app.state.runs(1).await?.first().map(|run| run.run_id.clone());
    let detail = match &work {
        Work::Run => String::new(),
        Work::Replay { dataset } => dataset.clone().unwrap_or_default(),
    };
    app.runner.start(work).await?;
    app.access.audit(&identity.who, what, &detail).await?;
    let named = async {
        loop {
            let last = app.state.runs(1).await?.first().map(|run| run.run_id.clone());
            if last != before {
                return Ok::<Option<RunId>, shoplake_core::Fault>(last);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // A run that waits for another one has no name yet: it is told as news.
    let run = tokio::time::timeout(NAMED, named).await.ok().transpose()?.flatten();
    Ok((StatusCode::ACCEPTED, Json(BegunRun { run_id: run })).into_response())
}

async fn stop(State(app): State<App>, Extension(identity): Extension<Identity>) -> Answer<StatusCode> {
    if !app.runner.stop().await? {
        return Err(Problem::not_found("no run goes on that this server started"));
    }
    app.access.audit(&identity.who, "run.stop", "").await?;
    Ok(StatusCode::NO_CONTENT)
}
