//! What there is to load: files from the inbox, pages from APIs, and what waits in landing.

use std::collections::HashSet;

use shoplake_core::landed::natural_order;
use shoplake_core::outcome::{FileOutcome, FileStatus};
use shoplake_core::ports::FileRecord;
use shoplake_core::project::Dataset;
use shoplake_core::source::Origin;
use shoplake_core::{Corrections, Counts, LandedFile, Result, Sha256, fail_point};
use shoplake_quality::{ReadOptions, ordered};
use shoplake_sources::files::{self, Arrival};
use shoplake_sources::rest::PullOptions;

use crate::attempts::Attempts;
use crate::replay::{CORRECTIONS, ReplayOptions, ReplayedFile};
use crate::{Pipeline, RunOptions};

/// What one dataset has to load.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// Files to judge, in order.
    pub(crate) files: Vec<LandedFile>,
    /// Rows that leave quarantine to be judged again.
    pub(crate) replays: Vec<ReplayedFile>,
    /// The file that those rows were corrected in.
    pub(crate) corrections: Option<Corrections>,
    /// Files whose bytes are loaded already.
    pub(crate) known: Vec<FileOutcome>,
    /// Where the API's cursor moves once all pages are loaded.
    pub(crate) cursor: Option<serde_json::Value>,
    /// Whether the dataset has a pull that ends with this run.
    pub(crate) pulled: bool,
    /// Things to tell.
    pub(crate) problems: Vec<String>,
    /// Whether one of them means that something was not fetched.
    pub(crate) failed: bool,
}

impl Pipeline {
    /// Lands what has arrived, and says what each dataset has to load, in the order of the project.
    pub(crate) async fn collect(&self, options: &RunOptions) -> Result<Vec<Intake>> {
        if let Some(replay) = &options.replay {
            return self.collect_replay(replay).await;
        }
        let named = !options.files.is_empty();
        let mut arrivals = if named {
            files::named(&self.project, &options.files, options.dataset.as_deref())?
        } else {
            files::scan(&self.project)?
        };
        arrivals.retain(|arrival| !options.leave.contains(&arrival.path));
        let mut begun = Vec::new();
        for dataset in &self.project.datasets {
            begun.push(self.begin_intake(dataset, named).await?);
        }
        let landed = self.land(&arrivals)?;
        let mut intakes = Vec::new();
        for (dataset, (mut intake, mut candidates)) in self.project.datasets.iter().zip(begun) {
            let arrived = landed.iter().filter(|file| file.dataset == dataset.contract.dataset).cloned();
            candidates.extend(arrived.map(|file| Candidate { file, waited: false }));
            for known in self.sort_out(dataset, in_order(candidates), &mut intake).await? {
                self.landing.discard(&known)?;
            }
            if !named {
                intake.replays = self.outdated(dataset).await?;
            }
            intakes.push(intake);
        }
        Ok(intakes)
    }

    /// Nothing to load, of every dataset.
    pub(crate) fn nothing(&self) -> Vec<Intake> {
        self.project.datasets.iter().map(|_| Intake::default()).collect()
    }

    /// What leaves quarantine; nothing else is loaded.
    async fn collect_replay(&self, options: &ReplayOptions) -> Result<Vec<Intake>> {
        // A replay that was cut off left its file: nothing was taken of it.
        for left in self.landing.waiting(CORRECTIONS)? {
            self.landing.discard(&left)?;
        }
        let mut intakes = Vec::new();
        for dataset in &self.project.datasets {
            let mut intake = Intake::default();
            if options.dataset.as_ref().is_none_or(|name| name == &dataset.contract.dataset) {
                intake = self.asked_for(dataset, options).await?;
                intake.failed = !intake.problems.is_empty();
            }
            intakes.push(intake);
        }
        Ok(intakes)
    }

    /// Pulls what an API has of a dataset; gives that, and the files that lie in landing already.
    async fn begin_intake(&self, dataset: &Dataset, named: bool) -> Result<(Intake, Vec<Candidate>)> {
        let name = &dataset.contract.dataset;
        let mut intake = Intake::default();
        let mut candidates = Vec::new();
        if named {
            return Ok((intake, candidates));
        }
        if matches!(dataset.origin, Origin::RestApi(_)) {
            self.progress.stage(&format!("landing {name}"), None);
            let pulled = shoplake_sources::rest::pull(
                dataset,
                &*self.landing,
                &*self.state,
                &*self.progress,
                &PullOptions::default(),
            )
            .await?;
            intake.pulled = pulled.problem.is_none();
            intake.cursor = pulled.cursor.filter(|_| pulled.problem.is_none());
            intake.problems.extend(pulled.warnings.into_iter().map(|warning| format!("{name}: {warning}")));
            if let Some(problem) = pulled.problem {
                intake.failed = true;
                let hint = problem.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                intake.problems.push(format!("{name}: {problem}{hint}"));
            }
            candidates.extend(pulled.files.into_iter().map(|file| Candidate { file, waited: false }));
            self.progress.done();
        }
        // A pull may discard pages that waited, and what arrives waits too: this stands between them.
        let waiting = self.landing.waiting(name)?;
        candidates.extend(waiting.into_iter().map(|file| Candidate { file, waited: true }));
        Ok((intake, candidates))
    }

