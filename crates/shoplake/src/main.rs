//! The command `shoplake`: reads the command line, calls one function of [`commands`], ends with its exit code.
//!
//! Exit codes: 0 done; 1 done, but something of the data failed; 2 the command or the project is wrong.

mod alerts;
mod cli;
mod commands;
mod facts;
mod failure;
mod heap;
mod kept_log;
mod launcher;
mod logging;
mod machine;
mod memory;
mod printer;
mod progress;
mod records;
mod render;
mod sizes;
mod summary;
mod table;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::printer::Printer;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(words) => {
            // Help and the version are data for whoever asked; a pipe that is closed early is no fault.
            let _ = words.print();
            return ExitCode::from(u8::try_from(words.exit_code()).unwrap_or(2));
        }
    };
    let printer = Printer::new(&cli.global);
    logging::start(&cli.global, &printer);
    let done = commands::dispatch(cli, &printer);
    if let Err(failure) = &done {
        kept_log::failed(failure);
    }
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(&printer),
    }
}
