//! The server over a real project with known data, asked through a real socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may panic

mod access;
mod alerts;
mod answers;
mod cube;
mod dashboards;
mod figures;
mod follow;
mod http;
mod live;
mod logs;
mod metrics;
mod panics;
mod query;
mod reload;
mod rights;
mod security;
mod shares;
mod shop;
mod wire;
