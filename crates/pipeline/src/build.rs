//! Builds the models over the batch's tables and runs their tests, before anything is published.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Instant;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use shoplake_core::outcome::{How, ModelOutcome, ModelStatus, TestsOutcome};
use shoplake_core::ports::{Batch, DatasetChange, RowStream};
use shoplake_core::restated::Restated;
use shoplake_core::{Fault, FaultKind, Result};
use shoplake_models::{Materialized, Models};

use crate::Pipeline;
use crate::choice::Choice;
use crate::load::explain;
use crate::make::{Asked, Made};
use crate::restated::Reason;
use crate::testing::Fresh;

/// What models and tests came to.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// In the order that they were built.
    pub(crate) models: Vec<ModelOutcome>,
    /// The tests.
    pub(crate) tests: TestsOutcome,
    /// What was restated of days that were published before.
    pub(crate) restated: Vec<Restated>,
    /// Models that were left out although what they read has changed.
    pub(crate) due: BTreeSet<String>,
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

/// A fault of a model's SQL, with the model's file as its place.
fn in_file(mut fault: Fault, path: &str) -> Fault {
    let place = fault.place.take();
    fault.at(path, place.as_ref().and_then(|p| p.line), place.and_then(|p| p.column))
}

impl Pipeline {
    /// Builds what has to be built anew, and tests it.
    ///
    /// `stale` names models whose SQL has changed since they were built; `why` is what was chosen, and
    /// why rows change.
    pub(crate) async fn build(
        &self,
        batch: &mut dyn Batch,
        models: &Models,
        changes: &HashMap<String, DatasetChange>,
        stale: &HashSet<String>,
        why: (&Choice, &Reason),
    ) -> Result<Built> {
        let (choice, reason) = why;
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
            if !choice.builds(&model.name) {
                let behind = model.reads.iter().any(|table| built.due.contains(table));
                if known.is_none() || behind || !touched.is_empty() || stale.contains(&model.name) {
                    built.due.insert(model.name.clone());
                }
                continue;
            }
            let redo = choice.redoes(&model.name, stale);
            let days = choice.days_of(model);
            let as_it_is = touched.is_empty() && !redo && days.is_empty();
            let never = model.reads.iter().find(|name| !choice.builds(name) && !catalog.tables.contains_key(*name));
            if model.reads.iter().any(|table| broken.contains(table)) {
                outcome.status = ModelStatus::Skipped;
                broken.insert(model.name.clone());
            } else if let Some(known) = known.as_ref().filter(|_| as_it_is) {
                (outcome.status, outcome.rows) = (ModelStatus::Unchanged, known.rows());
                outcome.how = Some(How::Unchanged);
            } else {
                let known = known.filter(|_| !redo);
                let asked = Asked {
                    model,
                    catalog: &catalog,
                    known: known.as_deref(),
                    touched: &touched,
                    changes: &changes,
                    days: &days,
                };
                let made = match never {
                    None => self.make(batch, &asked).await,
                    Some(name) => Err(Fault::usage(format!("reads `{name}`, which was never built and is left out"))
                        .hint(format!("choose `+{}` to build what it reads too", model.name))),
                };
                match made {
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
        let first = models.models.iter().all(|model| !model.materialized.is_stored() || stale.contains(&model.name));
        let fresh = Fresh { changed: &changed, broken: &broken, stale, first };
        built.tests = self.data_tests(&batch.catalog().await?, models, choice, &fresh).await?;
        self.unit_tests(models, choice, &fresh, &mut built.tests).await?;
        Ok(built)
    }
}

/// What decides whether a model's table still fits: by model, its compiled SQL's fingerprint; by
/// view, that of what readers see.
pub fn fingerprints(models: &Models) -> BTreeMap<String, String> {
    let kept = models.models.iter().filter_map(|model| match model.materialized {
        Materialized::View => Some(("view", model)),
        kept => kept.is_stored().then_some(("model", model)),
    });
    kept.map(|(kind, model)| (format!("{kind}:{}", model.name), shoplake_core::hash::fingerprint(&model.sql))).collect()
}
