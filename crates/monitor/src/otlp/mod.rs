//! OTLP: the trace of each run, and metrics, to a receiver of OpenTelemetry over HTTP.
//!
//! The JSON encoding of the protocol (opentelemetry-proto 1.x), written here: what a run did is known when
//! it has ended, so that spans are made from its outcome, and neither a recorder nor a queue is needed.
//! Whatever becomes of the receiver, a run is kept for [`PATIENCE`] at most.

mod encoding;
mod trace;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use shoplake_core::metrics::Metric;
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{ModelText, RunListener, StateStore, StepRecord};
use shoplake_core::project::Otlp;
use shoplake_core::{Fault, Result, RunId};

/// A receiver that answers later than this is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends to one receiver.
#[derive(Debug, Clone)]
pub struct Exporter {
    target: Otlp,
    project: String,
}

impl Exporter {
    /// An exporter of what the project of this name does.
    pub fn new(target: Otlp, project: String) -> Self {
        Self { target, project }
    }

    /// Sends metrics as they are at `now`; what they count is counted since `since`.
    ///
    /// # Errors
    /// A receiver that is away or refuses them, in words without secrets.
    pub async fn metrics(
        &self,
        metrics: &[Metric],
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> std::result::Result<(), String> {
        self.post("v1/metrics", &encoding::metrics(&self.project, metrics, since, now)).await
    }

    async fn post(&self, path: &str, body: &Value) -> std::result::Result<(), String> {
        let address = format!("{}/{path}", self.target.endpoint.trim_end_matches('/'));
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|_| "no connection can be made".to_owned())?;
        let mut request = client.post(address).json(body);
        for (name, value) in &self.target.headers {
            request = request.header(name, &value.0);
        }
        // An error of the client may carry the address with what is secret in it.
        let answer = request.send().await.map_err(|error| {
            let why = if error.is_timeout() { "does not answer" } else { "cannot be reached" };
            format!("the OTLP receiver {why}")
        })?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(format!("the OTLP receiver answers {}", answer.status()))
    }
}

/// Sends the trace of each run once it has ended.
pub struct OtlpListener {
    exporter: Exporter,
    state: Arc<dyn StateStore>,
    began: Mutex<Option<DateTime<Utc>>>,
}

impl OtlpListener {
    /// A listener that reads the stages of a run from `state`.
    pub fn new(exporter: Exporter, state: Arc<dyn StateStore>) -> Self {
        Self { exporter, state, began: Mutex::default() }
    }

    async fn send(&self, run: &RunId, trace: impl FnOnce(&[StepRecord]) -> Vec<trace::Span>) -> Result<(), String> {
        // Without its stages a trace says less, and still says how the run ended.
        let steps = self.state.steps(run).await.unwrap_or_default();
        let spans = trace(&steps);
        self.exporter.post("v1/traces", &encoding::traces(&self.exporter.project, run, &spans)).await
    }
}

#[async_trait]
impl RunListener for OtlpListener {
    async fn started(&self, _run: &RunId, at: DateTime<Utc>) -> Vec<String> {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        Vec::new()
    }

    async fn ended(&self, outcome: &RunOutcome, _models: &[ModelText]) -> Vec<String> {
        if let Err(why) = self.send(&outcome.run_id, |steps| trace::of_run(outcome, steps)).await {
            // The numbers are as good without it: that is no problem of the run.
            tracing::warn!(run = %outcome.run_id, why, "the trace of the run was not sent");
        }
        Vec::new()
    }

    async fn broke_off(&self, run: &RunId, fault: &Fault) {
        let now = Utc::now();
        let began = self.began.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(now);
        let why = fault.for_log();
        if let Err(why) = self.send(run, |steps| trace::of_broken(run, (began, now), &why, steps)).await {
            tracing::warn!(run = %run, why, "the trace of the run was not sent");
        }
    }
}

/// Several listeners, told one after another.
pub struct Listeners(pub Vec<Arc<dyn RunListener>>);

#[async_trait]
impl RunListener for Listeners {
    async fn started(&self, run: &RunId, at: DateTime<Utc>) -> Vec<String> {
        let mut unheard = Vec::new();
        for listener in &self.0 {
            unheard.extend(listener.started(run, at).await);
        }
        unheard
    }

    async fn ended(&self, outcome: &RunOutcome, models: &[ModelText]) -> Vec<String> {
        let mut unheard = Vec::new();
        for listener in &self.0 {
            unheard.extend(listener.ended(outcome, models).await);
        }
        unheard
    }

    async fn broke_off(&self, run: &RunId, fault: &Fault) {
        for listener in &self.0 {
            listener.broke_off(run, fault).await;
        }
    }
}
