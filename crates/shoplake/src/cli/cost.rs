//! The options of `shoplake cost`.

use clap::Args;

/// `shoplake cost`
#[derive(Debug, Args)]
#[command(after_help = "\
Prices stand in prices.yml; what is not priced there costs nothing. What a query reads is counted as the whole of each
table that its SQL names, which is the most that it can be.")]
pub(crate) struct CostArgs {
    /// Show what so many of the last runs used and would have cost by themselves
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) runs: usize,
    /// Print one JSON object on stdout; amounts are decimal text
    #[arg(long)]
    pub(crate) json: bool,
}
