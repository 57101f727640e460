//! Reads dashboards for those who show them: each file with its mistakes and their places, a wrong file
//! beside the right ones.

use std::path::{Path, PathBuf};

use shoplake_core::Fault;

use crate::files::{DashboardFile, TileKind};
use crate::load::{files_below, yaml_files};
use crate::shape;
use crate::words::suggest;
use crate::yaml::{self, Node};

/// The most dashboards that are read.
const DASHBOARDS_MAX: usize = 500;

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

/// All dashboards of the project in `dir`, in the order of their files.
pub fn dashboards(dir: &Path) -> Vec<Dashboard> {
    let mut faults = Vec::new();
    let tables = tables(dir, &mut faults);
    let files = yaml_files(dir, "dashboards", &mut faults);
    files
        .into_iter()
        .take(DASHBOARDS_MAX)
        .map(|(path, name)| {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let read = yaml::read(&path, &name).map_err(|fault| vec![fault]);
            let (file, faults) = read.map_or_else(|faults| (None, faults), |node| checked(node, &tables));
            let name = file.as_ref().map_or(stem, |file| file.name.clone());
            Dashboard { name, path, file, faults }
        })
        .collect()
}

/// What `text` says as a dashboard of the project in `dir`, and what is wrong with it; `file` names it.
pub fn dashboard_of(dir: &Path, text: &str, file: &str) -> (Option<DashboardFile>, Vec<Fault>) {
    let tables = tables(dir, &mut Vec::new());
    match yaml::parse(text, file) {
        Ok(node) => checked(node, &tables),
        Err(fault) => (None, vec![fault]),
    }
}

fn checked(mut node: Node, tables: &[String]) -> (Option<DashboardFile>, Vec<Fault>) {
    let mut faults = Vec::new();
    let file = shape::read::<DashboardFile>(&mut node, &mut faults);
    if let Some(file) = &file {
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        check(file, &node, &tables, &mut faults);
    }
    (file, faults)
}

/// Checks what a dashboard means: each tile shows one thing, and its table exists.
pub(crate) fn check(file: &DashboardFile, node: &Node, tables: &[&str], faults: &mut Vec<Fault>) {
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
