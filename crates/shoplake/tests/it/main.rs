//! The command from outside, as a person meets it: exit code, stdout, stderr.

mod context;

mod data;
mod project;
mod usage;
