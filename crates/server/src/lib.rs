//! The server behind the dashboards: HTTP API, sign-in, the sales figures in memory, the embedded app.
//!
//! What lives here: one file a resource under `routes`, the layers that every request passes
//! ([`guard`]), who asks ([`access`]), the figures of the last published batch ([`cube`], [`figures`])
//! and the watch that brings the next one. What does not: how tables are read and stored (ports of
//! `core`), how a run works (the port [`Runner`]), how the app looks (`web/`).

mod access;
mod app;
mod body;
mod client;
pub mod cube;
mod explain;
mod figures;
mod guard;
mod kept;
mod known;
mod money;
mod openapi;
mod params;
mod period;
mod prepared;
mod problem;
mod reload;
mod routes;
mod rows;
mod runner;
mod serve;
mod sql;
mod traffic;
mod turns;
mod watch;
mod web;
mod wire;

pub use access::{hash_password, password_fault};
pub use app::{Ports, Reopen};
pub use explain::{Explain, Explanation, ExplanationPart, Health, HealthCheck, OriginEdge, Origins, Verdict};
pub use runner::{Runner, Work};
pub use serve::{bind, serve};
pub use traffic::Traffic;
