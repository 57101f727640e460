//! The run as a whole, on real files, the real lake, engine and state.

mod account;
mod dimensions;
mod exactly_once;
mod shop;
