//! Loads the files of a batch, dataset by dataset: judged by quality, decided by the lake, and
//! accounted for here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use shoplake_core::outcome::{DatasetOutcome, FileOutcome, FileStatus, Offenders};
use shoplake_core::ports::{Batch, DatasetChange, Loader, Progress};
use shoplake_core::project::Dataset;
use shoplake_core::retry::Step;
use shoplake_core::{Contract, Counts, Fault, FaultKind, LandedFile, Result};
use shoplake_quality::{FileReading, ReadOptions, judge_file, over_reject_limit};

use crate::Pipeline;
use crate::attempts::Attempts;
use crate::causes::Causes;
use crate::collect::{Intake, outcome};
use crate::replay::{ReplayedFile, replay_file};
use crate::tries::{Failed, Tries};

/// Rows that leave more free memory behind, once they are loaded, than models have a use for. Below, asking the system
/// for it again costs more than it brings: 2 % of a run of 5 M rows.
const MANY_ROWS: u64 = 8 << 20;

/// What the load of all datasets came to.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// By dataset, in the order of the project.
    pub(crate) datasets: Vec<DatasetOutcome>,
    /// The files whose rows are in the batch.
    pub(crate) files: Vec<LandedFile>,
    /// The files that were refused.
    pub(crate) failed: Vec<LandedFile>,
    /// What changed, by dataset.
    pub(crate) changes: HashMap<String, DatasetChange>,
}

impl Pipeline {
    /// Loads every dataset; dimensions come before the facts that they enrich. With `tries`, each file has the time
    /// of the step for itself: of a step that takes long as a whole, the file that it had come to is not to blame.
    pub(crate) async fn load(
        &self,
        batch: &mut dyn Batch,
        intakes: &[Intake],
        tries: Option<&Tries<'_>>,
    ) -> Result<Loaded, Failed> {
        let of_load = |fault| Failed::of(Step::Load, fault);
        let mut loaded = Loaded::default();
        let attempts = Attempts::of(&self.project);
        for (dataset, intake) in self.project.datasets.iter().zip(intakes) {
            let refers_to_changed = dataset
                .contract
                .columns
                .iter()
                .filter_map(|c| c.relationship.as_ref())
                .any(|r| loaded.changes.get(&r.dataset).is_some_and(|change| change.changed));
            let began = Instant::now();
            let mut files = intake.known.clone();
            let mut causes = Causes::default();
            if !intake.files.is_empty() || !intake.replays.is_empty() || refers_to_changed {
                let contract = Arc::new(dataset.contract.clone());
                let mut loader = in_time(tries, batch.loader(&contract)).await?;
                let fresh = intake.files.iter().map(|file| (file, None));
                let replays = intake.replays.iter().map(|replayed| (&replayed.file, Some(replayed)));
                for (file, replayed) in fresh.chain(replays) {
                    if replayed.is_none()
                        && let Some(why) = attempts.set_aside(file).map_err(of_load)?
                    {
                        files.push(refused(file, why, Offenders::default()));
                        loaded.failed.push(file.clone());
                        continue;
                    }
                    attempts.begin(file).map_err(of_load)?;
                    let (back, judged) = match in_time(tries, self.load_file(loader, file, replayed, &contract)).await {
                        Ok(judged) => judged,
                        Err(failed) => {
                            attempts.failed(file, &failed).map_err(of_load)?;
                            return Err(failed);
                        }
                    };
                    attempts.done(file).map_err(of_load)?;
                    loader = back;
                    let list =
                        if judged.0.status == FileStatus::Loaded { &mut loaded.files } else { &mut loaded.failed };
                    list.push(file.clone());
                    files.push(judged.0);
                    causes.merge(judged.1);
                }
                let change = in_time(tries, batch.finish(loader)).await?;
                loaded.changes.insert(dataset.contract.dataset.clone(), change);
            }
            loaded.datasets.push(sum(dataset, files, causes, began.elapsed().as_secs_f64()));
        }
        batch.loaded();
        if loaded.datasets.iter().map(|dataset| dataset.counts.rows_read).sum::<u64>() > MANY_ROWS {
            (self.give_back)();
        }
        Ok(loaded)
    }

    /// Loads one file on a blocking thread; a file that is refused leaves nothing behind.
    async fn load_file(
        &self,
        mut loader: Box<dyn Loader>,
        file: &LandedFile,
        replayed: Option<&ReplayedFile>,
        contract: &Arc<Contract>,
    ) -> Result<(Box<dyn Loader>, (FileOutcome, Causes))> {
        let options = ReadOptions::new(self.project.time_zone, &self.project.limits);
        self.progress.stage(&format!("{}: {}", file.dataset, file.name), Some(file.size));
        let (file, contract, progress) = (file.clone(), contract.clone(), self.progress.clone());
        let replayed = replayed.cloned();
        let waits = Waits::default();
        let unwanted = waits.0.clone();
        let work = tokio::task::spawn_blocking(move || {
            let judged = match replayed {
                Some(replayed) => replay_file(&mut *loader, replayed, &contract, &options),
                None => take_file(&mut *loader, &file, &contract, &options, (&*progress, &unwanted)),
            };
            judged.map(|judged| (loader, judged))
        });
        let ended = work.await.map_err(|error| Fault::internal(format!("a file's load ended abruptly: {error}")))?;
        self.progress.done();
        ended
    }
}

