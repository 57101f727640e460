//! The run worked out up to its decision, kept for the next run, and published by it where nothing has
//! changed in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use chrono::Utc;
use shoplake_core::outcome::{DatasetOutcome, FileStatus, ModelStatus, RunOutcome};
use shoplake_core::ports::{Batch, BatchSummary, DatasetChange};
use shoplake_core::{LandedFile, Result, RowPlace, RunId, StagedBatch, hash};
use shoplake_models::Models;

use super::{DaysTouched, Numbers, Plan};
use crate::Pipeline;
use crate::build::Built;
use crate::choice::Choice;
use crate::collect::Intake;
use crate::load::Loaded;
use crate::restated::Reason;
use crate::run::{Run, many, same, stale};

impl Pipeline {
    /// [`Pipeline::plan`] with numbers: loads, builds and tests as a run would, keeps what came of it
    /// for the next run, and tells how the figures differ from what is published.
    ///
    /// Files stay where they lie, and no API is asked. The caller holds the project's lock.
    ///
    /// # Errors
    /// What would keep a run from going on.
    pub async fn plan_with_numbers(&self) -> Result<Plan> {
        let models = shoplake_models::load(&self.project).map_err(many)?;
        self.tables.recover().await?;
        self.catch_up().await?;
        let intakes = self.foresee().await?;
        let mut plan = self.plan_of(&models, &intakes).await?;
        if !plan.changes {
            self.tables.discard_staged().await?;
            plan.numbers = Some(Numbers::none());
            return Ok(plan);
        }
        let run = Run::new(false);
        let files: Vec<LandedFile> = intakes.iter().flat_map(|intake| intake.files.clone()).collect();
        let before = self.tables.pinned().await?;
        let mut batch = self.tables.begin(&run.id, &files).await?;
        let worked = async {
            let (loaded, built) = self.work_out(&mut *batch, &run.id, &models, &intakes).await?;
            let effects = self.effects(&models, &built, &before, &batch.catalog().await?).await?;
            Ok((loaded, built, effects))
        };
        let (loaded, built, effects) = match worked.await {
            Ok(worked) => worked,
            Err(fault) => {
                // The fault is what the person must know; a sweep that fails is done by the next run.
                let _ = batch.abandon().await;
                return Err(fault);
            }
        };
        let broken = built.models.iter().filter_map(|model| Some((model.name.clone(), model.error.clone()?)));
        let mut numbers = Numbers {
            kept: None,
            datasets: loaded.datasets.clone(),
            days: days(&loaded.changes),
            failures: built.tests.failures.clone(),
            broken: broken.collect(),
            models: effects,
        };
        if built.blocks() {
            batch.abandon().await?;
        } else {
            let whole = (&Choice::default(), &BTreeSet::new());
            let summary = self.summary(&run, &models, &intakes, &loaded, whole).await?;
            let staged = StagedBatch {
                batch: batch.number(),
                at: Utc::now(),
                made_from: self.made_from(&models, &intakes),
                summary,
                models: built.models,
                tests: built.tests,
                restated: built.restated,
            };
            numbers.kept = Some(staged.batch);
            batch.stage(staged).await?;
        }
        self.progress.done();
        plan.numbers = Some(numbers);
        Ok(plan)
    }

    async fn work_out(
        &self,
        batch: &mut dyn Batch,
        run: &RunId,
        models: &Models,
        intakes: &[Intake],
    ) -> Result<(Loaded, Built)> {
        let last = self.last_fingerprints().await?;
        let stale = stale(models, last.as_ref(), &self.fingerprints(models));
        let loaded = self.load(batch, intakes, None).await.map_err(|failed| failed.fault)?;
        let why = (&Choice::default(), &Reason::of_run(run, intakes));
        let built = self.build(batch, models, &loaded.changes, &stale, why).await?;
        Ok((loaded, built))
    }

    /// The kept batch, if it was made from what this run would work on.
    pub(crate) async fn kept_for(&self, models: &Models, intakes: &[Intake]) -> Result<Option<StagedBatch>> {
        let staged = self.tables.staged().await?;
        Ok(staged.filter(|staged| staged.made_from == self.made_from(models, intakes)))
    }

