//! The command from outside, as a person meets it: exit code, stdout, stderr.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod child;
mod context;

mod data;
mod days;
mod disk_full;
mod fail_points;
mod hostile;
mod inputs;
mod lineage;
mod openlineage;
mod project;
mod table;
mod two_runs;
mod usage;
mod verify;
mod why;
