//! Dashboards as code: the files of `dashboards/`, read anew at every request, and written by the editor.

use std::path::Path;

use axum::extract::{Path as UrlPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Json};
use serde_json::{Value, json};
use shoplake_core::access::Role;
use shoplake_core::{Fault, hash};
use shoplake_project::files::{DashboardFile, Tile};
use shoplake_project::{Dashboard, dashboard_of, dashboards};

use super::{Endpoint, shares};
use crate::access::Identity;
use crate::app::App;
use crate::body;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::problem::{Answer, Problem, mistake};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let source = "/api/v1/dashboards/{name}/source";
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/api/v1/dashboards", viewer, "The dashboards", get(list)),
        Endpoint::get(
            "/api/v1/dashboards/{name}",
            Needs::Shared,
            "A dashboard, with its mistakes and their places",
            get(show),
        ),
        Endpoint::get(source, viewer, "A dashboard's YAML", get(read)).answers("text/yaml"),
        Endpoint::new(
            axum::http::Method::PUT,
            source,
            Needs::Role(Role::Operator),
            "Writes a dashboard's YAML",
            put(write),
        )
        .takes([Parameter::header("If-Match", "the ETag of the YAML that was read; `*` for a new dashboard")])
        .body(json!({ "type": "string" })),
    ]
}

/// All dashboards, read on a thread that may wait for the disk.
async fn read_all(app: &App) -> Answer<Vec<Dashboard>> {
    let dir = app.project.dir.clone();
    tokio::task::spawn_blocking(move || dashboards(&dir)).await.map_err(|error| Problem::internal(&error))
}

/// The dashboard of that name; `None` is the same problem whether it never was or may not be seen.
pub(super) async fn find(app: &App, identity: &Identity, name: &str) -> Answer<Dashboard> {
    let none = || Problem::not_found("there is no such dashboard").hint("GET /api/v1/dashboards lists them");
    if identity.share.as_ref().is_some_and(|share| share.dashboard != name) {
        return Err(none());
    }
    read_all(app).await?.into_iter().find(|dashboard| dashboard.name == name).ok_or_else(none)
}

async fn list(State(app): State<App>) -> Answer<Json<Value>> {
    let entry = |dashboard: &Dashboard| {
        let title = dashboard.file.as_ref().and_then(|file| file.title.clone());
        json!({
            "name": dashboard.name,
            "title": title.unwrap_or_else(|| dashboard.name.clone()),
            "description": dashboard.file.as_ref().and_then(|file| file.description.clone()),
            "errors": dashboard.faults.len(),
        })
    };
    Ok(Json(read_all(&app).await?.iter().map(entry).collect()))
}

async fn show(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    UrlPath(name): UrlPath<String>,
) -> Answer<Json<Value>> {
    let dashboard = find(&app, &identity, &name).await?;
    let mut shown = shown(&dashboard.name, dashboard.file.as_ref(), &dashboard.faults);
    if let Some(share) = &identity.share {
        shown["fixed_filters"] = json!(shares::told(&identity, share));
        // How a figure is made is the shop's own business.
        shown["errors"] = json!([]);
        for tile in shown["tiles"].as_array_mut().into_iter().flatten() {
            tile["sql"] = Value::Null;
        }
    }
    Ok(Json(shown))
}

fn shown(name: &str, file: Option<&DashboardFile>, faults: &[Fault]) -> Value {
    let title = file.and_then(|file| file.title.clone()).unwrap_or_else(|| name.to_owned());
    let filters = file
        .and_then(|file| file.filters.as_ref())
        .map_or_else(|| json!(["date", "category", "product", "city", "segment"]), |filters| json!(filters));
    let tiles: Vec<Value> = file.map(tiles).unwrap_or_default().iter().map(|(id, tile)| shown_tile(id, tile)).collect();
    json!({
        "name": name,
        "title": title,
        "description": file.and_then(|file| file.description.clone()),
        "filters": filters,
        "tiles": tiles,
        "errors": faults.iter().map(mistake).collect::<Vec<_>>(),
    })
}

fn shown_tile(id: &str, tile: &Tile) -> Value {
    json!({
        "id": id,
        "type": tile.kind,
        "title": tile.title,
        "description": tile.description,
        "width": tile.width,
        "model": tile.model,
        "sql": tile.sql,
        "text": tile.text,
        "x": tile.x,
        "y": tile.y,
        "value": tile.value,
        "columns": tile.columns,
    })
}

