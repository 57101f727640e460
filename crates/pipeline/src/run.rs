//! The run: every stage in its order, and what each outcome means for the next.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use chrono::{DateTime, Utc};
use shoplake_core::logs::KEPT;
use shoplake_core::outcome::{FileStatus, ModelStatus, RunOutcome, RunStatus, TestsOutcome};
use shoplake_core::ports::{Batch, BatchSummary, FileRecord, Manifest, ModelText, StepRecord};
use shoplake_core::project::Dataset;
use shoplake_core::retry::Step;
use shoplake_core::{BatchNumber, Counts, Fault, FaultKind, LandedFile, Result, RunId, fail_point};
use shoplake_models::{Materialized, Models};

use crate::build::{Built, fingerprints};
use crate::choice::Choice;
use crate::collect::Intake;
use crate::ended::tell;
use crate::load::{Loaded, explain};
use crate::plan::words;
use crate::restated::Reason;
use crate::tries::{Failed, Tries};
use crate::{Pipeline, RunOptions};

/// The run in hand.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) began: Instant,
    step: Instant,
    whole: bool,
}

/// What a run has to do.
struct Work<'a> {
    models: &'a Models,
    /// Models whose SQL is not what their table was built with.
    stale: HashSet<String>,
    /// Whether contracts and models are what the last batch was made with.
    settled: bool,
    intakes: &'a [Intake],
    choice: &'a Choice,
}

impl Run {
    /// A run that begins now; see [`RunOutcome::whole`].
    pub(crate) fn new(whole: bool) -> Self {
        let now = Instant::now();
        Self { id: RunId::new(), started_at: Utc::now(), began: now, step: now, whole }
    }

    /// The outcome of a run that has done nothing yet.
    pub(crate) fn outcome(&self) -> RunOutcome {
        RunOutcome {
            run_id: self.id.clone(),
            status: RunStatus::Success,
            seconds: 0.0,
            started_at: self.started_at,
            whole: self.whole,
            batch: None,
            datasets: Vec::new(),
            models: Vec::new(),
            tests: TestsOutcome::default(),
            restated: Vec::new(),
            reports: Vec::new(),
            problems: Vec::new(),
        }
    }
}

impl Pipeline {
    /// Runs the project once: everything that has arrived is in the tables afterwards, or nothing is.
    ///
    /// The caller holds the project's lock.
    ///
    /// # Errors
    /// What keeps the run as a whole from going on (the project, the store, the disk); nothing is
    /// published then. Faults of files and tests are part of the outcome.
    pub async fn run(&self, options: &RunOptions) -> Result<RunOutcome> {
        let mut run = Run::new(options.is_whole());
        if let Some(staged) = self.tables.staged().await.map_err(|fault| self.name_full_disk(fault))? {
            // Rows that a plan has loaded name its run: the run that publishes them goes by that name.
            run.id = staged.summary.run_id;
        }
        tracing::info!(target: KEPT, run = %run.id, "a run begins");
        let (mut broken_off, began) = (run.outcome(), run.began);
        let unheard = self.listener.started(&run.id, run.started_at).await;
        match self.run_once(run, options, unheard).await {
            Ok(outcome) => {
                tell(&outcome);
                Ok(outcome)
            }
            Err(fault) => {
                let fault = self.name_full_disk(fault);
                let id = &broken_off.run_id;
                tracing::error!(target: KEPT, run = %id, kind = ?fault.kind, "the run broke off");
                self.listener.broke_off(id, &fault).await;
                broken_off.status = RunStatus::Error;
                broken_off.seconds = began.elapsed().as_secs_f64();
                broken_off.problems = vec![explain(&fault)];
                // Where the state is what is away, the fault itself still says all.
                if let Err(untold) = self.state.finish_run(&broken_off).await {
                    tracing::warn!(run = %broken_off.run_id, fault = untold.for_log(), "its end was not noted");
                }
                Err(fault)
            }
        }
    }

    /// A full disk is told with the folder whose volume it is, whichever library met it.
    fn name_full_disk(&self, fault: Fault) -> Fault {
        if !fault.is_disk_full() {
            return fault;
        }
        let lake = std::path::absolute(&self.project.lake_dir).unwrap_or_else(|_| self.project.lake_dir.clone());
        // Every fault of the lake names its file; SQLite names none.
        let in_lake = fault.to_string().contains(&lake.display().to_string());
        let folder = if in_lake { lake } else { self.project.state_dir() };
        let folder = folder.display();
        let before = fault.detail.as_deref().map(|detail| format!("{detail} ")).unwrap_or_default();
        let hinted = fault.hint.is_some();
        let fault = fault.detail(format!("{before}The volume that holds `{folder}` is full."));
        if hinted {
            fault
        } else {
            fault.hint("free some space; nothing was published, the next run takes the same files")
        }
    }

