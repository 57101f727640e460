//! x
pub mod cube;
