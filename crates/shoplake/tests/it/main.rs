//! The command from outside, as a person meets it: exit code, stdout, stderr.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod alerts;
mod another_lake;
mod backfill;
mod child;
mod clock;
mod context;
mod data;
mod days;
mod disk_full;
mod doctor;
mod elsewhere;
mod fail_points;
mod golden;
mod hostile;
mod inputs;
mod lineage;
mod logs;
mod models;
mod openlineage;
mod plan;
mod poison;
mod postgres;
mod project;
mod s3;
mod schedule;
mod scheduler;
mod serve;
mod shared_folder;
mod table;
mod two_runs;
mod usage;
mod verify;
mod why;