    async fn run_once(&self, mut run: Run, options: &RunOptions, mut unheard: Vec<String>) -> Result<RunOutcome> {
        let models = shoplake_models::load(&self.project).map_err(many)?;
        self.note(&run.id, || self.state.begin_run(&run.id, run.started_at)).await?;
        let mut tries = Tries::new(self, &run.id);
        tries.until_done(Step::Recover, || self.bring_in_order()).await?;
        self.step(&mut run, "recover", "what earlier runs left is in order").await?;
        let last = tries.until_done(Step::Recover, || self.last_fingerprints()).await?;
        let settled = self.is_settled(&models, last.as_ref());
        if !settled {
            self.compile(&models).await?;
            self.step(&mut run, "compile", &format!("{} models", models.models.len())).await?;
        }
        let intakes = if options.build_only {
            self.nothing()
        } else {
            tries.until_done(Step::Land, || self.collect(options)).await?
        };
        let files: Vec<LandedFile> = intakes.iter().flat_map(|intake| intake.files.clone()).collect();
        self.step(&mut run, "land", &format!("{} files to load", files.len())).await?;
        let now = self.fingerprints(&models);
        let mut outcome = run.outcome();
        outcome.problems = intakes.iter().flat_map(|intake| intake.problems.clone()).collect();
        let replays = intakes.iter().any(|intake| !intake.replays.is_empty());
        let choice = &options.choice;
        // What a plan has kept is a run of everything, and of nothing more.
        let plain = !options.build_only && !choice.full_refresh && !choice.all_tests && choice.chosen.is_none();
        let kept = if plain { self.kept_for(&models, &intakes).await? } else { None };
        if files.is_empty() && !replays && settled && !options.build_only && !choice.full_refresh {
            self.tables.discard_staged().await?;
            outcome.datasets = idle(self, &intakes);
        } else if let Some(staged) = kept {
            self.publish_kept(&mut run, staged, &intakes, &mut outcome).await?;
        } else {
            let stale = stale(&models, last.as_ref(), &now);
            let work = Work { models: &models, stale, settled, intakes: &intakes, choice: &options.choice };
            self.work_until_done(&mut run, &mut tries, &work, &mut outcome).await?;
        }
        if outcome.batch.is_none() {
            // Nothing was taken of them: who corrected rows has them still.
            for corrections in intakes.iter().filter_map(|intake| intake.corrections.as_ref()) {
                self.landing.discard(&corrections.file)?;
            }
        }
        let pull_failed = intakes.iter().any(|intake| intake.failed);
        outcome.status = if pull_failed { RunStatus::Error } else { outcome.judge() };
        outcome.seconds = run.began.elapsed().as_secs_f64();
        if outcome.batch.is_some() {
            fail_point("before-reports")?;
            match tries.until_done(Step::Reports, || self.report_of(None, Some(&outcome))).await {
                Ok(reports) => outcome.reports = reports,
                // The tables are published by now: a report that fails is told, and made again by hand.
                Err(fault) => {
                    outcome.problems.push(format!("the report was not written: {}", explain(&fault)));
                    outcome.status = outcome.status.max(RunStatus::Warning);
                }
            }
            self.step(&mut run, "reports", &format!("{} written", outcome.reports.len())).await?;
            // All is published: a log that stays long costs time, nothing else.
            if let Err(fault) = self.tables.checkpoint().await {
                outcome.problems.push(format!("the tables' logs were not shortened: {}", explain(&fault)));
                outcome.status = outcome.status.max(RunStatus::Warning);
            }
        }
        outcome.seconds = run.began.elapsed().as_secs_f64();
        fail_point("after-reports")?;
        unheard.extend(self.listener.ended(&outcome, &texts(&models)).await);
        unheard.dedup();
        outcome.problems.append(&mut unheard);
        self.note(&outcome.run_id, || self.state.finish_run(&outcome)).await?;
        Ok(outcome)
    }

    /// What earlier runs left, rolled forward or set aside. Doing it twice does no harm.
    async fn bring_in_order(&self) -> Result<()> {
        self.tables.recover().await?;
        self.catch_up().await
    }

