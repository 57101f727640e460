//! The crate from outside: files in folders, pulls against a server that misbehaves, generated shops.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod doubles;
mod files;
mod generate;
mod rest_paging;
mod rest_resume;
mod rest_trouble;
mod server;
