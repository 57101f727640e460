//! What looks at tables: the tables of reports and the tiles of dashboards, as their files say.

use std::path::Path;

use shoplake_core::Fault;

use crate::files::{DashboardFile, ReportFile, SortFile, Tile};
use crate::load::{check_shape, yaml_files};

/// A part of a report or of a dashboard that shows columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The file it stands in, relative to the project folder, without its ending: `dashboards/sales`.
    pub file: String,
    /// Whether it is a dashboard; else it is a report.
    pub dashboard: bool,
    /// The tile's title, or the table of the report.
    pub part: String,
    /// The table that it shows.
    pub table: String,
    /// The columns that it shows; all where none are named.
    pub columns: Vec<String>,
}

/// Every part of every report and dashboard below `dir`, in the order of the files.
///
/// # Errors
/// Files that are not what they should be; [`crate::load`] names the same mistakes.
pub fn viewers(dir: &Path) -> Result<Vec<Viewer>, Vec<Fault>> {
    let (mut viewers, mut faults) = (Vec::new(), Vec::new());
    let bare = |name: &str| name.rsplit_once('.').map_or(name, |(bare, _)| bare).to_owned();
    for (path, name) in yaml_files(dir, "reports", &mut faults) {
        let Some((report, _)) = check_shape::<ReportFile>(&path, &name, &mut faults) else { continue };
        viewers.extend(report.tables.into_iter().map(|table| Viewer {
            file: bare(&name),
            dashboard: false,
            part: table.clone(),
            table,
            columns: Vec::new(),
        }));
    }
    for (path, name) in yaml_files(dir, "dashboards", &mut faults) {
        let Some((board, _)) = check_shape::<DashboardFile>(&path, &name, &mut faults) else { continue };
        viewers.extend(board.tiles.into_iter().filter_map(|tile| {
            let columns = columns(&tile);
            Some(Viewer { file: bare(&name), dashboard: true, part: tile.title, table: tile.model?, columns })
        }));
    }
    if faults.is_empty() { Ok(viewers) } else { Err(faults) }
}

/// The columns that a tile names, those that decide which rows come first among them; none where it shows all.
fn columns(tile: &Tile) -> Vec<String> {
    let single = [&tile.x, &tile.y, &tile.value].into_iter().flatten();
    let mut columns: Vec<String> = tile.columns.iter().flatten().chain(single).cloned().collect();
    let sorted = tile.sort.iter().flat_map(SortFile::terms).map(|term| term.column);
    let sorted: Vec<&str> = sorted.filter(|name| !columns.iter().any(|known| known == name)).collect();
    if !columns.is_empty() {
        columns.extend(sorted.into_iter().map(str::to_owned));
    }
    columns
}
