//! Arguments of the commands on rows that were set aside.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