    /// Publishes what a plan has worked out.
    pub(crate) async fn publish_kept(
        &self,
        run: &mut Run,
        staged: StagedBatch,
        intakes: &[Intake],
        outcome: &mut RunOutcome,
    ) -> Result<()> {
        let StagedBatch { batch, summary, models, tests, restated, .. } = staged;
        (outcome.models, outcome.tests, outcome.restated) = (models, tests, restated);
        let status: HashMap<&str, FileStatus> = summary
            .datasets
            .iter()
            .flat_map(|dataset| &dataset.files)
            .map(|file| (file.key.as_str(), file.status))
            .collect();
        // What is kept names the files where they lay; by now they have landed.
        let (mut loaded, mut failed) = (Vec::new(), Vec::new());
        for intake in intakes {
            for file in intake.files.iter().chain(intake.replays.iter().map(|replayed| &replayed.file)) {
                match status.get(file.key.as_str()) {
                    Some(FileStatus::Loaded) => loaded.push(file.clone()),
                    _ => failed.push(file.clone()),
                }
            }
        }
        let datasets = summary.datasets.iter().zip(intakes).map(|(dataset, intake)| {
            let known = |status| status == FileStatus::AlreadyLoaded;
            let files = dataset.files.iter().filter(|file| !known(file.status)).cloned();
            DatasetOutcome { files: intake.known.iter().cloned().chain(files).collect(), ..dataset.clone() }
        });
        let loaded = Loaded { datasets: datasets.collect(), files: loaded, failed, changes: HashMap::new() };
        let summary = BatchSummary {
            run_id: run.id.clone(),
            started_at: run.started_at,
            published_at: Some(chrono::Utc::now()),
            datasets: loaded.datasets.clone(),
            files: loaded.files.clone(),
            cursors: self.cursors(intakes, &loaded),
            corrections: intakes.iter().filter_map(|intake| intake.corrections.clone()).collect(),
            ..summary
        };
        self.step(run, "plan", &format!("batch {batch} as it was planned")).await?;
        self.progress.stage("publishing", None);
        let manifest = self.tables.publish_staged(batch, summary).await?;
        self.published(run, manifest, outcome).await?;
        self.remember(run, &loaded, outcome).await
    }

    /// A digest of all that decides what a run comes to, but for the tables that it starts from.
    fn made_from(&self, models: &Models, intakes: &[Intake]) -> String {
        let mut text = format!("{}\n", self.project.time_zone);
        for (dataset, intake) in self.project.datasets.iter().zip(intakes) {
            let _ = writeln!(text, "{} {}", dataset.contract.dataset, dataset.contract.fingerprint());
            for file in &intake.files {
                let _ = writeln!(text, "file {} {}", file.key, file.sha256.0);
            }
            for replayed in &intake.replays {
                let mut rows: Vec<&RowPlace> = replayed.replay.rows.iter().collect();
                rows.sort_unstable();
                let _ = writeln!(text, "rows {} {rows:?}", replayed.file.key);
            }
        }
        for model in &models.models {
            let _ = writeln!(text, "model {model:?}");
        }
        for test in &models.tests {
            let _ = writeln!(text, "test {test:?}");
        }
        hash::fingerprint(&text)
    }

    /// Whether contracts and models are what the last batch was made with.
    pub(crate) fn is_settled(&self, models: &Models, last: Option<&BTreeMap<String, String>>) -> bool {
        last.is_some_and(|last| same(last, &self.fingerprints(models)))
    }
}

impl Numbers {
    fn none() -> Self {
        let (datasets, failures, broken, models) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { kept: None, datasets, days: BTreeMap::new(), failures, broken, models }
    }
}

fn days(changes: &HashMap<String, DatasetChange>) -> BTreeMap<String, DaysTouched> {
    let text = |day: i32| {
        let (year, month, day) = shoplake_core::clock::civil(day);
        format!("{year:04}-{month:02}-{day:02}")
    };
    let touched = changes.iter().filter_map(|(dataset, change)| {
        let (first, last) = (change.days.first()?, change.days.last()?);
        let days = DaysTouched { days: change.days.len() as u64, first: text(*first), last: text(*last) };
        Some((dataset.clone(), days))
    });
    touched.collect()
}

/// The models of a run that were made anew.
pub(crate) fn made(built: &Built) -> impl Iterator<Item = &str> {
    built.models.iter().filter(|model| model.status == ModelStatus::Success).map(|model| model.name.as_str())
}
