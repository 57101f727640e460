//! Where bytes come from: files in the project folder, the pages of REST APIs, and the generator of
//! sample shops.
//!
//! This crate finds and fetches; it never reads rows. [`files`] says which files have arrived,
//! [`rest`] lands the pages of an API, [`generate`] writes a believable shop. Contracts, tables and
//! the order of a run live elsewhere.

pub mod files;
pub mod generate;
pub mod rest;
