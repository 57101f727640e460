//! What must hold whatever the bytes: for a CSV, for a file of JSON, for the project folder. Each
//! function panics where it does not.
//!
//! What lives here: the properties, as functions of bytes, so that a fuzzer can look for bytes that
//! break them and a test can hold the ones it found. What does not: the fuzzer (`examples/`), and its
//! seeds (`cargo xtask fuzz`).
#![expect(clippy::panic, clippy::unwrap_used, reason = "a property that does not hold is told by a panic")]

mod files;
mod folder;
mod places;

pub use files::{csv, json};
pub use folder::project;
