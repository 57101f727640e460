//! Builds the models over the batch's tables and runs their tests, before anything is published.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use shoplake_core::outcome::{How, ModelOutcome, ModelStatus, TestFailure, TestsOutcome};
use shoplake_core::ports::{Batch, DatasetChange, Engine, RowStream};
use shoplake_core::restated::Restated;
use shoplake_core::{Catalog, Fault, FaultKind, PinnedTable, Result};
use shoplake_models::{Models, Severity};

use crate::Pipeline;
use crate::load::explain;
use crate::make::{Asked, Made};
use crate::restated::Reason;

/// What models and tests came to.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// In the order that they were built.
    pub(crate) models: Vec<ModelOutcome>,
    /// The tests.
    pub(crate) tests: TestsOutcome,
    /// What was restated of days that were published before.
    pub(crate) restated: Vec<Restated>,
}

impl Built {
    /// Whether something keeps the batch from being published.
    pub(crate) fn blocks(&self) -> bool {
        self.tests.failed > 0
            || self.models.iter().any(|m| matches!(m.status, ModelStatus::Error | ModelStatus::Skipped))
    }
}

/// Collects the rows of a stream.
pub(crate) async fn collect(stream: RowStream) -> Result<Vec<RecordBatch>> {
    stream.batches.try_collect().await
}

/// Plans every model over `catalog`, in order, without touching data; gives the catalog with the
/// models' tables (no files) in it.
///
/// # Errors
/// Every model whose SQL does not fit the tables.
pub async fn plan_all(engine: &dyn Engine, models: &Models, mut catalog: Catalog) -> Result<Catalog, Vec<Fault>> {
    let mut faults = Vec::new();
    for model in models.models.iter().filter(|model| model.materialized.is_stored()) {
        match engine.schema(&catalog, &model.sql).await {
            Ok(schema) => {
                let table = PinnedTable {
                    name: model.name.clone(),
                    root: std::env::temp_dir(),
                    schema,
                    partition_columns: Vec::new(),
                    files: Vec::new(),
                };
                catalog.tables.insert(model.name.clone(), Arc::new(table));
            }
            Err(fault) => faults.push(in_file(fault, &model.path)),
        }
    }
    if faults.is_empty() { Ok(catalog) } else { Err(faults) }
}

/// A fault of a model's SQL, with the model's file as its place.
fn in_file(mut fault: Fault, path: &str) -> Fault {
    let place = fault.place.take();
    fault.at(path, place.as_ref().and_then(|p| p.line), place.and_then(|p| p.column))
}

impl Pipeline {
    /// Builds what has to be built anew, and tests it.
    ///
    /// `stale` names models whose SQL has changed since they were built.
    pub(crate) async fn build(
        &self,
        batch: &mut dyn Batch,
        models: &Models,
        changes: &HashMap<String, DatasetChange>,
        stale: &HashSet<String>,
        reason: &Reason,
    ) -> Result<Built> {
        let mut built = Built::default();
        let mut changed: BTreeSet<String> =
            changes.iter().filter(|(_, change)| change.changed).map(|(name, _)| name.clone()).collect();
        let mut changes = changes.clone();
        let mut broken: BTreeSet<String> = BTreeSet::new();
        self.progress.stage("models", None);
        for model in models.models.iter().filter(|model| model.materialized.is_stored()) {
            let began = Instant::now();
            let catalog = batch.catalog().await?;
            let known = catalog.tables.get(&model.name).cloned();
            let mut outcome = ModelOutcome {
                name: model.name.clone(),
                status: ModelStatus::Success,
                how: None,
                why: None,
                rows: 0,
                seconds: 0.0,
                error: None,
            };
            let touched: Vec<&String> = model.reads.iter().filter(|table| changed.contains(*table)).collect();
            if model.reads.iter().any(|table| broken.contains(table)) {
                outcome.status = ModelStatus::Skipped;
                broken.insert(model.name.clone());
            } else if let Some(known) = known.as_ref().filter(|_| touched.is_empty() && !stale.contains(&model.name)) {
                (outcome.status, outcome.rows) = (ModelStatus::Unchanged, known.rows());
                outcome.how = Some(How::Unchanged);
            } else {
                let known = known.filter(|_| !stale.contains(&model.name));
                let asked =
                    Asked { model, catalog: &catalog, known: known.as_deref(), touched: &touched, changes: &changes };
                match self.make(batch, &asked).await {
                    Ok(Made { rows, how, why, change }) => {
                        (outcome.rows, outcome.how, outcome.why) = (rows, Some(how), why);
                        changed.insert(model.name.clone());
                        changes.insert(model.name.clone(), change);
                        if let Some(before) = known {
                            let noted = self.note_restated(batch, model, &before, &changes, reason).await?;
                            built.restated.extend(noted);
                        }
                    }
                    // A disk that is full or memory that is short is no fault of the data: the run ends.
                    Err(fault) if fault.kind == FaultKind::Unavailable => return Err(in_file(fault, &model.path)),
                    Err(fault) => {
                        outcome.status = ModelStatus::Error;
                        outcome.error = Some(explain(&in_file(fault, &model.path)));
                        broken.insert(model.name.clone());
                    }
                }
            }
            outcome.seconds = began.elapsed().as_secs_f64();
            built.models.push(outcome);
        }
        self.progress.done();
        built.tests = self.test(batch, models, &changed, &broken).await?;
        Ok(built)
    }

    /// Runs the tests of what has changed.
    async fn test(
        &self,
        batch: &dyn Batch,
        models: &Models,
        changed: &BTreeSet<String>,
        broken: &BTreeSet<String>,
    ) -> Result<TestsOutcome> {
        let catalog = batch.catalog().await?;
        let mut outcome = TestsOutcome::default();
        self.progress.stage("tests", None);
        for test in &models.tests {
            let reads = |names: &BTreeSet<String>| test.depends_on.iter().any(|table| names.contains(table));
            if !reads(changed) || reads(broken) {
                continue;
            }
            let sql = format!("SELECT count(*) AS failing FROM ({})", test.sql);
            let batches =
                collect(self.engine.query(&catalog, &sql).await.map_err(|fault| in_file(fault, &test.name))?).await?;
            let failing = first_count(&batches);
            let blocks = test.severity == Severity::Error;
            match (failing, blocks) {
                (0, _) => outcome.passed += 1,
                (_, true) => outcome.failed += 1,
                (_, false) => outcome.warned += 1,
            }
            if failing > 0 {
                outcome.failures.push(TestFailure { name: test.name.clone(), rows: failing, blocks });
            }
        }
        self.progress.done();
        Ok(outcome)
    }
}

/// The number in the first cell of an answer.
fn first_count(batches: &[RecordBatch]) -> u64 {
    use arrow_array::cast::AsArray;
    let cell = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| batch.column(0).clone());
    let count = cell.and_then(|c| c.as_primitive_opt::<arrow_array::types::Int64Type>().map(|c| c.value(0)));
    count.map_or(0, |count| count.max(0) as u64)
}

/// What decides whether a model's table still fits: by model, its compiled SQL's fingerprint.
pub(crate) fn fingerprints(models: &Models) -> BTreeMap<String, String> {
    let stored = models.models.iter().filter(|model| model.materialized.is_stored());
    stored.map(|model| (format!("model:{}", model.name), shoplake_core::hash::fingerprint(&model.sql))).collect()
}
