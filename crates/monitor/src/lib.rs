//! What leaves a run for those who watch from outside.
//!
//! What lives here: alerts (what they watch, when they fire, how people are told), reports that are sent to
//! people, the log that is kept, what runs cost, metrics, traces, and the events of OpenLineage. What does not: what is logged
//! (everyone says so by `tracing`, the binary joins the two), the state (`state`), and anything that could keep
//! a run from going on.

pub mod alerts;
pub mod cost;
pub mod letters;
mod logs;
pub mod metrics;
mod openlineage;
mod otlp;

pub use logs::{LogFolder, Position};
pub use openlineage::OpenLineageListener;
pub use otlp::{Exporter, Listeners, OtlpListener};
