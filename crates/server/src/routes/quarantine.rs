//! The rows that were set aside: by cause, one by one, day by day, and on their way back.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use shoplake_core::access::Role;

use super::Endpoint;
use super::sales::literal;
use crate::access::Identity;
use crate::app::App;
use crate::body::Body;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::{Answer, Problem};
use crate::runner::Work;

const COLUMNS: &str = "dataset, source_file, source_line, reason, rule, column_name, value, violations, raw, money, \
                       run_id, quarantined_at";
/// The most causes, and the most days of the trend times reasons.
const GROUPS: usize = 10_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let (viewer, analyst) = (Needs::Role(Role::Viewer), Needs::Role(Role::Analyst));
    let body = json!({
        "type": "object", "additionalProperties": false, "properties": { "dataset": { "type": ["string", "null"] } },
    });
    let filters = ["dataset", "reason", "rule", "column"].map(|name| Parameter::text(name, "only rows with this one"));
    vec![
        Endpoint::get("/api/v1/quarantine", viewer, "Rows that were set aside, by cause", get(causes)),
        Endpoint::get("/api/v1/quarantine/rows", analyst, "Rows that were set aside, the latest first", get(list))
            .takes(filters)
            .takes([Parameter::number("limit", 100, 1, 1_000)]),
        Endpoint::get("/api/v1/quarantine/trend", viewer, "Rows that were set aside by day and reason", get(trend)),
        Endpoint::post("/api/v1/quarantine/replay", Needs::Role(Role::Operator), "Judges rows again", post(replay))
            .body(body),
    ]
}

/// Decimal text without zeros behind its cents.
pub(super) fn trimmed(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{:0<2}", fraction.trim_end_matches('0')),
        None => text.to_owned(),
    }
}

/// Asks the quarantine; nothing where there is no such table yet.
async fn ask(app: &App, who: &str, sql: &str, limit: usize) -> Answer<Vec<Value>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    if !shown.catalog.tables.contains_key("quarantine") {
        return Ok(Vec::new());
    }
    Ok(super::query::run(app, who, &shown, sql, limit).await?.objects().into_iter().map(Value::from).collect())
}

async fn causes(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Value>> {
    params.only(&[])?;
    let sql = "SELECT dataset, reason, rule, column_name, \"rows\", money, \
                      regexp_replace(split_part(\"first\", chr(31), 1), ':0+', ':') AS example, \
                      nullif(split_part(\"first\", chr(31), 2), '') AS example_value \
               FROM (SELECT dataset, reason, rule, column_name, count(*) AS \"rows\", \
                            sum(TRY_CAST(money AS DECIMAL(38, 10))) AS money, \
                            min(source_file || ':' || lpad(CAST(source_line AS VARCHAR), 12, '0') || chr(31) \
                                || coalesce(value, '')) AS \"first\" \
                     FROM quarantine GROUP BY dataset, reason, rule, column_name) \
               ORDER BY \"rows\" DESC, dataset, reason, rule, column_name";
    let mut causes = ask(&app, &identity.who, sql, GROUPS).await?;
    for cause in &mut causes {
        cause["money"] = json!(cause["money"].as_str().map(trimmed));
    }
    Ok(Json(causes.into()))
}

async fn list(State(app): State<App>, Extension(identity): Extension<Identity>, params: Params) -> Answer<Json<Value>> {
    params.only(&[&["dataset", "reason", "rule", "column", "limit"]])?;
    let limit = params.number("limit", 100, 1, 1_000)? as usize;
    let named = [("dataset", "dataset"), ("reason", "reason"), ("rule", "rule"), ("column", "column_name")];
    let conditions =
        named.iter().filter_map(|(name, column)| Some(format!("{column} = {}", literal(params.get(name)?))));
    let conditions: Vec<String> = conditions.collect();
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let sql = format!(
        "SELECT {COLUMNS} FROM quarantine {filter} ORDER BY quarantined_at DESC, source_file, source_line LIMIT {}",
        limit + 1
    );
    let mut rows = ask(&app, &identity.who, &sql, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    for row in &mut rows {
        let violations = row["violations"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        row["violations"] = violations.unwrap_or_default();
    }
    Ok(Json(json!({ "rows": rows, "more": more })))
}

async fn trend(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Value>> {
    params.only(&[])?;
    let sql = "SELECT local_date(quarantined_at) AS date, reason, count(*) AS \"rows\" FROM quarantine \
               GROUP BY 1, 2 ORDER BY 1, 2";
    Ok(Json(ask(&app, &identity.who, sql, GROUPS).await?.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    dataset: Option<String>,
}

async fn replay(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Body(Replay { dataset }): Body<Replay>,
) -> Answer<Response> {
    if let Some(name) = &dataset
        && app.project.dataset(name).is_none()
    {
        return Err(Problem::unprocessable("dataset.unknown", "there is no such dataset"));
    }
    super::runs::begin(&app, &identity, Work::Replay { dataset }, "quarantine.replay").await
}
