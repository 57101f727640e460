//! Times the generator: `cargo run --release -p shoplake-sources --example generate -- DIR ROWS`.
#![allow(clippy::print_stdout, reason = "an example talks to people")]

use std::path::Path;
use std::time::Instant;

use shoplake_core::ports::Quiet;
use shoplake_sources::generate::{GenerateOptions, generate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("which folder?")?;
    let rows = arguments.next().ok_or("how many rows?")?.parse()?;
    let start = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).ok_or("no such day")?;
    let options = GenerateOptions::new(rows, 7, start, 730, chrono_tz::America::New_York);
    let began = Instant::now();
    let truth = generate(&options, Path::new(&dir), &Quiet)?;
    let seconds = began.elapsed().as_secs_f64();
    println!("{truth:#?}\n{seconds:.2} s, {:.0} rows/s", truth.rows as f64 / seconds);
    Ok(())
}