    /// A batch is one piece: where a step of it is to be tried again, it is set aside and begun anew, from
    /// the files that have landed.
    async fn work_until_done(
        &self,
        run: &mut Run,
        tries: &mut Tries<'_>,
        work: &Work<'_>,
        outcome: &mut RunOutcome,
    ) -> Result<()> {
        let before = outcome.clone();
        loop {
            let Err(failed) = self.work(run, tries, work, outcome).await else { return Ok(()) };
            tries.again(failed).await?;
            tries.until_done(Step::Recover, || self.bring_in_order()).await?;
            outcome.clone_from(&before);
        }
    }

    /// Loads, builds, tests and, if all of it holds, publishes.
    async fn work(
        &self,
        run: &mut Run,
        tries: &mut Tries<'_>,
        work: &Work<'_>,
        outcome: &mut RunOutcome,
    ) -> Result<(), Failed> {
        let load = |fault| Failed::of(Step::Load, fault);
        let publish = |fault| Failed::of(Step::Publish, fault);
        let files: Vec<LandedFile> = work.intakes.iter().flat_map(|intake| intake.files.clone()).collect();
        let mut batch = self.tables.begin(&run.id, &files).await.map_err(load)?;
        let worked = async {
            let loaded = self.load(&mut *batch, work.intakes, Some(&*tries)).await?;
            let counted: u64 = loaded.datasets.iter().map(|dataset| dataset.counts.rows_read).sum();
            self.step(run, "load", &format!("{counted} rows of {} files", loaded.files.len())).await.map_err(load)?;
            let reason = Reason::of_run(&run.id, work.intakes);
            let build = self.build(&mut *batch, work.models, &loaded.changes, &work.stale, (work.choice, &reason));
            let built = tries.once(Step::Models, build).await?;
            let detail = format!("{} models, {} tests", built.models.len(), built.tests.passed);
            self.step(run, "models", &detail).await.map_err(|fault| Failed::of(Step::Models, fault))?;
            Ok::<_, Failed>((loaded, built))
        };
        let (loaded, built) = match worked.await {
            Ok(worked) => worked,
            Err(failed) => {
                // The fault is what the person must know; a sweep that fails is done by the next run.
                let _ = batch.abandon().await;
                return Err(failed);
            }
        };
        let blocked = built.blocks();
        let Built { models: model_outcomes, tests, due, restated } = built;
        (outcome.models, outcome.tests) = (model_outcomes, tests);
        if !due.is_empty() {
            let names: Vec<String> = due.iter().map(|name| format!("`{name}`")).collect();
            outcome
                .problems
                .push(format!("left out although due: {}; the next `shoplake run` builds them", names.join(", ")));
        }
        let built_none = outcome.models.iter().all(|model| model.status == ModelStatus::Unchanged);
        let nothing_new = (work.settled || work.choice.chosen.is_some())
            && built_none
            && loaded.files.is_empty()
            && loaded.changes.values().all(|c| !c.changed);
        if blocked {
            batch.abandon().await.map_err(publish)?;
            outcome.datasets = held(&loaded);
        } else if nothing_new {
            batch.abandon().await.map_err(publish)?;
            outcome.datasets.clone_from(&loaded.datasets);
        } else {
            self.publish(run, tries, batch, work, (&loaded, &due), outcome).await?;
            outcome.restated = restated;
        }
        // Published or not, it is decided: what is left is to be noted, and nothing of it is done again.
        self.remember(run, &loaded, outcome).await.map_err(|fault| Failed::for_good(Step::Publish, fault))
    }

    async fn publish(
        &self,
        run: &mut Run,
        tries: &mut Tries<'_>,
        batch: Box<dyn Batch>,
        work: &Work<'_>,
        (loaded, due): (&Loaded, &BTreeSet<String>),
        outcome: &mut RunOutcome,
    ) -> Result<(), Failed> {
        let for_good = |fault| Failed::for_good(Step::Publish, fault);
        let summary = self.summary(run, work.models, work.intakes, loaded, (work.choice, due)).await;
        let summary = summary.map_err(|fault| Failed::of(Step::Publish, fault))?;
        self.progress.stage("publishing", None);
        let number = batch.number();
        let manifest = match tries.once(Step::Publish, batch.publish(summary)).await {
            Ok(manifest) => manifest,
            Err(failed) => {
                // Whether it was decided is unknown until the lake is read again.
                tries.again(failed).await.map_err(for_good)?;
                tries.until_done(Step::Recover, || self.tables.recover()).await.map_err(for_good)?;
                let later = self.tables.manifests(BatchNumber(number.0.saturating_sub(1))).await.map_err(for_good)?;
                let ours = |known: &Manifest| known.batch == number && known.summary.run_id == run.id;
                later.into_iter().find(ours).ok_or_else(|| Failed::waited(Step::Publish))?
            }
        };
        self.published(run, manifest, outcome).await.map_err(for_good)
    }

