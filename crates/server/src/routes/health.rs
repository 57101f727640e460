//! `/healthz`, `/readyz`, `/metrics`, and the document of the API.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use shoplake_core::access::Role;

use super::Endpoint;
use crate::app::App;
use crate::guard::Needs;
use crate::openapi;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/healthz", Needs::Nothing, "Says that the process lives", get(healthy)),
        Endpoint::get("/readyz", Needs::Nothing, "Says whether figures can be asked for", get(ready)),
        Endpoint::get("/metrics", viewer, "What the server counts, in Prometheus' text format", get(metrics))
            .answers("text/plain"),
        Endpoint::get("/api/openapi.json", viewer, "This document", get(document)),
    ]
}

async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn ready(State(app): State<App>) -> Response {
    if app.figures.shown().is_some() {
        Json(json!({ "status": "ready" })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "reading the tables" }))).into_response()
    }
}

async fn document() -> Json<Value> {
    Json(openapi::document(&super::endpoints()))
}

async fn metrics(State(app): State<App>) -> Response {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
        // A String takes everything.
        let _ = writeln!(text, "# HELP shoplake_{name} {help}\n# TYPE shoplake_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "shoplake_{name}{labels} {value}");
        }
    };
    let one = |value: u64| vec![(String::new(), value)];
    let by_status = app.answered.iter().enumerate().skip(1);
    let by_status: Vec<_> =
        by_status.map(|(kind, count)| (format!("{{status=\"{kind}xx\"}}"), count.load(Ordering::Relaxed))).collect();
    metric("http_requests_total", "counter", "Requests answered.", &by_status);
    let (walked, recalled) = (&app.figures.walked, &app.figures.recalled);
    metric(
        "figures_walked_total",
        "counter",
        "Answers that took a walk over the sales.",
        &one(walked.load(Ordering::Relaxed)),
    );
    metric(
        "figures_recalled_total",
        "counter",
        "Answers that were there already.",
        &one(recalled.load(Ordering::Relaxed)),
    );
    metric("pages_listening", "gauge", "Pages that wait for news.", &one(app.news.receiver_count() as u64));
    if let Some(shown) = app.figures.shown() {
        metric("batch", "gauge", "The batch that is shown.", &one(shown.batch.0));
        let rows = shown.catalog.tables.values().map(|table| (format!("{{table=\"{}\"}}", table.name), table.rows()));
        metric("table_rows", "gauge", "Rows of a table.", &rows.collect::<Vec<_>>());
        if let Some(at) = shown.loaded_at {
            metric(
                "loaded_timestamp_seconds",
                "gauge",
                "When that batch was published.",
                &one(at.timestamp().unsigned_abs()),
            );
        }
        let bytes = shown.cube.as_ref().map_or(0, |cube| cube.bytes());
        metric("sales_in_memory_bytes", "gauge", "Bytes of the sales in memory.", &one(bytes));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
