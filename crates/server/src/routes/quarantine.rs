//! The rows that were set aside: by cause, one by one, day by day, and on their way back.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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
        Endpoint::get("/api/v1/quarantine", viewer, "Rows that were set aside, by cause", get(causes))
            .gives::<Vec<Cause>>(),
        Endpoint::get("/api/v1/quarantine/rows", analyst, "Rows that were set aside, the latest first", get(list))
            .gives::<SetAsideRows>()
            .takes(filters)
            .takes([Parameter::number("limit", 100, 1, 1_000)]),
        Endpoint::get("/api/v1/quarantine/trend", viewer, "Rows that were set aside by day and reason", get(trend))
            .gives::<Vec<SetAsideThen>>(),
        Endpoint::post("/api/v1/quarantine/replay", Needs::Role(Role::Operator), "Judges rows again", post(replay))
            .gives::<super::runs::BegunRun>()
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
async fn ask<T: DeserializeOwned>(app: &App, who: &str, sql: &str, limit: usize) -> Answer<Vec<T>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    if !shown.catalog.tables.contains_key("quarantine") {
        return Ok(Vec::new());
    }
    let rows = super::query::run(app, who, &shown, sql, limit).await?.objects().into_iter();
    let read = rows.map(|row| serde_json::from_value(row.into())).collect::<serde_json::Result<_>>();
    read.map_err(|error| Problem::internal(&error))
}

/// Why rows were set aside, and how many.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Cause {
    dataset: Option<String>,
    reason: Option<String>,
    rule: Option<String>,
    column_name: Option<String>,
    rows: u64,
    /// The money in them that can be read, as decimal text.
    money: Option<String>,
    /// The file and line of one of them.
    example: Option<String>,
    /// The value that stands there.
    example_value: Option<String>,
}

/// Rows that were set aside.
#[derive(Serialize, JsonSchema)]
struct SetAsideRows {
    rows: Vec<SetAsideRow>,
    /// Whether there are more than were asked for.
    more: bool,
}

/// A row that was set aside.
#[derive(Deserialize, Serialize, JsonSchema)]
struct SetAsideRow {
    dataset: Option<String>,
    source_file: Option<String>,
    source_line: Option<i64>,
    reason: Option<String>,
    rule: Option<String>,
    column_name: Option<String>,
    /// The value that breaks the rule.
    value: Option<String>,
    /// All that is wrong with the row.
    violations: Value,
    /// The row as it stands in the file.
    raw: Option<String>,
    /// The money in it that can be read, as decimal text.
    money: Option<String>,
    run_id: Option<String>,
    quarantined_at: Option<String>,
}

/// Rows that were set aside on a day.
#[derive(Deserialize, Serialize, JsonSchema)]
struct SetAsideThen {
    date: Option<NaiveDate>,
    reason: Option<String>,
    rows: u64,
}

async fn causes(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Vec<Cause>>> {
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
    let mut causes: Vec<Cause> = ask(&app, &identity.who, sql, GROUPS).await?;
    for cause in &mut causes {
        cause.money = cause.money.as_deref().map(trimmed);
    }
    Ok(Json(causes))
}

async fn list(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<SetAsideRows>> {
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
    let mut rows: Vec<SetAsideRow> = ask(&app, &identity.who, &sql, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    for row in &mut rows {
        let violations = row.violations.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        row.violations = violations.unwrap_or_default();
    }
    Ok(Json(SetAsideRows { rows, more }))
}

async fn trend(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Vec<SetAsideThen>>> {
    params.only(&[])?;
    let sql = "SELECT local_date(quarantined_at) AS date, reason, count(*) AS \"rows\" FROM quarantine \
               GROUP BY 1, 2 ORDER BY 1, 2";
    Ok(Json(ask(&app, &identity.who, sql, GROUPS).await?))
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