    /// After the decision: state and archive follow, and the outcome tells of it.
    pub(crate) async fn published(&self, run: &mut Run, manifest: Manifest, outcome: &mut RunOutcome) -> Result<()> {
        self.step(run, "publish", &format!("batch {}", manifest.batch)).await?;
        let settled = Tries::new(self, &run.id).until_done(Step::Archive, || self.settle(&manifest)).await;
        settled.map_err(|fault| published(fault, manifest.batch))?;
        self.step(run, "archive", &format!("{} files", manifest.summary.files.len())).await?;
        self.progress.done();
        outcome.batch = Some(manifest.batch);
        outcome.datasets = manifest.summary.datasets;
        Ok(())
    }

    /// What the publish record says of the run, which left some models out though they are due.
    pub(crate) async fn summary(
        &self,
        run: &Run,
        models: &Models,
        intakes: &[Intake],
        loaded: &Loaded,
        (choice, due): (&Choice, &BTreeSet<String>),
    ) -> Result<BatchSummary> {
        let (mut fingerprints, views) = self.to_publish(models, choice, due).await?;
        let last = self.last_fingerprints().await?.unwrap_or_default();
        for Dataset { contract, .. } in &self.project.datasets {
            let (entry, now) = words(contract);
            // Where rows are still to be judged by the contract as it is, its words wait too.
            let print = contract.fingerprint();
            let judged = fingerprints.iter().any(|(name, known)| name == &contract.dataset && known == &print);
            let words = if judged { Some(now) } else { last.get(&entry).cloned() };
            fingerprints.extend(words.map(|words| (entry, words)));
        }
        Ok(BatchSummary {
            run_id: run.id.clone(),
            started_at: run.started_at,
            published_at: Some(Utc::now()),
            datasets: loaded.datasets.clone(),
            files: loaded.files.clone(),
            cursors: self.cursors(intakes, loaded),
            fingerprints,
            corrections: intakes.iter().filter_map(|intake| intake.corrections.clone()).collect(),
            restored: Vec::new(),
            views,
        })
    }

    /// The cursors that move with what is loaded.
    pub(crate) fn cursors(&self, intakes: &[Intake], loaded: &Loaded) -> Vec<(String, serde_json::Value)> {
        let cursors = self.project.datasets.iter().zip(intakes).filter(|(_, intake)| intake.pulled);
        // A pull whose page was refused stays open: the cursor must not pass what is not loaded.
        let whole = |name: &str| loaded.failed.iter().all(|file| file.dataset != name || file.page.is_none());
        let cursors = cursors.map(|(dataset, intake)| (dataset.contract.dataset.clone(), intake.cursor.clone()));
        let cursors = cursors.filter(|(name, _)| whole(name));
        cursors.map(|(name, cursor)| (name, cursor.unwrap_or_default())).collect()
    }

    /// Notes the files that are not part of a published batch.
    pub(crate) async fn remember(&self, run: &Run, loaded: &Loaded, outcome: &RunOutcome) -> Result<()> {
        for dataset in &outcome.datasets {
            let Some(known) = self.project.dataset(&dataset.dataset) else { continue };
            for file in dataset.files.iter().filter(|f| matches!(f.status, FileStatus::Failed | FileStatus::Held)) {
                let landed = loaded.files.iter().chain(&loaded.failed).find(|landed| landed.key == file.key);
                let record = FileRecord {
                    dataset: dataset.dataset.clone(),
                    run_id: run.id.clone(),
                    at: Utc::now(),
                    page: landed.and_then(|landed| landed.page.clone()),
                    fingerprint: known.contract.fingerprint(),
                    file: file.clone(),
                };
                self.note(&run.id, || self.state.record_file(&record)).await?;
            }
        }
        Ok(())
    }

    /// What decides whether there is anything to do without new files.
    pub(crate) fn fingerprints(&self, models: &Models) -> BTreeMap<String, String> {
        let contracts = self.project.datasets.iter();
        let contracts = contracts.map(|d| (d.contract.dataset.clone(), d.contract.fingerprint()));
        contracts.chain(fingerprints(models)).collect()
    }

