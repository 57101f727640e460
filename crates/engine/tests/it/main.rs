//! The engine over small lakes of real Parquet files.

mod faults;
mod guard;
mod lake;
mod queries;