/// The tiles with their ids: as stated, or made from the title, each once.
pub(super) fn tiles(file: &DashboardFile) -> Vec<(String, &Tile)> {
    let mut tiles: Vec<(String, &Tile)> = Vec::new();
    for tile in &file.tiles {
        let words = tile.id.clone().unwrap_or_else(|| tile.title.to_lowercase());
        let parts = words.split(|sign: char| !sign.is_alphanumeric() && sign != '_').filter(|part| !part.is_empty());
        let base = parts.collect::<Vec<_>>().join("-");
        let base = if base.is_empty() { "tile".to_owned() } else { base };
        let taken = |id: &str| tiles.iter().any(|(known, _)| known == id);
        let id = (2..).map(|number| format!("{base}-{number}"));
        let id = std::iter::once(base.clone()).chain(id).find(|id| !taken(id));
        tiles.extend(id.map(|id| (id, tile)));
    }
    tiles
}

fn tag(text: &str) -> String {
    format!("\"{}\"", hash::fingerprint(text))
}

async fn read(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    UrlPath(name): UrlPath<String>,
) -> Answer<Response> {
    let dashboard = find(&app, &identity, &name).await?;
    let text = fs_err::tokio::read_to_string(&dashboard.path).await.map_err(Fault::from)?;
    Ok(([(header::CONTENT_TYPE, "text/yaml; charset=utf-8".to_owned()), (header::ETAG, tag(&text))], text)
        .into_response())
}

/// Writes a dashboard that was read before (`If-Match` names what was read), or with `If-Match: *` a new one.
async fn write(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
    request: Request,
) -> Answer<Response> {
    let bytes = body::bytes(request).await?;
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "body.text", "the body must be UTF-8"))?;
    let Some(expected) = headers.get(header::IF_MATCH).and_then(|tag| tag.to_str().ok()) else {
        let problem =
            Problem::new(StatusCode::PRECONDITION_REQUIRED, "dashboard.match", "the header `If-Match` is missing");
        return Err(problem.hint("send the ETag of the YAML that was read, or `*` for a dashboard that is new"));
    };
    let known = read_all(&app).await?.into_iter().find(|dashboard| dashboard.name == name);
    let path = match &known {
        Some(dashboard) => dashboard.path.clone(),
        None => app.project.dir.join("dashboards").join(file_name(&name)?),
    };
    let file = app.project.shown(&path);
    let (read, faults) = dashboard_of(&app.project.dir, &text, &file);
    let renamed = read.as_ref().is_some_and(|read| read.name != name);
    if !faults.is_empty() || read.is_none() || renamed {
        let mut errors: Vec<Value> = faults.iter().map(mistake).collect();
        if renamed {
            errors.push(json!({ "file": file, "line": null, "column": null, "message": format!("`name` must stay `{name}`"), "hint": null }));
        }
        return Err(
            Problem::unprocessable("dashboard.wrong", "the dashboard has mistakes").with("errors", errors.into())
        );
    }
    let (shown, tag) = (text.clone(), tag(&text));
    let expected = expected.to_owned();
    let written = tokio::task::spawn_blocking(move || replace(&path, &text, &expected)).await;
    written.map_err(|error| Problem::internal(&error))??;
    app.access.audit(&identity.who, "dashboard.write", &name).await?;
    let status = if known.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(header::CONTENT_TYPE, "text/yaml; charset=utf-8".to_owned()), (header::ETAG, tag)], shown)
        .into_response())
}

/// The file of a new dashboard: a plain name, so that it lies in its folder and nowhere else.
fn file_name(name: &str) -> Answer<String> {
    let plain = name.starts_with(|sign: char| sign.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_');
    if plain {
        return Ok(format!("{name}.yml"));
    }
    Err(Problem::unprocessable("dashboard.name", "a new dashboard's name is letters, digits, `-` and `_`, at most 64"))
}

/// Puts `text` in place of the file in one step, if it still is what was read.
fn replace(path: &Path, text: &str, expected: &str) -> Answer<()> {
    let present = match fs_err::read_to_string(path) {
        Ok(present) => Some(present),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Fault::from(error).into()),
    };
    let right = match &present {
        Some(present) => expected == tag(present),
        None => expected == "*",
    };
    if !right {
        let problem =
            Problem::new(StatusCode::PRECONDITION_FAILED, "dashboard.changed", "the dashboard was changed meanwhile");
        return Err(problem
            .hint("read it again, and put your change into what it says now")
            .with("present", json!(present)));
    }
    let fault = |error: std::io::Error| Problem::from(Fault::from(error));
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(fault)?;
    }
    // A hidden name: nobody reads it until it is whole.
    let hidden = path.with_file_name(format!(".{}.writing", path.file_name().unwrap_or_default().to_string_lossy()));
    fs_err::write(&hidden, text).map_err(fault)?;
    fs_err::rename(&hidden, path).map_err(fault)
}
