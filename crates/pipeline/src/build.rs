//! Builds the models over the batch's tables and runs their tests, before anything is published.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use shoplake_core::outcome::{How, ModelOutcome, ModelStatus, TestsOutcome};
use shoplake_core::ports::{Batch, DatasetChange, RowStream};
use shoplake_core::restated::Restated;
use shoplake_core::{Catalog, Fault, FaultKind, PinnedTable, Result};
use shoplake_models::{Materialized, Model, Models};

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

/// What becomes of a model in this run.
enum Verdict {
    /// It was not chosen; whether what it reads has changed.
    LeftOut { due: bool },
    /// It reads what could not be made.
    Skipped,
    /// Nothing that it reads has changed; its rows.
    Unchanged(u64),
    /// It is made; its table as it was published before, where that is what its SQL gave.
    Make(Option<Arc<PinnedTable>>),
}

/// The models of one batch on their way.
struct Building<'a> {
    pipeline: &'a Pipeline,
    choice: &'a Choice,
    stale: &'a HashSet<String>,
    reason: &'a Reason,
    /// Datasets and models whose rows are others than before.
    changed: BTreeSet<String>,
    changes: HashMap<String, DatasetChange>,
    /// Models that failed or were skipped.
    broken: BTreeSet<String>,
    built: Built,
}

impl Building<'_> {
    /// Builds one model.
    async fn model(&mut self, batch: &mut dyn Batch, model: &Model) -> Result<()> {
        let began = Instant::now();
        let catalog = batch.catalog().await?;
        let mut outcome = ModelOutcome {
            name: model.name.clone(),
            status: ModelStatus::Success,
            how: None,
            why: None,
            rows: 0,
            seconds: 0.0,
            error: None,
        };
        match self.verdict(model, &catalog) {
            Verdict::LeftOut { due } => {
                if due {
                    self.built.due.insert(model.name.clone());
                }
                return Ok(());
            }
            Verdict::Skipped => {
                outcome.status = ModelStatus::Skipped;
                self.broken.insert(model.name.clone());
            }
            Verdict::Unchanged(rows) => {
                (outcome.status, outcome.rows, outcome.how) = (ModelStatus::Unchanged, rows, Some(How::Unchanged));
            }
            Verdict::Make(known) => {
                match self.make(batch, model, &catalog, known.as_deref()).await {
                    Ok(Made { rows, how, why, change }) => {
                        (outcome.rows, outcome.how, outcome.why) = (rows, Some(how), why);
                        self.changed.insert(model.name.clone());
                        self.changes.insert(model.name.clone(), change);
                        if let Some(before) = known {
                            let noted = self.pipeline.note_restated(batch, model, &before, &self.changes, self.reason);
                            self.built.restated.extend(noted.await?);
                        }
                    }
                    // A disk that is full or memory that is short is no fault of the data: the run ends.
                    Err(fault) if fault.kind == FaultKind::Unavailable => return Err(in_file(fault, &model.path)),
                    Err(fault) => {
                        outcome.status = ModelStatus::Error;
                        outcome.error = Some(explain(&in_file(fault, &model.path)));
                        self.broken.insert(model.name.clone());
                    }
                }
            }
        }
        outcome.seconds = began.elapsed().as_secs_f64();
        self.built.models.push(outcome);
        Ok(())
    }

    fn verdict(&self, model: &Model, catalog: &Catalog) -> Verdict {
        let known = catalog.tables.get(&model.name);
        let touched = self.touched(model);
        if !self.choice.builds(&model.name) {
            let behind = model.reads.iter().any(|table| self.built.due.contains(table));
            let due = known.is_none() || behind || !touched.is_empty() || self.stale.contains(&model.name);
            return Verdict::LeftOut { due };
        }
        let redo = self.choice.redoes(&model.name, self.stale);
        let as_it_is = touched.is_empty() && !redo && self.choice.days_of(model).is_empty();
        if model.reads.iter().any(|table| self.broken.contains(table)) {
            Verdict::Skipped
        } else if let Some(known) = known.filter(|_| as_it_is) {
            Verdict::Unchanged(known.rows())
        } else {
            Verdict::Make(known.filter(|_| !redo).cloned())
        }
    }

    /// The changed tables that a model reads.
    fn touched<'m>(&self, model: &'m Model) -> Vec<&'m String> {
        model.reads.iter().filter(|table| self.changed.contains(*table)).collect()
    }

    /// Makes a model whose table `known` holds what the same SQL gave before.
    async fn make(
        &self,
        batch: &mut dyn Batch,
        model: &Model,
        catalog: &Catalog,
        known: Option<&PinnedTable>,
    ) -> Result<Made> {
        let left_out = |name: &&String| !self.choice.builds(name) && !catalog.tables.contains_key(*name);
        if let Some(name) = model.reads.iter().find(left_out) {
            return Err(Fault::usage(format!("reads `{name}`, which was never built and is left out"))
                .hint(format!("choose `+{}` to build what it reads too", model.name)));
        }
        let (touched, days) = (self.touched(model), self.choice.days_of(model));
        let asked = Asked { model, catalog, known, touched: &touched, changes: &self.changes, days: &days };
        self.pipeline.make(batch, &asked).await
    }
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
        let changed = changes.iter().filter(|(_, change)| change.changed).map(|(name, _)| name.clone());
        let mut building = Building {
            pipeline: self,
            choice,
            stale,
            reason,
            changed: changed.collect(),
            changes: changes.clone(),
            broken: BTreeSet::new(),
            built: Built::default(),
        };
        self.progress.stage("models", None);
        for model in models.models.iter().filter(|model| model.materialized.is_stored()) {
            building.model(batch, model).await?;
        }
        self.progress.done();
        let Building { changed, broken, mut built, .. } = building;
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
