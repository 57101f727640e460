//! What alerts are judged by: the state and the lake of the project.

use std::sync::Arc;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use shoplake_core::outcome::{FileOutcome, FileStatus};
use shoplake_core::ports::{RunRecord, StateStore};
use shoplake_core::schedule::ports::{Event, Logged};
use shoplake_core::{Fault, Project, Result};
use shoplake_monitor::alerts::Facts;

use crate::wiring;

/// Refused files that are looked through, and lines of the schedule's log.
const REFUSED: u32 = 1_000;
const LOGGED: u32 = 50;

/// The project as alerts see it.
pub(crate) struct ProjectFacts {
    pub(crate) project: Arc<Project>,
    pub(crate) state: Arc<dyn StateStore>,
}

#[async_trait]
impl Facts for ProjectFacts {
    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        self.state.ended_runs(limit).await
    }

    async fn refused(&self) -> Result<Vec<FileOutcome>> {
        let waiting = self.state.waiting(REFUSED).await?.into_iter().map(|record| record.file);
        Ok(waiting.filter(|file| file.status == FileStatus::Failed).collect())
    }

    async fn unstarted(&self) -> Result<Option<Logged>> {
        let log = wiring::schedule_store(&self.project).await?.logged(LOGGED).await?;
        let ended = log.into_iter().find(|line| matches!(line.event, Event::Done | Event::Failed | Event::Cancelled));
        Ok(ended.filter(|line| line.event == Event::Failed && line.run.is_none()))
    }

    async fn last_loaded(&self, dataset: &str) -> Result<Option<DateTime<Utc>>> {
        Ok(self.state.last_loaded(dataset).await?.map(|record| record.at))
    }

    async fn query(&self, sql: &str, limit: usize) -> Result<Vec<Vec<Option<String>>>> {
        let reader = wiring::reader(&self.project).await?;
        let mut stream = reader.engine.query(&reader.catalog, sql).await?;
        let mut rows = Vec::new();
        while let Some(batch) = stream.batches.next().await.transpose()? {
            let unreadable = |error| Fault::usage(format!("the result of the alert's query cannot be read: {error}"));
            let options = FormatOptions::new();
            let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
            let columns = columns.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            for row in 0..batch.num_rows() {
                if rows.len() == limit {
                    return Ok(rows);
                }
                let cells = batch.columns().iter().zip(&columns);
                rows.push(
                    cells.map(|(array, text)| array.is_valid(row).then(|| text.value(row).to_string())).collect(),
                );
            }
        }
        Ok(rows)
    }

    async fn query_seconds(&self, since: DateTime<Utc>) -> Result<Vec<f64>> {
        wiring::usage(&self.project).await?.query_seconds(since).await
    }

    async fn month_cost(&self, now: DateTime<Utc>) -> Result<Option<(i128, i128, String)>> {
        let metered = wiring::usage(&self.project).await?;
        let cost = shoplake_monitor::cost::month(&*metered, &self.project.prices, self.project.time_zone, now).await?;
        Ok(cost.map(|cost| (cost.spent, cost.at_month_end, cost.currency)))
    }
}
