//! Reads dashboards for those who show them: each file with its mistakes and their places, a wrong file
//! beside the right ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use shoplake_core::{Catalog, Fault, PinnedTable};

use crate::files::{DashboardFile, SortFile, Tile, TileKind};
use crate::load::{files_below, yaml_files};
use crate::shape;
use crate::words::suggest;
use crate::yaml::{self, Node};

/// The most dashboards that are read.
const DASHBOARDS_MAX: usize = 500;

/// The most rows that a tile shows.
pub const TILE_ROWS_MAX: u32 = 5_000;

/// The columns of tables, by the tables' names. Tiles over a table that is not among them are not checked for columns.
pub type Columns = BTreeMap<String, Vec<String>>;

/// The columns of the tables of a catalog.
pub fn columns_of(catalog: &Catalog) -> Columns {
    let names = |table: &PinnedTable| table.schema.fields().iter().map(|field| field.name().clone()).collect();
    catalog.tables.iter().map(|(name, table)| (name.clone(), names(table))).collect()
}

/// One file of `dashboards/`.
#[derive(Debug)]
pub struct Dashboard {
    /// Its name: as the file states it, or else the file's own.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it says, as far as it can be read.
    pub file: Option<DashboardFile>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// All dashboards of the project in `dir`, in the order of their files, checked against the `columns` of tables.
pub fn dashboards(dir: &Path, columns: &Columns) -> Vec<Dashboard> {
    let mut faults = Vec::new();
    let tables = tables(dir, &mut faults);
    let files = yaml_files(dir, "dashboards", &mut faults);
    files
        .into_iter()
        .take(DASHBOARDS_MAX)
        .map(|(path, name)| {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let read = yaml::read(&path, &name).map_err(|fault| vec![fault]);
            let (file, faults) = read.map_or_else(|faults| (None, faults), |node| checked(node, &tables, columns));
            let name = file.as_ref().map_or(stem, |file| file.name.clone());
            Dashboard { name, path, file, faults }
        })
        .collect()
}

/// What `text` says as a dashboard of the project in `dir`, and what is wrong with it, the `columns` of tables as for
/// [`dashboards`]; `file` names it.
pub fn dashboard_of(dir: &Path, text: &str, file: &str, columns: &Columns) -> (Option<DashboardFile>, Vec<Fault>) {
    let tables = tables(dir, &mut Vec::new());
    match yaml::parse(text, file) {
        Ok(node) => checked(node, &tables, columns),
        Err(fault) => (None, vec![fault]),
    }
}

fn checked(mut node: Node, tables: &[String], columns: &Columns) -> (Option<DashboardFile>, Vec<Fault>) {
    let mut faults = Vec::new();
    let file = shape::read::<DashboardFile>(&mut node, &mut faults);
    if let Some(file) = &file {
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        check(file, &node, &tables, columns, &mut faults);
    }
    (file, faults)
}

/// Checks what a dashboard means: each tile shows one thing, its table exists, and its columns are there.
pub(crate) fn check(file: &DashboardFile, node: &Node, tables: &[&str], columns: &Columns, faults: &mut Vec<Fault>) {
    for (index, tile) in file.tiles.iter().enumerate() {
        let at = node.at(&format!("tiles/{index}"));
        if let Some(model) = &tile.model
            && !tables.contains(&model.as_str())
        {
            let fault = at.at("model").fault(format!("there is no table or model `{model}`"));
            faults.push(suggest(fault, model, tables, "table"));
        }
        let shown = [tile.model.is_some(), tile.sql.is_some(), tile.text.is_some()];
        let wants = if tile.kind == TileKind::Text { [false, false, true] } else { [true, true, false] };
        let right = shown.iter().zip(wants).all(|(shown, wants)| wants || !shown);
        if !right || shown.iter().filter(|shown| **shown).count() != 1 {
            let fault = at.fault(format!("the tile `{}` does not say what it shows", tile.title));
            faults.push(fault.hint("a text tile has `text`, any other one of `model` and `sql`"));
        }
        check_order(tile, at, faults);
        if let Some((model, known)) = tile.model.as_ref().and_then(|model| columns.get_key_value(model)) {
            check_columns(tile, at, (model.as_str(), known.as_slice()), faults);
        }
    }
}

/// Checks `sort` and `limit`.
fn check_order(tile: &Tile, at: &Node, faults: &mut Vec<Fault>) {
    let stated = [("sort", tile.sort.is_some()), ("limit", tile.limit.is_some())];
    if tile.model.is_none() {
        for (key, _) in stated.into_iter().filter(|(_, stated)| *stated) {
            let fault = at.at(key).fault(format!("`{key}` is for a tile with `model`"));
            let hint = if tile.sql.is_some() { "put ORDER BY and LIMIT into its `sql`" } else { "remove it" };
            faults.push(fault.hint(hint));
        }
        return;
    }
    let written = tile.sort.as_ref().map(SortFile::written).unwrap_or_default();
    if tile.limit.is_some() && written.is_empty() {
        let fault = at.at("limit").fault("a `limit` without `sort` shows whatever comes first");
        faults.push(fault.hint("say which rows are the first: `sort: -column` for the highest"));
    }
    if tile.limit.is_some_and(|limit| limit > TILE_ROWS_MAX) {
        let fault = at.at("limit").fault(format!("a tile shows {TILE_ROWS_MAX} rows at most"));
        faults.push(fault.hint("leave `limit` out, or write a smaller one"));
    }
    if tile.limit.is_some() && tile.kind == TileKind::Pie {
        let fault = at.at("limit").fault("the slices of a pie are shares of all its rows, which a `limit` leaves out");
        faults.push(fault.hint("remove it: past six slices a pie shows the rest as one; or take `kind: bar`"));
    }
    let mut seen = BTreeSet::new();
    for (place, term) in places(tile, at).into_iter().zip(tile.sort.iter().flat_map(SortFile::terms)) {
        if !seen.insert(term.column) {
            faults.push(place.fault(format!("`sort` names `{}` twice", term.column)).hint("remove the second one"));
        }
    }
}

/// Where each column of `sort` stands.
fn places<'n>(tile: &Tile, at: &'n Node) -> Vec<&'n Node> {
    match &tile.sort {
        Some(SortFile::Several(several)) => (0..several.len()).map(|index| at.at(&format!("sort/{index}"))).collect(),
        Some(SortFile::One(_)) => vec![at.at("sort")],
        None => Vec::new(),
    }
}

