//! Why a figure is what it is, where tables and columns come from, and whether figures can be trusted now.

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use shoplake_core::access::Role;

use super::Endpoint;
use super::query::in_time;
use crate::access::Identity;
use crate::app::App;
use crate::explain::{Explanation, Health, Origins};
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::{Answer, Problem};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/api/v1/health",
            Needs::Role(Role::Viewer),
            "Whether the figures can be trusted now, and what to do where not",
            get(health),
        )
        .gives::<Health>(),
        Endpoint::get(
            "/api/v1/lineage",
            Needs::Role(Role::Viewer),
            "Where a table or column comes from, and goes into",
            get(lineage),
        )
        .gives::<Origins>()
        .takes([Parameter::text("node", "a table, or a table and a column: `sales.amount`").required()]),
        // The condition is SQL of the asker's own, and the rows are the shop's sales.
        Endpoint::get("/api/v1/why", Needs::Role(Role::Analyst), "Why a figure is what it is", get(why))
            .gives::<Explanation>()
            .takes([
                Parameter::text("model", "the model, or a dataset").required(),
                Parameter::text("where", "which of its rows, in SQL: one and no more").required(),
                Parameter::text("column", "the column").required(),
            ])
            .takes([Parameter::number("limit", 100, 1, 1_000)]),
    ]
}

async fn why(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Explanation>> {
    params.only(&[&["model", "where", "column", "limit"]])?;
    let limit = params.number("limit", 100, 1, 1_000)? as usize;
    let (model, condition) = (stated(&params, "model")?, stated(&params, "where")?);
    let column = stated(&params, "column")?;
    let answer = async || Ok(app.explain.why(model, condition, column, limit).await?);
    Ok(Json(in_time(&app, &identity.who, answer).await?))
}

async fn health(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Health>> {
    params.only(&[])?;
    Ok(Json(in_time(&app, &identity.who, async || Ok(app.explain.health().await?)).await?))
}

async fn lineage(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    params: Params,
) -> Answer<Json<Origins>> {
    params.only(&[&["node"]])?;
    let node = stated(&params, "node")?;
    Ok(Json(in_time(&app, &identity.who, async || Ok(app.explain.lineage(node).await?)).await?))
}

fn stated<'p>(params: &'p Params, name: &str) -> Answer<&'p str> {
    params.get(name).ok_or_else(|| Problem::unprocessable("parameter.missing", format!("`{name}` is not stated")))
}
