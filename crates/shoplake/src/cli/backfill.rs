//! The options of `shoplake backfill`.

use chrono::NaiveDate;
use clap::Args;

use super::SelectArgs;

/// `shoplake backfill`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake backfill --start 2024-01-01 --end 2024-03-31                      every model by day
  shoplake backfill --start 2024-01-01 --end 2024-03-31 -s daily_sales_summary
  shoplake backfill --start 2024-01-01 --end 2024-03-31 --dry-run            what would be done

It makes the rows of each day of models by day (`by_day`) anew from the tables as they are, tests them, and
publishes day after day; then, once, all models that read those. Nothing is loaded: files of past days are dropped
into inbox/ as always, and the run that takes them makes their days anew by itself.

Each day takes the project's lock for itself, so that runs go on in between. One that was stopped or killed goes on
after the last day that is published, if the same command is given again.

Exit codes: 0 all days are done, 1 a model or a test failed (the days before are published), 2 the command is wrong.")]
pub(crate) struct BackfillArgs {
    /// The first of the shop's days, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) start: NaiveDate,
    /// The last of the shop's days, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) end: NaiveDate,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Say what would be done, and touch nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Begin with the first day, whatever an earlier backfill has done
    #[arg(long)]
    pub(crate) restart: bool,
    /// Print what was done as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
