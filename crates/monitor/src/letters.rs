//! Reports that are sent to people: which is due to whom, written into the outbox of the alerts.
//!
//! A report of a day has one name for each receiver, by which nobody gets it twice; delivery, with its
//! retries, is the alerts' own.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use shoplake_core::alert::{
    Alert, AlertStore, Channel, Condition, Delivery, Grouping, Letter, Message, Outgoing, Phase, Severity,
};
use shoplake_core::hash::fingerprint;
use shoplake_core::ports::RunRecord;
use shoplake_core::schedule::Cron;
use shoplake_core::{FaultKind, Project, Result};

/// Messages that are looked through for those that are written already; the state knows all.
const LOOKED_THROUGH: u32 = 200;
/// The folder of the daily report below the lake's.
const DAILY: &str = "reports/daily";

/// Whoever gets reports, each as the one channel of an alert of its own: the outbox knows no other senders.
pub fn receivers(deliveries: &[Delivery]) -> Vec<Alert> {
    let mut receivers: Vec<Alert> = Vec::new();
    for channel in deliveries.iter().flat_map(|delivery| &delivery.channels) {
        let name = name(channel);
        if receivers.iter().any(|known| known.name == name) {
            continue;
        }
        receivers.push(Alert {
            name,
            file: "shoplake.yml".to_owned(),
            description: None,
            severity: Severity::Info,
            // It is never judged.
            condition: Condition::PipelineFailed,
            hold: TimeDelta::zero(),
            on_recover: false,
            renotify_after: None,
            grouping: Grouping::Together,
            channels: vec![channel.clone()],
        });
    }
    receivers
}

/// Writes the reports that are due at `now` into the outbox; gives how many.
///
/// # Errors
/// A state that is away, a report that cannot be read. Nothing was written then.
pub async fn write(project: &Project, runs: &[RunRecord], store: &dyn AlertStore, now: DateTime<Utc>) -> Result<usize> {
    let Some(date) = dates(runs).next() else { return Ok(0) };
    let figures = figures(project, date)?;
    // A report before the first sale is of no day: it must not go by the name of the one that its day will have.
    if figures.get("date").is_some_and(Value::is_null) {
        return Ok(0);
    }
    let due = project.deliveries.iter().filter(|delivery| is_due(delivery, date, project.time_zone, now));
    let mut messages: Vec<Outgoing> = Vec::new();
    let known = store.messages(LOOKED_THROUGH).await?;
    for channel in due.flat_map(|delivery| &delivery.channels) {
        let key = format!("{}/{date}", name(channel));
        let written = |outgoing: &Outgoing| outgoing.key == key;
        if known.iter().any(|(outgoing, _)| written(outgoing)) || messages.iter().any(written) {
            continue;
        }
        messages.push(Outgoing {
            alert: name(channel),
            channel: 0,
            at: now,
            message: message(project, date, &figures, now),
            attempts: 0,
            next_at: now,
            trouble: None,
            key,
        });
    }
    if messages.is_empty() {
        return Ok(0);
    }
    match store.keep(&store.book().await?, &messages).await {
        // Somebody judged the alerts meanwhile: the next look writes them.
        Err(fault) if fault.kind == FaultKind::Busy => Ok(0),
        kept => kept.map(|()| messages.len()),
    }
}

/// A receiver's name, which says nothing of its address.
fn name(channel: &Channel) -> String {
    let who = match channel {
        Channel::Email { recipients } => format!("email {}", recipients.join(",")),
        Channel::Slack { url } => format!("slack {}", url.0),
        Channel::Webhook { url, .. } => format!("webhook {}", url.0),
    };
    let mut print = fingerprint(&who);
    print.truncate(12);
    format!("report/daily/{print}")
}

/// The files of the reports that the last runs have made, the newest first, wherever they were made: whoever sends
/// them needs them at these places.
pub fn files(project: &Project, runs: &[RunRecord]) -> Vec<PathBuf> {
    let folders = dates(runs).map(|date| project.lake_dir.join(folder(date)));
    folders.flat_map(|folder| [folder.join("report.html"), folder.join("report.json")]).collect()
}

/// The days of the reports that runs have made, the newest run's first.
fn dates(runs: &[RunRecord]) -> impl Iterator<Item = NaiveDate> {
    let outcomes = runs.iter().filter_map(|run| run.outcome.as_ref());
    let paths = outcomes.flat_map(|outcome| &outcome.reports);
    paths.filter_map(|path| path.split(['/', '\\']).rev().nth(1)?.parse::<NaiveDate>().ok())
}

/// The folder of a day's report, below the lake's.
fn folder(date: NaiveDate) -> PathBuf {
    Path::new(DAILY).join(date.to_string())
}

/// Whether the report of `date` may be sent: at once, or once a time that is stated has come after its day.
fn is_due(delivery: &Delivery, date: NaiveDate, zone: Tz, now: DateTime<Utc>) -> bool {
    let Some(at) = &delivery.at else { return true };
    first_after(at, date, zone).is_some_and(|moment| moment <= now)
}

/// The first of the stated times after the day has ended.
fn first_after(at: &Cron, date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let next = date.succ_opt()?;
    // A day whose midnight does not exist begins with the first hour that does.
    let begins = (0..24).find_map(|hour| zone.from_local_datetime(&next.and_hms_opt(hour, 0, 0)?).earliest());
    // A time at midnight itself is one of them.
    at.after(zone, begins?.to_utc() - TimeDelta::seconds(1)).next()
}

/// What the report of a day says; nothing where its file is gone.
fn figures(project: &Project, date: NaiveDate) -> Result<Value> {
    match fs_err::read(project.lake_dir.join(folder(date)).join("report.json")) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(error.into()),
    }
}

fn message(project: &Project, date: NaiveDate, figures: &Value, now: DateTime<Utc>) -> Message {
    let title: String = format!("{}: daily report of {date}", project.name);
    Message {
        alert: "daily report".to_owned(),
        // Only a message that fires has a mark of its own; a report is neither.
        phase: Phase::Firing,
        severity: Severity::Info,
        title: title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect(),
        since: now.with_timezone(&project.time_zone).to_rfc3339_opts(SecondsFormat::Secs, false),
        findings: Vec::new(),
        telling: 1,
        project: project.name.clone(),
        description: None,
        file: "shoplake.yml".to_owned(),
        report: Some(Letter { report: "daily".to_owned(), date, text: words(figures, &title), folder: folder(date) }),
    }
}

/// The key figures of a report, a line each, and whether they can be trusted.
fn words(figures: &Value, title: &str) -> String {
    let currency = figures["shop"]["currency"].as_str().unwrap_or_default();
    let mut text = format!("{title}\n\n");
    for kpi in figures["kpis"].as_array().into_iter().flatten() {
        let name = kpi["name"].as_str().unwrap_or_default();
        let value = scalar(&kpi["value"]).unwrap_or_else(|| "none".to_owned());
        let unit = if kpi["unit"] == "money" { format!(" {currency}") } else { String::new() };
        text.push_str(&format!("{name}: {value}{unit}\n"));
    }
    let trust = &figures["trust"];
    if let Some(verdict) = trust["verdict"].as_str() {
        text.push_str(&format!("\nTrust: {verdict}\n"));
    }
    for point in trust["points"].as_array().into_iter().flatten() {
        text.extend(point["text"].as_str().map(|point| format!("- {point}\n")));
    }
    text
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
