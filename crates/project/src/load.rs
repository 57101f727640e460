//! Reads the whole project folder and names every mistake in it at once.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use shoplake_core::alert::{Alert, Alerts};
use shoplake_core::cost::Prices;
use shoplake_core::project::Dataset;
use shoplake_core::{Fault, Project};

use crate::dashboards;
use crate::environment::Environment;
use crate::files::{AlertFile, DashboardFile, PricesFile, ReportFile, SourceFile};
use crate::locate::SETTINGS;
use crate::relations::{self, Written};
use crate::source::{self, Draft};
use crate::words::suggest;
use crate::yaml::{self, Node};
use crate::{alert, prices, settings, shape};

/// The price table's file.
const PRICES: &str = "prices.yml";

/// Reads and checks the project in `dir`.
///
/// All mistakes come back together, each with file, line and column, ordered by their place. A wrong
/// file does not hide the mistakes of the others.
pub fn load(dir: &Path, env: &Environment) -> Result<Project, Vec<Fault>> {
    let mut faults = Vec::new();
    let settings = read_file(&dir.join(SETTINGS), SETTINGS, &mut faults)
        .and_then(|node| settings::read(node, dir, env, &mut faults));
    let (drafts, written) = read_sources(dir, env, &mut faults);
    let datasets = relations::resolve(drafts, &written, &mut faults);
    check_views(dir, &written, &mut faults);
    let has_smtp = settings.as_ref().is_none_or(|settings| settings.smtp.is_some());
    let alerts = read_alerts(dir, env, &datasets, &written, has_smtp, &mut faults);
    let prices = read_prices(dir, &mut faults);
    match settings {
        Some(settings) if faults.is_empty() => Ok(Project {
            name: settings.name,
            dir: dir.to_path_buf(),
            time_zone: settings.time_zone,
            currency: settings.currency,
            lake_dir: settings.lake_dir,
            remote: settings.remote,
            target: settings.target,
            vars: settings.vars,
            model_settings: settings.models,
            limits: settings.limits,
            schedule: settings.schedule,
            openlineage: settings.openlineage,
            state: settings.state,
            otlp: settings.otlp,
            arrival: settings.arrival,
            retries: settings.retries,
            logs: settings.logs,
            trusted_proxies: settings.trusted_proxies,
            deliveries: settings.deliveries,
            prices,
            alerts: Alerts { all: alerts, smtp: settings.smtp },
            datasets,
        }),
        _ => {
            for fault in &mut faults {
                fault.hint.get_or_insert_with(|| "correct it there, then `shoplake check`".to_owned());
            }
            faults.sort_by_key(|fault| fault.place.as_ref().map(|p| (p.file.clone(), p.line, p.column)));
            Err(faults)
        }
    }
}

fn read_sources(dir: &Path, env: &Environment, faults: &mut Vec<Fault>) -> (Vec<Draft>, Written) {
    let (mut drafts, mut written) = (Vec::new(), Written::new());
    for (path, name) in yaml_files(dir, "sources", faults) {
        let mut node = match yaml::read(&path, &name) {
            Ok(node) => node,
            Err(fault) => {
                faults.push(fault);
                // Whoever refers to it is not wrong because of that.
                let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                written.insert(stem.unwrap_or_default(), None);
                continue;
            }
        };
        let (dataset, columns) = names_in(&node, &path);
        let file = shape::read::<SourceFile>(&mut node, faults);
        written.insert(dataset, Some(columns.clone()));
        drafts.extend(file.map(|file| source::read(file, node, &columns, env, faults)));
    }
    if written.is_empty() && faults.is_empty() {
        let fault = Fault::usage("the project has no datasets").at("sources/", None, None);
        faults.push(fault.hint("`shoplake discover FILE --as DATASET` writes `sources/DATASET.yml` from a sample"));
    }
    (drafts, written)
}

/// The dataset and the columns that a source file names, whatever else is wrong with it.
fn names_in(node: &Node, path: &Path) -> (String, Vec<String>) {
    let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let dataset = node.get("name").and_then(Node::text).map_or_else(stem, str::to_owned);
    let columns = node.get("columns").map(Node::items).unwrap_or_default();
    let names = columns.iter().filter_map(|column| column.get("name")?.text().map(str::to_owned));
    (dataset, names.collect())
}

