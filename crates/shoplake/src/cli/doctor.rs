//! The options of `shoplake doctor`.

use clap::Args;

/// `shoplake doctor`
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the numbers can be trusted, 1 they cannot yet.")]
pub(crate) struct DoctorArgs {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
