//! Alerts: what the files in `alerts/` watch, when they fire, and how people are told.
//!
//! ```text
//! facts ──► conditions ──► machine ──► outbox ──► channels
//! runs       what is        pending     in the     webhook
//! SQL        wrong now      firing      state      Slack
//! cost                      resolved               e-mail
//! ```
//!
//! What is found and what is told are one transaction of the state: a process that dies loses no message
//! and writes none twice. A channel may be away for three days; its messages wait and are tried again. A
//! receiver that took a message but could not say so gets it again under the same name (`Shoplake-Event`,
//! `Message-ID`), by which it can tell.

pub mod baseline;
pub mod channels;
mod conditions;
mod deliver;
mod machine;
mod transitions;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use shoplake_core::alert::{Alert, AlertStore, Unjudged, mistakes};
use shoplake_core::outcome::FileOutcome;
use shoplake_core::ports::RunRecord;
use shoplake_core::schedule::ports::Logged;
use shoplake_core::{Fault, Result};

pub use conditions::found;
pub use deliver::{Delivered, deliver};
pub use machine::step;

/// What alerts are judged by.
#[async_trait]
pub trait Facts: Send + Sync {
    /// The last runs that have ended, newest first.
    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>>;
    /// Files that are refused and wait for somebody.
    async fn refused(&self) -> Result<Vec<FileOutcome>>;
    /// The end of the last run of the schedule, where it had no outcome: it could not begin, or died.
    async fn unstarted(&self) -> Result<Option<Logged>>;
    /// When something of a dataset was loaded last.
    async fn last_loaded(&self, dataset: &str) -> Result<Option<DateTime<Utc>>>;
    /// The rows of a query, each value as text; at most `limit` of them.
    async fn query(&self, sql: &str, limit: usize) -> Result<Vec<Vec<Option<String>>>>;
    /// Seconds that queries took since then.
    async fn query_seconds(&self, since: DateTime<Utc>) -> Result<Vec<f64>>;
    /// What this month has cost by now and will have cost at its end, in millionths of the currency, and
    /// the currency; `None` where nothing is metered.
    async fn month_cost(&self, now: DateTime<Utc>) -> Result<Option<(i128, i128, String)>>;
}

/// All that watching needs.
#[derive(Clone)]
pub struct Watch {
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// What is wrong in the project's files: an alert whose file has a mistake cannot be judged.
    pub mistakes: Arc<Vec<Fault>>,
    /// The shop's zone.
    pub zone: Tz,
    /// The project's name, for messages.
    pub project: String,
    /// What they are judged by.
    pub facts: Arc<dyn Facts>,
    /// Their memory.
    pub store: Arc<dyn AlertStore>,
}

impl Watch {
    /// Judges every alert at `now`, and keeps where they stand and what people are to be told; gives how many messages
    /// were written to the outbox. An alert that cannot be judged stands as it stood, and the book says why.
    ///
    /// # Errors
    /// `Busy` where another looked at the same time, who tells what there is to tell; a state that is away.
    /// Nothing has changed then.
    pub async fn look(&self, now: DateTime<Utc>) -> Result<usize> {
        let before = self.store.book().await?;
        let mut book = before.clone();
        book.begin();
        let (mut unjudged, mut reasons) = (BTreeMap::new(), BTreeMap::new());
        let mut note = |name: &str, fault: &Fault| {
            let since = before.unjudged.get(name).map_or(now, |known| known.since.min(now));
            unjudged.insert(name.to_owned(), Unjudged::new(fault, since));
            reasons.insert(name.to_owned(), fault.for_log());
        };
        let mistakes = mistakes(&self.alerts, &self.mistakes);
        for (name, fault) in &mistakes {
            note(name, fault);
        }
        let mut messages = Vec::new();
        for alert in self.alerts.iter().filter(|alert| !mistakes.contains_key(&alert.name)) {
            match found(alert, &*self.facts, self.zone, now).await {
                Ok(findings) => messages.extend(step(&mut book, alert, findings, &self.project, self.zone, now)),
                Err(fault) => note(&alert.name, &fault),
            }
        }
        book.unjudged = unjudged;
        machine::forget(&mut book, &self.alerts, now);
        self.store.keep(&book, &messages).await?;
        transitions::log(&before, &book, &reasons);
        Ok(messages.len())
    }
}
