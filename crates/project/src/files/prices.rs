//! `prices.yml`: what each unit of what runs use costs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;

/// The price table, by which `shoplake cost` and the cost alert count.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesFile {
    /// The currency of the prices, three letters of ISO 4217.
    pub currency: String,
    /// A price for each meter; what stands here not costs nothing.
    pub prices: MetersFile,
}

/// What is metered.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetersFile {
    /// Gigabytes stored for a month.
    pub storage: Option<PriceFile>,
    /// Requests that write or list, in thousands.
    pub writes: Option<PriceFile>,
    /// Requests that read, in thousands.
    pub reads: Option<PriceFile>,
    /// Terabytes that runs and queries read.
    pub scanned: Option<PriceFile>,
    /// Gigabytes of memory that may be taken, times seconds.
    pub compute: Option<PriceFile>,
}

/// What one unit costs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFile {
    /// The price of a unit: `"0.023"`.
    pub each: Scalar,
    /// Units of a month that cost nothing.
    pub free: Option<Scalar>,
}
