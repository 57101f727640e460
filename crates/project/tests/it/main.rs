//! What the project folder promises, seen from outside: the template, the mistakes that people make,
//! and the schemas.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic too")]

mod alerts;
mod mistakes;
mod projects;
mod schedule;
mod schemas;
mod support;
mod tiles;
