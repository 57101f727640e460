//! The black-box checks of `../shared/checks`: the binary as a user runs it, held against an
//! independent calculation in Python.
//!
//! Not here: the checks themselves. A machine without `../shared` passes them over and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace;

const CASES: [&str; 5] = ["main", "daily", "correction", "zone", "open"];

/// Runs every case on generated data and on each real set in the seed's formats.
pub(crate) fn run(steps: &mut Steps, python: &Path, binary: &Path) {
    let Some(script) = workspace::shared("checks/blackbox.py") else {
        steps.skip("black-box checks", "there is no ../shared beside this repository");
        return;
    };
    let sets = std::iter::once(("generated".to_owned(), None)).chain(real_sets());
    for (set, data) in sets {
        for case in CASES {
            // `zone` writes its own sales: once is enough.
            if case == "zone" && data.is_some() {
                continue;
            }
            steps.take(&format!("black box: {case} on {set} data"), || {
                let mut command = Command::new(python);
                command.arg(&script).arg(case).arg("--bin").arg(binary);
                if let Some(data) = &data {
                    command.arg("--data").arg(data);
                }
                check(&mut command)
            });
        }
    }
}

fn check(command: &mut Command) -> Result<()> {
    let said = workspace::output(command)?;
    println!("   {}", said.lines().last().unwrap_or_default());
    Ok(())
}

/// The sets of `../shared/data` that have their sales, products and customers in the seed's formats.
fn real_sets() -> Vec<(String, Option<PathBuf>)> {
    let Some(Ok(folders)) = workspace::shared("data").map(fs_err::read_dir) else { return Vec::new() };
    let mut sets: Vec<_> = folders
        .filter_map(|folder| Some(folder.ok()?.path()))
        .filter(|folder| folder.join("seed-format/sales.csv").is_file())
        .filter_map(|folder| {
            Some((folder.file_name()?.to_string_lossy().into_owned(), Some(folder.join("seed-format"))))
        })
        .collect();
    sets.sort();
    sets
}
