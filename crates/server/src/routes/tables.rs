//! The catalogue: tables, their columns, and what the project says of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::Schema;
use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
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
        Endpoint::get("/api/v1/tables", viewer, "The tables, with columns and what they mean", get(list))
            .gives::<Vec<ShownTable>>(),
        Endpoint::get("/api/v1/tables/{name}", viewer, "One table", get(show)).gives::<ShownTable>(),
    ]
}

/// A table or a view.
#[derive(Serialize, JsonSchema)]
struct ShownTable {
    name: String,
    kind: Kind,
    description: Option<String>,
    columns: Vec<ShownColumn>,
    /// The columns of a dataset that name a row.
    key: Option<Vec<String>>,
    /// A view has no rows of its own.
    rows: Option<u64>,
    bytes: Option<u64>,
    /// When its batch was published.
    freshness: Option<DateTime<Utc>>,
    /// Of one table that is asked for, unless it is a view.
    #[serde(skip_serializing_if = "Option::is_none")]
    partitioned_by: Option<Vec<String>>,
    /// The same: how many data files it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<usize>,
}

/// What a table is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Dataset,
    Model,
    View,
    Quarantine,
}

/// A column of a table.
#[derive(Serialize, JsonSchema)]
struct ShownColumn {
    name: String,
    /// By the words of contracts where they have one.
    r#type: String,
    description: Option<String>,
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

    fn columns(&self, table: &str, schema: &Schema) -> Vec<ShownColumn> {
        let column = |field: &arrow_schema::FieldRef| ShownColumn {
            name: field.name().clone(),
            r#type: type_name(field.data_type()),
            description: self.meaning(table, field.name()),
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

async fn list(State(app): State<App>) -> Answer<Json<Vec<ShownTable>>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let written = written(&app).await?;
    let mut all: Vec<ShownTable> =
        shown.catalog.tables.values().map(|table| described(&written, &shown, table)).collect();
    for name in shown.catalog.views.keys() {
        all.push(described_view(&app, &written, &shown, name).await?);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Json(all))
}

async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<Json<ShownTable>> {
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let none = || Problem::not_found("there is no such table").hint("GET /api/v1/tables lists them");
    let written = written(&app).await?;
    if shown.catalog.views.contains_key(&name) {
        return Ok(Json(described_view(&app, &written, &shown, &name).await?));
    }
    let table = shown.catalog.tables.get(&name).ok_or_else(none)?;
    Ok(Json(ShownTable {
        partitioned_by: Some(table.partition_columns.clone()),
        files: Some(table.files.len()),
        ..described(&written, &shown, table)
    }))
}

fn described(written: &Written, shown: &Shown, table: &PinnedTable) -> ShownTable {
    let contract = written.project.dataset(&table.name).map(|dataset| &dataset.contract);
    let kind = match (contract, table.name.as_str()) {
        (Some(_), _) => Kind::Dataset,
        (None, "quarantine") => Kind::Quarantine,
        (None, _) => Kind::Model,
    };
    ShownTable {
        name: table.name.clone(),
        kind,
        description: written.models.get(&table.name).map(|model| model.description.clone()),
        columns: written.columns(&table.name, &table.schema),
        key: contract.map(|contract| contract.key.clone()),
        rows: Some(table.rows()),
        bytes: Some(table.files.iter().map(|file| file.size).sum()),
        freshness: shown.loaded_at,
        partitioned_by: None,
        files: None,
    }
}

/// A view: it has columns, and no rows of its own.
async fn described_view(app: &App, written: &Written, shown: &Shown, name: &str) -> Answer<ShownTable> {
    let schema = app.engine.schema(&shown.catalog, &format!("SELECT * FROM {}", quoted(name))).await?;
    Ok(ShownTable {
        name: name.to_owned(),
        kind: Kind::View,
        description: written.models.get(name).map(|model| model.description.clone()),
        columns: written.columns(name, &schema),
        key: None,
        rows: None,
        bytes: None,
        freshness: shown.loaded_at,
        partitioned_by: None,
        files: None,
    })
}
