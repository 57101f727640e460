//! One look at whether the figures can be trusted: how far they reach, what was set aside, what failed.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use shoplake_core::ports::{RunState, last_tests};
use shoplake_core::{Result, RunId};

use super::Endpoint;
use crate::access::Identity;
use crate::app::{App, Unheeded};
use crate::figures::Shown;
use crate::guard::Needs;
use crate::problem::{Answer, Mistake, Problem};
use crate::rows::Rows;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "How far the figures reach, and what was set aside";
    vec![Endpoint::get("/api/v1/trust", Needs::Shared, summary, get(trust)).gives::<Trust>()]
}

/// Whether the figures can be trusted.
#[derive(Serialize, JsonSchema)]
struct Trust {
    /// When the last sale was made.
    data_until: Option<DateTime<Utc>>,
    /// When the batch was published that is shown.
    loaded_at: Option<DateTime<Utc>>,
    /// That batch; 0 before the first.
    batch: u64,
    quarantine: SetAside,
    /// Data tests of the last run that tested anything.
    tests: Tested,
    last_run: Option<LastRun>,
    /// What of the project's files the server does not heed, or not yet.
    project: ShownUnheeded,
}

/// Rows in quarantine.
#[derive(Serialize, JsonSchema)]
struct SetAside {
    rows: u64,
    /// The money in them that can be read, as decimal text.
    money: Option<String>,
}

/// How many data tests ended how.
#[derive(Default, Serialize, JsonSchema)]
struct Tested {
    passed: u64,
    warned: u64,
    failed: u64,
}

/// The last run.
#[derive(Serialize, JsonSchema)]
struct LastRun {
    run_id: RunId,
    started_at: DateTime<Utc>,
    status: RunState,
    ended_at: Option<DateTime<Utc>>,
}

/// What of the project's files is not heeded.
#[derive(Serialize, JsonSchema)]
struct ShownUnheeded {
    mistakes: Vec<Mistake>,
    /// Keys of shoplake.yml that hold from the next start on.
    restart_for: Vec<&'static str>,
}

async fn trust(State(app): State<App>, Extension(identity): Extension<Identity>) -> Answer<Json<Trust>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let (rows, money) = shown.quarantine.get_or_try_init(|| quarantine(&app, &shown)).await?.clone();
    let runs = app.state.runs(20).await?;
    let last = runs.first();
    let tests = last_tests(&runs);
    let until = shown.cube.as_ref().and_then(|cube| cube.last_sale).and_then(DateTime::from_timestamp_micros);
    // What stands in the shop's files is no business of those who follow a link.
    let unheeded = if identity.share.is_some() { Unheeded::default() } else { app.lasting.unheeded() };
    let Unheeded { mistakes, later } = unheeded;
    Ok(Json(Trust {
        data_until: until,
        loaded_at: shown.loaded_at,
        batch: shown.batch.0,
        quarantine: SetAside { rows, money },
        tests: tests.map_or_else(Tested::default, |tests| Tested {
            passed: tests.passed,
            warned: tests.warned,
            failed: tests.failed,
        }),
        last_run: last.map(|run| LastRun {
            run_id: run.run_id.clone(),
            started_at: run.started_at,
            status: run.state(),
            ended_at: super::runs::ended(run),
        }),
        project: ShownUnheeded { mistakes, restart_for: later },
    }))
}

/// The rows in quarantine, and the money in them that can be read.
async fn quarantine(app: &App, shown: &Arc<Shown>) -> Result<(u64, Option<String>)> {
    if !shown.catalog.tables.contains_key("quarantine") {
        return Ok((0, None));
    }
    let sql = "SELECT count(*) AS \"rows\", sum(TRY_CAST(money AS DECIMAL(38, 10))) AS money FROM quarantine";
    let read = Rows::read(app.engine.query(&shown.catalog, sql).await?, 1).await?.objects();
    let row = read.first();
    let rows = row.and_then(|row| row.get("rows")?.as_u64()).unwrap_or(0);
    let money = row.and_then(|row| row.get("money")?.as_str().map(super::quarantine::trimmed));
    Ok((rows, money))
}
