//! The chores of this repository as `cargo xtask VERB`: one verb, one file.
//!
//! What lives here: reading the verb from the command line. Not here: anything that a user of
//! Shoplake runs; xtask knows the product only as the binary that it builds.
#![expect(clippy::print_stdout, reason = "xtask talks to a person at a terminal")]

mod bench;
mod blackbox;
mod chaos;
mod demo;
mod fuzz;
mod guard;
mod http;
mod load;
mod openapi;
mod postgres;
mod s3;
mod schemas;
mod serve;
mod serving;
mod soak;
mod steps;
mod test;
mod venv;
mod watching;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the Shoplake repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build Shoplake, make a sample shop, run it and show its report.
    Demo(demo::Options),
    /// Install what the tests need and run all of them.
    Test(test::Options),
    /// Measure `shoplake run` side by side with other engines.
    Bench(bench::Options),
    /// Kill runs at random, day after day, and see that nothing is lost and nothing doubled.
    Chaos(chaos::Options),
    /// Count the instructions and the bytes that a row costs, and hold them against what is written down.
    Guard(guard::Options),
    /// Look for bytes that break a property of the CSV path, the JSON path or the project reader.
    Fuzz(fuzz::Options),
    /// Hold the dashboard app against its sources, its checks and a real server in a browser.
    Web(web::Options),
    /// Hold the state on a real PostgreSQL server against instances, connections and a server that die.
    Postgres(postgres::Options),
    /// Hold the HTTP API against its OpenAPI document with requests made from it.
    Openapi(openapi::Options),
    /// Let many people click on a dashboard of many sales, and print how long answers took.
    Load(load::Options),
    /// Serve a shop that gets a file each second and is asked beside it, and see that it keeps up.
    Soak(soak::Options),
    /// Write the JSON Schemas of the project folder's files.
    Schemas(schemas::Options),
}

fn main() -> ExitCode {
    if let Some(ended) = fuzz::stand_before_rustc() {
        return ended;
    }
    let done = match Arguments::parse().verb {
        Verb::Demo(options) => demo::run(&options),
        Verb::Test(options) => test::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Chaos(options) => chaos::run(&options),
        Verb::Guard(options) => guard::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Web(options) => web::run(&options),
        Verb::Postgres(options) => postgres::run(&options),
        Verb::Openapi(options) => openapi::run(&options),
        Verb::Load(options) => load::run(&options),
        Verb::Soak(options) => soak::run(&options),
        Verb::Schemas(options) => schemas::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
