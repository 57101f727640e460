//! `/healthz`, `/readyz`, `/metrics`, and the document of the API.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemars::JsonSchema;
use serde::Serialize;
use shoplake_core::access::Role;
use shoplake_core::metrics::{Metric, prometheus};

use super::Endpoint;
use crate::app::App;
use crate::guard::Needs;
use crate::openapi::{self, Document};
use crate::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/healthz", Needs::Nothing, "Says that the process lives", get(healthy)).gives::<Standing>(),
        Endpoint::get("/readyz", Needs::Nothing, "Says whether figures can be asked for", get(ready))
            .gives::<Standing>(),
        Endpoint::get("/metrics", viewer, "What is counted and measured, in Prometheus' text format", get(metrics))
            .answers("text/plain"),
        Endpoint::get("/api/openapi.json", viewer, "This document", get(document)).gives::<Document>(),
    ]
}

/// How the server stands.
#[derive(Serialize, JsonSchema)]
struct Standing {
    /// In words.
    status: &'static str,
}

async fn healthy() -> Json<Standing> {
    Json(Standing { status: "ok" })
}

async fn ready(State(app): State<App>) -> Response {
    if app.lasting.figures.shown().is_some() {
        Json(Standing { status: "ready" }).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Standing { status: "reading the tables" })).into_response()
    }
}

async fn document() -> Json<Document> {
    Json(openapi::document(&super::endpoints()))
}

async fn metrics(State(app): State<App>) -> Answer<Response> {
    let mut metrics = app.meters.read().await?;
    metrics.extend(of_server(&app));
    let text = prometheus(&metrics);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// What the server counts and measures itself.
fn of_server(app: &App) -> Vec<Metric> {
    let count =
        |name, help, count: &AtomicU64| Metric::counter(name, help).with([], count.load(Ordering::Relaxed) as f64);
    let gauge = |name, help, value: f64| Metric::gauge(name, help).with([], value);
    let listening = app.lasting.news.receiver_count() as f64;
    let mut metrics = app.traffic.metrics();
    metrics.extend([
        count("shoplake_figures_walked_total", "Answers that took a walk over the sales.", &app.lasting.figures.walked),
        count("shoplake_figures_recalled_total", "Answers that were there already.", &app.lasting.figures.recalled),
        count(
            "shoplake_figures_files_read_total",
            "Data files of sales that were read.",
            &app.lasting.figures.files_read,
        ),
        count(
            "shoplake_figures_files_followed_total",
            "Partitions of sales that were made anew from the rows that the lake told, instead of read.",
            &app.lasting.figures.files_followed,
        ),
        gauge("shoplake_pages_listening", "Pages that wait for news.", listening),
    ]);
    if let Some(shown) = app.lasting.figures.shown() {
        let mut rows = Metric::gauge("shoplake_table_rows", "Rows of a table.");
        for table in shown.catalog.tables.values() {
            rows.add([("table", &table.name)], table.rows() as f64);
        }
        let bytes = shown.cube.as_ref().map_or(0, |cube| cube.bytes());
        metrics.extend([
            rows,
            gauge("shoplake_batch", "The batch that is shown.", shown.batch.0 as f64),
            gauge("shoplake_sales_in_memory_bytes", "Bytes of the sales in memory.", bytes as f64),
        ]);
        metrics.extend(shown.loaded_at.map(|at| {
            gauge("shoplake_loaded_timestamp_seconds", "When that batch was published.", at.timestamp() as f64)
        }));
    }
    metrics
}
