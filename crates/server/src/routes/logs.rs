//! The log that is kept: searched, never written.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, Utc};
use shoplake_core::Fault;
use shoplake_core::access::Role;
use shoplake_core::logs::{LogLevel, LogLine, LogQuery};

use super::Endpoint;
use crate::app::App;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::{Answer, Problem};

/// The most lines of one answer.
const LINES: u32 = 5_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let since = serde_json::json!({ "type": "string", "format": "date-time" });
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/api/v1/logs", viewer, "The last lines of the log that are asked for, oldest first", get(list))
            .gives::<Vec<LogLine>>()
            .takes([
                Parameter::text("run", "of this run; the beginning of its id is enough"),
                Parameter::word("level", "what matters at least so much", &LogLevel::WORDS),
                Parameter::new("since", "since then", since),
                Parameter::text("grep", "with this text, in capitals or not"),
                Parameter::number("limit", 200, 1, LINES),
            ]),
    ]
}

async fn list(State(app): State<App>, params: Params) -> Answer<Json<Vec<LogLine>>> {
    params.only(&[&["run", "level", "since", "grep", "limit"]])?;
    let since = params.get("since").map(|text| {
        text.parse::<DateTime<Utc>>()
            .map_err(|_| Problem::unprocessable("parameter.moment", "`since` is a moment as `2026-03-15T06:00:00Z`"))
    });
    let query = LogQuery {
        run: params.get("run").map(str::to_owned),
        level: params.word("level", &LogLevel::WORDS)?.and_then(LogLevel::parse),
        since: since.transpose()?,
        grep: params.get("grep").map(str::to_owned),
    };
    let limit = params.number("limit", 200, 1, LINES)? as usize;
    let logs = Arc::clone(&app.logs);
    let found = tokio::task::spawn_blocking(move || logs.search(&query, limit)).await;
    let lines: Vec<LogLine> =
        found.map_err(|error| Fault::internal("the log could not be searched").caused_by(error))??;
    Ok(Json(lines))
}
