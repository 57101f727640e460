//! Small projects in a temporary folder, and mistakes as people read them.

use shoplake_core::{Fault, Project};
use shoplake_project::{Environment, load};

pub(crate) const SETTINGS: &str = "name: shop\ntime_zone: Europe/Berlin\ncurrency: EUR\n";
pub(crate) const SHOPS: &str = "name: shops\nformat: csv\nkey: [shop_id]\ncolumns:\n  - { name: shop_id, type: string }\n  - { name: opened, type: date }\n";

/// An environment of these variables only.
pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Environment { variables: owned.collect() }
}

/// Loads a project of these files; `shoplake.yml` and `sources/shops.yml` are right unless given.
pub(crate) fn load_files(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Project, Vec<Fault>> {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [("shoplake.yml", SETTINGS), ("sources/shops.yml", SHOPS)].iter().chain(files) {
        let path = dir.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    load(dir.path(), &environment(variables))
}

/// The mistakes of a project, each as its place, message, detail and hint.
pub(crate) fn mistakes(files: &[(&str, &str)], variables: &[(&str, &str)]) -> String {
    let faults = load_files(files, variables).expect_err("the project should have mistakes");
    faults.iter().map(render).collect()
}

fn render(fault: &Fault) -> String {
    assert_eq!(fault.kind, shoplake_core::FaultKind::Usage, "{fault}");
    let mut text = format!("{fault}\n");
    for (label, more) in [("detail", &fault.detail), ("hint", &fault.hint)] {
        text.extend(more.iter().map(|more| format!("  {label}: {more}\n")));
    }
    text
}
