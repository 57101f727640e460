//! Alerts: where each stands, and keeping one quiet for a while. What watches and tells is `monitor`'s.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shoplake_core::FaultKind;
use shoplake_core::access::Role;
use shoplake_core::alert::{Alert, AlertBook, Phase, Severity, Standing, Unjudged, mistakes};
use shoplake_project::{Reread, reread};

use super::Endpoint;
use crate::access::Identity;
use crate::app::App;
use crate::body::Body;
use crate::guard::Needs;
use crate::problem::{Answer, Problem};

/// How long an alert may be kept quiet.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// How often another may write the book between our reading and writing it.
const ATTEMPTS: u32 = 20;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let body = json!({
        "type": "object", "additionalProperties": false, "required": ["until"],
        "properties": { "until": { "type": "string", "format": "date-time" } },
    });
    let operator = Needs::Role(Role::Operator);
    vec![
        Endpoint::get("/api/v1/alerts", Needs::Role(Role::Viewer), "The alerts, and where each stands", get(list))
            .gives::<Vec<ShownAlert>>(),
        Endpoint::post("/api/v1/alerts/{name}/mute", operator, "Keeps an alert quiet for a while", post(mute))
            .answers("")
            .body(body),
    ]
}

/// An alert, and where it stands.
#[derive(Serialize, JsonSchema)]
struct ShownAlert {
    name: String,
    title: String,
    /// Null where its file cannot be read.
    severity: Option<Severity>,
    /// The word of its condition: `freshness`.
    watches: Option<&'static str>,
    state: AlertState,
    /// Since when it fires, or cannot be judged.
    since: Option<DateTime<Utc>>,
    /// What was found, or else what it is for.
    message: Option<String>,
    /// Why it cannot be judged.
    unjudged: Option<Unjudged>,
    muted_until: Option<DateTime<Utc>>,
    last_checked: Option<DateTime<Utc>>,
}

/// Where an alert stands.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum AlertState {
    Ok,
    Firing,
    Muted,
    Unjudged,
}

async fn list(State(app): State<App>) -> Answer<Json<Vec<ShownAlert>>> {
    let (mut book, now) = (app.alerts.book().await?, Utc::now());
    let Reread { project, faults, .. } = written(&app).await?;
    let alerts = project.alerts.all;
    for (name, fault) in mistakes(&alerts, &faults) {
        book.unjudged.entry(name).or_insert_with(|| Unjudged::new(fault, now));
    }
    let files = book.unjudged.iter().filter(|(name, _)| alerts.iter().all(|alert| alert.name != **name));
    let files = files.map(|(file, unjudged)| unknown(file, unjudged));
    Ok(Json(alerts.iter().map(|alert| shown(alert, &book, now)).chain(files).collect()))
}

/// The project as its files say now.
async fn written(app: &App) -> Answer<Reread> {
    let project = Arc::clone(&app.project);
    let read = tokio::task::spawn_blocking(move || reread(&project)).await;
    read.map_err(|error| Problem::internal(&error))
}

/// A file of which no alert is known, since it has a mistake.
fn unknown(file: &str, unjudged: &Unjudged) -> ShownAlert {
    ShownAlert {
        name: file.to_owned(),
        title: file.to_owned(),
        severity: None,
        watches: None,
        state: AlertState::Unjudged,
        since: Some(unjudged.since),
        message: None,
        unjudged: Some(unjudged.clone()),
        muted_until: None,
        last_checked: None,
    }
}

/// An alert that is muted says so whether it fires or not: nobody would be told. One that fires and cannot be judged
/// any more fires.
fn shown(alert: &Alert, book: &AlertBook, now: DateTime<Utc>) -> ShownAlert {
    let firing: Vec<&Standing> = book
        .standings
        .get(&alert.name)
        .into_iter()
        .flat_map(|standings| standings.values())
        .filter(|standing| standing.phase == Phase::Firing)
        .collect();
    let muted_until = book.snoozed.get(&alert.name).filter(|until| **until > now);
    let unjudged = book.unjudged.get(&alert.name);
    let state = match (muted_until, firing.is_empty(), unjudged) {
        (Some(_), _, _) => AlertState::Muted,
        (None, false, _) => AlertState::Firing,
        (None, true, Some(_)) => AlertState::Unjudged,
        (None, true, None) => AlertState::Ok,
    };
    let found: Vec<&str> =
        firing.iter().flat_map(|standing| &standing.findings).map(|finding| finding.what.as_str()).collect();
    let message = if found.is_empty() { alert.description.clone() } else { Some(found.join("; ")) };
    ShownAlert {
        name: alert.name.clone(),
        title: alert.name.clone(),
        severity: Some(alert.severity),
        watches: Some(alert.condition.word()),
        state,
        since: firing.iter().map(|standing| standing.fired_at.unwrap_or(standing.since)).min(),
        message,
        unjudged: unjudged.cloned(),
        muted_until: muted_until.copied(),
        last_checked: None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mute {
    until: DateTime<Utc>,
}

async fn mute(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    Body(mute): Body<Mute>,
) -> Answer<StatusCode> {
    if !written(&app).await?.project.alerts.all.iter().any(|alert| alert.name == name) {
        return Err(Problem::not_found("there is no such alert").hint("GET /api/v1/alerts lists them"));
    }
    let now = Utc::now();
    if mute.until <= now || mute.until - now > LONGEST {
        let detail = "`until` lies in the future, at most 366 days from now";
        return Err(Problem::unprocessable("alert.until", detail));
    }
    for attempt in 1.. {
        let mut book = app.alerts.book().await?;
        book.snoozed.insert(name.clone(), mute.until);
        match app.alerts.keep(&book, &[]).await {
            Err(fault) if fault.kind == FaultKind::Busy && attempt < ATTEMPTS => {}
            done => {
                done?;
                break;
            }
        }
    }
    app.access.audit(&identity.who, "alert.mute", &format!("{name} until {}", mute.until)).await?;
    Ok(StatusCode::NO_CONTENT)
}
