//! Links to one dashboard with fixed filters: made, listed, ended.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shoplake_core::access::{Role, Share};

use super::Endpoint;
use crate::access::{Identity, Secret};
use crate::app::App;
use crate::body::Body;
use crate::guard::Needs;
use crate::params::{FILTERS, PERIOD, Params};
use crate::period::Period;
use crate::problem::{Answer, Problem};

/// How long a link may live, and the most filters of one.
const LONGEST: TimeDelta = TimeDelta::days(366);
const FILTERS_MAX: usize = 100;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let analyst = Needs::Role(Role::Analyst);
    let body = json!({
        "type": "object", "additionalProperties": false, "required": ["expires_at"],
        "properties": {
            "dashboard": { "type": ["string", "null"], "description": "a dashboard as code; the sales page without" },
            "filters": {
                "type": "object",
                "description": "parameter and value, or a list of values; `period` in place of `from` and `to` moves on with the calendar",
                "properties": { "period": { "type": "string", "enum": Period::WORDS } },
            },
            "expires_at": { "type": "string", "format": "date-time" },
        },
    });
    vec![
        Endpoint::get("/api/v1/shares", analyst, "The links that one made oneself; an admin sees all", get(list))
            .gives::<Vec<ListedShare>>()
            .secret(),
        Endpoint::post("/api/v1/shares", analyst, "Makes a link to a dashboard", post(make))
            .gives::<MadeShare>()
            .body(body)
            .secret(),
        Endpoint::delete("/api/v1/shares/{id}", analyst, "Ends a link of one's own; an admin ends any", delete(end)),
    ]
}

/// Whether a link is the asker's business: whoever made it, and an admin.
fn is_own(identity: &Identity, share: &Share) -> bool {
    identity.role == Role::Admin || share.created_by == identity.who
}

/// A link among all; its address is told once, when it is made.
#[derive(Serialize, JsonSchema)]
struct ListedShare {
    id: String,
    /// A dashboard as code; null for the sales page.
    dashboard: Option<String>,
    /// Name and value of each filter that it holds.
    filters: Vec<(String, String)>,
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    ended: bool,
}

async fn list(State(app): State<App>, Extension(identity): Extension<Identity>) -> Answer<Json<Vec<ListedShare>>> {
    let entry = |share: &Share| ListedShare {
        id: share.id.clone(),
        dashboard: dashboard_of(share).map(str::to_owned),
        filters: share.filters.clone(),
        created_by: share.created_by.clone(),
        created_at: share.created_at,
        expires_at: share.expires_at,
        ended: share.expires_at <= Utc::now(),
    };
    Ok(Json(app.access.shares().await?.iter().filter(|share| is_own(&identity, share)).map(entry).collect()))
}

/// The dashboard as code that a link shows; `None` for the sales page.
pub(super) fn dashboard_of(share: &Share) -> Option<&str> {
    (!share.dashboard.is_empty()).then_some(share.dashboard.as_str())
}

/// The filters of a link for its page: those that hold now, and the period that their days come from.
pub(super) fn told(identity: &Identity, share: &Share) -> Vec<(String, String)> {
    let period = share.filters.iter().filter(|(name, _)| name == PERIOD);
    period.chain(&identity.fixed).cloned().collect()
}

/// A new link.
#[derive(Serialize, JsonSchema)]
struct MadeShare {
    id: String,
    /// What its pages send as `X-Shoplake-Share`.
    token: String,
    /// Its address on this server.
    url: String,
    expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewShare {
    dashboard: Option<String>,
    #[serde(default)]
    filters: Map<String, Value>,
    expires_at: DateTime<Utc>,
}

async fn make(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Body(new): Body<NewShare>,
) -> Answer<Response> {
    let now = Utc::now();
    if new.expires_at <= now || new.expires_at - now > LONGEST {
        let detail = "`expires_at` lies in the future, at most 366 days from now";
        return Err(Problem::unprocessable("share.expires", detail));
    }
    let dashboard = match new.dashboard {
        Some(name) => super::dashboards::find(&app, &identity, &name).await?.name,
        None => String::new(),
    };
    let secret = Secret::new("sls_");
    let share = Share {
        id: Secret::id(),
        hash: secret.hash,
        dashboard,
        filters: filters(new.filters)?,
        created_by: identity.who.clone(),
        created_at: now,
        expires_at: new.expires_at,
    };
    app.access.add_share(&share).await?;
    let what = dashboard_of(&share).unwrap_or("the sales page");
    app.access.audit(&identity.who, "share.make", &format!("{} to {what}", share.id)).await?;
    let url = format!("/s/{}", secret.text);
    let body = MadeShare { id: share.id, token: secret.text, url, expires_at: share.expires_at };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// The filters of a link as parameters; each must be one that figures know.
fn filters(stated: Map<String, Value>) -> Answer<Vec<(String, String)>> {
    let wrong = |name: &str| {
        let shown: String = name.chars().take(50).collect();
        Problem::unprocessable("share.filters", format!("`{shown}` is no filter, or its value is no text"))
            .hint(format!("the filters are {}, {PERIOD}", FILTERS.join(", ")))
    };
    let mut filters = Vec::new();
    for (name, value) in stated {
        let values = match value {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        for value in values {
            let text = value.as_str().filter(|text| text.chars().count() <= 1_000).ok_or_else(|| wrong(&name))?;
            filters.push((name.clone(), text.to_owned()));
        }
        if !(FILTERS.contains(&name.as_str()) || name == PERIOD) || filters.len() > FILTERS_MAX {
            return Err(wrong(&name));
        }
    }
    // A link that no figure understands would show an error for as long as it lives.
    let (periods, others): (Vec<_>, Vec<_>) = filters.iter().cloned().partition(|(name, _)| name == PERIOD);
    let period = Params::of(periods);
    period.only(&[&[PERIOD]])?;
    let moves = period.word(PERIOD, &Period::WORDS)?.is_some();
    if moves && others.iter().any(|(name, _)| name == "from" || name == "to") {
        return Err(Problem::unprocessable("share.period", "`period` stands in place of `from` and `to`"));
    }
    Params::of(others).checked()?;
    Ok(filters)
}

async fn end(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    // Another's link is no link: whether there is one is not told.
    let own = app.access.shares().await?.iter().any(|share| share.id == id && is_own(&identity, share));
    if !own || !app.access.remove_share(&id).await? {
        return Err(Problem::not_found("there is no such link"));
    }
    app.access.audit(&identity.who, "share.end", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
