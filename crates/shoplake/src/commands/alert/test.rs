//! `shoplake alert test`: a message to those whom an alert tells, to see that it arrives.

use chrono::{SecondsFormat, Utc};
use shoplake_core::Fault;
use shoplake_core::alert::{Channel, Finding, Message, Outgoing, Phase};
use shoplake_monitor::alerts::channels::Channels;

use super::named;
use crate::cli::AlertTestArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};

pub(in crate::commands) fn test(context: &Context, args: &AlertTestArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let alert = named(&project, &args.name)?;
    if alert.channels.is_empty() {
        let fault = Fault::usage(format!("the alert `{}` tells nobody", alert.name)).at(&alert.file, None, None);
        return Err(fault.hint("add `notify: { email: { recipients: [owner@shop.example] } }`").into());
    }
    let now = Utc::now();
    let finding = Finding {
        subject: String::new(),
        what: "this is a test: nothing is wrong".to_owned(),
        cause: None,
        act: "nothing is to be done".to_owned(),
    };
    let message = Message {
        alert: alert.name.clone(),
        phase: Phase::Firing,
        severity: alert.severity,
        title: format!("{}: a test of the alert {}", project.name, alert.name),
        since: now.with_timezone(&project.time_zone).to_rfc3339_opts(SecondsFormat::Secs, false),
        findings: vec![finding],
        telling: 1,
        project: project.name.clone(),
        description: alert.description.clone(),
        file: alert.file.clone(),
        report: None,
    };
    let mut failed = Vec::new();
    context.block_on(1, async {
        let channels = Channels::new(project.alerts.smtp.clone(), &project.lake_dir)?;
        for (place, channel) in alert.channels.iter().enumerate() {
            let outgoing = Outgoing {
                key: format!("{}/test/{}/{place}", alert.name, now.timestamp_micros()),
                alert: alert.name.clone(),
                channel: place as u32,
                at: now,
                message: message.clone(),
                attempts: 0,
                next_at: now,
                trouble: None,
            };
            match channels.send(channel, &outgoing).await {
                Ok(()) => context.printer.say(format_args!("{}: sent", word(channel))),
                Err(trouble) => failed.push(format!("{}: {}", word(channel), trouble.why)),
            }
        }
        Ok(())
    })?;
    let faults: Vec<Fault> = failed.into_iter().map(Fault::unavailable).collect();
    if faults.is_empty() { Ok(Exit::Done) } else { Err(faults.into()) }
}

fn word(channel: &Channel) -> &'static str {
    match channel {
        Channel::Webhook { .. } => "webhook",
        Channel::Slack { .. } => "Slack",
        Channel::Email { .. } => "e-mail",
    }
}
