//! What leaves a run for those who watch from outside.
//!
//! What lives here: alerts (what they watch, when they fire, how people are told), what runs cost, metrics,
//! traces, and the events of OpenLineage. What does not: the log (the binary writes it), the state (`state`), and anything
//! that could keep a run from going on.

pub mod alerts;
pub mod cost;
pub mod metrics;
mod openlineage;
mod otlp;

pub use openlineage::OpenLineageListener;
pub use otlp::{Exporter, Listeners, OtlpListener};
