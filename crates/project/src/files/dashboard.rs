//! `dashboards/*.yml`: tiles over the models.

use schemars::JsonSchema;
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
