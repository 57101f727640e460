//! What Shoplake hands to people outside the lake.
//!
//! What lives here: the daily report in [`daily`]; later warehouses and notifications, a folder each.
//! What does not: running SQL (the pipeline runs [`daily::ReportQueries`] and passes the rows on) and
//! deciding when to publish.

pub mod daily;
mod decimal;

pub use decimal::Decimal;
