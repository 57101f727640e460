//! The options of `shoplake schedule`.

use clap::{Args, Subcommand};

use super::tables::{Moment, moment};

/// `shoplake schedule`
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Show when the pipeline runs next, by the shop's clock
    Next(ScheduleNextArgs),
    /// Show what the schedule did: runs begun, ended, missed and left out
    Log(ScheduleLogArgs),
    /// Run the pipeline when it is due and when files arrive, until stopped
    Run,
}

/// `shoplake schedule next`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake schedule next                                    the next five runs
  shoplake schedule next --count 400 --json                 as an array of instants
  shoplake schedule next --from '2024-03-30 12:00'          across a change of the clock

A time that the clock skips runs at the first moment after the gap; one that happens twice runs once.
Where the hour is `*` or `*/2`, hours that pass are counted, whatever the clock shows.")]
pub(crate) struct ScheduleNextArgs {
    /// Show so many
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
    /// Count from this moment [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<Moment>,
    /// Print an array of RFC 3339 instants on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake schedule log`
#[derive(Debug, Args)]
pub(crate) struct ScheduleLogArgs {
    /// Show so many lines, the newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
