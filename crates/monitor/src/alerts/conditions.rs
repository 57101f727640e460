//! What is wrong now: each condition judged by the facts. Every finding says what, the likely cause, and
//! the command to act with.

mod figures;
mod runs;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use shoplake_core::alert::{Alert, Condition, Finding};
use shoplake_core::{Fault, Result};

use super::Facts;

/// Rows of a SQL condition that are told; the number of the rest is told too.
const ROWS_MAX: usize = 20;

/// What an alert finds at `now`; nothing where all is well or there is too little to judge by.
///
/// # Errors
/// A query that fails, a state that is away: the alert cannot be judged.
pub async fn found(alert: &Alert, facts: &dyn Facts, zone: Tz, now: DateTime<Utc>) -> Result<Vec<Finding>> {
    match &alert.condition {
        Condition::PipelineFailed => {
            let (runs, unstarted) = (facts.runs(1).await?, facts.unstarted().await?);
            Ok(runs::failed(&runs, unstarted.as_ref(), &facts.refused().await?, zone))
        }
        Condition::RejectShare { dataset, above } => {
            Ok(runs::rejects(&facts.runs(1).await?, dataset.as_deref(), *above))
        }
        Condition::ErrorRate { above, runs } => Ok(runs::error_rate(&facts.runs(*runs).await?, *above)),
        Condition::SchemaChange { dataset } => Ok(runs::schema_changes(&facts.runs(1).await?, dataset.as_deref())),
        Condition::QuerySlow { above } => {
            let seconds = facts.query_seconds(now - TimeDelta::hours(1)).await?;
            Ok(figures::query_slow(seconds, *above))
        }
        Condition::Cost { above, forecast } => cost(facts, above, *forecast, now).await,
        Condition::Freshness { dataset, older_than } => {
            let last = facts.last_loaded(dataset).await?;
            Ok(freshness(dataset, last, *older_than, zone, now))
        }
        Condition::Volume { dataset, below, above, weeks } => {
            figures::volume(facts, dataset, (*below, *above), *weeks, zone, now).await
        }
        Condition::Sql { query } => {
            let rows = facts.query(query, ROWS_MAX + 1).await?;
            Ok(sql(rows))
        }
        Condition::Anomaly { query, sensitivity } => figures::anomaly(facts, query, *sensitivity, zone, now).await,
    }
}

fn freshness(
    dataset: &str,
    last: Option<DateTime<Utc>>,
    older_than: TimeDelta,
    zone: Tz,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let what = match last {
        Some(last) if now - last <= older_than => return Vec::new(),
        Some(last) => format!(
            "nothing of `{dataset}` was loaded for {}, since {}; {} are allowed",
            lasting(now - last),
            last.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z"),
            lasting(older_than)
        ),
        None => format!("nothing of `{dataset}` was ever loaded"),
    };
    vec![Finding {
        subject: dataset.to_owned(),
        what,
        cause: Some("no file has arrived, or the files that arrived were refused".to_owned()),
        act: format!("`shoplake status` says where each file went; drop the missing one into inbox/{dataset}/"),
    }]
}

async fn cost(facts: &dyn Facts, above: &str, forecast: bool, now: DateTime<Utc>) -> Result<Vec<Finding>> {
    let limit = millionths(above).ok_or_else(|| Fault::usage(format!("`{above}` is not an amount")))?;
    let Some((spent, at_end, currency)) = facts.month_cost(now).await? else { return Ok(Vec::new()) };
    let amount = if forecast { at_end } else { spent };
    if amount <= limit {
        return Ok(Vec::new());
    }
    let word = if forecast { "will cost" } else { "has cost" };
    Ok(vec![Finding {
        subject: String::new(),
        what: format!(
            "this month {word} {} {currency}; {above} {currency} are the limit ({} {currency} spent by now)",
            money(amount),
            money(spent)
        ),
        cause: None,
        act: "`shoplake cost` shows what it is made of".to_owned(),
    }])
}

fn sql(mut rows: Vec<Vec<Option<String>>>) -> Vec<Finding> {
    let more = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    let text = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    let mut findings: Vec<Finding> = rows
        .into_iter()
        .map(|row| {
            let values: Vec<String> = row.into_iter().map(text).collect();
            Finding {
                subject: values.first().cloned().unwrap_or_default(),
                what: values.join(", "),
                cause: None,
                act: "`shoplake query` with the alert's SQL shows all of it".to_owned(),
            }
        })
        .collect();
    if let (true, Some(last)) = (more, findings.last_mut()) {
        last.what.push_str(" (more rows follow)");
    }
    findings
}

/// A length of time in its largest two units: `1 d 4 h`.
fn lasting(time: TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    let shown: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).take(2).map(|(n, u)| format!("{n} {u}")).collect();
    if shown.is_empty() { format!("{} s", time.num_seconds().max(0)) } else { shown.join(" ") }
}

/// Millionths of an amount in decimal text.
pub(crate) fn millionths(text: &str) -> Option<i128> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 20 || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<6}").parse().ok()
}

/// Millionths as an amount with two places, half away from zero.
pub(crate) fn money(millionths: i128) -> String {
    let cents = (millionths.abs() + 5_000) / 10_000;
    format!("{}{}.{:02}", if millionths < 0 && cents > 0 { "-" } else { "" }, cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        assert_eq!(millionths("12.5"), Some(12_500_000));
        assert_eq!(millionths("0.000001"), Some(1));
        assert_eq!([millionths("-1"), millionths("1.0000001"), millionths("a"), millionths("")], [None; 4]);
        assert_eq!(["12.50", "0.01", "0.00"], [12_499_999, 5_000, 4_999].map(money).each_ref().map(String::as_str));
    }

    #[test]
    fn times() {
        assert_eq!(lasting(TimeDelta::minutes(26 * 60)), "1 d 2 h");
        assert_eq!(lasting(TimeDelta::seconds(30)), "30 s");
    }
}