/// Waits for a part of the load, for as long as the step may take.
async fn in_time<T>(tries: Option<&Tries<'_>>, work: impl Future<Output = Result<T>>) -> Result<T, Failed> {
    match tries {
        Some(tries) => tries.once(Step::Load, work).await,
        None => work.await.map_err(|fault| Failed::of(Step::Load, fault)),
    }
}

/// Tells the thread that loads a file that nobody waits for it any more: its step ran out of time.
#[derive(Default)]
struct Waits(Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn take_file(
    loader: &mut dyn Loader,
    file: &LandedFile,
    contract: &Contract,
    options: &ReadOptions,
    (progress, unwanted): (&dyn Progress, &AtomicBool),
) -> Result<(FileOutcome, Causes)> {
    let mut causes = Causes::default();
    let mut rows_so_far = 0_u64;
    loader.begin_file(file)?;
    let judged = judge_file(file, contract, options, &mut |chunk| {
        if unwanted.load(Ordering::Relaxed) {
            return Err(Fault::unavailable("the load was given up"));
        }
        causes.add(&file.name, &chunk.rejects);
        rows_so_far += chunk.rows_read();
        progress.advance(0, chunk.rows_read());
        loader.append(chunk)
    });
    progress.advance(file.size, 0);
    let reading = match judged {
        Ok(reading) => reading,
        Err(fault) if fault.kind == FaultKind::Data => {
            loader.refuse_file()?;
            let offenders = Offenders { rows_read: rows_so_far, ..Offenders::default() };
            return Ok((refused(file, explain(&fault), offenders), Causes::default()));
        }
        Err(fault) => return Err(fault),
    };
    let rejected = reading.rejects.values().sum::<u64>();
    if over_reject_limit(contract, reading.rows_read, rejected) {
        loader.refuse_file()?;
        let error = over_limit(file, contract, &reading, rejected, causes);
        let offenders =
            Offenders { rows_read: reading.rows_read, rejects: reading.rejects, first: reading.first_offenders };
        return Ok((refused(file, error, offenders), Causes::default()));
    }
    let counts = loader.accept_file()?;
    if counts.rows_read != reading.rows_read || counts.rejects != reading.rejects || !counts.identity_holds() {
        return Err(Fault::internal(format!(
            "`{}`: {} rows were read and {counts:?} accounted for",
            file.key, reading.rows_read
        )));
    }
    let FileReading { warnings, schema_changes, .. } = reading;
    Ok((FileOutcome { warnings, schema_changes, counts, ..outcome(file, FileStatus::Loaded) }, causes))
}

fn refused(file: &LandedFile, error: String, offenders: Offenders) -> FileOutcome {
    FileOutcome { error: Some(error), offenders: Some(offenders), ..outcome(file, FileStatus::Failed) }
}

/// A fault in one paragraph, for the record of a file.
pub(crate) fn explain(fault: &Fault) -> String {
    let mut text = fault.to_string();
    for (label, more) in [("", &fault.detail), ("hint: ", &fault.hint)] {
        if let Some(more) = more {
            text.push_str("; ");
            text.push_str(label);
            text.push_str(more);
        }
    }
    text
}

fn over_limit(file: &LandedFile, contract: &Contract, reading: &FileReading, rejected: u64, causes: Causes) -> String {
    let percent = rejected as f64 / reading.rows_read.max(1) as f64 * 100.0;
    let mut parts = vec![format!(
        "{}: {rejected} of {} rows ({percent:.1} %) break the contract, more than `reject_limit: {}` in {}; nothing of the file was loaded",
        file.origin, reading.rows_read, contract.reject_limit, contract.file
    )];
    if let Some(top) = causes.top(contract, reading.rows_read) {
        let column = top.column.map(|column| format!(" of `{column}`")).unwrap_or_default();
        let example = top.example.map(|example| format!(", for one {example}")).unwrap_or_default();
        parts.push(format!("most often {} ({}){column}{example}", top.reason, top.rule));
        parts.extend(top.hint.map(|hint| format!("hint: {hint}")));
    }
    parts.join("; ")
}

/// A dataset's sums over its files.
fn sum(dataset: &Dataset, files: Vec<FileOutcome>, causes: Causes, seconds: f64) -> DatasetOutcome {
    let mut counts = Counts::default();
    for file in &files {
        counts += &file.counts;
    }
    let top_cause = causes.top(&dataset.contract, counts.rows_read);
    DatasetOutcome { dataset: dataset.contract.dataset.clone(), files, counts, top_cause, seconds }
}
