//! `dashboards/*.yml`: tiles over the models.

use schemars::JsonSchema;
use serde::Deserialize;

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
    /// The model or dataset that it shows.
    pub model: String,
    /// The column along the axis, or the slices of a pie.
    pub x: Option<String>,
    /// The column up the axis of a heatmap.
    pub y: Option<String>,
    /// The column that is shown.
    pub value: Option<String>,
    /// The columns of a table; all unless stated.
    pub columns: Option<Vec<String>>,
}

/// How a tile is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
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
}
