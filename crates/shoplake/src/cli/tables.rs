//! Arguments of the commands on tables and what is proved of them: versions, the way back, `verify`.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta};
use clap::{Args, Subcommand};

/// `shoplake table`
#[derive(Debug, Subcommand)]
pub(crate) enum TableCommand {
    /// Show the versions of a table: when each was made, by which batch, and its rows
    History(TableHistoryArgs),
    /// Bring a dataset's table back to an earlier version, with the marts that read it
    Restore(TableRestoreArgs),
    /// Join small data files, partition by partition; no row changes
    Compact(TableCompactArgs),
    /// Remove data files that no version needs that was current within the retention
    Vacuum(TableVacuumArgs),
}

/// `shoplake table history`
#[derive(Debug, Args)]
pub(crate) struct TableHistoryArgs {
    /// The table
    #[arg(value_name = "TABLE")]
    pub(crate) table: String,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake table restore`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake table restore sales --version 12
  shoplake table restore sales --at '2024-03-15 18:00'     by the shop's clock
  shoplake table restore sales --at 2024-03-15T18:00:00Z

Files that were loaded since stay known by their bytes and are not loaded again.")]
pub(crate) struct TableRestoreArgs {
    /// The dataset whose table it is
    #[arg(value_name = "TABLE")]
    pub(crate) table: String,
    /// The version to go back to, as `shoplake table history` shows it
    #[arg(long, value_name = "N", required_unless_present = "at", conflicts_with = "at")]
    pub(crate) version: Option<u64>,
    /// The moment to go back to: the last version that was published by then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Moment>,
}

/// `shoplake table compact`
#[derive(Debug, Args)]
pub(crate) struct TableCompactArgs {
    /// The table [default: all of them]
    #[arg(value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake table vacuum`
#[derive(Debug, Args)]
pub(crate) struct TableVacuumArgs {
    /// Keep every version that was current within this time: `7d` at least, `30d`
    #[arg(long, value_name = "DAYS", default_value = "7d", value_parser = days)]
    pub(crate) older_than: TimeDelta,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake verify            account, bytes, keys, indexes, quarantine, marts
  shoplake verify --replay   also load every archived file again elsewhere, and compare

Exit codes: 0 all of it is proved, 1 something does not hold.")]
pub(crate) struct VerifyArgs {
    /// Make the tables again from the archived bytes, in .shoplake/verify, and compare them
    #[arg(long)]
    pub(crate) replay: bool,
    /// Print the checks as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake rollback`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake rollback           as it was before the last run
  shoplake rollback --to 41   as it was after batch 41; `shoplake table history sales` lists batches

Readers see all of it or none. Files loaded since stay known by their bytes: correct them and drop them again.
Exit codes: 0 done, 1 a test does not hold over what was (nothing is changed).")]
pub(crate) struct RollbackArgs {
    /// The batch to go back to [default: the one before the last]
    #[arg(long, value_name = "BATCH")]
    pub(crate) to: Option<u64>,
    /// Print the outcome as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// A moment as somebody writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// With `Z` or an offset.
    Anywhere(DateTime<FixedOffset>),
    /// By the shop's clock.
    Local(NaiveDateTime),
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(at) = text.parse() {
        return Ok(Moment::Anywhere(at));
    }
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    local.map(Moment::Local).ok_or_else(|| {
        "write `2024-03-15 18:00` for the shop's own clock, or `2024-03-15T18:00:00Z`, or an offset such as `+02:00`"
            .to_owned()
    })
}

/// A retention: days, never fewer than readers and the way back need.
fn days(text: &str) -> Result<TimeDelta, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days @ 7..) => Ok(TimeDelta::days(i64::from(days))),
        Some(_) => Err("must be `7d` or more: readers and the way back need what is younger".to_owned()),
        None => Err("write a number of days: `7d`, `30d`".to_owned()),
    }
}