/// Checks the files that look at tables: models' descriptions, reports and dashboards.
fn check_views(dir: &Path, written: &Written, faults: &mut Vec<Fault>) {
    let mut models = files_below(&dir.join("models"), &["sql"], faults);
    models.extend(files_below(&dir.join("seeds"), &["csv"], faults));
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let models: Vec<String> = models.iter().filter_map(stem).collect();
    let mut tables: Vec<&str> = models.iter().chain(written.keys()).map(String::as_str).collect();
    tables.extend(["quarantine", "restatements"]);
    let exists = |node: &Node, name: &str, faults: &mut Vec<Fault>| {
        if !tables.contains(&name) {
            let fault = node.fault(format!("there is no table or model `{name}`"));
            faults.push(suggest(fault, name, &tables, "table"));
        }
    };
    for (path, name) in yaml_files(dir, "reports", faults) {
        let Some((file, node)) = check_shape::<ReportFile>(&path, &name, faults) else { continue };
        for (index, table) in file.tables.iter().enumerate() {
            exists(node.at(&format!("tables/{index}")), table, faults);
        }
    }
    for (path, name) in yaml_files(dir, "dashboards", faults) {
        let Some((file, node)) = check_shape::<DashboardFile>(&path, &name, faults) else { continue };
        // What columns models have only their SQL says.
        dashboards::check(&file, &node, &tables, &dashboards::Columns::new(), faults);
    }
}

/// The price table; without one nothing costs anything.
fn read_prices(dir: &Path, faults: &mut Vec<Fault>) -> Prices {
    let path = dir.join(PRICES);
    if !path.is_file() {
        return Prices::default();
    }
    let read = check_shape::<PricesFile>(&path, PRICES, faults);
    read.map(|(file, node)| prices::read(file, &node, faults)).unwrap_or_default()
}

/// The alerts, each checked against the datasets that the sources name, also where these are wrong.
fn read_alerts(
    dir: &Path,
    environment: &Environment,
    datasets: &[Dataset],
    written: &Written,
    has_smtp: bool,
    faults: &mut Vec<Fault>,
) -> Vec<Alert> {
    let timed = |name: &str| {
        let known = datasets.iter().find(|dataset| dataset.contract.dataset == name);
        known.is_none_or(|dataset| dataset.contract.event_time.is_some())
    };
    let known: Vec<(String, bool)> = written.keys().map(|name| (name.clone(), timed(name))).collect();
    let mut alerts: Vec<Alert> = Vec::new();
    for (path, name) in yaml_files(dir, "alerts", faults) {
        let Some((file, node)) = check_shape::<AlertFile>(&path, &name, faults) else { continue };
        if let Some(other) = alerts.iter().find(|alert| alert.name == file.name) {
            let fault = node.at("name").fault(format!("`{}` is an alert of `{}` already", file.name, other.file));
            faults.push(fault.hint("give it a name of its own"));
        }
        let mut reader = alert::Reader { environment, datasets: &known, has_smtp, faults };
        alerts.push(reader.alert(file, &node, &name));
    }
    alerts
}

pub(crate) fn check_shape<T: JsonSchema + DeserializeOwned>(
    path: &Path,
    name: &str,
    faults: &mut Vec<Fault>,
) -> Option<(T, Node)> {
    let mut node = read_file(path, name, faults)?;
    shape::read(&mut node, faults).map(|file| (file, node))
}

fn read_file(path: &Path, name: &str, faults: &mut Vec<Fault>) -> Option<Node> {
    yaml::read(path, name).map_err(|fault| faults.push(fault)).ok()
}

/// The YAML files below a folder of the project, with the names that users know them by.
pub(crate) fn yaml_files(dir: &Path, folder: &str, faults: &mut Vec<Fault>) -> Vec<(PathBuf, String)> {
    let paths = files_below(&dir.join(folder), &["yml", "yaml"], faults);
    let named = paths.into_iter().map(|path| {
        let inside = path.strip_prefix(dir).unwrap_or(&path);
        let name = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        (path, name)
    });
    named.collect()
}

/// Files with one of these extensions, at any depth, in the order of their names; dot files are left alone.
pub(crate) fn files_below(folder: &Path, extensions: &[&str], faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = match fs_err::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                faults.push(error.into());
                continue;
            }
        };
        for entry in entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
            let path = entry.path();
            let kind = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
            if path.is_dir() {
                folders.push(path);
            } else if kind.is_some_and(|kind| extensions.contains(&kind.as_str())) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
