//! `shoplake verify`: proves that what stands in the lake is what was recorded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use shoplake_core::proof::Check;
use shoplake_core::{Fault, Project};

use super::Context;
use crate::cli::VerifyArgs;
use crate::failure::{Exit, Failure};
use crate::render::{self, count, thousands};
use crate::table::Tone;
use crate::{progress, wiring};

/// Where the words of a finding begin.
const UNDER: &str = "            ";

pub(super) fn verify(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    // Nothing may move while it is counted.
    let _lock = wiring::lock(&project, true, printer)?;
    // Of a lake elsewhere the store is the truth, and not the copies that are here already.
    let fresh = project.remote.as_ref().map(|_| Elsewhere::make(&project.state_dir(), "verify-mirror")).transpose()?;
    let project = match &fresh {
        Some(Elsewhere(dir)) => Arc::new(Project { lake_dir: dir.clone(), ..Project::clone(&project) }),
        None => project,
    };
    let checks = context.block_on(project.limits.threads, async {
        let pipeline = wiring::pipeline(&project, progress::for_printer(printer)).await?;
        let mut checks = pipeline.verify(&*wiring::proof(&project)?).await?;
        if args.replay {
            let elsewhere = Elsewhere::make(&project.state_dir(), "verify")?;
            let lake = wiring::lake_elsewhere(&project, &elsewhere.0)?;
            checks.push(pipeline.verify_replay(&*lake, &*wiring::maintenance(&project)?).await?);
        }
        Ok(checks)
    })?;
    if args.json {
        printer.data_text(&format!("{:#}\n", json!({ "checks": checks })))?;
    } else {
        printer.data_text(&text(&checks))?;
    }
    let failed = checks.iter().filter(|check| !check.holds()).count() as u64;
    if failed == 0 {
        printer.say("all of it holds");
        return Ok(Exit::Done);
    }
    printer.say(format_args!("{} failed of {}", count(failed, "check", "checks"), checks.len()));
    Ok(Exit::DataFailed)
}

/// A folder for a lake that is gone afterwards.
struct Elsewhere(PathBuf);

impl Elsewhere {
    /// An empty one; what a verify that was cut off left is removed.
    fn make(state_dir: &Path, name: &str) -> Result<Self, Fault> {
        let dir = state_dir.join(name);
        if dir.exists() {
            fs_err::remove_dir_all(&dir)?;
        }
        fs_err::create_dir_all(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next replay.
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

/// A line a check, and its findings below it.
fn text(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let (tone, word) = if check.holds() { (Tone::Good, "proved") } else { (Tone::Bad, "failed") };
        text += &format!("{}  {:<12} {} {}\n", tone.paint(word), check.name, thousands(check.checked), check.unit);
        for finding in &check.findings {
            let words = format!(
                "{}: {}: expected {}, found {}",
                finding.subject, finding.figure, finding.expected, finding.found
            );
            text += &format!("{UNDER}{}\n{UNDER}hint: {}\n", render::escape(&words), render::escape(&finding.hint));
        }
        if check.more_findings > 0 {
            text += &format!("{UNDER}and {} more\n", thousands(check.more_findings));
        }
    }
    text
}
