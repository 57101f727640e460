//! Alerts as they are written: what each watches, when it fires, and whom it tells.
//!
//! Values only; what watches and delivers lives in `monitor`, what remembers in `state`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};
use crate::schedule::Cron;
use crate::source::Secret;

/// The alerts of a project, and the server that their e-mails go through.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// The alerts, by file.
    pub all: Vec<Alert>,
    /// The SMTP server, if one is stated.
    pub smtp: Option<Smtp>,
}

/// One alert of the project.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// The file that states it, for people.
    pub file: String,
    /// What it is for.
    pub description: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What it watches.
    pub condition: Condition,
    /// How long the condition must hold before it fires.
    pub hold: TimeDelta,
    /// Whether people are told when it is over.
    pub on_recover: bool,
    /// After how long people are told again while it lasts.
    pub renotify_after: Option<TimeDelta>,
    /// Whether what it watches is told in one message, or in one for each dataset or row.
    pub grouping: Grouping,
    /// Whom it tells.
    pub channels: Vec<Channel>,
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Wants a look today.
    #[default]
    Warning,
    /// Wants somebody now.
    Critical,
}

/// Whether what an alert watches is told together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grouping {
    /// One message for all of it.
    #[default]
    Together,
    /// One for each subject: a dataset, a row.
    Each,
}

/// What an alert watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The last run failed, or broke off.
    PipelineFailed,
    /// Of the rows read in the last run, a larger share than this was rejected.
    RejectShare {
        /// The dataset; all unless stated.
        dataset: Option<String>,
        /// The share, 0 to 1.
        above: f64,
    },
    /// Of the last `runs` runs, a larger share than this failed.
    ErrorRate {
        /// The share, 0 to 1.
        above: f64,
        /// How many runs are looked at.
        runs: u32,
    },
    /// Of the queries of the last hour, the slowest 5 % took longer than this.
    QuerySlow {
        /// Seconds.
        above: f64,
    },
    /// The month costs more than this, in the currency of the price table.
    Cost {
        /// Decimal text.
        above: String,
        /// Whether the month's forecast counts, rather than what was spent.
        forecast: bool,
    },
    /// Nothing newer than this was loaded.
    Freshness {
        /// The dataset.
        dataset: String,
        /// How old its newest load may be.
        older_than: TimeDelta,
    },
    /// The rows of the last whole day differ from those of the same weekday before.
    Volume {
        /// The dataset.
        dataset: String,
        /// The least share of the usual, 0 to 1.
        below: Option<f64>,
        /// The largest multiple of the usual, 1 or more.
        above: Option<f64>,
        /// How many weeks are compared with.
        weeks: u32,
    },
    /// A file's shape differed from its contract in the last run.
    SchemaChange {
        /// The dataset; all unless stated.
        dataset: Option<String>,
    },
    /// A query gives rows; each is one subject, named by its first column.
    Sql {
        /// One SELECT.
        query: String,
    },
    /// The last day of a daily figure is far from what its weekday leads to expect.
    Anomaly {
        /// A query of a date and a figure, one row a day.
        query: String,
        /// How many times the usual spread it may be away.
        sensitivity: f64,
    },
}

impl Condition {
    /// Its word in the alert's file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::PipelineFailed => "pipeline_failed",
            Self::RejectShare { .. } => "reject_share",
            Self::ErrorRate { .. } => "error_rate",
            Self::QuerySlow { .. } => "query_slow",
            Self::Cost { .. } => "cost",
            Self::Freshness { .. } => "freshness",
            Self::Volume { .. } => "volume",
            Self::SchemaChange { .. } => "schema_change",
            Self::Sql { .. } => "sql",
            Self::Anomaly { .. } => "anomaly",
        }
    }
}

/// A way to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// A signed POST.
    Webhook {
        /// Its address; it may be a secret by itself.
        url: Secret,
        /// The key of the signature.
        secret: Option<Secret>,
    },
    /// A message in Slack.
    Slack {
        /// The address of the incoming webhook, which is a secret.
        url: Secret,
    },
    /// An e-mail through the project's SMTP server.
    Email {
        /// Who gets it.
        recipients: Vec<String>,
    },
}

impl Channel {
    /// Its word in the alert's file, which says nothing of its address.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Email { .. } => "email",
        }
    }
}

/// A report that is sent to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The report; `daily` is the only one so far.
    pub report: String,
    /// Who gets it.
    pub channels: Vec<Channel>,
    /// When, in the shop's zone; after the run that makes it unless stated.
    pub at: Option<Cron>,
}

/// The SMTP server that e-mails go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub tls: SmtpTls,
    /// The certificates (PEM) that the server's must come from; the machine's own unless stated.
    pub ca: Option<PathBuf>,
    /// User and password, where it wants them.
    pub login: Option<(String, Secret)>,
    /// The sender's address.
    pub from: String,
}

/// How a connection to an SMTP server is kept private.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// It begins in the clear and must turn to TLS before anything is said.
    #[default]
    StartTls,
    /// It is TLS from the first byte.
    Implicit,
    /// It is in the clear; for a server on the same machine.
    Off,
}

/// Something that an alert has found: a dataset, a row of a query, or the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about: `sales`; empty where the alert has one subject only.
    pub subject: String,
    /// What is wrong, with the figures, in one sentence.
    pub what: String,
    /// The likely cause, where one is known.
    pub cause: Option<String>,
    /// The command that shows more or mends it.
    pub act: String,
}

