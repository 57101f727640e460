//! Datasets brought back to what they were, one table or all of them, with their marts, as a batch of its
//! own: readers see all of it or none, and the next run goes on from there.

use std::collections::{BTreeMap, HashMap, HashSet};

use shoplake_core::maintenance::Restored;
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{Batch, BatchSummary, DatasetChange, Manifest, TableMaintenance};
use shoplake_core::{BatchNumber, Fault, PinnedTable, Result, RunId};
use shoplake_models::Models;

use crate::Pipeline;
use crate::build::{Built, fingerprints};
use crate::choice::Choice;
use crate::restated::Reason;
use crate::run::{Run, many, stale};

impl Pipeline {
    /// Brings `table` back to `version`, makes the models that read it anew, tests them and publishes.
    ///
    /// Files that were loaded since stay known by their bytes: they are not loaded again. The caller
    /// holds the project's lock.
    ///
    /// # Errors
    /// A table that is no dataset, a version that is not there or is the one it is at.
    pub async fn restore(&self, versions: &dyn TableMaintenance, table: &str, version: u64) -> Result<RunOutcome> {
        if self.project.dataset(table).is_none() {
            let known: Vec<String> =
                self.project.datasets.iter().map(|d| format!("`{}`", d.contract.dataset)).collect();
            return Err(Fault::usage(format!("`{table}` is no dataset, so it cannot be restored"))
                .hint(format!("the project has {}; models follow from them", known.join(", "))));
        }
        let models = shoplake_models::load(&self.project).map_err(many)?;
        self.tables.recover().await?;
        self.catch_up().await?;
        let history = versions.history(table).await?;
        if history.last().is_some_and(|last| last.version == version) {
            return Err(Fault::usage(format!("`{table}` is at version {version} already")));
        }
        if !history.iter().any(|known| known.version == version) {
            return Err(Fault::usage(format!("`{table}` has no version {version}"))
                .hint(format!("`shoplake table history {table}` shows the versions that it has")));
        }
        let pinned = versions.at_version(table, version).await?;
        let (outcome, _) = self.bring_back(&models, vec![(pinned, version)]).await?;
        Ok(outcome)
    }

