//! `shoplake alert check`: judge every alert now, and send what waits.

use serde_json::json;
use shoplake_core::alert::Phase;

use crate::cli::AlertCheckArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::{alerts, wiring};

pub(in crate::commands) fn check(context: &Context, args: &AlertCheckArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let (told, book) = context.block_on(project.limits.threads, async {
        let told = alerts::look_and_tell(&project).await?;
        Ok((told, wiring::alert_store(&project).await?.book().await?))
    })?;
    let printer = &context.printer;
    for (alert, fault) in &told.looked.trouble {
        printer.warn(format_args!("the alert `{alert}` cannot be judged: {fault}"));
    }
    let mut firing = Vec::new();
    for (alert, standings) in &book.standings {
        for (subject, standing) in standings.iter().filter(|(_, standing)| standing.phase == Phase::Firing) {
            firing.push(json!({
                "alert": alert, "subject": subject, "since": standing.since, "findings": standing.findings,
            }));
            for finding in &standing.findings {
                printer.say(format_args!("{alert}: {}\n  {}", finding.what, finding.act));
            }
        }
    }
    if args.json {
        printer.data_text(&format!("{:#}\n", json!(firing)))?;
    }
    let sent = told.delivered;
    if sent.sent + sent.waiting + sent.given_up > 0 {
        printer.say(format_args!("{} messages sent, {} wait to be tried again", sent.sent, sent.waiting));
    }
    if firing.is_empty() {
        printer.say("no alert fires");
        return Ok(Exit::Done);
    }
    Ok(Exit::DataFailed)
}
