//! The quality station: contract × bytes → typed batches, or rejected rows with their reasons.
//!
//! What lives here: opening a landed file (`open`), the readers of each format (`csv`, `json`,
//! `parquet_file`), the judge that every reader hands its records to ([`rows`]), the types' own
//! parsers (`values`), the rules (`checks`, one check, one file), `discover`, which writes a
//! contract from a sample, [`ordered`], which has threads work side by side and keeps the order, and `mark`, which
//! finds the broken part of a rejected record again. What does not: keys against the lake, duplicates and updates
//! (`lake`), the decision over a file with too many rejects (`pipeline`, by [`over_reject_limit`]).

pub mod checks;
mod csv;
pub mod discover;
mod items;
mod json;
mod mark;
pub(crate) mod open;
pub mod ordered;
mod parquet_file;
mod raw;
mod reading;
pub mod rows;
mod values;

pub use mark::Marker;
pub use raw::raw_line;
pub use reading::{FileReading, ReadOptions, judge_file, over_reject_limit};
