//! Facts that a test states.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::counts::Reason;
use shoplake_core::outcome::{
    DatasetOutcome, FileOutcome, FileStatus, RunOutcome, RunStatus, TestFailure, TestsOutcome, TopCause,
};
use shoplake_core::ports::RunRecord;
use shoplake_core::schedule::ports::Logged;
use shoplake_core::{BatchNumber, Counts, Fault, Result, RunId, Sha256};
use shoplake_monitor::alerts::Facts;

use crate::moment;

/// What the shop is like.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) runs: Vec<RunRecord>,
    pub(crate) refused: Vec<FileOutcome>,
    pub(crate) unstarted: Option<Logged>,
    pub(crate) last_loaded: Option<DateTime<Utc>>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) asked: Vec<String>,
    pub(crate) seconds: Vec<f64>,
    pub(crate) cost: Option<(i128, i128)>,
    pub(crate) sql_fails: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Stated(pub(crate) Arc<Mutex<World>>);

#[async_trait]
impl Facts for Stated {
    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        Ok(self.0.lock().unwrap().runs.iter().take(limit as usize).cloned().collect())
    }
    async fn refused(&self) -> Result<Vec<FileOutcome>> {
        Ok(self.0.lock().unwrap().refused.clone())
    }
    async fn unstarted(&self) -> Result<Option<Logged>> {
        Ok(self.0.lock().unwrap().unstarted.clone())
    }
    async fn last_loaded(&self, _dataset: &str) -> Result<Option<DateTime<Utc>>> {
        Ok(self.0.lock().unwrap().last_loaded)
    }
    async fn query(&self, sql: &str, limit: usize) -> Result<Vec<Vec<Option<String>>>> {
        let mut world = self.0.lock().unwrap();
        world.asked.push(sql.into());
        if world.sql_fails {
            return Err(Fault::usage("no such table"));
        }
        Ok(world.rows.iter().take(limit).cloned().collect())
    }
    async fn query_seconds(&self, _since: DateTime<Utc>) -> Result<Vec<f64>> {
        Ok(self.0.lock().unwrap().seconds.clone())
    }
    async fn month_cost(&self, _now: DateTime<Utc>) -> Result<Option<(i128, i128, String)>> {
        Ok(self.0.lock().unwrap().cost.map(|(spent, at_end)| (spent, at_end, "USD".into())))
    }
}

/// A run of the morning of a day that read 1,000 rows of sales and rejected so many.
pub(crate) fn run(started_at: &str, status: RunStatus, rejected: u64) -> RunRecord {
    let started_at = moment(started_at);
    let counts = Counts { rows_read: 1000, inserted: 1000 - rejected, rejected, ..Counts::default() };
    let file = FileOutcome {
        path: "inbox/sales/day.csv".into(),
        key: "sales/day.csv".into(),
        sha256: Sha256("x".into()),
        size: 1,
        status: FileStatus::Loaded,
        replayed: false,
        error: None,
        offenders: None,
        warnings: Vec::new(),
        schema_changes: Vec::new(),
        counts: counts.clone(),
    };
    let top_cause = TopCause {
        reason: Reason::Missing,
        rule: "required".into(),
        column: Some("customer_id".into()),
        rows: rejected,
        share: 0.0,
        money: None,
        example: None,
        hint: Some("set `required: false` at sources/sales.yml:8".into()),
    };
    let failures = vec![TestFailure { name: "not_null(sales.amount)".into(), rows: 7, blocks: true, detail: None }];
    let failed = status == RunStatus::Error;
    let outcome = RunOutcome {
        run_id: RunId("run".into()),
        status,
        seconds: 1.0,
        started_at: started_at + TimeDelta::zero(),
        whole: true,
        batch: (!failed).then_some(BatchNumber(1)),
        datasets: vec![DatasetOutcome {
            dataset: "sales".into(),
            files: vec![file],
            counts,
            top_cause: (rejected > 0).then_some(top_cause),
            seconds: 0.0,
        }],
        models: Vec::new(),
        tests: TestsOutcome { failures: if failed { failures } else { Vec::new() }, ..TestsOutcome::default() },
        restated: Vec::new(),
        reports: Vec::new(),
        problems: Vec::new(),
    };
    RunRecord { run_id: RunId("run".into()), started_at, outcome: Some(outcome), unfinished: false }
}