    /// Lands what has arrived, some files side by side: each is read once, for its hash.
    fn land(&self, arrivals: &[Arrival]) -> Result<Vec<LandedFile>> {
        self.progress.stage("landing", None);
        let attempts = Attempts::of(&self.project);
        let mut landed = Vec::with_capacity(arrivals.len());
        let mut left = arrivals.iter();
        let land = |arrival: &Arrival| {
            let Arrival { dataset, path, name, origin, take } = arrival;
            self.landing.land_file(dataset, path, name, origin, *take)
        };
        let threads = ReadOptions::new(self.project.time_zone, &self.project.limits).workers();
        let keep = |file: LandedFile| {
            self.progress.advance(file.size, 0);
            attempts.came_anew(&file)?;
            landed.push(file);
            fail_point("landed")
        };
        ordered::in_order(threads, || Ok(left.next()), land, keep)?;
        self.progress.done();
        Ok(landed)
    }

    /// What the next run would have to load, by the files that lie in the inbox and in landing: nothing
    /// is moved, and no API is asked.
    pub(crate) async fn foresee(&self) -> Result<Vec<Intake>> {
        let arrivals = files::scan(&self.project)?;
        let mut intakes = Vec::new();
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            let mut candidates = Vec::new();
            for arrival in arrivals.iter().filter(|arrival| &arrival.dataset == name) {
                let file = self.landing.foresee(name, &arrival.path, &arrival.name, &arrival.origin)?;
                candidates.push(Candidate { file, waited: false });
            }
            candidates.extend(self.landing.waiting(name)?.into_iter().map(|file| Candidate { file, waited: true }));
            let mut intake = Intake::default();
            self.sort_out(dataset, in_order(candidates), &mut intake).await?;
            intake.replays = self.outdated(dataset).await?;
            intakes.push(intake);
        }
        Ok(intakes)
    }

    pub(crate) async fn record_of(&self, dataset: &Dataset, file: &LandedFile) -> Result<Option<FileRecord>> {
        let name = &dataset.contract.dataset;
        match &file.page {
            Some((pull, page)) => self.state.page(name, pull, *page).await,
            None => self.state.file(name, &file.sha256).await,
        }
    }

    /// Tells files to load from files whose bytes are in the tables already, and leaves those waiting
    /// that were refused under the contract as it is. Gives the files that the archive has already.
    async fn sort_out(
        &self,
        dataset: &Dataset,
        candidates: Vec<Candidate>,
        intake: &mut Intake,
    ) -> Result<Vec<LandedFile>> {
        let mut archived = Vec::new();
        let contract = &dataset.contract;
        let fingerprint = contract.fingerprint();
        let snapshot = contract.event_time.is_none();
        let mut last: Option<Sha256> = None;
        if snapshot {
            last = self.state.last_loaded(&contract.dataset).await?.map(|record| record.file.sha256);
        }
        let mut seen: HashSet<Sha256> = HashSet::new();
        let attempts = Attempts::of(&self.project);
        for Candidate { mut file, waited } in candidates {
            let record = self.record_of(dataset, &file).await?;
            let status = record.as_ref().map(|record| record.file.status);
            if waited
                && status == Some(FileStatus::Failed)
                && record.as_ref().is_some_and(|r| r.fingerprint == fingerprint)
                && !attempts.released(&file)?
            {
                continue;
            }
            if waited && let Some(record) = &record {
                file.origin.clone_from(&record.file.path);
            }
            let loaded = status == Some(FileStatus::Loaded);
            let known = match (&file.page, snapshot) {
                (Some(_), _) => loaded,
                // A catalogue may return to what it was: only the last one counts.
                (None, true) => last.as_ref() == Some(&file.sha256),
                (None, false) => seen.contains(&file.sha256) || loaded,
            };
            if known {
                intake.known.push(outcome(&file, FileStatus::AlreadyLoaded));
                archived.push(file);
            } else {
                seen.insert(file.sha256.clone());
                last = Some(file.sha256.clone());
                intake.files.push(file);
            }
        }
        Ok(archived)
    }
}

/// The order in which files are taken, each once.
fn in_order(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| {
        let (left, right) = (&a.file, &b.file);
        left.page
            .cmp(&right.page)
            .then_with(|| natural_order(&left.name, &right.name))
            .then_with(|| left.key.cmp(&right.key))
            .then_with(|| a.waited.cmp(&b.waited))
    });
    candidates.dedup_by(|later, first| later.file.key == first.file.key);
    candidates
}

/// A file that may be to load.
struct Candidate {
    file: LandedFile,
    /// Whether it was in landing already: it was held or cut off, or it was refused.
    waited: bool,
}

/// The outcome of a file, with nothing counted.
pub(crate) fn outcome(file: &LandedFile, status: FileStatus) -> FileOutcome {
    FileOutcome {
        path: file.origin.clone(),
        key: file.key.clone(),
        sha256: file.sha256.clone(),
        size: file.size,
        status,
        replayed: false,
        error: None,
        offenders: None,
        warnings: Vec::new(),
        schema_changes: Vec::new(),
        counts: Counts::default(),
    }
}
