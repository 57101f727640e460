//! Arguments of the commands on models: dbt's words and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Output;

/// How models and tests are chosen.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectArgs {
    /// Only these: names, `+x`, `x+`, `2+x+1`, `@x`, `tag:`, `path:`, `source:`, `config.materialized:`,
    /// `test_type:`, `state:modified`; a space is a union, a comma an intersection
    #[arg(short, long, alias = "models", value_name = "CRITERIA", num_args = 1..)]
    pub(crate) select: Vec<String>,
    /// Without these
    #[arg(long, value_name = "CRITERIA", num_args = 1..)]
    pub(crate) exclude: Vec<String>,
    /// Variables in place of the project's: `{min_orders: 3}`
    #[arg(long, value_name = "YAML")]
    pub(crate) vars: Option<String>,
}

/// `shoplake build`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake build                        seeds, models and tests over the tables as they are
  shoplake build -s daily_sales_summary+
  shoplake build -s state:modified+     what has changed since the last publish, and what reads it")]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Make every chosen model anew, changed or not
    #[arg(long)]
    pub(crate) full_refresh: bool,
    /// If another run holds the project, end with exit code 1 instead of waiting
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print the outcome as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake test`
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Print the outcome as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake compile`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake compile                      plan everything, write target/compiled/
  shoplake compile top_products         print its SQL")]
pub(crate) struct CompileArgs {
    /// Print the SQL of this model
    #[arg(value_name = "MODEL")]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

/// `shoplake show`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake show top_products
  shoplake show --inline \"SELECT * FROM {{ ref('top_products') }}\" --output json")]
pub(crate) struct ShowArgs {
    /// The model; its SQL runs as it is now, over the tables as they are
    #[arg(value_name = "MODEL", required_unless_present = "inline", conflicts_with = "inline")]
    pub(crate) model: Option<String>,
    /// A query with jinja in place of a model
    #[arg(long, value_name = "SQL")]
    pub(crate) inline: Option<String>,
    /// Show so many rows; 0 is all
    #[arg(long, value_name = "ROWS", default_value_t = 5)]
    pub(crate) limit: usize,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Output::Table, value_name = "FORM")]
    pub(crate) output: Output,
    /// Variables in place of the project's: `{min_orders: 3}`
    #[arg(long, value_name = "YAML")]
    pub(crate) vars: Option<String>,
}

/// `shoplake ls`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake ls -s +daily_sales_summary
  shoplake ls --resource-type model --output path")]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Only these kinds
    #[arg(long, value_enum, value_name = "KIND", num_args = 1..)]
    pub(crate) resource_type: Vec<ResourceWord>,
    /// What is printed of each, a line a piece
    #[arg(short, long, value_enum, default_value_t = LsOutput::Name, value_name = "FORM")]
    pub(crate) output: LsOutput,
}

/// dbt's words for what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResourceWord {
    /// Datasets
    Source,
    /// CSV files that are tables
    Seed,
    /// Models
    Model,
    /// Data tests
    Test,
    /// Unit tests
    #[value(name = "unit_test")]
    UnitTest,
    /// What is made of models outside
    Exposure,
}

/// What is printed of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LsOutput {
    /// Its name
    Name,
    /// Its file
    Path,
    /// A JSON object
    Json,
}

/// `shoplake docs`
#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// Write target/manifest.json, target/catalog.json and target/index.html
    Generate(DocsArgs),
}

/// `shoplake docs generate`
#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// Where to write [default: target/]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// `shoplake source`
#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Hold the newest row of each source against `freshness:` in its .yml
    Freshness(FreshnessArgs),
}

/// `shoplake source freshness`
#[derive(Debug, Args)]
pub(crate) struct FreshnessArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Print an array of objects on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `shoplake retry`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake retry                     go on after a run, build or test that failed, broke off or was killed
  shoplake retry --file day-12.csv   take a file again that was set aside

What has landed is not fetched again and what is published not loaded again; a batch that was not published is
begun anew as a whole.")]
pub(crate) struct RetryArgs {
    /// Take this file again, which was refused or set aside: its name, key or path as `shoplake status` shows it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Vec<String>,
    /// Print the outcome as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
