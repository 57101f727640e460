//! `shoplake alert check`: judge every alert now, and send what waits.

use serde_json::json;
use shoplake_core::alert::{Phase, Unjudged};

use crate::cli::AlertCheckArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::{alerts, wiring};

pub(in crate::commands) fn check(context: &Context, args: &AlertCheckArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let (sent, book) = context.block_on(project.limits.threads, async {
        let sent = alerts::look_and_tell(&project, Vec::new()).await?;
        Ok((sent, wiring::alert_store(&project).await?.book().await?))
    })?;
    let printer = &context.printer;
    // Neither is quiet, and a program that reads the list must not take the one for the other.
    let mut wanting = Vec::new();
    for (alert, Unjudged { since, why, act }) in &book.unjudged {
        wanting.push(json!({ "alert": alert, "state": "unjudged", "since": since, "why": why, "act": act }));
        printer.warn(format_args!("the alert `{alert}` cannot be judged: {why}\n  {act}"));
    }
    for (alert, standings) in &book.standings {
        for (subject, standing) in standings.iter().filter(|(_, standing)| standing.phase == Phase::Firing) {
            wanting.push(json!({
                "alert": alert, "state": "firing", "subject": subject, "since": standing.since,
                "findings": standing.findings,
            }));
            for finding in &standing.findings {
                printer.say(format_args!("{alert}: {}\n  {}", finding.what, finding.act));
            }
        }
    }
    if args.json {
        printer.data_text(&format!("{:#}\n", json!(wanting)))?;
    }
    if sent.sent + sent.waiting + sent.given_up > 0 {
        printer.say(format_args!("{} messages sent, {} wait to be tried again", sent.sent, sent.waiting));
    }
    if wanting.is_empty() {
        printer.say("no alert fires");
        return Ok(Exit::Done);
    }
    Ok(Exit::DataFailed)
}
