//! SQL: one SELECT over the tables of the batch that is shown, within bounds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Json};
use chrono::Utc;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shoplake_core::access::Role;
use shoplake_core::cost::Usage;

use super::Endpoint;
use crate::access::Identity;
use crate::app::App;
use crate::body::Body;
use crate::figures::Shown;
use crate::guard::Needs;
use crate::problem::{Answer, Problem};
use crate::rows::{NamedType, Rows};
use crate::sql;

/// The most rows of an answer, and how long it may take.
pub(super) const ROWS_MAX: u32 = 10_000;
const TIME_MAX: Duration = Duration::from_secs(30);

pub(super) fn endpoints() -> Vec<Endpoint> {
    let body = json!({
        "type": "object", "additionalProperties": false, "required": ["sql"],
        "properties": {
            "sql": { "type": "string", "minLength": 1 },
            "limit": { "type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": 1000 },
        },
    });
    let summary = "Runs one SELECT; `scanned_bytes` is at most what it read: the tables behind it, whole";
    vec![
        Endpoint::post("/api/v1/query", Needs::Role(Role::Analyst), summary, post(query)).gives::<Queried>().body(body),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    sql: String,
    limit: Option<u32>,
}

/// The rows of a query.
#[derive(Serialize, JsonSchema)]
struct Queried {
    columns: Vec<NamedType>,
    /// Whether there are more rows than were asked for.
    truncated: bool,
    /// The rows: values in the order of the columns.
    rows: Vec<Vec<Value>>,
    /// Bytes of the tables behind it: at most what it read.
    scanned_bytes: u64,
    /// How long it took, the wait for its turn with it.
    seconds: f64,
    /// The batch that it asked.
    batch: u64,
}

async fn query(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Body(Query { sql, limit }): Body<Query>,
) -> Answer<Json<Queried>> {
    let limit = limit.unwrap_or(1_000);
    if !(1..=ROWS_MAX).contains(&limit) {
        return Err(Problem::unprocessable(
            "parameter.number",
            format!("`limit` is a whole number from 1 to {ROWS_MAX}"),
        ));
    }
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let began = Instant::now();
    let mut scanned = 0;
    let rows = in_time(&app, &identity.who, async || {
        let stream = app.engine.query(&shown.catalog, &sql).await?;
        // What the engine refuses reads nothing, and could be too deep to be looked at.
        scanned = bytes(&shown, &sql::tables(&sql, &shown.catalog.views).await);
        Rows::read(stream, limit as usize).await.map_err(Problem::from)
    });
    let rows = rows.await;
    let seconds = began.elapsed().as_secs_f64();
    // Whoever asked does not wait for the note.
    tokio::spawn(note(Arc::clone(&app), scanned, seconds));
    let rows = rows?;
    Ok(Json(Queried {
        columns: rows.columns(),
        truncated: rows.truncated,
        rows: rows.values,
        scanned_bytes: scanned,
        seconds,
        batch: shown.batch.0,
    }))
}

/// Notes what a query used, for what it costs and for the alert on slow ones.
async fn note(app: App, scanned: u64, seconds: f64) {
    let memory = app.project.limits.memory;
    let usage = Usage { at: Utc::now(), run: None, seconds, memory, scanned, reads: 0, writes: 0, stored: None };
    if let Err(fault) = app.usage.record(&usage).await {
        tracing::warn!(fault = fault.for_log(), "what was used was not noted");
    }
}

/// Runs one SELECT within the bounds of rows, time, and queries at once.
pub(super) async fn run(app: &App, who: &str, shown: &Shown, sql: &str, limit: usize) -> Answer<Rows> {
    in_time(app, who, async || {
        let stream = app.engine.query(&shown.catalog, sql).await?;
        Rows::read(stream, limit).await.map_err(Problem::from)
    })
    .await
}

/// Runs work of `who` on SQL once it is its turn, and ends it where it takes too long: what is dropped stops at its
/// next row, since the engine watches for readers that go.
pub(super) async fn in_time<T>(app: &App, who: &str, work: impl AsyncFnOnce() -> Answer<T>) -> Answer<T> {
    let turn = async {
        let _turn = app.lasting.turns.take(who).await?;
        work().await
    };
    let began = Instant::now();
    let done = tokio::time::timeout(TIME_MAX, turn).await;
    app.traffic.query(began.elapsed().as_secs_f64());
    done.unwrap_or_else(|_| {
        let seconds = TIME_MAX.as_secs();
        Err(Problem::unprocessable("query.slow", format!("the query took longer than {seconds} s"))
            .hint("ask for fewer days, or put the query into a model"))
    })
}

/// Bytes of all files of some tables: what a query over them reads at the very most.
fn bytes(shown: &Shown, names: &BTreeSet<String>) -> u64 {
    let read = names.iter().filter_map(|name| shown.catalog.tables.get(name));
    read.flat_map(|table| &table.files).map(|file| file.size).sum()
}
