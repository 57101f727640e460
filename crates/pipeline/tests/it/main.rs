//! The run as a whole, on real files, the real lake, engine and state.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod account;
mod dimensions;
mod exactly_once;
mod replay;
mod schedule;
mod shop;