    /// What the last published batch said of itself.
    pub(crate) async fn last_summary(&self) -> Result<Option<BatchSummary>> {
        let last = self.state.last_batch().await?;
        let Some(before) = last.0.checked_sub(1) else { return Ok(None) };
        Ok(self.tables.manifests(BatchNumber(before)).await?.pop().map(|manifest| manifest.summary))
    }

    pub(crate) async fn last_fingerprints(&self) -> Result<Option<BTreeMap<String, String>>> {
        let last = self.last_summary().await?;
        Ok(last.map(|summary| summary.fingerprints.into_iter().collect()))
    }

    pub(crate) async fn step(&self, run: &mut Run, name: &str, detail: &str) -> Result<()> {
        let seconds = run.step.elapsed().as_secs_f64();
        run.step = Instant::now();
        tracing::info!(run = %run.id, step = name, seconds, detail);
        let step = StepRecord { name: name.into(), seconds, detail: detail.into() };
        self.note(&run.id, || self.state.record_step(&run.id, &step)).await
    }

    /// Notes in the state what is done. A state that is away for a while is asked again, as the archive is: nothing
    /// has to be done again because it was.
    async fn note<F: Future<Output = Result<()>>>(&self, run: &RunId, write: impl FnMut() -> F) -> Result<()> {
        Tries::new(self, run).until_done(Step::Archive, write).await
    }
}

/// The stored models as listeners know them.
fn texts(models: &Models) -> Vec<ModelText> {
    let stored = models.models.iter().filter(|model| model.materialized.is_stored());
    let text = |model: &shoplake_models::Model| ModelText {
        name: model.name.clone(),
        sql: model.sql.clone(),
        description: model.description.clone(),
        columns: model.columns.iter().map(|column| (column.name.clone(), column.description.clone())).collect(),
    };
    stored.map(text).collect()
}

/// Whether the fingerprints `now` are those of `last`, which may say more: contracts in words, for people.
pub(crate) fn same(last: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> bool {
    let prints = last.iter().filter(|(name, _)| !name.starts_with("contract:"));
    prints.eq(now.iter())
}

/// Models whose SQL is not what their table was built with, and views whose SQL is not what readers see.
pub(crate) fn stale(
    models: &Models,
    last: Option<&BTreeMap<String, String>>,
    now: &BTreeMap<String, String>,
) -> HashSet<String> {
    let changed = models.models.iter().filter(|model| {
        let kind = if model.materialized == Materialized::View { "view" } else { "model" };
        let name = format!("{kind}:{}", model.name);
        now.contains_key(&name) && last.and_then(|last| last.get(&name)) != now.get(&name)
    });
    changed.map(|model| model.name.clone()).collect()
}

/// The datasets of a run that had nothing to load.
fn idle(pipeline: &Pipeline, intakes: &[Intake]) -> Vec<shoplake_core::outcome::DatasetOutcome> {
    let datasets = pipeline.project.datasets.iter().zip(intakes);
    let outcome = datasets.map(|(dataset, intake)| shoplake_core::outcome::DatasetOutcome {
        dataset: dataset.contract.dataset.clone(),
        files: intake.known.clone(),
        counts: Counts::default(),
        top_cause: None,
        seconds: 0.0,
    });
    outcome.collect()
}

/// The datasets of a run whose tests failed: its files wait, and nothing of them counts.
fn held(loaded: &Loaded) -> Vec<shoplake_core::outcome::DatasetOutcome> {
    let mut datasets = loaded.datasets.clone();
    for dataset in &mut datasets {
        dataset.counts = Counts::default();
        dataset.top_cause = None;
        for file in dataset.files.iter_mut().filter(|file| file.status == FileStatus::Loaded) {
            file.status = FileStatus::Held;
            file.counts = Counts::default();
            file.error = Some("a test or a model failed, so nothing of this run was published".into());
        }
    }
    datasets
}

/// A fault after the tables have the batch: only the archive or the state lags behind.
fn published(fault: Fault, batch: BatchNumber) -> Fault {
    fault
        .detail(format!("Batch {} is published; archive and state do not know of all of it yet.", batch.0))
        .hint("bring the disk in order; the next `shoplake run` catches up and loads nothing twice")
}

/// One fault for several: the first, with the others told in its detail.
pub fn many(mut faults: Vec<Fault>) -> Fault {
    let rest: Vec<String> = faults.iter().skip(1).map(ToString::to_string).collect();
    let Some(first) = (!faults.is_empty()).then(|| faults.remove(0)) else {
        return Fault::new(FaultKind::Internal, "the models failed without a reason");
    };
    if rest.is_empty() { first } else { first.detail(rest.join("\n")) }
}
