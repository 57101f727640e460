//! What there is to load: files from the inbox, pages from APIs, and what waits in landing.

use std::collections::HashSet;

use shoplake_core::landed::natural_order;
use shoplake_core::outcome::{FileOutcome, FileStatus};
use shoplake_core::ports::FileRecord;
use shoplake_core::project::Dataset;
use shoplake_core::source::Origin;
use shoplake_core::{Counts, LandedFile, Result, Sha256};
use shoplake_sources::files::{self, Arrival};
use shoplake_sources::rest::PullOptions;

use crate::{Pipeline, RunOptions};

/// What one dataset has to load.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// Files to judge, in order.
    pub(crate) files: Vec<LandedFile>,
    /// Loaded files with rows in quarantine that another contract has judged, and those rows' lines.
    pub(crate) replays: Vec<(LandedFile, HashSet<u64>)>,
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
        let named = !options.files.is_empty();
        let arrivals = if named {
            files::named(&self.project, &options.files, options.dataset.as_deref())?
        } else {
            files::scan(&self.project)?
        };
        let mut intakes = Vec::new();
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            let arrived: Vec<&Arrival> = arrivals.iter().filter(|arrival| &arrival.dataset == name).collect();
            intakes.push(self.intake(dataset, &arrived, named).await?);
        }
        Ok(intakes)
    }

    async fn intake(&self, dataset: &Dataset, arrived: &[&Arrival], named: bool) -> Result<Intake> {
        let name = &dataset.contract.dataset;
        let mut intake = Intake::default();
        let mut fresh: Vec<LandedFile> = Vec::new();
        self.progress.stage(&format!("landing {name}"), None);
        for arrival in arrived {
            let landed = self.landing.land_file(name, &arrival.path, &arrival.name, &arrival.origin, arrival.take)?;
            self.progress.advance(landed.size, 0);
            fresh.push(landed);
        }
        if matches!(dataset.origin, Origin::RestApi(_)) && !named {
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
            fresh.extend(pulled.files);
        }
        self.progress.done();
        let fresh_keys: HashSet<String> = fresh.iter().map(|file| file.key.clone()).collect();
        if !named {
            for file in self.landing.waiting(name)? {
                if !fresh_keys.contains(&file.key) && self.is_due(dataset, &file).await? {
                    fresh.push(file);
                }
            }
        }
        fresh.sort_by(|a, b| {
            a.page.cmp(&b.page).then_with(|| natural_order(&a.name, &b.name)).then_with(|| a.key.cmp(&b.key))
        });
        fresh.dedup_by(|a, b| a.key == b.key);
        self.sort_out(dataset, fresh, &mut intake).await?;
        if !named {
            intake.replays = self.replays(dataset).await?;
        }
        Ok(intake)
    }

    /// Loaded files with rejects that were judged under another contract: `required: false`, then
    /// `run`, is all that it takes to let the guests in.
    async fn replays(&self, dataset: &Dataset) -> Result<Vec<(LandedFile, HashSet<u64>)>> {
        let contract = &dataset.contract;
        let fingerprint = contract.fingerprint();
        let loaded = self.state.files(Some(FileStatus::Loaded), u32::MAX).await?;
        let due = loaded.into_iter().filter(|record| {
            record.dataset == contract.dataset && record.fingerprint != fingerprint && record.file.counts.rejected > 0
        });
        let mut replays = Vec::new();
        for FileRecord { file, page, dataset, .. } in due {
            let lines = self.quarantined_lines(&dataset, &file.key).await?;
            let path = self.landing.archived(&file.key);
            if lines.is_empty() || !path.exists() {
                continue;
            }
            let name = file.key.rsplit('/').next().unwrap_or(&file.key).to_owned();
            let FileOutcome { key, path: origin, sha256, size, .. } = file;
            replays.push((LandedFile { dataset, key, name, origin, sha256, size, path, page }, lines));
        }
        // The oldest first, as they were loaded: of two rows with one key the first comes in.
        replays.reverse();
        Ok(replays)
    }

    async fn quarantined_lines(&self, dataset: &str, key: &str) -> Result<HashSet<u64>> {
        use arrow_array::cast::AsArray;
        let catalog = self.tables.pinned().await?;
        let quoted = |text: &str| text.replace('\'', "''");
        let sql = format!(
            "SELECT source_line FROM quarantine WHERE dataset = '{}' AND source_file = '{}'",
            quoted(dataset),
            quoted(key)
        );
        let mut lines = HashSet::new();
        for batch in crate::build::collect(self.engine.query(&catalog, &sql).await?).await? {
            let column = batch.column(0).as_primitive_opt::<arrow_array::types::Int64Type>();
            lines.extend(column.into_iter().flatten().flatten().map(|line| line as u64));
        }
        Ok(lines)
    }

    /// Whether a file that waits in landing is to be judged again: it was held or cut off, or it
    /// failed under another contract.
    async fn is_due(&self, dataset: &Dataset, file: &LandedFile) -> Result<bool> {
        let record = self.record_of(dataset, file).await?;
        Ok(record.is_none_or(|record| {
            record.file.status != FileStatus::Failed || record.fingerprint != dataset.contract.fingerprint()
        }))
    }

    async fn record_of(&self, dataset: &Dataset, file: &LandedFile) -> Result<Option<FileRecord>> {
        let name = &dataset.contract.dataset;
        match &file.page {
            Some((pull, page)) => self.state.page(name, pull, *page).await,
            None => self.state.file(name, &file.sha256).await,
        }
    }

    /// Tells files to load from files whose bytes are in the tables already.
    async fn sort_out(&self, dataset: &Dataset, fresh: Vec<LandedFile>, intake: &mut Intake) -> Result<()> {
        let contract = &dataset.contract;
        let snapshot = contract.event_time.is_none();
        let mut last: Option<Sha256> = None;
        if snapshot {
            last = self.state.last_loaded(&contract.dataset).await?.map(|record| record.file.sha256);
        }
        let mut seen: HashSet<Sha256> = HashSet::new();
        for file in fresh {
            let loaded = || async {
                Ok::<bool, shoplake_core::Fault>(
                    self.record_of(dataset, &file)
                        .await?
                        .is_some_and(|record| record.file.status == FileStatus::Loaded),
                )
            };
            let known = match (&file.page, snapshot) {
                (Some(_), _) => loaded().await?,
                // A catalogue may return to what it was: only the last one counts.
                (None, true) => last.as_ref() == Some(&file.sha256),
                (None, false) => seen.contains(&file.sha256) || loaded().await?,
            };
            if known {
                self.landing.discard(&file)?;
                intake.known.push(outcome(&file, FileStatus::AlreadyLoaded));
            } else {
                seen.insert(file.sha256.clone());
                last = Some(file.sha256.clone());
                intake.files.push(file);
            }
        }
        Ok(())
    }
}

/// The outcome of a file, with nothing counted.
pub(crate) fn outcome(file: &LandedFile, status: FileStatus) -> FileOutcome {
    FileOutcome {
        path: file.origin.clone(),
        key: file.key.clone(),
        sha256: file.sha256.clone(),
        size: file.size,
        status,
        error: None,
        offenders: None,
        warnings: Vec::new(),
        counts: Counts::default(),
    }
}
