//! `dashboards/*.yml`: tiles over the models.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A dashboard.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DashboardFile {
    /// The dashboard's name.
    pub name: String,
    /// The title that people read.
    pub title: Option<String>,
    /// What the dashboard is for.
    pub description: Option<String>,
    /// The filters that stand above the tiles; all unless stated.
    pub filters: Option<Vec<FilterKind>>,
    /// The tiles, in reading order.
    pub tiles: Vec<Tile>,
}

/// One tile of a dashboard.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tile {
    /// The title that people read.
    pub title: String,
    /// How it is drawn.
    pub kind: TileKind,
    /// A short name for links to the tile; made from the title unless stated.
    pub id: Option<String>,
    /// The model or dataset that it shows. A tile has this, or `sql`, or `text`.
    pub model: Option<String>,
    /// One SELECT whose rows it shows.
    pub sql: Option<String>,
    /// The words of a text tile.
    pub text: Option<String>,
    /// One sentence that says what the figure means.
    pub description: Option<String>,
    /// How wide it is, in twelfths of the page.
    pub width: Option<u64>,
    /// The column along the axis, or the slices of a pie.
    pub x: Option<String>,
    /// The column up the axis of a heatmap.
    pub y: Option<String>,
    /// The column that is shown.
    pub value: Option<String>,
    /// The columns of a table; all unless stated.
    pub columns: Option<Vec<String>>,
    /// The order of its rows: a column, `-column` for the highest first, or a list of such. Only with `model`: SQL
    /// says its own.
    pub sort: Option<SortFile>,
    /// How many rows it shows, the first ones by `sort` of those that the filters let through. Only with `model`.
    #[schemars(range(min = 1, max = 5000))]
    pub limit: Option<u32>,
}

/// The order of a tile's rows: one column or several, the first one first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum SortFile {
    /// One column.
    One(String),
    /// Several: the next one decides where those before are equal.
    Several(Vec<String>),
}

/// One column of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortTerm<'t> {
    /// The column.
    pub column: &'t str,
    /// Whether the highest value comes first.
    pub descending: bool,
}

impl SortFile {
    /// The columns as they are written.
    pub fn written(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }

    /// The columns in order.
    pub fn terms(&self) -> impl Iterator<Item = SortTerm<'_>> {
        self.written().iter().map(|written| match written.strip_prefix('-') {
            Some(column) => SortTerm { column, descending: true },
            None => SortTerm { column: written, descending: false },
        })
    }
}

impl JsonSchema for SortFile {
    fn schema_name() -> Cow<'static, str> {
        "SortFile".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

/// A filter of a dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterKind {
    /// The days, and what they are compared with.
    Date,
    /// The product's category.
    Category,
    /// The product.
    Product,
    /// The customer's city.
    City,
    /// The customer's segment.
    Segment,
}

/// How a tile is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TileKind {
    /// One number.
    Kpi,
    /// A line over time.
    Line,
    /// Sorted bars.
    Bar,
    /// Shares of a whole.
    Pie,
    /// Rows and columns.
    Table,
    /// A grid of shades.
    Heatmap,
    /// A line with its area filled.
    Area,
    /// A point a row.
    Scatter,
    /// Steps that fewer and fewer take.
    Funnel,
    /// Words.
    Text,
}
