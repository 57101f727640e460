//! The part of the benchmark on questions: ten that an analyst asks of `sales`, beside DuckDB on the same files.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::shop::Shop;
use crate::workspace;

const ADHOC: &str = include_str!("../python/adhoc.py");

/// Asks a shop that was loaded once, and prints the minima of `runs` turns.
pub(crate) fn ask(python: &Path, binary: &Path, shop: &Shop, runs: u8) -> Result<()> {
    let mut command = Command::new(python);
    command.args(["-c", ADHOC]).arg(binary).arg(shop.folder()).arg(runs.to_string());
    let said = workspace::output(&mut command)?;
    println!("\n{:<24} {:>10} {:>10}", "question", "shoplake", "duckdb");
    for line in said.lines() {
        let answer: Value = serde_json::from_str(line).context("read what adhoc.py printed")?;
        let seconds = |name: &str| answer[name].as_f64().unwrap_or(f64::NAN);
        let (ours, theirs) = (seconds("shoplake"), seconds("duckdb"));
        let question = answer["question"].as_str().unwrap_or_default();
        println!("{question:<24} {ours:>8.3} s {theirs:>8.3} s  {:>5.2}", ours / theirs);
    }
    Ok(())
}