/// Checks that the columns that a tile names are columns of its table.
fn check_columns(tile: &Tile, at: &Node, (model, known): (&str, &[String]), faults: &mut Vec<Fault>) {
    let single = [("x", &tile.x), ("y", &tile.y), ("value", &tile.value)];
    let single = single.into_iter().filter_map(|(key, name)| Some((at.at(key), name.as_deref()?)));
    let listed = tile.columns.iter().flatten().enumerate();
    let listed = listed.map(|(index, name)| (at.at(&format!("columns/{index}")), name.as_str()));
    let sorted = places(tile, at).into_iter().zip(tile.sort.iter().flat_map(SortFile::terms));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for (place, name) in single.chain(listed).chain(sorted.map(|(place, term)| (place, term.column))) {
        if !known.contains(&name) {
            let fault = place.fault(format!("`{model}` has no column `{name}`"));
            faults.push(suggest(fault, name, &known, "column"));
        }
    }
}

/// The tables and models of the project in `dir`, by the names of their files and of their datasets.
fn tables(dir: &Path, faults: &mut Vec<Fault>) -> Vec<String> {
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut models = files_below(&dir.join("models"), &["sql"], faults);
    models.extend(files_below(&dir.join("seeds"), &["csv"], faults));
    let mut tables: Vec<String> = models.iter().filter_map(stem).collect();
    for (path, name) in yaml_files(dir, "sources", faults) {
        let node = yaml::read(&path, &name).ok();
        let stated = node.as_ref().and_then(|node| node.get("name")?.text().map(str::to_owned));
        tables.extend(stated.or_else(|| stem(&path)));
    }
    tables.extend(["quarantine", "restatements"].map(str::to_owned));
    tables
}
