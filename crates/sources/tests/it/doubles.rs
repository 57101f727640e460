//! A landing zone and a state in memory, and a dataset to pull.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use shoplake_core::contract::{Column, ColumnType, Contract, FileOptions, Format, SchemaChange};
use shoplake_core::outcome::{FileOutcome, FileStatus, RunOutcome};
use shoplake_core::ports::{
    FileRecord, LandingZone, Manifest, Pulled, Quiet, RunRecord, StateStore, StepRecord, Take, Totals,
};
use shoplake_core::project::Dataset;
use shoplake_core::source::{Origin, Paginator, RestApi, RestLimits};
use shoplake_core::{BatchNumber, Counts, Fault, LandedFile, Result, RunId, Sha256};
use shoplake_sources::rest::{PullOptions, pull};

/// Landed pages in memory.
#[derive(Default)]
pub(crate) struct Landing {
    pub(crate) pages: Mutex<Vec<(LandedFile, Vec<u8>)>>,
    pub(crate) full: AtomicBool,
}

impl Landing {
    /// The values of `id` in all landed pages, in landing order.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let pages = self.pages.lock().unwrap();
        let page = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["data"]["items"].clone();
        let records = pages.iter().flat_map(|(_, bytes)| page(bytes).as_array().unwrap().clone());
        records.map(|record| record["id"].as_u64().unwrap()).collect()
    }
}

impl LandingZone for Landing {
    fn foresee(&self, _: &str, _: &Path, _: &str, _: &str) -> Result<LandedFile> {
        Err(Fault::internal("not part of a pull"))
    }
    fn land_file(&self, _: &str, _: &Path, _: &str, _: &str, _: Take) -> Result<LandedFile> {
        Err(Fault::internal("not part of a pull"))
    }
    fn land_page(
        &self,
        dataset: &str,
        name: &str,
        origin: &str,
        page: (String, u64),
        bytes: &[u8],
    ) -> Result<LandedFile> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Fault::unavailable("no space left"));
        }
        let file = LandedFile {
            dataset: dataset.to_owned(),
            key: format!("{dataset}/{}/{name}", page.0),
            name: name.to_owned(),
            origin: origin.to_owned(),
            sha256: Sha256(String::new()),
            size: bytes.len() as u64,
            path: PathBuf::new(),
            page: Some(page),
        };
        self.pages.lock().unwrap().push((file.clone(), bytes.to_vec()));
        Ok(file)
    }
    fn waiting(&self, _: &str) -> Result<Vec<LandedFile>> {
        Ok(self.pages.lock().unwrap().iter().map(|(file, _)| file.clone()).collect())
    }
    fn archive(&self, file: &LandedFile, _: &Value) -> Result<()> {
        self.discard(file)
    }
    fn archived(&self, key: &str) -> Result<std::path::PathBuf> {
        Ok(std::path::PathBuf::from(key))
    }
    fn keep(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn kept(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn discard(&self, file: &LandedFile) -> Result<()> {
        self.pages.lock().unwrap().retain(|(kept, _)| kept.key != file.key);
        Ok(())
    }
}

/// Cursors, pulls and pages in memory.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) cursor: Mutex<Option<Value>>,
    pub(crate) pull: Mutex<Option<Value>>,
    pub(crate) pages: Mutex<HashMap<(String, u64), FileRecord>>,
}

impl State {
    /// Notes a page as loaded.
    pub(crate) fn loaded(&self, file: &LandedFile) {
        let outcome = FileOutcome {
            path: file.origin.clone(),
            key: file.key.clone(),
            sha256: file.sha256.clone(),
            size: file.size,
            status: FileStatus::Loaded,
            replayed: false,
            error: None,
            offenders: None,
            warnings: Vec::new(),
            schema_changes: Vec::new(),
            counts: Counts::default(),
        };
        let record = FileRecord {
            dataset: file.dataset.clone(),
            run_id: RunId::new(),
            at: Utc::now(),
            page: file.page.clone(),
            fingerprint: String::new(),
            file: outcome,
        };
        self.pages.lock().unwrap().insert(file.page.clone().unwrap(), record);
    }
}

