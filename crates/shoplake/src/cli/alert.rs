//! The options of `shoplake alert`.

use chrono::TimeDelta;
use clap::{Args, Subcommand};

/// `shoplake alert`
#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Show each alert: what it watches, where it stands, and messages that wait
    Ls(AlertLsArgs),
    /// Judge every alert now, and send what waits
    Check(AlertCheckArgs),
    /// Keep an alert quiet for a while
    Snooze(AlertSnoozeArgs),
    /// Send a test message to those whom an alert tells
    Test(AlertTestArgs),
}

/// `shoplake alert ls`
#[derive(Debug, Args)]
pub(crate) struct AlertLsArgs {
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake alert check`
#[derive(Debug, Args)]
#[command(after_help = "\
`shoplake run` and `shoplake schedule run` do the same by themselves. Exit codes: 0 no alert fires, 1 one does.")]
pub(crate) struct AlertCheckArgs {
    /// Print an array of the alerts that fire on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake alert snooze`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake alert snooze sales_are_late --for 4h
  shoplake alert snooze sales_are_late --for 0       awake again")]
pub(crate) struct AlertSnoozeArgs {
    /// The alert
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// For how long: `30m`, `4h`, `2d`
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) time: TimeDelta,
}

/// `shoplake alert test`
#[derive(Debug, Args)]
pub(crate) struct AlertTestArgs {
    /// The alert
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// A length of time as somebody writes it.
pub(super) fn time(text: &str) -> Result<TimeDelta, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    let time = number.parse::<i64>().ok().filter(|number| *number <= 100_000 && seconds > 0);
    time.map(|number| TimeDelta::seconds(number * seconds)).ok_or_else(|| "write `30m`, `4h` or `2d`".to_owned())
}
