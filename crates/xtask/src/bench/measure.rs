//! What one run of a command takes: wall time, CPU time, peak memory.
//!
//! The measuring is done by a few lines of Python around `wait4`, which the standard library of Rust
//! does not offer; the peers need Python anyway.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

const MEASURE: &str = include_str!("../python/measure.py");

/// Times commands.
pub(crate) struct Stopwatch {
    /// The Python that runs `measure.py`, and the peers.
    pub(crate) python: PathBuf,
}

/// What one run took.
pub(crate) struct Measure {
    /// Wall time in seconds.
    pub(crate) seconds: f64,
    /// User and system time together, in seconds.
    pub(crate) cpu_seconds: f64,
    /// Peak resident memory in MiB.
    pub(crate) rss_mib: f64,
    /// What the command printed.
    pub(crate) stdout: String,
}

impl Stopwatch {
    /// Runs a command; an exit code other than 0 is an error.
    pub(crate) fn time(&self, words: &[&OsStr]) -> Result<Measure> {
        let said = workspace::output(Command::new(&self.python).args(["-c", MEASURE]).args(words))?;
        let measured: Value = serde_json::from_str(&said).context("read what measure.py printed")?;
        let number = |name: &str| measured[name].as_f64().with_context(|| format!("measure.py printed no `{name}`"));
        if measured["code"].as_i64() != Some(0) {
            let text = |name: &str| measured[name].as_str().unwrap_or_default().to_owned();
            bail!("{words:?} ended with {}\n{}{}", measured["code"], text("stdout"), text("stderr"));
        }
        Ok(Measure {
            seconds: number("seconds")?,
            cpu_seconds: number("cpu_seconds")?,
            rss_mib: number("rss_mib")?,
            stdout: measured["stdout"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

impl Measure {
    /// The three numbers in columns.
    pub(crate) fn said(&self) -> String {
        format!("{:>7.2} s  {:>7.2} CPU s  {:>6.0} MiB", self.seconds, self.cpu_seconds, self.rss_mib)
    }
}