/// Where an alert stands, for one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The phase.
    pub phase: Phase,
    /// Since when the condition holds.
    pub since: DateTime<Utc>,
    /// When it began to fire, if it did.
    pub fired_at: Option<DateTime<Utc>>,
    /// When people were told last.
    pub told_at: Option<DateTime<Utc>>,
    /// How often people were told in this event.
    pub told: u32,
    /// The number of the event, from when it fires on; no two events of a book share one.
    #[serde(default)]
    pub event: u64,
    /// What was found last.
    pub findings: Vec<Finding>,
}

/// The phases of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The condition holds, not for long enough yet.
    Pending,
    /// It fires.
    Firing,
    /// It is over.
    Resolved,
}

/// Where every alert stands: by alert and subject, with those that are snoozed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBook {
    /// Which writing of the book it is; a book is kept only where nobody wrote another since it was read.
    #[serde(default)]
    pub version: u64,
    /// What this book's events are named by: one that begins anew (a state that was deleted) must not name its events
    /// as the one before did. Empty until the first look.
    #[serde(default)]
    pub epoch: String,
    /// How many events there were.
    #[serde(default)]
    pub events: u64,
    /// Alerts that could not be judged at the last look, by name; a file of no known alert by its path. They stand as
    /// they stood.
    #[serde(default)]
    pub unjudged: BTreeMap<String, Unjudged>,
    /// By the alert's name, then by subject.
    pub standings: BTreeMap<String, BTreeMap<String, Standing>>,
    /// Until when an alert keeps quiet, by name.
    pub snoozed: BTreeMap<String, DateTime<Utc>>,
}

impl AlertBook {
    /// Gives the book an epoch, by chance, where it has none yet.
    pub fn begin(&mut self) {
        if self.epoch.is_empty() {
            self.epoch = uuid::Uuid::new_v4().simple().to_string().chars().take(12).collect();
        }
    }
}

/// Why an alert cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unjudged {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is wrong, for people; it may quote a value of a row.
    pub why: String,
    /// What to do next.
    pub act: String,
}

impl Unjudged {
    /// What a fault says of an alert, or of its file.
    pub fn new(fault: &Fault, since: DateTime<Utc>) -> Self {
        let act = fault.hint.clone().unwrap_or_else(|| "`shoplake alert check` judges it again".to_owned());
        Self { since, why: fault.to_string(), act }
    }
}

/// The first mistake of each file of alerts, by the alert that it states; by the file where no alert of it is known.
pub fn mistakes<'f>(alerts: &[Alert], faults: &'f [Fault]) -> BTreeMap<String, &'f Fault> {
    let mut mistakes = BTreeMap::new();
    for fault in faults {
        let Some(place) = fault.place.as_ref().filter(|place| place.file.starts_with("alerts/")) else { continue };
        let known = alerts.iter().find(|alert| alert.file == place.file);
        let name = known.map_or_else(|| place.file.clone(), |alert| alert.name.clone());
        mistakes.entry(name).or_insert(fault);
    }
    mistakes
}

/// A message that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its name, by which nobody gets it twice: alert, subject, event, phase and channel.
    pub key: String,
    /// The alert.
    pub alert: String,
    /// The channel's place among the alert's.
    pub channel: u32,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it says.
    pub message: Message,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: DateTime<Utc>,
    /// What was wrong the last time.
    pub trouble: Option<String>,
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The alert.
    pub alert: String,
    /// Whether it fires or is over.
    pub phase: Phase,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Since when, RFC 3339, in the shop's zone.
    pub since: String,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Which telling of this event it is, the first being 1.
    pub telling: u32,
    /// The project.
    pub project: String,
    /// What the alert is for.
    pub description: Option<String>,
    /// The file that states it.
    pub file: String,
    /// The report that it brings, where it is no alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Letter>,
}

/// A report on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The report: `daily`.
    pub report: String,
    /// The shop's day that it is about.
    pub date: chrono::NaiveDate,
    /// What it comes to, as plain text.
    pub text: String,
    /// The folder where it lies, below the lake's: `report.html` and `report.json`. Each machine has its own.
    pub folder: std::path::PathBuf,
}

/// How long whoever takes messages has to deliver them.
pub const CLAIM: TimeDelta = TimeDelta::minutes(10);

/// The memory of alerts.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Where every alert stands.
    async fn book(&self) -> Result<AlertBook>;
    /// Keeps the book, and messages that come of it, in one transaction. A message whose key is known
    /// already is not written again. `Busy` where another has written the book since it was read.
    async fn keep(&self, book: &AlertBook, messages: &[Outgoing]) -> Result<()>;
    /// Takes messages whose time has come by `now`, the oldest first: nobody else gets them within
    /// [`CLAIM`].
    async fn claim(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Outgoing>>;
    /// Notes that a message was delivered.
    async fn delivered(&self, key: &str, at: DateTime<Utc>) -> Result<()>;
    /// Notes that it was not: when it is tried again, or (with `None`) that it is given up.
    async fn undelivered(&self, key: &str, trouble: &str, next_at: Option<DateTime<Utc>>) -> Result<()>;
    /// The last messages with what became of them, newest first: the moment of delivery, if there was one.
    async fn messages(&self, limit: u32) -> Result<Vec<(Outgoing, Option<DateTime<Utc>>)>>;
}
