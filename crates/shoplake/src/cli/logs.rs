//! The options of `shoplake logs`.

use chrono::TimeDelta;
use clap::Args;

use super::alert::time;

/// `shoplake logs`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoplake logs                            the last 200 lines
  shoplake logs --level warn --since 2d    what somebody should know
  shoplake logs --run 019ac --grep day-12  one run, by the beginning of its id, and one file
  shoplake logs --follow                   and what comes

The log is kept in .shoplake/logs/ as JSON lines; `logs` in shoplake.yml says how much of it. It holds no secret and
no values of rows: `shoplake status` says why a file was refused.")]
pub(crate) struct LogsArgs {
    /// Of this run; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// What matters at least so much
    #[arg(long, value_name = "LEVEL", value_parser = ["debug", "info", "warn", "error"])]
    pub(crate) level: Option<String>,
    /// Of the last: `30m`, `2h`, `7d`
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<TimeDelta>,
    /// With this text, in capitals or not
    #[arg(long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,
    /// The last so many
    #[arg(long, value_name = "LINES", default_value_t = 200)]
    pub(crate) limit: usize,
    /// Go on with what comes, until stopped
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print one JSON object a line on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
