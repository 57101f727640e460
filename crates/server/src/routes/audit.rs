//! The audit log: who did what, and whether every line still follows from the one before.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use schemars::JsonSchema;
use serde::Serialize;
use shoplake_core::access::{AuditEntry, Role};

use super::Endpoint;
use crate::app::App;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/audit", Needs::Role(Role::Admin), "The audit log, newest first", get(list))
            .gives::<AuditLog>()
            .takes([Parameter::number("limit", 100, 1, 1_000)]),
    ]
}

/// The last lines of the audit log.
#[derive(Serialize, JsonSchema)]
struct AuditLog {
    /// Newest first.
    entries: Vec<AuditEntry>,
    /// The number of the first line of all that does not follow from the one before; null where none is.
    first_break: Option<u64>,
}

async fn list(State(app): State<App>, params: Params) -> Answer<Json<AuditLog>> {
    params.only(&[&["limit"]])?;
    let entries = app.access.audit_log(params.number("limit", 100, 1, 1_000)?).await?;
    Ok(Json(AuditLog { entries, first_break: app.access.audit_break().await? }))
}
