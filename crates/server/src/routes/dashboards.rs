//! Dashboards as code: the files of `dashboards/`, read anew at every request, and written by the editor.

use std::path::Path;

use axum::extract::{Path as UrlPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use shoplake_core::access::Role;
use shoplake_core::{Fault, hash};
use shoplake_project::files::{DashboardFile, FilterKind, SortFile, Tile, TileKind};
use shoplake_project::{Columns, Dashboard, dashboard_of, dashboards};

use super::{Endpoint, shares};
use crate::access::Identity;
use crate::app::App;
use crate::body;
use crate::guard::Needs;
use crate::known::Known;
use crate::openapi::Parameter;
use crate::problem::{Answer, Mistake, Problem};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let source = "/api/v1/dashboards/{name}/source";
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/api/v1/dashboards", viewer, "The dashboards", get(list)).gives::<Vec<ListedDashboard>>(),
        Endpoint::get(
            "/api/v1/dashboards/{name}",
            Needs::Shared,
            "A dashboard, with its mistakes and their places",
            get(show),
        )
        .gives::<ShownDashboard>(),
        Endpoint::get(source, viewer, "A dashboard's YAML", get(read)).answers("text/yaml"),
        Endpoint::new(
            axum::http::Method::PUT,
            source,
            Needs::Role(Role::Operator),
            "Writes a dashboard's YAML",
            put(write),
        )
        .answers("text/yaml")
        .takes([Parameter::header("If-Match", "the ETag of the YAML that was read; `*` for a new dashboard")])
        .body(json!({ "type": "string" })),
    ]
}

/// All dashboards, read on a thread that may wait for the disk.
async fn read_all(app: &App) -> Answer<Vec<Dashboard>> {
    let (dir, columns) = (app.project.dir.clone(), columns(app).await?);
    tokio::task::spawn_blocking(move || dashboards(&dir, &columns)).await.map_err(|error| Problem::internal(&error))
}

/// The columns of the tables that are shown; none as long as they are read.
async fn columns(app: &App) -> Answer<Columns> {
    match app.lasting.figures.shown() {
        Some(shown) => Ok(Known::of(app, &shown).await?.columns.clone()),
        None => Ok(Columns::new()),
    }
}

/// The dashboard of that name; `None` is the same problem whether it never was or may not be seen.
pub(super) async fn find(app: &App, identity: &Identity, name: &str) -> Answer<Dashboard> {
    let none = || Problem::not_found("there is no such dashboard").hint("GET /api/v1/dashboards lists them");
    if identity.share.as_ref().is_some_and(|share| share.dashboard != name) {
        return Err(none());
    }
    read_all(app).await?.into_iter().find(|dashboard| dashboard.name == name).ok_or_else(none)
}

/// A dashboard among all.
#[derive(Serialize, JsonSchema)]
struct ListedDashboard {
    name: String,
    title: String,
    description: Option<String>,
    /// How many mistakes its file has.
    errors: usize,
}

async fn list(State(app): State<App>) -> Answer<Json<Vec<ListedDashboard>>> {
    let entry = |dashboard: Dashboard| {
        let (title, description) = dashboard.file.map(|file| (file.title, file.description)).unwrap_or_default();
        ListedDashboard {
            title: title.unwrap_or_else(|| dashboard.name.clone()),
            name: dashboard.name,
            description,
            errors: dashboard.faults.len(),
        }
    };
    Ok(Json(read_all(&app).await?.into_iter().map(entry).collect()))
}

/// A dashboard.
#[derive(Serialize, JsonSchema)]
struct ShownDashboard {
    name: String,
    title: String,
    description: Option<String>,
    /// The filters that stand above the tiles.
    filters: Vec<FilterKind>,
    /// The tiles, in reading order.
    tiles: Vec<ShownTile>,
    /// What is wrong in its file.
    errors: Vec<Mistake>,
    /// The filters that a share link holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_filters: Option<Vec<(String, String)>>,
}

/// A tile, as its file says it.
#[derive(Serialize, JsonSchema)]
struct ShownTile {
    /// The name by which its rows are asked for.
    id: String,
    r#type: TileKind,
    title: String,
    description: Option<String>,
    /// Twelfths of the page.
    width: Option<u64>,
    model: Option<String>,
    sql: Option<String>,
    text: Option<String>,
    x: Option<String>,
    y: Option<String>,
    value: Option<String>,
    columns: Option<Vec<String>>,
    /// The columns by which its rows stand, with `-` where the highest is the first.
    sort: Vec<String>,
    /// How many rows it shows at most.
    limit: Option<u32>,
}

async fn show(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    UrlPath(name): UrlPath<String>,
) -> Answer<Json<ShownDashboard>> {
    let dashboard = find(&app, &identity, &name).await?;
    let mut shown = shown(&dashboard);
    if let Some(share) = &identity.share {
        shown.fixed_filters = Some(shares::told(&identity, share));
        // How a figure is made is the shop's own business.
        shown.errors = Vec::new();
        for tile in &mut shown.tiles {
            tile.sql = None;
        }
    }
    Ok(Json(shown))
}

fn shown(dashboard: &Dashboard) -> ShownDashboard {
    use FilterKind::{Category, City, Date, Product, Segment};
    let file = dashboard.file.as_ref();
    let filters = file.and_then(|file| file.filters.clone());
    ShownDashboard {
        name: dashboard.name.clone(),
        title: file.and_then(|file| file.title.clone()).unwrap_or_else(|| dashboard.name.clone()),
        description: file.and_then(|file| file.description.clone()),
        filters: filters.unwrap_or_else(|| vec![Date, Category, Product, City, Segment]),
        tiles: file.map(tiles).unwrap_or_default().into_iter().map(|(id, tile)| shown_tile(id, tile)).collect(),
        errors: dashboard.faults.iter().map(Mistake::from).collect(),
        fixed_filters: None,
    }
}

fn shown_tile(id: String, tile: &Tile) -> ShownTile {
    let Tile { title, description, model, sql, text, x, y, value, columns, .. } = tile.clone();
    let (r#type, width, limit) = (tile.kind, tile.width, tile.limit);
    let sort = tile.sort.as_ref().map(SortFile::written).unwrap_or_default().to_vec();
    ShownTile { id, r#type, title, description, width, model, sql, text, x, y, value, columns, sort, limit }
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
    let (read, faults) = dashboard_of(&app.project.dir, &text, &file, &columns(&app).await?);
    let renamed = read.as_ref().is_some_and(|read| read.name != name);
    if !faults.is_empty() || read.is_none() || renamed {
        let mut errors: Vec<Mistake> = faults.iter().map(Mistake::from).collect();
        if renamed {
            let message = format!("`name` must stay `{name}`");
            errors.push(Mistake { file: Some(file), line: None, column: None, message, hint: None });
        }
        return Err(
            Problem::unprocessable("dashboard.wrong", "the dashboard has mistakes").with("errors", json!(errors))
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
