//! The command from outside, as a person meets it: exit code, stdout, stderr.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod child;
mod context;

mod data;
mod hostile;
mod inputs;
mod project;
mod usage;
