//! The command line: commands, options, and their help. Nothing here does anything.

mod alert;
mod cost;
mod doctor;
mod schedule;

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(crate) use alert::{AlertCheckArgs, AlertCommand, AlertLsArgs, AlertSnoozeArgs, AlertTestArgs};
pub(crate) use cost::CostArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use schedule::{ScheduleCommand, ScheduleLogArgs, ScheduleNextArgs};

const EXAMPLES: &str = "\
Examples:
  shoplake init myshop --sample     make a project with sample data
  cd myshop && shoplake run         load what lies in inbox/, build the marts and the report
  shoplake query \"SELECT * FROM daily_sales_summary ORDER BY date\"
  shoplake status                   what ran, what failed, what waits for you

Exit codes:
  0  done
  1  done, but a file or a test failed
  2  the command or the project is wrong, or a disk or service is away";

/// Turns a shop's exports into tables, marts and reports that can be trusted.
#[derive(Debug, Parser)]
#[command(name = "shoplake", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The options of all commands.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The project folder [default: $SHOPLAKE_PROJECT_DIR, or the nearest folder upwards with a shoplake.yml]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) project_dir: Option<PathBuf>,
    /// Print no words and no progress, only data, warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log what is done to stderr (-v steps, -vv details)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print without colours (as NO_COLOR does)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// How the log is written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line
    Json,
    /// Lines for people
    Text,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new project folder that runs as it is
    Init(InitArgs),
    /// Load new data, build the models, test them, publish, and write the reports
    Run(RunArgs),
    /// Check the project's files, contracts and models without touching data
    Check,
    /// Run one SQL query on the tables as the last run left them
    Query(QueryArgs),
    /// Show the last runs, what failed and what to do about it, and where each file went
    Status(StatusArgs),
    /// Say in one look whether today's numbers can be trusted
    Doctor(DoctorArgs),
    /// See when the pipeline runs by itself, and let it
    #[command(subcommand, arg_required_else_help = true)]
    Schedule(ScheduleCommand),
    /// See what is watched and what is wrong, and keep an alert quiet
    #[command(subcommand, arg_required_else_help = true)]
    Alert(AlertCommand),
    /// Show what this month costs, until now and at its end
    Cost(CostArgs),
    /// Look at the rows that were set aside
    #[command(subcommand, arg_required_else_help = true)]
    Quarantine(QuarantineCommand),
    /// Look at the versions of tables, go back to one, and clear away what none needs
    #[command(subcommand, arg_required_else_help = true)]
    Table(TableCommand),
    /// Read everything again and prove that it is what was recorded
    Verify(VerifyArgs),
    /// Make sample data with realistic dirt
    Generate(GenerateArgs),
    /// Write a contract from a sample file
    Discover(DiscoverArgs),
    /// Write the daily report from the tables as they are
    Report(ReportArgs),
}

/// `shoplake init`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake init myshop
  shoplake init myshop --timezone Europe/Berlin --currency EUR --sample")]
pub(crate) struct InitArgs {
    /// The folder to make; it may exist if it holds no project
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The time zone that the shop's days are counted in, e.g. America/New_York [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// The shop's currency, ISO 4217
    #[arg(long, value_name = "CODE", default_value = "USD")]
    pub(crate) currency: String,
    /// The project's name [default: the folder's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Put generated sample data into inbox/
    #[arg(long)]
    pub(crate) sample: bool,
}

/// `shoplake run`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake run                                     take what lies in inbox/ and what the APIs have
  shoplake run exports/day-12.csv --dataset sales  load one file from elsewhere
  shoplake run --json > run.json                   the outcome as one JSON object")]
