//! The log: what the program does, for whoever looks into a run. It goes to stderr, never to stdout, and what
//! operations do is kept in `.shoplake/logs/`.

use std::io;

use shoplake_core::logs::KEPT;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

use crate::cli::{GlobalArgs, LogFormat};
use crate::kept_log::KeptLog;
use crate::printer::Printer;

/// Starts the log: warnings only, `-v` our own steps, `-vv` ours in detail and the libraries' steps.
///
/// `SHOPLAKE_LOG=target=level,…` says it exactly and wins.
pub(crate) fn start(global: &GlobalArgs, printer: &Printer) {
    let (ours, others) = match global.verbose {
        0 => (Level::WARN, Level::ERROR),
        1 => (Level::INFO, Level::WARN),
        2 => (Level::DEBUG, Level::INFO),
        _ => (Level::TRACE, Level::DEBUG),
    };
    let asked = std::env::var("SHOPLAKE_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| {
        // What is kept is told to people in words of its own.
        let shown = Targets::new().with_default(others).with_target("shoplake", ours);
        shown.with_target(KEPT, LevelFilter::OFF)
    });
    let writer = LogWriter(printer.clone());
    let registry = tracing_subscriber::registry().with(KeptLog::layer());
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let started = match global.log_format {
        LogFormat::Text => {
            registry.with(layer.without_time().with_target(global.verbose > 1).with_filter(filter)).try_init()
        }
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init(),
    };
    debug_assert!(started.is_ok(), "the log starts once");
}

/// Writes the log through the printer, so that it does not tear a progress bar.
#[derive(Clone)]
struct LogWriter(Printer);

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(bytes).map(|()| bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
