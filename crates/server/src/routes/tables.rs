//! The catalogue: tables, their columns, and what the project says of them.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value, json};
use shoplake_core::PinnedTable;
use shoplake_core::access::Role;
use shoplake_project::files::ModelFile;
use shoplake_project::model_descriptions;

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

type Models = HashMap<String, ModelFile>;

async fn models(app: &App) -> Answer<Models> {
    let dir = app.project.dir.clone();
    let read = tokio::task::spawn_blocking(move || model_descriptions(&dir)).await;
    Ok(read.map_err(|error| Problem::internal(&error))?.into_iter().map(|model| (model.name.clone(), model)).collect())
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
        let tested = || model?.columns.as_ref()?.iter().find(|known| known.name == column)?.description.clone();
        stated.or_else(tested)
    };
    let columns = table.schema.fields().iter().map(|field| {
        json!({ "name": field.name(), "type": type_name(field.data_type()), "description": meaning(field.name()) })
    });
    json!({
        "name": table.name,
        "kind": kind,
        "description": model.and_then(|model| model.description.clone()),
        "columns": columns.collect::<Vec<_>>(),
        "key": contract.map(|contract| contract.key.clone()),
        "rows": table.rows(),
        "bytes": table.files.iter().map(|file| file.size).sum::<u64>(),
        "freshness": shown.loaded_at,
    })
}