pub(crate) struct RunArgs {
    /// Files to load instead of what lies in inbox/; they are copied, never moved
    #[arg(value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,
    /// The dataset that FILES belong to [default: told by their place or name]
    #[arg(long, value_name = "NAME", requires = "files")]
    pub(crate) dataset: Option<String>,
    /// A file that is still being written: leave it where it lies
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) leave: Vec<PathBuf>,
    /// If another run holds the project, end with exit code 1 instead of waiting
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print the outcome as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake query`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake query \"SELECT * FROM top_products\"
  shoplake query \"SELECT * FROM sales\" --output csv > sales.csv
  shoplake query - --output json < report.sql

JSON is an array of objects: decimals are strings, dates and timestamps ISO 8601, timestamps in UTC.")]
pub(crate) struct QueryArgs {
    /// One SELECT; `-` reads it from stdin
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Output::Table, value_name = "FORM")]
    pub(crate) output: Output,
    /// Stop after so many rows [default: 1000 in a table, all otherwise; 0 is all]
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
}

/// The form of a query's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns
    Table,
    /// An array of objects
    Json,
    /// RFC 4180, with a header; NULL is empty, an empty text is ""
    Csv,
}

/// `shoplake status`
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

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

/// `shoplake quarantine`
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Count the rows that were set aside, by dataset, reason, rule and column
    Ls(QuarantineLsArgs),
    /// Show rows that were set aside, as they stood in their file
    Show(QuarantineShowArgs),
    /// Write rows that were set aside to a CSV that can be corrected in a spreadsheet
    Export(QuarantineExportArgs),
    /// Judge rows again: corrected ones, or all of them after the contract has changed
    Replay(QuarantineReplayArgs),
}

/// `shoplake quarantine ls`
#[derive(Debug, Args)]
pub(crate) struct QuarantineLsArgs {
    /// Only rows of this dataset
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake quarantine show`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake quarantine show --dataset sales --reason missing
  shoplake quarantine show --limit 0 --json > rejects.json")]
pub(crate) struct QuarantineShowArgs {
    /// Only rows of this dataset
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Only rows with this reason
    #[arg(long, value_name = "REASON", value_parser = ["malformed", "missing", "range", "contract"])]
    pub(crate) reason: Option<String>,
    /// Show so many rows; 0 is all
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake quarantine export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake quarantine export --dataset sales --out fixes.csv
  shoplake quarantine export --dataset sales --reason missing > fixes.csv")]
pub(crate) struct QuarantineExportArgs {
    /// Rows of this dataset; it may be left out where only one has rows in quarantine
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Only rows with this reason
    #[arg(long, value_name = "REASON", value_parser = ["malformed", "missing", "range", "contract"])]
    pub(crate) reason: Option<String>,
    /// Write to this file, which must not exist [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `shoplake quarantine replay`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake quarantine replay fixes.csv          rows of `quarantine export`, corrected by hand
  shoplake quarantine replay --dataset sales    every row again, under the contract as it is now")]
pub(crate) struct QuarantineReplayArgs {
    /// Corrected rows, as `quarantine export` writes them; rows that were left out stay in quarantine
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Only rows of this dataset
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Fail at once where another run is working on the project
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print the outcome as one object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake generate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake generate --rows 100000 --seed 7          into inbox/ of the project
  shoplake generate --out /tmp/sample --dirt 0      clean files into a folder of their own")]
pub(crate) struct GenerateArgs {
    /// Rows of sales
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) rows: u64,
    /// The same seed makes the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The first day of sales, YYYY-MM-DD [default: so that the last day is yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<NaiveDate>,
    /// Days of sales
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
    /// How much dirt: 0 none, 1 as real exports have it, up to 20
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = dirt)]
    pub(crate) dirt: f64,
    /// Where to put the files, a folder a dataset [default: inbox/ of the project]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// `shoplake discover`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  shoplake discover exports/orders.csv --as orders   writes sources/orders.yml, then read and edit it")]
pub(crate) struct DiscoverArgs {
    /// The sample
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The dataset's name, which is its table's name too
    #[arg(long = "as", value_name = "DATASET")]
    pub(crate) dataset: String,
    /// Overwrite sources/DATASET.yml
    #[arg(long)]
    pub(crate) force: bool,
}

/// `shoplake report`
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The shop's day to report on, YYYY-MM-DD [default: the last day with sales]
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<NaiveDate>,
}

/// A moment as somebody writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// With `Z` or an offset.
    Anywhere(DateTime<FixedOffset>),
    /// By the shop's clock.
    Local(NaiveDateTime),
}

fn moment(text: &str) -> Result<Moment, String> {
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

fn dirt(text: &str) -> Result<f64, String> {
    let dirt: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=20.0).contains(&dirt) { Ok(dirt) } else { Err("must be between 0 and 20".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Given the definitions as they stand, then clap finds no contradiction in them.
    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }
}
