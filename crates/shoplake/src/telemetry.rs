//! Metrics on their way to a receiver of OTLP: each minute beside the server and the schedule, and after a run.
//!
//! Traces are sent by the run itself, through its listener. Nothing that becomes of the receiver harms any of
//! them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use shoplake_core::Project;
use shoplake_monitor::Exporter;
use shoplake_server::Traffic;

use crate::wiring;

/// How often metrics are sent, unless `OTEL_METRIC_EXPORT_INTERVAL` says otherwise.
const EVERY: Duration = Duration::from_mins(1);

/// Sends the metrics of the project, and of the server where there is one, for as long as it is let.
pub(crate) async fn keep_sending(project: Arc<Project>, traffic: Option<Arc<Traffic>>) {
    let Some(exporter) = wiring::exporter(&project) else { return };
    let every = std::env::var("OTEL_METRIC_EXPORT_INTERVAL").ok().and_then(|text| text.parse().ok());
    let every = every.map_or(EVERY, Duration::from_millis).max(Duration::from_millis(100));
    let since = Utc::now();
    let mut told = None;
    loop {
        tokio::time::sleep(every).await;
        let sent = send(&project, &exporter, traffic.as_deref(), since).await;
        // What lasts is told once.
        if let Err(why) = &sent
            && told.as_ref() != Some(why)
        {
            tracing::warn!(why, "the metrics were not sent");
        }
        told = sent.err();
    }
}

/// Sends the metrics of the project after a run.
pub(crate) async fn after_run(project: &Arc<Project>, since: DateTime<Utc>) {
    let Some(exporter) = wiring::exporter(project) else { return };
    if let Err(why) = send(project, &exporter, None, since).await {
        tracing::warn!(why, "the metrics were not sent");
    }
}

async fn send(
    project: &Arc<Project>,
    exporter: &Exporter,
    traffic: Option<&Traffic>,
    since: DateTime<Utc>,
) -> Result<(), String> {
    let read = async { wiring::meters(project).await?.read().await };
    let mut metrics = read.await.map_err(|fault| fault.to_string())?;
    metrics.extend(traffic.into_iter().flat_map(Traffic::metrics));
    exporter.metrics(&metrics, since, Utc::now()).await
}
