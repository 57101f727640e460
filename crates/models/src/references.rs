//! The files that models are made of, and the names that they may refer to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shoplake_core::{Fault, Project};

/// One file that is rendered, or one seed.
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
    pub(crate) seeds: BTreeMap<String, SqlFile>,
    pub(crate) tests: Vec<SqlFile>,
    pub(crate) macros: Vec<SqlFile>,
    /// Path and text.
    pub(crate) properties: Vec<(String, String)>,
}

/// Tables that a run makes besides datasets and models.
const OWN_TABLES: [&str; 2] = ["quarantine", "restatements"];
/// Folders of tests, the second by its older name.
const TEST_FOLDERS: [&str; 2] = ["data-tests", "tests"];

impl Files {
    /// The tables that `source` may name.
    pub(crate) fn sources(project: &Project) -> Vec<&str> {
        project.datasets.iter().map(|d| d.contract.dataset.as_str()).chain(OWN_TABLES).collect()
    }

    /// The model or seed of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&SqlFile> {
        self.models.get(name).or_else(|| self.seeds.get(name))
    }

    /// Puts a model or seed among the others; one name stands once.
    fn take(&mut self, sources: &[&str], file: SqlFile, seed: bool) -> Result<(), Fault> {
        let what = if seed { "seed" } else { "model" };
        if sources.contains(&file.name.as_str()) {
            let fault = Fault::usage(format!("{what} `{}` has the name of a dataset", file.name));
            return Err(fault.at(&file.path, None, None).hint("rename the file"));
        }
        if let Some(other) = self.named(&file.name) {
            let what = format!("{what} `{}` stands twice; the other is {}", file.name, other.path);
            return Err(Fault::usage(what).at(&file.path, None, None).hint("rename one of the files"));
        }
        let list = if seed { &mut self.seeds } else { &mut self.models };
        list.insert(file.name.clone(), file);
        Ok(())
    }
}

/// Reads all files of `project`; two models of one name, or a name that a dataset has, are faults.
pub(crate) fn read(project: &Project) -> Result<Files, Vec<Fault>> {
    let mut files = Files::default();
    let mut faults = Vec::new();
    let sources = Files::sources(project);
    for folder in ["models", "seeds", "macros", "snapshots"].into_iter().chain(TEST_FOLDERS) {
        for path in below(&project.dir.join(folder)).map_err(|fault| vec![fault])? {
            let shown = project.shown(&path);
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            match (folder, kind) {
                (_, "yml" | "yaml") => files.properties.push((shown.clone(), text_of(&path, &shown)?)),
                ("models", "sql") | ("seeds", "csv") => {
                    let file = SqlFile { name: stem(&path), text: text_of(&path, &shown)?, path: shown };
                    faults.extend(files.take(&sources, file, folder == "seeds").err());
                }
                ("models", "py") => {
                    let fault = Fault::usage("models in Python are dbt's and not supported").at(&shown, None, None);
                    faults.push(fault.hint("write it as a SELECT, or make its table outside and load it as a dataset"));
                }
                ("snapshots", "sql") => {
                    let fault = Fault::usage("snapshots are dbt's and not supported").at(&shown, None, None);
                    faults.push(fault.hint("keep the history as a model over the rows of the dataset"));
                }
                ("macros", "sql") => {
                    files.macros.push(SqlFile { name: stem(&path), text: text_of(&path, &shown)?, path: shown });
                }
                ("data-tests" | "tests", "sql") => {
                    let file = SqlFile { name: stem(&path), text: text_of(&path, &shown)?, path: shown };
                    let generic = file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with("/generic/"));
                    if generic { files.macros.push(file) } else { files.tests.push(file) }
                }
                _ => {}
            }
        }
    }
    for packages in ["packages.yml", "dependencies.yml"] {
        let text = fs_err::read_to_string(project.dir.join(packages)).unwrap_or_default();
        if text.lines().any(|line| line.starts_with("packages:")) {
            let fault = Fault::usage("packages are dbt's and not supported").at(packages, None, None);
            faults.push(fault.hint("put the macros that you need into macros/, and remove the file"));
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
