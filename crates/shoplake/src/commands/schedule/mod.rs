//! `shoplake schedule`: when the pipeline runs by itself, and what came of it.

pub(super) mod log;
pub(super) mod next;
pub(super) mod run;
