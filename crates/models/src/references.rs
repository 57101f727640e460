//! The files that models are made of, and the names that they may refer to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shoplake_core::{Fault, Project};

/// One SQL file.
#[derive(Debug, Clone)]
pub(crate) struct SqlFile {
    /// The file's stem, which is the model's or the test's name.
    pub(crate) name: String,
    /// Relative to the project folder.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// All files, in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) models: BTreeMap<String, SqlFile>,
    pub(crate) tests: Vec<SqlFile>,
    pub(crate) macros: Vec<SqlFile>,
    /// Path and text.
    pub(crate) properties: Vec<(String, String)>,
}

/// Tables that a run makes besides datasets and models.
const OWN_TABLES: [&str; 2] = ["quarantine", "restatements"];

impl Files {
    /// The tables that `source` may name.
    pub(crate) fn sources(project: &Project) -> Vec<&str> {
        project.datasets.iter().map(|d| d.contract.dataset.as_str()).chain(OWN_TABLES).collect()
    }
}

/// Reads all files of `project`; two models of one name, or a name that a dataset has, are faults.
pub(crate) fn read(project: &Project) -> Result<Files, Vec<Fault>> {
    let mut files = Files::default();
    let mut faults = Vec::new();
    let sources = Files::sources(project);
    for path in below(&project.dir.join("models")).map_err(|fault| vec![fault])? {
        let shown = project.shown(&path);
        let text = text_of(&path, &shown)?;
        match path.extension().and_then(|e| e.to_str()) {
            Some("yml" | "yaml") => files.properties.push((shown, text)),
            Some("sql") => {
                let file = SqlFile { name: stem(&path), path: shown, text };
                if sources.contains(&file.name.as_str()) {
                    let what = format!("model `{}` has the name of a dataset", file.name);
                    faults.push(Fault::usage(what).at(&file.path, None, None).hint("rename the file"));
                } else if let Some(other) = files.models.get(&file.name) {
                    let what = format!("model `{}` stands twice; the other is {}", file.name, other.path);
                    faults.push(Fault::usage(what).at(&file.path, None, None).hint("rename one of the files"));
                } else {
                    files.models.insert(file.name.clone(), file);
                }
            }
            _ => {}
        }
    }
    for (folder, list) in [("data-tests", &mut files.tests), ("macros", &mut files.macros)] {
        for path in below(&project.dir.join(folder)).map_err(|fault| vec![fault])? {
            if path.extension().is_some_and(|e| e == "sql") {
                let shown = project.shown(&path);
                let text = text_of(&path, &shown)?;
                list.push(SqlFile { name: stem(&path), path: shown, text });
            }
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// The text of a file that the user knows as `shown`.
fn text_of(path: &Path, shown: &str) -> Result<String, Vec<Fault>> {
    let bytes = fs_err::read(path).map_err(|error| vec![error.into()])?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count() as u64;
        vec![Fault::usage("the file is not UTF-8").at(shown, Some(line), None).hint("save it as UTF-8")]
    })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Every file below `folder`, sorted; none where there is no such folder.
fn below(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // A link may lead in a circle: only folders themselves are followed.
        if entry.file_type()?.is_dir() {
            found.extend(below(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// ` did you mean …` for a name that is not there: the nearest, or the first few of all.
pub(crate) fn candidates(name: &str, known: &[&str]) -> Option<String> {
    let far = (name.chars().count() / 3).max(2);
    let nearest = known.iter().map(|k| (strsim::damerau_levenshtein(name, k), *k)).min()?;
    if nearest.0 <= far {
        return Some(format!("did you mean `{}`?", nearest.1));
    }
    let more = if known.len() > 8 { ", …" } else { "" };
    let listed: Vec<String> = known.iter().take(8).map(|k| format!("`{k}`")).collect();
    Some(format!("there are {}{more}", listed.join(", ")))
}
