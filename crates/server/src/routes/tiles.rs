//! The rows of one tile of a dashboard: those of its model, or of its SQL, as far as the filters of the
//! page can be put on them. What cannot is named, so that the page can say so.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Extension, Json};
use serde_json::{Value, json};
use shoplake_project::files::Tile;

use super::Endpoint;
use super::sales::{one_of, quoted};
use crate::access::Identity;
use crate::app::App;
use crate::figures::Shown;
use crate::guard::Needs;
use crate::openapi::filters;
use crate::params::{FILTERS, Params};
use crate::problem::{Answer, Problem};

/// The most rows of a tile.
const ROWS_MAX: usize = 5_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let path = "/api/v1/tile/{dashboard}/{tile}";
    vec![Endpoint::get(path, Needs::Shared, "The rows of a tile", get(tile)).takes(filters())]
}

async fn tile(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path((dashboard, id)): Path<(String, String)>,
    mut params: Params,
) -> Answer<Json<Value>> {
    params.only(&[&FILTERS])?;
    if let Some(share) = &identity.share {
        params.fix(&share.filters);
    }
    let found = super::dashboards::find(&app, &identity, &dashboard).await?;
    let file = found.file.ok_or_else(|| Problem::unprocessable("dashboard.wrong", "the dashboard has mistakes"))?;
    let tiles = super::dashboards::tiles(&file);
    let none = || Problem::not_found("there is no such tile");
    let tile = tiles.iter().find(|(known, _)| *known == id).map(|(_, tile)| *tile).ok_or_else(none)?;
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let (sql, ignored) = sql(&app, &shown, tile, &params).await?;
    // A link whose filters a tile cannot hold would show more than was shared.
    let fixed = identity.share.as_ref().map(|share| &share.filters);
    if fixed.is_some_and(|fixed| fixed.iter().any(|(name, _)| name != "compare" && ignored.contains(&name.as_str()))) {
        return Err(Problem::forbidden("share", "this tile cannot be narrowed to what the link shows"));
    }
    let rows = super::query::run(&app, &shown, &sql, ROWS_MAX).await?;
    Ok(Json(json!({
        "columns": rows.columns(),
        "truncated": rows.truncated,
        "rows": rows.values,
        "ignored_filters": ignored,
        "batch": shown.batch.0,
    })))
}

/// The query of a tile with the filters on it, and the filters that fit no column of it.
async fn sql(app: &App, shown: &Shown, tile: &Tile, params: &Params) -> Answer<(String, Vec<&'static str>)> {
    let none = || Problem::not_found("the tile shows no rows");
    let base = match (&tile.sql, &tile.model) {
        (Some(sql), _) => sql.trim().trim_end_matches(';').to_owned(),
        (None, Some(model)) if shown.catalog.tables.contains_key(model) => format!("SELECT * FROM {}", quoted(model)),
        _ => return Err(none()),
    };
    let schema = app.engine.schema(&shown.catalog, &base).await?;
    let column = |names: &[&str]| {
        let names =
            names.iter().filter_map(|name| schema.column_with_name(name)).map(|(_, field)| field.name().clone());
        names.into_iter().next()
    };
    let dated = tile.x.iter().map(String::as_str).chain(["date"]).find_map(|name| {
        let (_, field) = schema.column_with_name(name)?;
        matches!(field.data_type(), arrow_schema::DataType::Date32).then(|| field.name().clone())
    });
    let (mut conditions, mut ignored) = (Vec::new(), Vec::new());
    for (name, sign) in [("from", ">="), ("to", "<=")] {
        let Some(day) = params.date(name)? else { continue };
        match &dated {
            Some(column) => conditions.push(format!("{} {sign} DATE '{day}'", quoted(column))),
            None => ignored.push(name),
        }
    }
    for (name, columns) in [
        ("category", ["category", "category"]),
        ("product", ["product_id", "product"]),
        ("city", ["city", "city"]),
        ("segment", ["segment", "segment"]),
        ("hour", ["hour", "hour"]),
        ("weekday", ["weekday", "day_of_week"]),
    ] {
        let values: Vec<&str> = params.all(name).collect();
        if values.is_empty() {
            continue;
        }
        match column(&columns) {
            Some(column) => conditions.push(one_of(&column, values.iter().map(|v| (!v.is_empty()).then_some(*v)))),
            None => ignored.push(name),
        }
    }
    let columns = match &tile.columns {
        Some(columns) => columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "),
        None => "*".to_owned(),
    };
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    // The order of a query inside another one holds nothing: without filters it stands as it is.
    let plain = tile.columns.is_none() && conditions.is_empty();
    Ok((if plain { base } else { format!("SELECT {columns} FROM (\n{base}\n) AS tile{filter}") }, ignored))
}
