//! Small files joined, as a batch of its own: readers and `verify` see it like any other, and nothing of
//! the account changes, for no row does.

use shoplake_core::maintenance::Compacted;
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{Batch, BatchSummary};
use shoplake_core::{Fault, Result};

use crate::Pipeline;
use crate::run::Run;

impl Pipeline {
    /// Joins the small files of `table`, or of every table, partition by partition; says of each table
    /// how many files it had and has. Where there is nothing to join, nothing is published.
    ///
    /// The caller holds the project's lock.
    ///
    /// # Errors
    /// A table that is not there, and whatever keeps its files from being read or written.
    pub async fn compact(&self, table: Option<&str>) -> Result<(RunOutcome, Vec<Compacted>)> {
        self.tables.recover().await?;
        self.catch_up().await?;
        let known: Vec<String> = self.tables.pinned().await?.tables.into_keys().collect();
        if let Some(table) = table.filter(|table| !known.iter().any(|name| name == table)) {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            return Err(Fault::usage(format!("no table `{table}`")).hint(if names.is_empty() {
                "the first `shoplake run` makes the tables".to_owned()
            } else {
                format!("the lake has {}", names.join(", "))
            }));
        }
        let mut run = Run::new(false);
        let mut outcome = run.outcome();
        if known.is_empty() {
            return Ok((outcome, Vec::new()));
        }
        self.state.begin_run(&run.id, run.started_at).await?;
        let mut batch = self.tables.begin(&run.id, &[]).await?;
        let mut compacted = Vec::new();
        for name in known.iter().filter(|name| table.is_none_or(|table| table == *name)) {
            self.progress.stage(&format!("compacting {name}"), None);
            match batch.compact(name).await {
                Ok(done) => compacted.push(done),
                Err(fault) => {
                    // The fault is what the person must know; a sweep that fails is done by the next run.
                    let _ = batch.abandon().await;
                    return Err(fault);
                }
            }
        }
        self.progress.done();
        if compacted.iter().all(|table| table.before == table.after) {
            batch.abandon().await?;
        } else {
            outcome.batch = Some(self.publish_compacted(&mut run, batch).await?);
        }
        outcome.seconds = run.began.elapsed().as_secs_f64();
        self.state.finish_run(&outcome).await?;
        Ok((outcome, compacted))
    }

    async fn publish_compacted(&self, run: &mut Run, batch: Box<dyn Batch>) -> Result<shoplake_core::BatchNumber> {
        let (fingerprints, views) =
            self.last_summary().await?.map(|last| (last.fingerprints, last.views)).unwrap_or_default();
        let summary = BatchSummary {
            run_id: run.id.clone(),
            started_at: run.started_at,
            published_at: Some(chrono::Utc::now()),
            datasets: Vec::new(),
            files: Vec::new(),
            cursors: Vec::new(),
            fingerprints,
            corrections: Vec::new(),
            restored: Vec::new(),
            views,
        };
        let manifest = batch.publish(summary).await?;
        self.settle(&manifest).await?;
        self.step(run, "compact", &format!("batch {}", manifest.batch)).await?;
        Ok(manifest.batch)
    }
}
