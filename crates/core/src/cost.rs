//! What running the shop uses, and what each unit of it costs. Values and the port; the sums live in
//! `monitor`.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::fault::Result;
use crate::ids::RunId;

/// For how long what was used is remembered: this month and the last one, however long they are.
pub const REMEMBERED: TimeDelta = TimeDelta::days(62);

/// What a run or a query used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// When it ended, UTC.
    pub at: DateTime<Utc>,
    /// The run; `None` for a query, and for what a server asks of the store beside them, which takes no memory.
    pub run: Option<RunId>,
    /// Seconds that it took.
    pub seconds: f64,
    /// Memory that it may take, in bytes.
    pub memory: u64,
    /// Bytes that it read of data.
    pub scanned: u64,
    /// Requests that read from the lake's store; 0 where the lake is a folder.
    pub reads: u64,
    /// Requests that wrote to it or listed it.
    pub writes: u64,
    /// Bytes of the lake after it; `None` where it did not look.
    pub stored: Option<u64>,
}

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meter {
    /// Gigabytes (10⁹ bytes) stored for a month.
    Storage,
    /// Requests that write or list, in thousands.
    Writes,
    /// Requests that read, in thousands.
    Reads,
    /// Terabytes (10¹² bytes) that runs and queries read.
    Scanned,
    /// Gigabyte-seconds: memory that may be taken, times the time that it may.
    Compute,
}

impl Meter {
    /// All of them, in the order that they are shown.
    pub const ALL: [Self; 5] = [Self::Storage, Self::Writes, Self::Reads, Self::Scanned, Self::Compute];

    /// What is counted, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Storage => "GB-month",
            Self::Writes | Self::Reads => "1,000 requests",
            Self::Scanned => "TB",
            Self::Compute => "GB-second",
        }
    }
}

/// What one unit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// What is metered.
    pub meter: Meter,
    /// The price of a unit, in billionths of a millionth (10⁻¹²) of the currency.
    pub each: i128,
    /// Units of a month that cost nothing, in millionths.
    pub free: i128,
}

/// The price table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// The currency (ISO 4217), which need not be the shop's.
    pub currency: String,
    /// A price for each meter that costs something.
    pub prices: Vec<Price>,
}

impl Default for Prices {
    /// Nothing costs anything.
    fn default() -> Self {
        Self { currency: "USD".to_owned(), prices: Vec::new() }
    }
}

/// The memory of what was used.
#[async_trait]
pub trait UsageStore: Send + Sync {
    /// Notes what was used, and forgets what was used longer than [`REMEMBERED`] before it; but for the last one of
    /// those that looked at the lake's bytes. Gives the number of the note.
    async fn record(&self, usage: &Usage) -> Result<i64>;
    /// Puts what was used by now in the place of what an earlier note of the same run says; gives the number of the
    /// note, which is another where the earlier one is gone.
    async fn record_again(&self, note: i64, usage: &Usage) -> Result<i64>;
    /// What was used since then, in order; before it stands the last one that looked at the lake's bytes
    /// earlier, if there is one.
    async fn used(&self, since: DateTime<Utc>) -> Result<Vec<Usage>>;
    /// Seconds that queries took since then; what took no memory was none.
    async fn query_seconds(&self, since: DateTime<Utc>) -> Result<Vec<f64>>;
}
