//! Where an alert stands and when people are told: pending, firing, resolved. No clock, no input or output.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use shoplake_core::alert::{Alert, AlertBook, Finding, Grouping, Message, Outgoing, Phase, Standing};

/// What is over is shown for so long.
const REMEMBERED: TimeDelta = TimeDelta::days(7);

/// Takes what was found at `now`, and gives the messages that come of it, one a channel.
///
/// An event begins when its subject is found and ends when it is not; in between people are told once
/// after `hold`, again each `renotify_after`, and at the end with `on_recover` where they were told before.
/// A snoozed alert goes on without telling; when the snooze is over, an event that people know nothing of
/// is told then.
pub fn step(
    book: &mut AlertBook,
    alert: &Alert,
    found: Vec<Finding>,
    project: &str,
    zone: Tz,
    now: DateTime<Utc>,
) -> Vec<Outgoing> {
    let AlertBook { standings, snoozed, events, epoch, .. } = book;
    let quiet = snoozed.get(&alert.name).is_some_and(|until| now < *until);
    let standings = standings.entry(alert.name.clone()).or_default();
    let mut subjects = by_subject(alert.grouping, found);
    for subject in standings.keys() {
        subjects.entry(subject.clone()).or_default();
    }
    let mut messages = Vec::new();
    for (subject, findings) in subjects {
        let before = standings.remove(&subject);
        let Some(mut standing) = moved(alert, before, findings, now) else { continue };
        if standing.phase == Phase::Firing && standing.event == 0 {
            *events += 1;
            standing.event = *events;
        }
        if !quiet && speaks(alert, &standing, now) {
            standing.told += 1;
            standing.told_at = Some(now);
            messages.extend(outgoing(alert, (&subject, epoch), &standing, project, zone, now));
        }
        standings.insert(subject, standing);
    }
    messages
}

/// Forgets what has been over for long, snoozes that are over, and alerts that are no more.
pub(super) fn forget(book: &mut AlertBook, alerts: &[Alert], now: DateTime<Utc>) {
    let known = |name: &str| alerts.iter().any(|alert| alert.name == name);
    book.snoozed.retain(|name, until| known(name) && *until > now);
    for standings in book.standings.values_mut() {
        standings.retain(|_, standing| standing.phase != Phase::Resolved || now - standing.since < REMEMBERED);
    }
    book.standings.retain(|name, standings| known(name) && !standings.is_empty());
}

fn by_subject(grouping: Grouping, found: Vec<Finding>) -> BTreeMap<String, Vec<Finding>> {
    let mut subjects: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in found {
        let subject = match grouping {
            Grouping::Together => String::new(),
            Grouping::Each => finding.subject.clone(),
        };
        subjects.entry(subject).or_default().push(finding);
    }
    subjects
}

/// Where a subject stands after a look that found this of it; `None` where there is nothing to remember.
fn moved(alert: &Alert, before: Option<Standing>, findings: Vec<Finding>, now: DateTime<Utc>) -> Option<Standing> {
    let began = |findings| Standing {
        phase: Phase::Pending,
        since: now,
        fired_at: None,
        told_at: None,
        told: 0,
        event: 0,
        findings,
    };
    let mut standing = match (before, findings.is_empty()) {
        (None, true) => return None,
        (None, false) => began(findings),
        (Some(known), true) => {
            return match known.phase {
                // It never fired: nothing has been.
                Phase::Pending => None,
                Phase::Firing => Some(Standing { phase: Phase::Resolved, since: now, ..known }),
                Phase::Resolved => Some(known),
            };
        }
        (Some(known), false) if known.phase == Phase::Resolved => began(findings),
        (Some(known), false) => Standing { findings, ..known },
    };
    // A clock that went back must not keep an event from firing, or people from being told again.
    standing.since = standing.since.min(now);
    standing.told_at = standing.told_at.map(|told| told.min(now));
    if standing.phase == Phase::Pending && now - standing.since >= alert.hold {
        standing.phase = Phase::Firing;
        standing.fired_at = Some(now);
    }
    Some(standing)
}

/// Whether people are to be told now.
fn speaks(alert: &Alert, standing: &Standing, now: DateTime<Utc>) -> bool {
    match (standing.phase, standing.told_at) {
        (Phase::Firing, None) => true,
        (Phase::Firing, Some(told)) => alert.renotify_after.is_some_and(|after| now - told >= after),
        // Not yet, or nobody knows that there was something.
        (Phase::Pending, _) | (Phase::Resolved, None) => false,
        (Phase::Resolved, Some(told)) => alert.on_recover && told < standing.since,
    }
}

fn outgoing<'a>(
    alert: &'a Alert,
    (subject, epoch): (&'a str, &'a str),
    standing: &'a Standing,
    project: &'a str,
    zone: Tz,
    now: DateTime<Utc>,
) -> impl Iterator<Item = Outgoing> + 'a {
    let phase = if standing.phase == Phase::Resolved { "over" } else { "fires" };
    // Numbered, not by time: a clock that goes back must not give an event the name of another.
    let key = format!("{}/{subject}/{epoch}-{}/{phase}/{}", alert.name, standing.event, standing.told);
    let message = message(alert, subject, standing, project, zone);
    (0..alert.channels.len() as u32).map(move |channel| Outgoing {
        key: format!("{key}/{channel}"),
        alert: alert.name.clone(),
        channel,
        at: now,
        message: message.clone(),
        attempts: 0,
        next_at: now,
        trouble: None,
    })
}

fn message(alert: &Alert, subject: &str, standing: &Standing, project: &str, zone: Tz) -> Message {
    let about = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
    let state = match (standing.phase, standing.told) {
        (Phase::Resolved, _) => "is over",
        (_, 1) => "fires",
        _ => "still fires",
    };
    let first = standing.findings.first().map(|finding| finding.what.clone()).unwrap_or_default();
    let more = match standing.findings.len() {
        0 | 1 => String::new(),
        many => format!(", and {} more", many - 1),
    };
    Message {
        alert: alert.name.clone(),
        phase: standing.phase,
        severity: alert.severity,
        title: one_line(&format!("{project}: {}{about} {state}: {first}{more}", alert.name)),
        since: standing.since.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false),
        findings: standing.findings.clone(),
        telling: standing.told,
        project: project.to_owned(),
        description: alert.description.clone(),
        file: alert.file.clone(),
        report: None,
    }
}

/// What a file or a row says must not become a second line of a header.
fn one_line(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match flat.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", flat.get(..end).unwrap_or(&flat)),
        None => flat,
    }
}
