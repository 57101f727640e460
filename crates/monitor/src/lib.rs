//! What leaves a run for those who watch from outside.
//!
//! What lives here: the events of OpenLineage, and how they travel. What does not: the log (the binary
//! writes it), the state (`state`), and anything that could keep a run from going on.

mod openlineage;

pub use openlineage::OpenLineageListener;
