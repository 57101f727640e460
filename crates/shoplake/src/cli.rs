//! The command line: commands, options, and their help. Nothing here does anything.

mod alert;
mod backfill;
mod cost;
mod doctor;
mod logs;
mod models;
mod quarantine;
mod schedule;
mod serving;
mod tables;

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(crate) use alert::{AlertCheckArgs, AlertCommand, AlertLsArgs, AlertSnoozeArgs, AlertTestArgs};
pub(crate) use backfill::BackfillArgs;
pub(crate) use cost::CostArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use logs::LogsArgs;
pub(crate) use models::{
    BuildArgs, CompileArgs, DocsArgs, DocsCommand, FreshnessArgs, LsArgs, LsOutput, ResourceWord, RetryArgs,
    SelectArgs, ShowArgs, SourceCommand, TestArgs,
};
pub(crate) use quarantine::{
    QuarantineCommand, QuarantineExportArgs, QuarantineLsArgs, QuarantineReplayArgs, QuarantineShowArgs,
};
pub(crate) use schedule::{ScheduleCommand, ScheduleLogArgs, ScheduleNextArgs};
pub(crate) use serving::{RoleArg, ServeArgs, UserAddArgs, UserCommand, UserLsArgs, UserNameArgs};
pub(crate) use tables::{
    Moment, RollbackArgs, TableCommand, TableCompactArgs, TableHistoryArgs, TableRestoreArgs, TableVacuumArgs,
    VerifyArgs,
};

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
    /// Show what the next run would change: files, contracts, models and, with --numbers, every figure
    Plan(PlanArgs),
    /// Check the project's files, contracts and models without touching data
    Check,
    /// Build and test models and seeds over the tables as they are, and publish
    Build(BuildArgs),
    /// Load seeds, and nothing else
    Seed(BuildArgs),
    /// Run data tests and unit tests on the tables as the last run left them
    Test(TestArgs),
    /// Do again what failed in the last run, build or test
    Retry(RetryArgs),
    /// Make a range of days anew, day by day, beside the runs that go on
    Backfill(BackfillArgs),
    /// Plan every model and write its SQL to target/compiled/
    Compile(CompileArgs),
    /// Show the first rows of a model, as its SQL is now
    Show(ShowArgs),
    /// List datasets, seeds, models and tests
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Write the documentation of the models
    #[command(subcommand, arg_required_else_help = true)]
    Docs(DocsCommand),
    /// Look at the sources of data
    #[command(subcommand, arg_required_else_help = true)]
    Source(SourceCommand),
    /// Run one SQL query on the tables as the last run left them
    Query(QueryArgs),
    /// Explain a figure: its definition, and the rows behind it with their file and line
    Why(WhyArgs),
    /// Show which column comes from which, from the sources to reports and dashboards
    Lineage(LineageArgs),
    /// Serve the dashboards and the HTTP API
    Serve(ServeArgs),
    /// Say who may sign in to what is served
    #[command(subcommand, arg_required_else_help = true)]
    User(UserCommand),
    /// Show the last runs, what failed and what to do about it, and where each file went
    Status(StatusArgs),
    /// Search what was done: runs, files, alerts, the schedule
    Logs(LogsArgs),
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
    /// Go back to the run before, with every dataset and the models over it
    Rollback(RollbackArgs),
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
    /// A selection builds models alone: what lies in inbox/ waits for a run without one
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Make every model anew in full, not only the days and keys that changed
    #[arg(long)]
    pub(crate) full_refresh: bool,
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

/// `shoplake plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake plan                           what would be loaded, made anew, and why; touches nothing
  shoplake plan --numbers                 the effect on each figure by day; kept for the next run
  shoplake plan --fail-if-diff --quiet    exit code 1 if anything would change

APIs are not asked: what they have comes on top. A plan with numbers is published by the next run as it is,
unless files, contracts, models or tables have changed by then.")]
pub(crate) struct PlanArgs {
    /// Work the run out, publish nothing, and show how each figure would differ from what is published
    #[arg(long)]
    pub(crate) numbers: bool,
    /// End with exit code 1 if anything would change
    #[arg(long)]
    pub(crate) fail_if_diff: bool,
    /// If a run holds the project, end with exit code 1 instead of waiting
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print the plan as one JSON object on stdout
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

/// `shoplake why`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake why daily_sales_summary --where \"date = '2024-03-15'\" --column total_revenue
  shoplake why top_products --where \"product_id = 'P-17'\" --column revenue --json
  shoplake why sales --where \"transaction_id = 'T-1'\" --column amount    the line that a row comes from

Exit codes: 0 explained, 1 the rows do not make the figure, 2 it cannot be explained.")]
pub(crate) struct WhyArgs {
    /// The model, dataset, or `quarantine`
    #[arg(value_name = "TABLE")]
    pub(crate) table: String,
    /// What names one row of it, as after WHERE
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: String,
    /// The column whose value is asked for
    #[arg(long, value_name = "NAME")]
    pub(crate) column: String,
    /// List so many of the rows behind it [default: 10 in text, 1000 in JSON]
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake lineage`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake lineage daily_sales_summary.total_revenue
  shoplake lineage sales.amount --downstream
  shoplake lineage top_products --mermaid > top_products.mmd")]
pub(crate) struct LineageArgs {
    /// A table, or one column of it: `TABLE.COLUMN`
    #[arg(value_name = "TABLE[.COLUMN]")]
    pub(crate) name: String,
    /// Only where it comes from
    #[arg(long, conflicts_with = "downstream")]
    pub(crate) upstream: bool,
    /// Only what is made of it
    #[arg(long)]
    pub(crate) downstream: bool,
    /// Print one JSON object on stdout
    #[arg(long, conflicts_with = "mermaid")]
    pub(crate) json: bool,
    /// Print a Mermaid flowchart on stdout
    #[arg(long)]
    pub(crate) mermaid: bool,
}

/// `shoplake status`
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print one JSON object on stdout
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
