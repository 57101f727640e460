//! The audit log: who did what, and whether every line still follows from the one before.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};
use shoplake_core::access::Role;

use super::Endpoint;
use crate::app::App;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/audit", Needs::Role(Role::Admin), "The audit log, newest first", get(list))
            .takes([Parameter::number("limit", 100, 1, 1_000)]),
    ]
}

async fn list(State(app): State<App>, params: Params) -> Answer<Json<Value>> {
    params.only(&[&["limit"]])?;
    let entries = app.access.audit_log(params.number("limit", 100, 1, 1_000)?).await?;
    Ok(Json(json!({ "entries": entries, "first_break": app.access.audit_break().await? })))
}
