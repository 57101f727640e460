//! The daily report on small fixed days.

#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests may panic

mod report;
mod shop;
