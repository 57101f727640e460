//! The catalogue: tables, their columns, and what the project says of them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value, json};
use shoplake_core::PinnedTable;
use shoplake_core::access::Role;
use shoplake_models::Model;

use super::Endpoint;
use crate::app::App;
use crate::figures::Shown;
use crate::guard::Needs;
use crate::problem::{Answer, Problem};
use crate::rows::type_name;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/api/v1/tables", viewer, "The tables, with columns and what they mean", get(list)),
        Endpoint::get("/api/v1/tables/{name}", viewer, "One table", get(show)),
    ]
}

type Models = HashMap<String, Model>;

async fn models(app: &App) -> Answer<Models> {
    let project = Arc::clone(&app.project);
    let read = tokio::task::spawn_blocking(move || shoplake_models::load(&project)).await;
    // What is wrong there is told by the commands; the tables are shown without their meaning.
    let models = read.map_err(|error| Problem::internal(&error))?.map(|read| read.models).unwrap_or_default();
    Ok(models.into_iter().map(|model| (model.name.clone(), model)).collect())
}

async fn list(State(app): State<App>) -> Answer<Json<Value>> {
    let shown = app.figures.shown().ok_or_else(Problem::not_ready)?;
    let models = models(&app).await?;
    Ok(Json(shown.catalog.tables.values().map(|table| described(&app, &shown, &models, table)).collect()))
}

async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<Json<Value>> {
    let shown = app.figures.shown().ok_or_else(Problem::not_ready)?;
    let none = || Problem::not_found("there is no such table").hint("GET /api/v1/tables lists them");
    let table = shown.catalog.tables.get(&name).ok_or_else(none)?;
    let mut described = described(&app, &shown, &models(&app).await?, table);
    described["partitioned_by"] = json!(table.partition_columns);
    described["files"] = json!(table.files.len());
    Ok(Json(described))
}

fn described(app: &App, shown: &Shown, models: &Models, table: &PinnedTable) -> Value {
    let contract = app.project.dataset(&table.name).map(|dataset| &dataset.contract);
    let model = models.get(&table.name);
    let kind = match (contract, table.name.as_str()) {
        (Some(_), _) => "dataset",
        (None, "quarantine") => "quarantine",
        (None, _) => "model",
    };
    let meaning = |column: &str| {
        let stated = contract.and_then(|contract| contract.column(column)?.description.clone());
        let of_model = || Some(model?.columns.iter().find(|known| known.name == column)?.description.clone());
        stated.or_else(of_model)
    };
    let columns = table.schema.fields().iter().map(|field| {
        json!({ "name": field.name(), "type": type_name(field.data_type()), "description": meaning(field.name()) })
    });
    json!({
        "name": table.name,
        "kind": kind,
        "description": model.map(|model| &model.description),
        "columns": columns.collect::<Vec<_>>(),
        "key": contract.map(|contract| contract.key.clone()),
        "rows": table.rows(),
        "bytes": table.files.iter().map(|file| file.size).sum::<u64>(),
        "freshness": shown.loaded_at,
    })
}
