//! What a run is to do of the models, and what it leaves for the next.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use shoplake_core::Result;
use shoplake_models::{Materialized, Model, Models};

use crate::Pipeline;

/// Names that a selection chose.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// Models and seeds.
    pub models: BTreeSet<String>,
    /// Data tests.
    pub tests: BTreeSet<String>,
    /// Unit tests.
    pub unit_tests: BTreeSet<String>,
}

/// Which models are built and which tests run.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// These alone; `None` is all of them.
    pub chosen: Option<Chosen>,
    /// Tests run whether or not what they read has changed.
    pub all_tests: bool,
    /// Models are made anew whether or not what they read has changed.
    pub full_refresh: bool,
    /// Days (since 1970-01-01) that models by day make anew whether or not what they read has changed.
    pub days: BTreeSet<i32>,
}

impl Choice {
    /// Whether the model is to be built.
    pub(crate) fn builds(&self, model: &str) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.models.contains(model))
    }

    /// The days that the model makes anew although nothing that it reads has changed.
    pub(crate) fn days_of(&self, model: &Model) -> BTreeSet<i32> {
        if model.by_day.is_some() { self.days.clone() } else { BTreeSet::new() }
    }

    /// Whether the model is made anew in full even if nothing that it reads has changed: its SQL is not
    /// what its table was built with, or it was chosen.
    pub(crate) fn redoes(&self, model: &str, stale: &HashSet<String>) -> bool {
        self.full_refresh || stale.contains(model)
    }
}

impl Pipeline {
    /// Fingerprints and views of what is about to be published. A view that was left out stays as it was;
    /// a table that was left out although it is due has no fingerprint, so that the next run builds it.
    pub(crate) async fn to_publish(
        &self,
        models: &Models,
        choice: &Choice,
        due: &BTreeSet<String>,
    ) -> Result<(Vec<(String, String)>, BTreeMap<String, String>)> {
        let (mut prints, mut views) = (self.fingerprints(models), models.views());
        if choice.chosen.is_some() {
            let before = self.tables.pinned().await?.views;
            let last = self.last_fingerprints().await?.unwrap_or_default();
            let left = models.models.iter().filter(|m| m.materialized == Materialized::View && !choice.builds(&m.name));
            for model in left {
                let key = format!("view:{}", model.name);
                if let (Some(view), Some(print)) = (before.get(&model.name), last.get(&key)) {
                    views.insert(model.name.clone(), view.clone());
                    prints.insert(key, print.clone());
                } else {
                    views.remove(&model.name);
                    prints.remove(&key);
                }
            }
            // Contracts too: rows that wait to be judged by another one are still due.
            for dataset in &self.project.datasets {
                let name = &dataset.contract.dataset;
                match last.get(name) {
                    Some(print) => prints.insert(name.clone(), print.clone()),
                    None => prints.remove(name),
                };
            }
        }
        for name in due {
            prints.remove(&format!("model:{name}"));
        }
        Ok((prints.into_iter().collect(), views))
    }
}
