//! The run as a whole, on real files, the real lake, engine and state.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod account;
mod corrections;
mod dimensions;
mod exactly_once;
mod items;
mod mistakes;
mod models;
mod replay;
mod restated;
mod schedule;
mod shop;
mod tries;
mod upkeep;
mod ways;
mod why;
