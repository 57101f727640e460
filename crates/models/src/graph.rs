//! Everything that can be chosen, and what reads what.

use std::collections::BTreeMap;

use crate::{Materialized, Models};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A dataset.
    Source,
    /// A CSV file that is a table.
    Seed,
    /// A model.
    Model,
    /// A data test.
    Test,
    /// A unit test.
    UnitTest,
    /// What is made of models outside.
    Exposure,
}

impl Resource {
    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Seed => "seed",
            Self::Model => "model",
            Self::Test => "test",
            Self::UnitTest => "unit_test",
            Self::Exposure => "exposure",
        }
    }
}

/// One thing that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub resource: Resource,
    /// Its name.
    pub name: String,
    /// The name that it is told apart by: `model.shop.fct_orders`.
    pub unique_id: String,
    /// Its file, relative to the project folder.
    pub path: String,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// `table`, `view`, …; of tests, their kind.
    pub kind: String,
    /// The source that a dataset is named under.
    pub source: Option<String>,
    /// Whether it is not what was published last.
    pub modified: bool,
    /// Whether nothing of its name was published.
    pub new: bool,
    /// The nodes that it reads.
    pub parents: Vec<usize>,
}

/// Everything that can be chosen, and what reads what.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Datasets, then seeds and models in build order, tests, unit tests, exposures.
    pub nodes: Vec<Node>,
    /// The project's name.
    project: String,
}

impl Graph {
    /// The graph of a project. `published` gives the fingerprints of what was published last, by model;
    /// `now` those of the models as they are.
    pub fn of(
        project: &str,
        datasets: &[(String, String)],
        models: &Models,
        published: &BTreeMap<String, String>,
        now: &BTreeMap<String, String>,
    ) -> Self {
        let mut graph = Self { nodes: Vec::new(), project: project.to_owned() };
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        for (name, path) in datasets {
            let described = models.sources.iter().find(|table| table.dataset == *name);
            at.insert(name.clone(), graph.nodes.len());
            graph.nodes.push(Node {
                resource: Resource::Source,
                name: name.clone(),
                unique_id: format!(
                    "source.{project}.{}.{name}",
                    described.map_or("shop", |table| table.source.as_str())
                ),
                path: path.clone(),
                tags: described.map(|table| table.tags.clone()).unwrap_or_default(),
                kind: "source".into(),
                source: Some(described.map_or_else(|| "shop".to_owned(), |table| table.source.clone())),
                modified: false,
                new: false,
                parents: Vec::new(),
            });
        }
        for model in &models.models {
            let resource = if model.materialized == Materialized::Seed { Resource::Seed } else { Resource::Model };
            at.insert(model.name.clone(), graph.nodes.len());
            let before = published.get(&model.name);
            graph.nodes.push(Node {
                resource,
                name: model.name.clone(),
                unique_id: format!("{}.{project}.{}", resource.word(), model.name),
                path: model.path.clone(),
                tags: model.tags.clone(),
                kind: model.materialized.word().into(),
                source: None,
                modified: before != now.get(&model.name),
                new: before.is_none() && now.contains_key(&model.name),
                parents: model.depends_on.iter().filter_map(|name| at.get(name).copied()).collect(),
            });
        }
        graph.take_tests(models, &at);
        graph
    }

    /// Tests and exposures; `at` says where the tables stand.
    fn take_tests(&mut self, models: &Models, at: &BTreeMap<String, usize>) {
        let project = self.project.clone();
        let parents = |names: &[String]| names.iter().filter_map(|name| at.get(name).copied()).collect::<Vec<_>>();
        let plain =
            |resource: Resource, name: &str, path: &str, tags: &[String], kind: &str, parents: Vec<usize>| Node {
                resource,
                name: name.to_owned(),
                unique_id: format!("{}.{project}.{name}", resource.word()),
                path: path.to_owned(),
                tags: tags.to_vec(),
                kind: kind.to_owned(),
                source: None,
                modified: false,
                new: false,
                parents,
            };
        for test in &models.tests {
            let parents = parents(&test.names);
            self.nodes.push(plain(Resource::Test, &test.name, &test.path, &test.tags, &test.kind, parents));
        }
        for test in &models.unit_tests {
            let parents = parents(std::slice::from_ref(&test.model));
            self.nodes.push(plain(Resource::UnitTest, &test.name, &test.path, &test.tags, "unit", parents));
        }
        for exposure in &models.exposures {
            let parents = parents(&exposure.depends_on);
            let (name, kind) = (&exposure.name, &exposure.kind);
            self.nodes.push(plain(Resource::Exposure, name, &exposure.path, &exposure.tags, kind, parents));
        }
    }
}
