//! API tokens: keys for programs, told once.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shoplake_core::access::{ApiToken, Role};

use super::Endpoint;
use crate::access::{Identity, Secret};
use crate::app::App;
use crate::body::Body;
use crate::guard::Needs;
use crate::problem::{Answer, Problem};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let admin = Needs::Role(Role::Admin);
    let body = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "role"],
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 100 },
            "role": { "type": "string", "enum": ["viewer", "analyst", "operator", "admin"] },
            "expires_at": { "type": ["string", "null"], "format": "date-time" },
        },
    });
    vec![
        Endpoint::get("/api/v1/tokens", admin, "The API tokens", get(list)).gives::<Vec<ListedToken>>().secret(),
        Endpoint::post("/api/v1/tokens", admin, "Makes an API token", post(make))
            .gives::<MadeToken>()
            .body(body)
            .secret(),
        Endpoint::delete("/api/v1/tokens/{id}", admin, "Ends an API token", delete(end)),
    ]
}

/// An API token among all; the token itself is told once, when it is made.
#[derive(Serialize, JsonSchema)]
struct ListedToken {
    id: String,
    name: String,
    role: Role,
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

async fn list(State(app): State<App>) -> Answer<Json<Vec<ListedToken>>> {
    let entry = |token: ApiToken| {
        let ApiToken { id, name, role, created_by, created_at, expires_at, .. } = token;
        ListedToken { id, name, role, created_by, created_at, expires_at }
    };
    Ok(Json(app.access.tokens().await?.into_iter().map(entry).collect()))
}

/// A new API token.
#[derive(Serialize, JsonSchema)]
struct MadeToken {
    id: String,
    /// What a program sends as `Authorization: Bearer …`.
    token: String,
    role: Role,
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    role: Role,
    expires_at: Option<DateTime<Utc>>,
}

async fn make(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Body(new): Body<NewToken>,
) -> Answer<Response> {
    if let Some(fault) = shoplake_core::access::name_fault(&new.name) {
        return Err(fault.into());
    }
    if new.expires_at.is_some_and(|end| end <= Utc::now()) {
        return Err(Problem::unprocessable("token.expires", "`expires_at` lies in the past"));
    }
    let secret = Secret::new("slt_");
    let token = ApiToken {
        id: Secret::id(),
        hash: secret.hash,
        name: new.name,
        role: new.role,
        created_by: identity.who.clone(),
        created_at: Utc::now(),
        expires_at: new.expires_at,
    };
    app.access.add_token(&token).await?;
    app.access.audit(&identity.who, "token.make", &format!("{} as {}", token.id, token.role)).await?;
    let body = MadeToken { id: token.id, token: secret.text, role: token.role, expires_at: token.expires_at };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn end(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    if !app.access.remove_token(&id).await? {
        return Err(Problem::not_found("there is no such token"));
    }
    app.access.audit(&identity.who, "token.end", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
