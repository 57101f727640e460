//! Mistakes in models as people make them, and how they are told. A case is a file of `mistakes/`: the files
//! of a small project that is wrong in one way.

use std::collections::BTreeMap;
use std::path::Path;

use shoplake_core::Fault;
use shoplake_engine::DataFusionEngine;
use shoplake_lake::LocalLake;
use shoplake_pipeline::{plan_all, plan_tests};
use shoplake_project::{Environment, InitOptions, init, load};

use crate::shop::runtime;

/// The files of a case, by path; a plus before it adds to a file of the template.
fn files(case: &str) -> Vec<(&str, String)> {
    let mut files: Vec<(&str, String)> = Vec::new();
    for line in case.lines().skip(1) {
        match (line.strip_prefix("--- "), files.last_mut()) {
            (Some(path), _) => files.push((path, String::new())),
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    files
}

/// A project of the three datasets without models, and the case's files.
fn made(dir: &Path, case: &str) {
    let options = InitOptions { time_zone: Some("UTC".into()), currency: Some("USD".into()), ..InitOptions::default() };
    init(dir, &options).unwrap();
    for folder in ["models", "reports", "dashboards"] {
        fs_err::remove_dir_all(dir.join(folder)).unwrap();
    }
    for (path, text) in files(case) {
        let (path, before) = match path.strip_prefix('+') {
            Some(path) => (path, fs_err::read_to_string(dir.join(path)).unwrap()),
            None => (path, String::new()),
        };
        fs_err::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        fs_err::write(dir.join(path), before + &text).unwrap();
    }
}

/// Whether a case has no message.
fn silent(told: &str) -> bool {
    told.split("## ").skip(1).any(|case| case.lines().filter(|line| !line.is_empty()).count() < 2)
}

/// What `shoplake check` finds.
async fn check(dir: &Path) -> Vec<Fault> {
    let project = match load(dir, &Environment { variables: BTreeMap::new() }) {
        Ok(project) => project,
        Err(faults) => return faults,
    };
    let models = match shoplake_models::load(&project) {
        Ok(models) => models,
        Err(faults) => return faults,
    };
    let engine = DataFusionEngine::new(&project.limits, project.time_zone).unwrap();
    let blank = LocalLake::open(&project).unwrap().empty().unwrap();
    match plan_all(&engine, &models, blank).await {
        Ok(catalog) => plan_tests(&engine, &models, &catalog).await,
        Err(faults) => faults,
    }
}

/// Given each mistake, when checked, then it is told with file, line and column as the person wrote
/// them, and with what to do.
#[test]
fn mistakes_are_told_where_they_were_made() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mistakes");
    let mut cases: Vec<_> = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut told = String::new();
    for path in cases {
        let case = fs_err::read_to_string(&path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        made(dir.path(), &case);
        let faults = runtime().block_on(check(dir.path()));
        let name = path.file_stem().unwrap().to_string_lossy();
        told += &format!("## {name}: {}\n", case.lines().next().unwrap().trim_start_matches("# "));
        for fault in faults {
            told += &format!("{fault}\n");
            for (label, words) in [("detail", &fault.detail), ("hint", &fault.hint)] {
                told.extend(words.iter().map(|words| format!("  {label}: {words}\n")));
            }
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
    assert!(!silent(&told), "every case is told");
}
