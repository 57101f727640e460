//! The catalogue: tables, their columns, and what the project says of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::Schema;
use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value, json};
use shoplake_core::access::Role;
use shoplake_core::{PinnedTable, Project};
use shoplake_models::Model;

use super::Endpoint;
use super::sales::quoted;
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

/// What the project's files say of tables now.
struct Written {
    project: Project,
    models: HashMap<String, Model>,
}

impl Written {
    /// What a column means.
    fn meaning(&self, table: &str, column: &str) -> Option<String> {
        let contract = self.project.dataset(table).map(|dataset| &dataset.contract);
        let stated = contract.and_then(|contract| contract.column(column)?.description.clone());
        let model = || self.models.get(table)?.columns.iter().find(|known| known.name == column);
        stated.or_else(|| model().map(|known| known.description.clone()))
    }

    fn columns(&self, table: &str, schema: &Schema) -> Value {
        let column = |field: &arrow_schema::FieldRef| {
            let meaning = self.meaning(table, field.name());
            json!({ "name": field.name(), "type": type_name(field.data_type()), "description": meaning })
        };
        schema.fields().iter().map(column).collect()
    }
}

async fn written(app: &App) -> Answer<Written> {
    let project = Arc::clone(&app.project);
    let read = tokio::task::spawn_blocking(move || {
        let project = shoplake_project::reread(&project).project;
        // What is wrong there is told by the commands; the tables are shown without their meaning.
        let models = shoplake_models::load(&project).map(|read| read.models).unwrap_or_default();
        Written { project, models: models.into_iter().map(|model| (model.name.clone(), model)).collect() }
    });
    read.await.map_err(|error| Problem::internal(&error))
}

async fn list(State(app): State<App>) -> Answer<Json<Value>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let written = written(&app).await?;
    let mut all: Vec<Value> = shown.catalog.tables.values().map(|table| described(&written, &shown, table)).collect();
    for name in shown.catalog.views.keys() {
        all.push(described_view(&app, &written, &shown, name).await?);
    }
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    Ok(Json(all.into()))
}

async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<Json<Value>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let none = || Problem::not_found("there is no such table").hint("GET /api/v1/tables lists them");
    let written = written(&app).await?;
    if shown.catalog.views.contains_key(&name) {
        return Ok(Json(described_view(&app, &written, &shown, &name).await?));
    }
    let table = shown.catalog.tables.get(&name).ok_or_else(none)?;
    let mut described = described(&written, &shown, table);
    described["partitioned_by"] = json!(table.partition_columns);
    described["files"] = json!(table.files.len());
    Ok(Json(described))
}

fn described(written: &Written, shown: &Shown, table: &PinnedTable) -> Value {
    let contract = written.project.dataset(&table.name).map(|dataset| &dataset.contract);
    let kind = match (contract, table.name.as_str()) {
        (Some(_), _) => "dataset",
        (None, "quarantine") => "quarantine",
        (None, _) => "model",
    };
    json!({
        "name": table.name,
        "kind": kind,
        "description": written.models.get(&table.name).map(|model| &model.description),
        "columns": written.columns(&table.name, &table.schema),
        "key": contract.map(|contract| contract.key.clone()),
        "rows": table.rows(),
        "bytes": table.files.iter().map(|file| file.size).sum::<u64>(),
        "freshness": shown.loaded_at,
    })
}

/// A view: it has columns, and no rows of its own.
async fn described_view(app: &App, written: &Written, shown: &Shown, name: &str) -> Answer<Value> {
    let schema = app.engine.schema(&shown.catalog, &format!("SELECT * FROM {}", quoted(name))).await?;
    Ok(json!({
        "name": name,
        "kind": "view",
        "description": written.models.get(name).map(|model| &model.description),
        "columns": written.columns(name, &schema),
        "key": null,
        "rows": null,
        "bytes": null,
        "freshness": shown.loaded_at,
    }))
}
