//! `shoplake alert ls`: each alert, where it stands, and messages that wait.

use chrono::{DateTime, Utc};
use serde_json::json;
use shoplake_core::Project;
use shoplake_core::alert::{Alert, AlertBook, Outgoing, Phase};

use crate::cli::AlertLsArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::render;
use crate::table::{Side, Table, Tone};
use crate::wiring;

/// Messages that are looked through for those that wait.
const MESSAGES: u32 = 1_000;

pub(in crate::commands) fn ls(context: &Context, args: &AlertLsArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let (book, messages) = context.block_on(1, async {
        let store = wiring::alert_store(&project).await?;
        Ok((store.book().await?, store.messages(MESSAGES).await?))
    })?;
    let now = Utc::now();
    if args.json {
        let alerts: Vec<serde_json::Value> =
            project.alerts.all.iter().map(|alert| as_json(alert, &book, &messages)).collect();
        context.printer.data_text(&format!("{:#}\n", json!(alerts)))?;
        return Ok(Exit::Done);
    }
    if project.alerts.all.is_empty() {
        context.printer.say("there are no alerts: write one into alerts/, for example `when: { pipeline_failed: {} }`");
        return Ok(Exit::Done);
    }
    context.printer.data_text(&text(&project, &book, &messages, now))?;
    Ok(Exit::Done)
}

/// The worst of an alert's phases, and since when.
fn worst(book: &AlertBook, name: &str) -> Option<(Phase, DateTime<Utc>)> {
    let standings = book.standings.get(name)?.values();
    let rank = |phase| match phase {
        Phase::Firing => 2,
        Phase::Pending => 1,
        Phase::Resolved => 0,
    };
    standings.map(|standing| (standing.phase, standing.since)).max_by_key(|(phase, since)| (rank(*phase), *since))
}

fn waiting<'m>(messages: &'m [(Outgoing, Option<DateTime<Utc>>)], name: &str) -> Vec<&'m Outgoing> {
    let waits =
        |(message, delivered): &&(Outgoing, Option<DateTime<Utc>>)| message.alert == name && delivered.is_none();
    messages.iter().filter(waits).map(|(message, _)| message).collect()
}

fn text(
    project: &Project,
    book: &AlertBook,
    messages: &[(Outgoing, Option<DateTime<Utc>>)],
    now: DateTime<Utc>,
) -> String {
    let words = ["alert", "watches", "stands", "since", "tells", ""].map(|name| (name, Side::Left));
    let mut table = Table::new(words);
    for alert in &project.alerts.all {
        let snoozed = book.snoozed.get(&alert.name).filter(|until| **until > now);
        let unjudged = book.unjudged.get(&alert.name);
        let (word, tone, since) = match (worst(book, &alert.name), unjudged) {
            (Some((Phase::Firing, since)), _) => ("fires", Tone::Bad, Some(since)),
            (_, Some(unjudged)) => ("cannot be judged", Tone::Warn, Some(unjudged.since)),
            (Some((Phase::Pending, since)), _) => ("holds, not for long enough", Tone::Warn, Some(since)),
            (Some((Phase::Resolved, since)), _) => ("is over", Tone::Good, Some(since)),
            (None, None) => ("is quiet", Tone::Good, None),
        };
        let waiting = waiting(messages, &alert.name);
        let trouble = waiting.first().and_then(|message| message.trouble.clone());
        let notes = [
            unjudged.map(|unjudged| format!("cannot be judged: {}", unjudged.why)),
            snoozed.map(|until| format!("snoozed until {}", render::moment(*until, project.time_zone))),
            trouble.map(|trouble| format!("{} not delivered: {trouble}", waiting.len())),
        ];
        let tells = match alert.channels.len() {
            0 => "nobody: `notify` is missing".to_owned(),
            many => render::count(many as u64, "channel", "channels"),
        };
        table.row([
            (alert.name.clone(), Tone::Plain),
            (alert.condition.word().to_owned(), Tone::Plain),
            (word.to_owned(), tone),
            (since.map(|since| render::moment(since, project.time_zone)).unwrap_or_default(), Tone::Plain),
            (tells, if alert.channels.is_empty() { Tone::Dim } else { Tone::Plain }),
            (notes.into_iter().flatten().collect::<Vec<_>>().join("; "), Tone::Warn),
        ]);
    }
    table.text()
}

fn as_json(alert: &Alert, book: &AlertBook, messages: &[(Outgoing, Option<DateTime<Utc>>)]) -> serde_json::Value {
    let waiting: Vec<serde_json::Value> = waiting(messages, &alert.name)
        .iter()
        .map(|message| json!({ "event": message.key, "attempts": message.attempts, "trouble": message.trouble }))
        .collect();
    json!({
        "name": alert.name, "file": alert.file, "severity": alert.severity, "watches": alert.condition.word(),
        "standings": book.standings.get(&alert.name).cloned().unwrap_or_default(),
        "unjudged": book.unjudged.get(&alert.name),
        "snoozed_until": book.snoozed.get(&alert.name), "channels": alert.channels.len(), "undelivered": waiting,
    })
}
