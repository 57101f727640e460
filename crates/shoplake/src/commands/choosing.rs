//! From `--select` and `--exclude` to the models and tests that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shoplake_core::{Fault, Project};
use shoplake_models::{Graph, Models, Resource};
use shoplake_pipeline::{Choice, Chosen};

use super::Context;
use crate::cli::SelectArgs;
use crate::failure::Failure;
use crate::wiring;

/// A project with its models.
pub(super) struct Compiled {
    pub(super) project: Arc<Project>,
    pub(super) models: Models,
}

impl Context {
    /// The project and its models, with `--vars` in place of the project's own.
    pub(super) fn compiled(&self, vars: Option<&str>) -> Result<Compiled, Failure> {
        let project = self.project_with(vars)?;
        let models = shoplake_models::load(&project)?;
        Ok(Compiled { project, models })
    }

    /// The project with `--vars` in place of its own.
    pub(super) fn project_with(&self, vars: Option<&str>) -> Result<Arc<Project>, Failure> {
        let project = self.project()?;
        let Some(text) = vars else { return Ok(project) };
        let mut project = Arc::unwrap_or_clone(project);
        project.vars.extend(read_vars(text)?);
        Ok(Arc::new(project))
    }
}

/// `{key: value}` as YAML or JSON.
fn read_vars(text: &str) -> Result<BTreeMap<String, serde_json::Value>, Fault> {
    serde_saphyr::from_str(text).map_err(|_| {
        Fault::usage(format!("`--vars {text}` is no map"))
            .hint("write `--vars '{min_orders: 3}'`, with a space behind the colon")
    })
}

impl Compiled {
    /// Everything that can be chosen.
    pub(super) fn graph(&self, select: &SelectArgs) -> Result<Graph, Failure> {
        let asks_state = select.select.iter().chain(&select.exclude).any(|text| text.contains("state:"));
        let bare = |prints: BTreeMap<String, String>| -> BTreeMap<String, String> {
            let named = prints.into_iter();
            let named = named.filter_map(|(key, print)| {
                let name = key.strip_prefix("model:").or_else(|| key.strip_prefix("view:"))?;
                Some((name.to_owned(), print))
            });
            named.collect()
        };
        let now = bare(shoplake_pipeline::fingerprints(&self.models));
        let published = if asks_state { bare(wiring::published(&self.project)?) } else { now.clone() };
        let datasets = self.project.datasets.iter();
        let datasets: Vec<(String, String)> =
            datasets.map(|d| (d.contract.dataset.clone(), d.contract.file.clone())).collect();
        Ok(Graph::of(&self.project.name, &datasets, &self.models, &published, &now))
    }

    /// The nodes that are chosen.
    pub(super) fn chosen(&self, graph: &Graph, select: &SelectArgs) -> Result<BTreeSet<usize>, Failure> {
        Ok(graph.select(&select.select, &select.exclude)?)
    }

    /// What a run is to do; everything, where nothing is chosen.
    pub(super) fn choice(&self, select: &SelectArgs) -> Result<Choice, Failure> {
        if select.is_empty() {
            return Ok(Choice { all_tests: true, ..Choice::default() });
        }
        let graph = self.graph(select)?;
        let chosen = self.chosen(&graph, select)?;
        Ok(Choice { chosen: Some(names(&graph, &chosen)), all_tests: true, ..Choice::default() })
    }
}

/// The names among the chosen.
pub(super) fn names(graph: &Graph, chosen: &BTreeSet<usize>) -> Chosen {
    Chosen {
        models: graph.names(chosen, &[Resource::Model, Resource::Seed]),
        tests: graph.names(chosen, &[Resource::Test]),
        unit_tests: graph.names(chosen, &[Resource::UnitTest]),
    }
}

impl SelectArgs {
    /// Whether nothing is chosen: all of it is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.select.is_empty() && self.exclude.is_empty()
    }
}
