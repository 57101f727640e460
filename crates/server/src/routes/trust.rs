//! One look at whether the figures can be trusted: how far they reach, what was set aside, what failed.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use chrono::DateTime;
use serde_json::{Value, json};
use shoplake_core::Result;
use shoplake_core::ports::last_tests;

use super::Endpoint;
use crate::access::Identity;
use crate::app::{App, Unheeded};
use crate::figures::Shown;
use crate::guard::Needs;
use crate::problem::{Answer, Problem};
use crate::rows::Rows;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get("/api/v1/trust", Needs::Shared, "How far the figures reach, and what was set aside", get(trust))]
}

async fn trust(State(app): State<App>, Extension(identity): Extension<Identity>) -> Answer<Json<Value>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let (rows, money) = shown.quarantine.get_or_try_init(|| quarantine(&app, &shown)).await?.clone();
    let runs = app.state.runs(20).await?;
    let last = runs.first();
    let tests = last_tests(&runs);
    let until = shown.cube.as_ref().and_then(|cube| cube.last_sale).and_then(DateTime::from_timestamp_micros);
    // What stands in the shop's files is no business of those who follow a link.
    let unheeded = if identity.share.is_some() { Unheeded::default() } else { app.lasting.unheeded() };
    Ok(Json(json!({
        "data_until": until,
        "loaded_at": shown.loaded_at,
        "batch": shown.batch.0,
        "quarantine": { "rows": rows, "money": money },
        "tests": {
            "passed": tests.map_or(0, |tests| tests.passed),
            "warned": tests.map_or(0, |tests| tests.warned),
            "failed": tests.map_or(0, |tests| tests.failed),
        },
        "last_run": last.map(|run| json!({
            "run_id": run.run_id,
            "started_at": run.started_at,
            "status": run.word(),
            "ended_at": super::runs::ended(run),
        })),
        "project": { "mistakes": unheeded.mistakes, "restart_for": unheeded.later },
    })))
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