#[async_trait]
impl StateStore for State {
    async fn begin_run(&self, _: &RunId, _: DateTime<Utc>) -> Result<()> {
        Ok(())
    }
    async fn record_step(&self, _: &RunId, _: &StepRecord) -> Result<()> {
        Ok(())
    }
    async fn finish_run(&self, _: &RunOutcome) -> Result<()> {
        Ok(())
    }
    async fn leave_run(&self, _: &RunId) -> Result<()> {
        Ok(())
    }
    async fn totals(&self) -> Result<Totals> {
        Ok(Totals::default())
    }
    async fn runs(&self, _: u32) -> Result<Vec<RunRecord>> {
        Ok(Vec::new())
    }
    async fn ended_runs(&self, _: u32) -> Result<Vec<RunRecord>> {
        Ok(Vec::new())
    }
    async fn steps(&self, _: &RunId) -> Result<Vec<StepRecord>> {
        Ok(Vec::new())
    }
    async fn file(&self, _: &str, _: &Sha256) -> Result<Option<FileRecord>> {
        Ok(None)
    }
    async fn page(&self, _: &str, pull: &str, page: u64) -> Result<Option<FileRecord>> {
        Ok(self.pages.lock().unwrap().get(&(pull.to_owned(), page)).cloned())
    }
    async fn last_loaded(&self, _: &str) -> Result<Option<FileRecord>> {
        Ok(None)
    }
    async fn files(&self, _: Option<FileStatus>, _: u32) -> Result<Vec<FileRecord>> {
        Ok(Vec::new())
    }
    async fn waiting(&self, _: u32) -> Result<Vec<FileRecord>> {
        Ok(Vec::new())
    }
    async fn schema_changes(&self, _: u32) -> Result<Vec<FileRecord>> {
        Ok(Vec::new())
    }
    async fn record_file(&self, _: &FileRecord) -> Result<()> {
        Ok(())
    }
    async fn record_batch(&self, _: &Manifest) -> Result<()> {
        Ok(())
    }
    async fn last_batch(&self) -> Result<BatchNumber> {
        Ok(BatchNumber(0))
    }
    async fn run_of(&self, _: BatchNumber) -> Result<Option<RunId>> {
        Ok(None)
    }
    async fn cursor(&self, _: &str) -> Result<Option<Value>> {
        Ok(self.cursor.lock().unwrap().clone())
    }
    async fn pull(&self, _: &str) -> Result<Option<Value>> {
        Ok(self.pull.lock().unwrap().clone())
    }
    async fn set_pull(&self, _: &str, pull: Option<&Value>) -> Result<()> {
        *self.pull.lock().unwrap() = pull.cloned();
        Ok(())
    }
}

/// A dataset and the memory that its pulls work on.
pub(crate) struct Shop {
    pub(crate) dataset: Dataset,
    pub(crate) landing: Landing,
    pub(crate) state: State,
}

impl Shop {
    /// `customers` from the API at `base`, with waits and limits that suit a test.
    pub(crate) fn new(base: &str, path: &str, paginator: Paginator) -> Self {
        let limits = RestLimits { total_seconds: 1, attempts: 3, max_wait_seconds: 2, ..RestLimits::default() };
        let api = RestApi {
            base_url: base.to_owned(),
            path: path.to_owned(),
            params: [("per_page".to_owned(), "3".to_owned())].into(),
            headers: [("X-Shop".to_owned(), "test".to_owned())].into(),
            auth: None,
            data_selector: Some("data.items".to_owned()),
            paginator,
            incremental: None,
            limits,
        };
        let contract = Contract {
            dataset: "customers".to_owned(),
            file: "sources/customers.yml".to_owned(),
            key: vec!["id".to_owned()],
            event_time: None,
            version: None,
            columns: vec![Column::new("id", ColumnType::Integer)],
            schema_change: SchemaChange::default(),
            reject_limit: 0.5,
            options: FileOptions::new(Format::Json),
            enrichments: Vec::new(),
        };
        let dataset = Dataset { contract, origin: Origin::RestApi(Box::new(api)) };
        Self { dataset, landing: Landing::default(), state: State::default() }
    }

    pub(crate) fn api(&mut self) -> &mut RestApi {
        match &mut self.dataset.origin {
            Origin::RestApi(api) => api,
            Origin::Files(_) => panic!("a shop with an API"),
        }
    }

    pub(crate) async fn try_pull(&self) -> Result<Pulled> {
        let options = PullOptions { backoff_unit: Duration::from_millis(1) };
        pull(&self.dataset, &self.landing, &self.state, &Quiet, &options).await
    }

    pub(crate) async fn pull(&self) -> Pulled {
        self.try_pull().await.unwrap()
    }
}
