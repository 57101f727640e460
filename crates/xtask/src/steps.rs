//! A run of steps: each is named when it starts, timed, and counted as passed or failed.
//!
//! Not here: what a step does.

use std::time::Instant;

use anyhow::{Result, bail};

/// The steps taken so far. A failed step does not stop the next one.
#[derive(Default)]
pub(crate) struct Steps {
    passed: usize,
    failed: Vec<String>,
}

impl Steps {
    /// Takes a step and says how it went; `None` if it failed.
    pub(crate) fn take<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Option<T> {
        println!("── {name}");
        let started = Instant::now();
        let done = step();
        let seconds = started.elapsed().as_secs_f64();
        match done {
            Ok(value) => {
                self.passed += 1;
                println!("   ok      {name} ({seconds:.1} s)");
                Some(value)
            }
            Err(error) => {
                println!("{}\n   FAILED  {name} ({seconds:.1} s)", indented(&format!("{error:#}")));
                self.failed.push(name.to_owned());
                None
            }
        }
    }

    /// Says that a step was passed over, and why.
    #[expect(clippy::unused_self, reason = "reads as the others do")]
    pub(crate) fn skip(&self, name: &str, why: &str) {
        println!("── {name}\n   skipped {why}");
    }

    /// Prints the closing line that CI reads; an error if a step failed.
    pub(crate) fn finish(self) -> Result<()> {
        let failed = self.failed.len();
        if failed > 0 {
            println!("\nfailed: {}", self.failed.join(", "));
        }
        println!("\n{} passed, {failed} failed", self.passed);
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.passed + failed);
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
