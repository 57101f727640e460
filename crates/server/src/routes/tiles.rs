//! The rows of one tile of a dashboard: those of its model, or of its SQL, in its order, as far as the filters of
//! the page can be put on them. What cannot is named, so that the page can say so.

use arrow_schema::{DataType, Schema};
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Extension, Json};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shoplake_project::TILE_ROWS_MAX;
use shoplake_project::files::{SortTerm, Tile, TileKind};

use super::Endpoint;
use super::sales::{one_of, quoted};
use crate::access::Identity;
use crate::app::App;
use crate::figures::Shown;
use crate::guard::Needs;
use crate::known::Known;
use crate::openapi::filters;
use crate::params::{FILTERS, Params};
use crate::problem::{Answer, Problem};
use crate::rows::{NamedType, Rows};
use crate::sql::{self, Facts};

/// The most rows of a tile.
const ROWS_MAX: usize = TILE_ROWS_MAX as usize;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let path = "/api/v1/tile/{dashboard}/{tile}";
    vec![Endpoint::get(path, Needs::Shared, "The rows of a tile", get(tile)).gives::<TileRows>().takes(filters())]
}

/// The rows of a tile.
#[derive(Serialize, JsonSchema)]
struct TileRows {
    columns: Vec<NamedType>,
    /// Whether there are more rows than a tile shows.
    truncated: bool,
    /// The rows: values in the order of the columns.
    rows: Vec<Vec<Value>>,
    /// Filters that are asked for and are not on these rows.
    ignored_filters: Vec<&'static str>,
    /// Whether the SQL behind the tile keeps the first rows of all, by a LIMIT or a rank: no filter reaches before that,
    /// and none is put on what is left.
    cut: bool,
    /// Of a tile of the kind `kpi`, how its figure comes of the rows.
    figure: Option<Figure>,
    /// The batch that they are of.
    batch: u64,
}

/// How one figure comes of rows.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Figure {
    made: Made,
    /// The day that it is of, where it is that of the last one.
    of: Option<NaiveDate>,
}

/// How rows become one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Made {
    /// The sum of all of them.
    Sum,
    /// The sum of `total_revenue` by that of `transaction_count`.
    Average,
    /// The value of the last day: those of several days cannot be added up.
    Last,
}

async fn tile(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path((dashboard, id)): Path<(String, String)>,
    mut params: Params,
) -> Answer<Json<TileRows>> {
    params.only(&[&FILTERS])?;
    params.fix(&identity.fixed);
    let found = super::dashboards::find(&app, &identity, &dashboard).await?;
    let file = found.file.ok_or_else(|| Problem::unprocessable("dashboard.wrong", "the dashboard has mistakes"))?;
    let tiles = super::dashboards::tiles(&file);
    let none = || Problem::not_found("there is no such tile");
    let tile = tiles.iter().find(|(known, _)| *known == id).map(|(_, tile)| *tile).ok_or_else(none)?;
    let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
    let facts = &Known::of(&app, &shown).await?.facts;
    let narrowed = narrowed(&app, &shown, tile, &params, facts).await?;
    // A link whose filters a tile cannot hold would show more than was shared.
    if identity.fixed.iter().any(|(name, _)| name != "compare" && narrowed.ignored.contains(&name.as_str())) {
        return Err(Problem::forbidden("share", "this tile cannot be narrowed to what the link shows"));
    }
    let rows = super::query::run(&app, &identity.who, &shown, &narrowed.sql, ROWS_MAX).await?;
    Ok(Json(TileRows {
        columns: rows.columns(),
        truncated: rows.truncated,
        figure: (tile.kind == TileKind::Kpi).then(|| figure(tile, &rows, facts)),
        rows: rows.values,
        ignored_filters: narrowed.ignored,
        cut: narrowed.cut,
        batch: shown.batch.0,
    }))
}

/// How the figure of a tile comes of its rows.
fn figure(tile: &Tile, rows: &Rows, facts: &Facts) -> Figure {
    let has = |name: &str| rows.schema.column_with_name(name).is_some();
    let first = || rows.schema.fields().iter().find(|field| field.data_type().is_numeric()).map(|field| field.name());
    let value = tile.value.as_ref().filter(|name| has(name)).or_else(first);
    if value.is_none_or(|value| facts.adds_up(tile.model.as_deref(), value)) {
        return Figure { made: Made::Sum, of: None };
    }
    if value.is_some_and(|value| value == "avg_order_value") && has("total_revenue") && has("transaction_count") {
        return Figure { made: Made::Average, of: None };
    }
    let day = dated(&rows.schema, tile).and_then(|name| rows.schema.index_of(name).ok());
    let days = day.into_iter().flat_map(|day| rows.values.iter().filter_map(move |row| row.get(day)?.as_str()));
    // Days as text stand in the order of time.
    Figure { made: Made::Last, of: days.max().and_then(|day| day.parse().ok()) }
}

/// The query of a tile with the filters on it.
struct Narrowed {
    sql: String,
    /// The filters that cannot be put on it.
    ignored: Vec<&'static str>,
    /// See [`TileRows::cut`].
    cut: bool,
}

