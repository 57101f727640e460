//! The engine over small lakes of real Parquet files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod guard;
mod lake;
mod planner;
mod queries;
mod shop;
