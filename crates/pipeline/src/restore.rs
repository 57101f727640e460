//! A dataset's table brought back to an earlier version, with its marts, as a batch of its own: readers
//! see all of it or none, and the next run goes on from there.

use std::collections::{BTreeMap, HashMap, HashSet};

use shoplake_core::maintenance::Restored;
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{Batch, BatchSummary, DatasetChange, TableMaintenance};
use shoplake_core::{Fault, PinnedTable, Result, RunId};
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
        let restored = Restored { table: table.to_owned(), version, rows: pinned.rows() };
        let mut run = Run::new();
        self.state.begin_run(&run.id, run.started_at).await?;
        let mut batch = self.tables.begin(&run.id, &[]).await?;
        let last = self.last_fingerprints().await?.unwrap_or_default();
        let built = match self.build_restored(&mut *batch, &models, pinned, &last, &run.id).await {
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
            let manifest = batch.publish(self.summary_of(&run, &models, restored, last)).await?;
            self.settle(&manifest).await?;
            self.step(&mut run, "restore", &format!("`{table}` to version {version}")).await?;
            outcome.batch = Some(manifest.batch);
        }
        outcome.status = outcome.judge();
        outcome.seconds = run.began.elapsed().as_secs_f64();
        self.state.finish_run(&outcome).await?;
        Ok(outcome)
    }

    /// Puts the version in place, and makes and tests the models over it.
    async fn build_restored(
        &self,
        batch: &mut dyn Batch,
        models: &Models,
        version: PinnedTable,
        last: &BTreeMap<String, String>,
        run: &RunId,
    ) -> Result<Built> {
        let change = DatasetChange { changed: true, ..DatasetChange::default() };
        let changes = HashMap::from([(version.name.clone(), change)]);
        batch.restore(version).await?;
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
        restored: Restored,
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
            restored: vec![restored],
            views: models.views(),
        }
    }
}
