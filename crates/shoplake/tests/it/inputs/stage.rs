//! A case on its stage: a fresh project, the files in their places, and the run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::case::Case;
use crate::child::{Ended, shoplake};

/// No case may take longer than this, on a machine that does other things beside.
const LIMIT: Duration = Duration::from_mins(1);
/// Areas whose cases bring files of the project in place of files for the inbox.
const OF_THE_PROJECT: [&str; 2] = ["project", "sql"];

/// What came of a case.
pub(crate) struct Taken {
    /// The run or the query.
    pub(crate) ended: Ended,
    /// What `shoplake check` said before, where the project is wrong.
    pub(crate) check: Option<Ended>,
    /// The rows of `quarantine`, by file and line.
    pub(crate) quarantine: Vec<Map<String, Value>>,
    /// The rows of the table with the columns that were asked for, by file and line.
    pub(crate) rows: Vec<Map<String, Value>>,
}

/// A project in a folder that is gone with it.
struct Stage {
    notes: tempfile::TempDir,
    project: PathBuf,
    dataset: String,
    settings: Vec<(String, String)>,
}

/// Makes the project of a case and runs it; none where what it needs is not on this machine.
pub(crate) fn take(folder: &Path, case: &Case) -> Result<Option<Taken>, String> {
    let Some(shared) = shared(&case.shared) else { return Ok(None) };
    let stage = Stage::new(case);
    stage.run(&["init", "shop", "--timezone", "UTC"])?;
    let area = folder.parent().ok_or("the case is in no area")?;
    let mut files: Vec<PathBuf> = below(folder).into_iter().filter(|path| !path.ends_with("case.yml")).collect();
    let of_the_project = OF_THE_PROJECT.iter().any(|name| area.ends_with(name));
    stage.write_contract(area, case)?;
    if of_the_project {
        for path in &files {
            copy(path, &stage.project.join(path.strip_prefix(folder).unwrap_or(path)));
        }
    } else {
        files.extend(shared);
        let inbox = stage.project.join("inbox").join(&stage.dataset);
        for path in &files {
            copy(path, &inbox.join(path.file_name().unwrap_or_default()));
        }
        if case.discover {
            let first = files.first().ok_or("there is nothing to discover")?;
            stage.run(&["discover", &first.display().to_string(), "--as", &stage.dataset, "--force"])?;
        }
    }
    if let Some(sql) = &case.query {
        stage.run(&["run", "--quiet"])?;
        let ended = stage.go(&["query", sql]);
        return Ok(Some(Taken { ended, check: None, quarantine: Vec::new(), rows: Vec::new() }));
    }
    let check = (case.expect.exit == 2 && !folder.join("inbox").is_dir()).then(|| stage.go(&["check"]));
    let ended = stage.go(&["run", "--json", "--quiet"]);
    if case.expect.exit == 2 {
        return Ok(Some(Taken { ended, check, quarantine: Vec::new(), rows: Vec::new() }));
    }
    let quarantine = stage.rows("SELECT * FROM quarantine ORDER BY source_file, source_line")?;
    let columns = case.expect.loaded.iter().flatten().take(1).flat_map(Map::keys);
    let columns: Vec<String> = columns.map(|name| format!("\"{name}\"")).collect();
    let rows = if columns.is_empty() {
        Vec::new()
    } else {
        let (columns, table) = (columns.join(", "), &stage.dataset);
        stage.rows(&format!("SELECT {columns} FROM {table} ORDER BY _source_file, _source_line"))?
    };
    Ok(Some(Taken { ended, check, quarantine, rows }))
}

impl Stage {
    fn new(case: &Case) -> Self {
        let notes = tempfile::tempdir().unwrap();
        let project = notes.path().join("shop");
        let dataset = case.dataset.clone().unwrap_or_else(|| "items".to_owned());
        let variable =
            |(name, value): (&String, &String)| (format!("SHOPLAKE__{}", name.to_uppercase()), value.clone());
        Self { project, dataset, settings: case.settings.iter().map(variable).collect(), notes }
    }

    /// Runs `shoplake`, whatever comes of it.
    fn go(&self, arguments: &[&str]) -> Ended {
        let dir = if self.project.is_dir() { &self.project } else { self.notes.path() };
        shoplake(dir, self.notes.path(), arguments, &self.settings, LIMIT)
    }

    /// Runs `shoplake` where it has to end without a panic and has to do what it is asked to, or, of
    /// data, what it can.
    fn run(&self, arguments: &[&str]) -> Result<Ended, String> {
        let ended = self.go(arguments);
        match (ended.code, ended.offences().as_slice()) {
            (Some(0 | 1), []) => Ok(ended),
            (code, offences) => {
                Err(format!("`shoplake {}`: exit {code:?}, {offences:?}\n{}", arguments.join(" "), ended.stderr))
            }
        }
    }

    /// The rows of a query; none before anything was published.
    fn rows(&self, sql: &str) -> Result<Vec<Map<String, Value>>, String> {
        if !self.project.join("lake/processed/_publish").is_dir() {
            return Ok(Vec::new());
        }
        let ended = self.run(&["query", sql, "--output", "json"])?;
        serde_json::from_str(&ended.stdout).map_err(|error| format!("`{sql}`: {error}\n{}", ended.stderr))
    }

    /// Writes the contract: the area's, with the keys that the case replaces. A dataset of the template
    /// keeps its own.
    fn write_contract(&self, area: &Path, case: &Case) -> Result<(), String> {
        let path = self.project.join(format!("sources/{}.yml", self.dataset));
        if path.exists() {
            return Ok(());
        }
        let text = fs_err::read_to_string(area.join("items.yml")).map_err(|error| error.to_string())?;
        let mut contract: Map<String, Value> = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
        contract.insert("name".to_owned(), self.dataset.clone().into());
        contract.extend(case.contract.clone().unwrap_or_default());
        contract.retain(|_, value| !value.is_null());
        // JSON is YAML.
        fs_err::write(path, Value::Object(contract).to_string()).map_err(|error| error.to_string())
    }
}

/// The files of the shared collections, `*` at the end of a name standing for any ending; none where
/// they are not on this machine.
fn shared(names: &[String]) -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?.join("shared/data");
    let mut files = Vec::new();
    for name in names {
        let path = root.join(name);
        let Some(beginning) = name.rsplit('/').next().and_then(|name| name.strip_suffix('*')) else {
            files.push(path.is_file().then_some(path)?);
            continue;
        };
        let all = below(path.parent().filter(|dir| dir.is_dir())?);
        let begins =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning));
        files.extend(all.into_iter().filter(begins));
    }
    Some(files)
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to.parent().unwrap()).unwrap();
    // Not `copy`, which would take a read-only mode along.
    fs_err::write(to, fs_err::read(from).unwrap()).unwrap();
}
