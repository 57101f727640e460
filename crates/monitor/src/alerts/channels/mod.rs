//! Ways to tell people: one file each. They say what went wrong and decide nothing about trying again.

mod email;
mod hmac;
mod slack;
mod smtp;
mod webhook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Client, Response, StatusCode};
use shoplake_core::alert::{Channel, Message, Outgoing, Phase, Smtp};
use shoplake_core::{Fault, Result};

pub use webhook::{SIGNATURE, sign};

/// The longest that a receiver may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// In words that carry no secret.
    pub why: String,
    /// After how long the receiver wants to be asked again.
    pub retry_after: Option<TimeDelta>,
    /// The same for a log, where `why` repeats what the receiver said: that may name people.
    for_log: Option<String>,
}

impl Undelivered {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry_after: None, for_log: None }
    }

    /// Why, in words that name nobody.
    pub fn for_log(&self) -> &str {
        self.for_log.as_deref().unwrap_or(&self.why)
    }
}

/// All channels, ready to send.
#[derive(Debug, Clone)]
pub struct Channels {
    client: Client,
    smtp: Option<Smtp>,
    /// The lake's folder on this machine, where reports lie.
    lake: PathBuf,
}

impl Channels {
    /// Channels that reach web addresses, and mailboxes through `smtp`; what they attach lies below `lake`.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be read.
    pub fn new(smtp: Option<Smtp>, lake: &Path) -> Result<Self> {
        let builder = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let client = builder
            .build()
            .map_err(|error| Fault::unavailable("messages cannot be sent from this machine").caused_by(error))?;
        Ok(Self { client, smtp, lake: lake.to_owned() })
    }

    /// Sends one message.
    pub async fn send(&self, channel: &Channel, outgoing: &Outgoing) -> Result<(), Undelivered> {
        match channel {
            Channel::Webhook { url, secret } => {
                let figures = self.file_of_report(&outgoing.message, "report.json").await;
                webhook::send(&self.client, url, secret.as_ref(), outgoing, figures).await
            }
            Channel::Slack { url } => slack::send(&self.client, url, &outgoing.message).await,
            Channel::Email { recipients } => {
                let Some(smtp) = &self.smtp else {
                    return Err(Undelivered::because("shoplake.yml states no `smtp` server"));
                };
                let page = self.file_of_report(&outgoing.message, "report.html").await;
                let letter = outgoing.message.report.as_ref();
                let name = letter.map(|letter| format!("{}-{}.html", letter.report, letter.date));
                let mail = email::write(smtp, recipients, outgoing, name.zip(page));
                let sent = smtp::send(smtp, recipients, &mail);
                let sent = tokio::time::timeout(PATIENCE, sent).await;
                sent.unwrap_or_else(|_| Err(Undelivered::because("the mail server took too long")))
            }
        }
    }

    /// A file of the report that a message brings; none where it brings none, or the file is gone: then it is told in
    /// words, as it was when the message was written.
    async fn file_of_report(&self, message: &Message, name: &str) -> Option<Vec<u8>> {
        let letter = message.report.as_ref()?;
        tokio::fs::read(self.lake.join(&letter.folder).join(name)).await.ok()
    }
}

/// Whether a web receiver has taken it. Its address is a secret, so that no error may carry it.
fn taken(answer: reqwest::Result<Response>) -> Result<(), Undelivered> {
    let response = answer.map_err(|error| {
        let error = error.without_url();
        let why = if error.is_timeout() { "took too long".to_owned() } else { format!("cannot be reached: {error}") };
        Undelivered::because(format!("the receiver {why}"))
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let slow_down = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = seconds.filter(|seconds| slow_down && (0..=86_400).contains(seconds));
    let retry_after = seconds.map(TimeDelta::seconds);
    Err(Undelivered { retry_after, ..Undelivered::because(format!("the receiver answered {status}")) })
}

/// A message as plain text: what, since when, how bad, why, and what to do.
fn text(message: &Message) -> String {
    if let Some(letter) = &message.report {
        return letter.text.clone();
    }
    let mut text = String::new();
    let over = message.phase == Phase::Resolved;
    // What is over wants nothing done, and what is said of it for as long as it lasts is true no more.
    let description = message.description.iter().filter(|_| !over);
    text.extend(description.map(|description| format!("{description}\n\n")));
    for finding in &message.findings {
        if over {
            text.push_str(&format!("What it was: {}\n\n", finding.what));
            continue;
        }
        text.push_str(&format!("What: {}\n", finding.what));
        text.extend(finding.cause.iter().map(|cause| format!("Likely cause: {cause}\n")));
        text.push_str(&format!("To do: {}\n\n", finding.act));
    }
    let since = if over { "Over since" } else { "Since" };
    text.push_str(&format!("{since}: {}\n", message.since));
    let severity = format!("{:?}", message.severity).to_lowercase();
    text.push_str(&format!("Severity: {severity}\n"));
    text.push_str(&format!("Alert: {} ({}, project {})\n", message.alert, message.file, message.project));
    let snooze = format!("Quiet for a while: shoplake alert snooze {} --for 4h\n", message.alert);
    if !over {
        text.push_str(&snooze);
    }
    text
}
