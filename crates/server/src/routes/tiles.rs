//! The rows of one tile of a dashboard: those of its model, or of its SQL, in its order, as far as the filters of
//! the page can be put on them. What cannot is named, so that the page can say so.

use arrow_schema::{DataType, Schema};
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
use crate::sql;

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
    params.fix(&identity.fixed);
    let found = super::dashboards::find(&app, &identity, &dashboard).await?;
    let file = found.file.ok_or_else(|| Problem::unprocessable("dashboard.wrong", "the dashboard has mistakes"))?;
    let tiles = super::dashboards::tiles(&file);
    let none = || Problem::not_found("there is no such tile");
    let tile = tiles.iter().find(|(known, _)| *known == id).map(|(_, tile)| *tile).ok_or_else(none)?;
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let (sql, ignored) = narrowed(&app, &shown, tile, &params).await?;
    // A link whose filters a tile cannot hold would show more than was shared.
    if identity.fixed.iter().any(|(name, _)| name != "compare" && ignored.contains(&name.as_str())) {
        return Err(Problem::forbidden("share", "this tile cannot be narrowed to what the link shows"));
    }
    let rows = super::query::run(&app, &identity.who, &shown, &sql, ROWS_MAX).await?;
    Ok(Json(json!({
        "columns": rows.columns(),
        "truncated": rows.truncated,
        "rows": rows.values,
        "ignored_filters": ignored,
        "batch": shown.batch.0,
    })))
}

/// The query of a tile with the filters on it, and the filters that cannot be put on it.
async fn narrowed(app: &App, shown: &Shown, tile: &Tile, params: &Params) -> Answer<(String, Vec<&'static str>)> {
    let none = || Problem::not_found("the tile shows no rows");
    let base = match (&tile.sql, &tile.model) {
        (Some(sql), _) => sql.trim().trim_end_matches(';').to_owned(),
        (None, Some(model)) if shown.catalog.tables.contains_key(model) => format!("SELECT * FROM {}", quoted(model)),
        _ => return Err(none()),
    };
    let schema = app.engine.schema(&shown.catalog, &base).await?;
    let stated = conditions(&schema, tile, params)?;
    let all: Vec<&'static str> = stated.iter().map(|(name, _)| *name).collect();
    let columns = tile.columns.as_ref().map(|names| list(names));
    if columns.is_none() && stated.iter().all(|(_, condition)| condition.is_none()) {
        return Ok((base, all));
    }
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let columns = columns.unwrap_or_else(|| list(&names));
    let plain = format!("SELECT {columns} FROM (\n{base}\n) AS tile");
    let Some(parts) = sql::parts(&base, names).await else { return Ok((plain, all)) };
    if parts.cut && tile.columns.is_none() {
        return Ok((base, all));
    }
    // Ten of all, narrowed, would be fewer than the ten of those that are asked for.
    let (fitting, ignored): (Vec<_>, Vec<_>) =
        stated.into_iter().partition(|(_, condition)| condition.is_some() && !parts.cut);
    let fitting: Vec<String> = fitting.into_iter().filter_map(|(_, condition)| condition).collect();
    let filter = if fitting.is_empty() { String::new() } else { format!(" WHERE {}", fitting.join(" AND ")) };
    let query = format!("SELECT {columns} FROM (\n{}\n) AS tile{filter}{}", parts.source, parts.order);
    // An order that cannot be lifted is not given up for a filter.
    match app.engine.schema(&shown.catalog, &query).await {
        Ok(_) => Ok((query, ignored.into_iter().map(|(name, _)| name).collect())),
        Err(_) if tile.columns.is_none() => Ok((base, all)),
        Err(_) => Ok((plain, all)),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// The filters that are stated, each with its condition where a column of the tile fits it.
fn conditions(schema: &Schema, tile: &Tile, params: &Params) -> Answer<Vec<(&'static str, Option<String>)>> {
    let known = |name: &&str| schema.column_with_name(name).is_some();
    let dated = tile.x.iter().map(String::as_str).chain(["date"]).find(|name| {
        schema.column_with_name(name).is_some_and(|(_, field)| matches!(field.data_type(), DataType::Date32))
    });
    let mut stated = Vec::new();
    for (name, sign) in [("from", ">="), ("to", "<=")] {
        if let Some(day) = params.date(name)? {
            stated.push((name, dated.map(|column| format!("{} {sign} DATE '{day}'", quoted(column)))));
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
        if !values.is_empty() {
            let values = values.iter().map(|value| (!value.is_empty()).then_some(*value));
            stated.push((name, columns.into_iter().find(known).map(|column| one_of(column, values))));
        }
    }
    Ok(stated)
}