async fn narrowed(app: &App, shown: &Shown, tile: &Tile, params: &Params, facts: &Facts) -> Answer<Narrowed> {
    match (&tile.sql, &tile.model) {
        (Some(sql), _) => {
            let sql = sql.trim().trim_end_matches(';');
            narrowed_sql(app, shown, (sql, tile), params, facts).await
        }
        (None, Some(model)) if shown.catalog.tables.contains_key(model) || shown.catalog.views.contains_key(model) => {
            let schema = app.engine.schema(&shown.catalog, &format!("SELECT * FROM {}", quoted(model))).await?;
            narrowed_model(&schema, (model, tile), params, facts.cuts.contains(model))
        }
        _ => Err(Problem::not_found("the tile shows no rows")),
    }
}

/// The query of a tile over a model: its filters, then its order, then the first rows of that.
fn narrowed_model(schema: &Schema, (model, tile): (&str, &Tile), params: &Params, cut: bool) -> Answer<Narrowed> {
    let (filter, ignored) = put(conditions(schema, tile, params)?, cut);
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let columns = tile.columns.as_ref().map_or_else(|| list(&names), |columns| list(columns));
    let limit = tile.limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
    let sql = format!("SELECT {columns} FROM {}{filter}{}{limit}", quoted(model), order(tile, &names));
    Ok(Narrowed { sql, ignored, cut })
}

/// ` ORDER BY …` of a tile over a table with these columns. Rows that are equal by it stand by their other columns, so
/// that the same ones are shown every time; what has no value stands last.
fn order(tile: &Tile, names: &[&str]) -> String {
    let Some(sort) = &tile.sort else { return String::new() };
    let terms: Vec<SortTerm<'_>> = sort.terms().collect();
    let stated = terms.iter().map(|term| {
        let direction = if term.descending { "DESC" } else { "ASC" };
        format!("{} {direction} NULLS LAST", quoted(term.column))
    });
    let others = names.iter().filter(|name| terms.iter().all(|term| term.column != **name)).map(|name| quoted(name));
    format!(" ORDER BY {}", stated.chain(others).collect::<Vec<_>>().join(", "))
}

/// The query of a tile of SQL, in the order of that.
async fn narrowed_sql(
    app: &App,
    shown: &Shown,
    (base, tile): (&str, &Tile),
    params: &Params,
    facts: &Facts,
) -> Answer<Narrowed> {
    let schema = app.engine.schema(&shown.catalog, base).await?;
    let stated = conditions(&schema, tile, params)?;
    let all: Vec<&'static str> = stated.iter().map(|(name, _)| *name).collect();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let columns = tile.columns.as_ref().map_or_else(|| list(&names), |columns| list(columns));
    let parts = sql::parts(base, names, facts.cuts.clone()).await;
    let cut = parts.as_ref().is_some_and(|parts| parts.cut);
    let as_it_is = || match &tile.columns {
        None => base.to_owned(),
        Some(_) => format!("SELECT {columns} FROM (\n{base}\n) AS tile"),
    };
    let Some(parts) = parts else { return Ok(Narrowed { sql: as_it_is(), ignored: all, cut }) };
    let (filter, ignored) = put(stated, cut);
    if tile.columns.is_none() && filter.is_empty() {
        return Ok(Narrowed { sql: as_it_is(), ignored, cut });
    }
    let sql = format!("SELECT {columns} FROM (\n{}\n) AS tile{filter}{}", parts.source, parts.order);
    // An order that cannot be lifted is not given up for a filter.
    match app.engine.schema(&shown.catalog, &sql).await {
        Ok(_) => Ok(Narrowed { sql, ignored, cut }),
        Err(_) => Ok(Narrowed { sql: as_it_is(), ignored: all, cut }),
    }
}

/// ` WHERE …` of the filters that fit, and those that do not. On a cut none is put: ten of all, narrowed, would be fewer
/// than the ten of those that are asked for.
fn put(stated: Vec<(&'static str, Option<String>)>, cut: bool) -> (String, Vec<&'static str>) {
    let (fitting, ignored): (Vec<_>, Vec<_>) =
        stated.into_iter().partition(|(_, condition)| condition.is_some() && !cut);
    let fitting: Vec<String> = fitting.into_iter().filter_map(|(_, condition)| condition).collect();
    let filter = if fitting.is_empty() { String::new() } else { format!(" WHERE {}", fitting.join(" AND ")) };
    (filter, ignored.into_iter().map(|(name, _)| name).collect())
}

fn list(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The column that says of which day a row is.
fn dated<'t>(schema: &Schema, tile: &'t Tile) -> Option<&'t str> {
    let is_day =
        |name: &&str| schema.column_with_name(name).is_some_and(|(_, field)| *field.data_type() == DataType::Date32);
    tile.x.iter().map(String::as_str).chain(["date"]).find(is_day)
}

/// The filters that are stated, each with its condition where a column of the tile fits it.
fn conditions(schema: &Schema, tile: &Tile, params: &Params) -> Answer<Vec<(&'static str, Option<String>)>> {
    let known = |name: &&str| schema.column_with_name(name).is_some();
    let dated = dated(schema, tile);
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
