//! Alerts from what they find to who is told, under a simulated clock and with real receivers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod conditions;
mod delivery;
mod facts;
mod letters;
mod machine;
mod mailbox;

use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::alert::{Alert, Channel, Condition, Finding, Grouping, Severity};

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An alert without a hold that tells of its end, and nobody in particular.
fn alert(name: &str, condition: Condition, channels: Vec<Channel>) -> Alert {
    Alert {
        name: name.into(),
        file: format!("alerts/{name}.yml"),
        description: None,
        severity: Severity::Critical,
        condition,
        hold: TimeDelta::zero(),
        on_recover: true,
        renotify_after: None,
        grouping: Grouping::Together,
        channels,
    }
}

fn finding(subject: &str) -> Finding {
    Finding { subject: subject.into(), what: format!("{subject} is late"), cause: None, act: "look".into() }
}