    /// Brings every dataset back to where it stood after batch `to`, or else after the batch before the
    /// last, with the models that read them; says the batch and what was brought back.
    ///
    /// Files that were loaded since stay known by their bytes, and models are made of the project's SQL
    /// as it is. The caller holds the project's lock.
    ///
    /// # Errors
    /// No such batch, one that left the datasets as they are, or a last batch that went back itself.
    pub async fn rollback(
        &self,
        versions: &dyn TableMaintenance,
        to: Option<BatchNumber>,
    ) -> Result<(RunOutcome, BatchNumber, Vec<Restored>)> {
        let models = shoplake_models::load(&self.project).map_err(many)?;
        self.tables.recover().await?;
        self.catch_up().await?;
        let manifests = self.tables.manifests(BatchNumber(0)).await?;
        let to = target(&manifests, to)?;
        let known = self.tables.pinned().await?.tables;
        let mut back = Vec::new();
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            if !known.contains_key(name) {
                continue;
            }
            let history = versions.history(name).await?;
            let then = history.iter().rev().find(|version| version.batch <= to).or(history.first());
            let Some(then) = then.filter(|then| history.last().is_some_and(|last| last.version > then.version)) else {
                continue;
            };
            back.push((versions.at_version(name, then.version).await?, then.version));
        }
        if back.is_empty() {
            return Err(Fault::usage(format!("no dataset has changed since batch {}", to.0))
                .detail("Models are made of the SQL in the project's folder.")
                .hint("bring the SQL back to what it was, then `shoplake run`"));
        }
        let (outcome, restored) = self.bring_back(&models, back).await?;
        Ok((outcome, to, restored))
    }

    /// Publishes tables as they were, and the models over them, as a batch of its own; nothing where a
    /// test does not hold.
    async fn bring_back(&self, models: &Models, back: Vec<(PinnedTable, u64)>) -> Result<(RunOutcome, Vec<Restored>)> {
        let restored: Vec<Restored> = back
            .iter()
            .map(|(pinned, version)| Restored { table: pinned.name.clone(), version: *version, rows: pinned.rows() })
            .collect();
        let mut run = Run::new(false);
        self.state.begin_run(&run.id, run.started_at).await?;
        let mut batch = self.tables.begin(&run.id, &[]).await?;
        let last = self.last_fingerprints().await?.unwrap_or_default();
        let back = back.into_iter().map(|(pinned, _)| pinned).collect();
        let built = match self.build_restored(&mut *batch, models, back, &last, &run.id).await {
            Ok(built) => built,
            Err(fault) => {
                // The fault is what the person must know; a sweep that fails is done by the next run.
                let _ = batch.abandon().await;
                return Err(fault);
            }
        };
        let mut outcome = run.outcome();
        let blocked = built.blocks();
        (outcome.models, outcome.tests, outcome.restated) = (built.models, built.tests, built.restated);
        if blocked {
            batch.abandon().await?;
        } else {
            let manifest = batch.publish(self.summary_of(&run, models, restored.clone(), last)).await?;
            self.settle(&manifest).await?;
            let words = restored.iter().map(|table| format!("`{}` to version {}", table.table, table.version));
            self.step(&mut run, "restore", &words.collect::<Vec<_>>().join(", ")).await?;
            outcome.batch = Some(manifest.batch);
        }
        outcome.status = outcome.judge();
        outcome.seconds = run.began.elapsed().as_secs_f64();
        self.state.finish_run(&outcome).await?;
        Ok((outcome, restored))
    }

    /// Puts the versions in place, and makes and tests the models over it.
    async fn build_restored(
        &self,
        batch: &mut dyn Batch,
        models: &Models,
        back: Vec<PinnedTable>,
        last: &BTreeMap<String, String>,
        run: &RunId,
    ) -> Result<Built> {
        let change = DatasetChange { changed: true, ..DatasetChange::default() };
        let changes = back.iter().map(|version| (version.name.clone(), change.clone())).collect::<HashMap<_, _>>();
        for version in back {
            batch.restore(version).await?;
        }
        let stale = stale(models, Some(last), &fingerprints(models));
        let reason = Reason { run_id: run.clone(), replayed: HashSet::new(), restored: true };
        self.build(batch, models, &changes, &stale, (&Choice::default(), &reason)).await
    }

    /// The account of the batch. The contracts keep the fingerprints of the last run: rows that wait to
    /// be judged by another one are still due.
    fn summary_of(
        &self,
        run: &Run,
        models: &Models,
        restored: Vec<Restored>,
        mut prints: BTreeMap<String, String>,
    ) -> BatchSummary {
        prints.extend(fingerprints(models));
        BatchSummary {
            run_id: run.id.clone(),
            started_at: run.started_at,
            published_at: Some(chrono::Utc::now()),
            datasets: Vec::new(),
            files: Vec::new(),
            cursors: Vec::new(),
            fingerprints: prints.into_iter().collect(),
            corrections: Vec::new(),
            restored,
            views: models.views(),
        }
    }
}

/// The batch to go back to: `to` where it is a published one before the last, else the one before the last.
fn target(manifests: &[Manifest], to: Option<BatchNumber>) -> Result<BatchNumber> {
    let Some((last, before)) = manifests.split_last() else {
        return Err(Fault::usage("there is no run to roll back").hint("the first `shoplake run` makes the tables"));
    };
    if let Some(to) = to {
        if before.iter().any(|manifest| manifest.batch == to) {
            return Ok(to);
        }
        let known: Vec<String> = before.iter().rev().take(5).map(|manifest| manifest.batch.0.to_string()).collect();
        let fault = Fault::usage(format!("there is no batch {} before the last one, {}", to.0, last.batch.0));
        return Err(if known.is_empty() {
            fault
        } else {
            fault.hint(format!("the last ones are {}", known.join(", ")))
        });
    }
    if !last.summary.restored.is_empty() {
        return Err(Fault::usage(format!("the last batch, {}, went back itself", last.batch.0)).hint(
            "name the batch to go to: `shoplake rollback --to BATCH`; `shoplake table history sales` lists them",
        ));
    }
    before.last().map(|manifest| manifest.batch).ok_or_else(|| {
        Fault::usage("there is no run before the first").hint("a table that should be empty is a folder to begin anew")
    })
}
