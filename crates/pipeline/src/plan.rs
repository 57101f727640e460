//! What the next run would change, told before it does: files, contracts, models, and with numbers
//! the effect on every figure.
//!
//! Here: what can be told without judging a row. [`staged`] works the run out and keeps it,
//! [`effects`] holds what it made against what is published, [`contracts`] tells contracts apart.

mod contracts;
mod effects;
mod models;
mod staged;

use std::collections::BTreeMap;

use serde::Serialize;
use shoplake_core::outcome::{DatasetOutcome, FileStatus, TestFailure};
use shoplake_core::source::Origin;
use shoplake_core::{BatchNumber, Result};
use shoplake_models::Models;

use crate::Pipeline;
use crate::collect::Intake;
use crate::run::many;

pub(crate) use contracts::words;
pub use contracts::{ColumnChange, ContractChange, Whole};
pub use effects::{ColumnEffect, DayEffect, ModelEffect};
pub use models::{ModelAction, PlannedModel};

/// What the next run would do.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Whether anything would change.
    pub changes: bool,
    /// The batch that is published now.
    pub published: Option<BatchNumber>,
    /// Files that the run would take up, dataset by dataset.
    pub files: Vec<PlannedFile>,
    /// APIs that the run would ask. They are not asked for a plan.
    pub apis: Vec<PlannedApi>,
    /// Rows in quarantine that would be judged again, by dataset.
    pub quarantine: Vec<PlannedReplay>,
    /// Contracts that are not what the last batch was made with.
    pub contracts: Vec<ContractChange>,
    /// Columns of datasets' tables that would come, go or change.
    pub tables: Vec<TableChange>,
    /// Every model that would be made, made anew or no longer made, in build order.
    pub models: Vec<PlannedModel>,
    /// The effect on the figures, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
}

/// What would become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFate {
    /// It has come since the last run.
    New,
    /// It waits in landing: a run was cut off, or a test kept it out.
    Waiting,
    /// It was refused under another contract, and is judged again.
    JudgedAgain,
    /// Its bytes are loaded: nothing of it changes a table.
    AlreadyLoaded,
}

/// A file that the run would take up.
#[derive(Debug, Serialize)]
pub struct PlannedFile {
    /// The dataset.
    pub dataset: String,
    /// The path as the user knows it.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// What would become of it.
    pub fate: FileFate,
}

/// An API that the run would ask.
#[derive(Debug, Serialize)]
pub struct PlannedApi {
    /// The dataset.
    pub dataset: String,
    /// Its address, without parameters and secrets.
    pub url: String,
}

/// Rows that would leave quarantine to be judged again.
#[derive(Debug, Serialize)]
pub struct PlannedReplay {
    /// The dataset.
    pub dataset: String,
    /// Files that the rows stand in.
    pub files: u64,
    /// The rows.
    pub rows: u64,
}

/// The columns of a table that would change.
#[derive(Debug, Serialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// Its columns that come, go or change.
    pub columns: Vec<ColumnChange>,
}

/// What the run came to when it was worked out.
#[derive(Debug, Serialize)]
pub struct Numbers {
    /// The batch that is kept for the next run; `None` where nothing would be published.
    pub kept: Option<BatchNumber>,
    /// Files, counts and causes of rejects, as `run --json` tells them.
    pub datasets: Vec<DatasetOutcome>,
    /// Days of the shop with a row that would come, go or change, by dataset: how many, first, last.
    pub days: BTreeMap<String, DaysTouched>,
    /// Tests that do not hold.
    pub failures: Vec<TestFailure>,
    /// Models whose SQL failed, with the reason.
    pub broken: Vec<(String, String)>,
    /// The models whose rows would change.
    pub models: Vec<ModelEffect>,
}

/// Days that a run would touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DaysTouched {
    /// How many.
    pub days: u64,
    /// The first, `YYYY-MM-DD`.
    pub first: String,
    /// The last.
    pub last: String,
}

impl Pipeline {
    /// What the next run would change. Reads the project, the state and the files that have arrived;
    /// asks no API, judges no row, changes nothing.
    ///
    /// # Errors
    /// Models that do not compile or do not fit the tables.
    pub async fn plan(&self) -> Result<Plan> {
        let models = shoplake_models::load(&self.project).map_err(many)?;
        let intakes = self.foresee().await?;
        self.plan_of(&models, &intakes).await
    }

    pub(crate) async fn plan_of(&self, models: &Models, intakes: &[Intake]) -> Result<Plan> {
        let last = self.last_fingerprints().await?;
        let now = self.fingerprints(models);
        let published = self.state.last_batch().await?;
        let contracts = contracts::changes(&self.project, last.as_ref());
        let quarantine = self.replays(intakes);
        let to_load = |(dataset, intake): &(&shoplake_core::project::Dataset, &Intake)| {
            (!intake.files.is_empty() || !intake.replays.is_empty()).then(|| dataset.contract.dataset.clone())
        };
        let changed = self.project.datasets.iter().zip(intakes).filter_map(|pair| to_load(&pair)).collect();
        let mut planned = models::planned(models, last.as_ref(), &now, &changed);
        let tables = if contracts.is_empty() && planned.iter().all(|model| !model.is_remade()) {
            Vec::new()
        } else {
            self.schemas(models, &mut planned).await?
        };
        let files = self.files(intakes).await?;
        let changes = !changed.is_empty() || !self.is_settled(models, last.as_ref());
        Ok(Plan {
            changes,
            published: Some(published).filter(|batch| batch.0 > 0),
            files,
            apis: self.apis(),
            quarantine,
            contracts,
            tables,
            models: planned,
            numbers: None,
        })
    }

    async fn files(&self, intakes: &[Intake]) -> Result<Vec<PlannedFile>> {
        let mut files = Vec::new();
        for (dataset, intake) in self.project.datasets.iter().zip(intakes) {
            let name = &dataset.contract.dataset;
            let landing = format!("landing/{name}/");
            for file in &intake.files {
                let record = self.record_of(dataset, file).await?.map(|record| record.file.status);
                let lies_in_landing = file.path.to_string_lossy().replace('\\', "/").contains(&landing);
                let fate = match record {
                    Some(FileStatus::Failed) => FileFate::JudgedAgain,
                    _ if lies_in_landing => FileFate::Waiting,
                    _ => FileFate::New,
                };
                files.push(PlannedFile { dataset: name.clone(), path: file.origin.clone(), size: file.size, fate });
            }
            files.extend(intake.known.iter().map(|file| PlannedFile {
                dataset: name.clone(),
                path: file.path.clone(),
                size: file.size,
                fate: FileFate::AlreadyLoaded,
            }));
        }
        Ok(files)
    }

    fn replays(&self, intakes: &[Intake]) -> Vec<PlannedReplay> {
        let datasets = self.project.datasets.iter().zip(intakes).filter(|(_, intake)| !intake.replays.is_empty());
        let replay = datasets.map(|(dataset, intake)| PlannedReplay {
            dataset: dataset.contract.dataset.clone(),
            files: intake.replays.len() as u64,
            rows: intake.replays.iter().map(|replayed| replayed.replay.rows.len() as u64).sum(),
        });
        replay.collect()
    }

    fn apis(&self) -> Vec<PlannedApi> {
        let apis = self.project.datasets.iter().filter_map(|dataset| match &dataset.origin {
            Origin::RestApi(api) => Some(PlannedApi {
                dataset: dataset.contract.dataset.clone(),
                url: format!("{}/{}", api.base_url.trim_end_matches('/'), api.path.trim_start_matches('/')),
            }),
            Origin::Files(_) => None,
        });
        apis.collect()
    }
}
