//! `cargo xtask guard`: what a row of sales costs `shoplake run`, in instructions and in bytes allocated.
//!
//! Valgrind counts both, so the answer is the same on a busy machine and on an idle one. Two shops that
//! differ only in their number of rows run on one thread; the difference is what the rows cost, without
//! the start of the process. Not here: seconds, which `cargo xtask bench` measures.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::workspace::{self, Profile};

/// Rows of the two shops.
const ROWS: [u64; 2] = [20_000, 60_000];
/// How far a count may be from the one that is written down.
const TOLERANCE: f64 = 0.10;
/// What is written down, of a development build.
const WRITTEN: &str = "crates/xtask/src/guard.json";

/// What `cargo xtask guard` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Write down what was counted, to be held from then on.
    #[arg(long)]
    update: bool,
}

/// What is counted, each by a tool of Valgrind.
struct Count {
    name: &'static str,
    tool: &'static str,
    /// The words that stand before the number in the tool's last lines.
    before: &'static str,
}

const COUNTS: [Count; 2] = [
    Count { name: "instructions", tool: "callgrind", before: "Collected : " },
    Count { name: "bytes allocated", tool: "dhat", before: "Total:     " },
];

/// Counts with a development build.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(reason) = missing() {
        bail!("{reason}");
    }
    let binary = workspace::build_shoplake(Profile::Dev)?;
    let counted = count(&binary)?;
    if options.update {
        let text = serde_json::to_string_pretty(&json!({ "a_row_of_sales": counted }))?;
        fs_err::write(workspace::root().join(WRITTEN), text + "\n")?;
        println!("written down in {WRITTEN}");
        return Ok(());
    }
    held(&counted)
}

/// Counts, and holds the counts against those written down.
pub(crate) fn hold(binary: &Path) -> Result<()> {
    held(&count(binary)?)
}

/// Why nothing can be counted here; `None` if it can.
pub(crate) fn missing() -> Option<String> {
    if workspace::has("valgrind", "--version") {
        return None;
    }
    // Whether it came is asked below; a machine that may not install it says so.
    let _ =
        workspace::output(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "valgrind"]));
    (!workspace::has("valgrind", "--version")).then(|| "Valgrind is missing: `apt-get install valgrind`".to_owned())
}

/// By name, how many a row.
fn count(binary: &Path) -> Result<Value> {
    let mut counted = serde_json::Map::new();
    for Count { name, tool, before } in COUNTS {
        let mut totals = [0; 2];
        for (rows, total) in ROWS.into_iter().zip(&mut totals) {
            *total = one(binary, rows, tool, before)?;
        }
        let a_row = totals[1].saturating_sub(totals[0]) / (ROWS[1] - ROWS[0]);
        println!("   {name:<16} {a_row:>8} a row");
        counted.insert(name.replace(' ', "_"), json!(a_row));
    }
    Ok(Value::Object(counted))
}

/// What a first run over so many rows counts.
fn one(binary: &Path, rows: u64, tool: &str, before: &str) -> Result<u64> {
    let shop = workspace::target().join("guard-shop");
    if shop.exists() {
        fs_err::remove_dir_all(&shop)?;
    }
    workspace::output(Command::new(binary).arg("init").arg(&shop).args(["--timezone", "UTC", "--quiet"]))?;
    let rows = rows.to_string();
    let generate = ["generate", "--days", "60", "--start", "2024-01-01", "--quiet", "--rows", &rows];
    workspace::output(Command::new(binary).args(generate).arg("--project-dir").arg(&shop))?;
    let mut command = Command::new("valgrind");
    command.args([format!("--tool={tool}"), format!("--{tool}-out-file=/dev/null")]);
    command.arg(binary).args(["run", "--quiet", "--project-dir"]).arg(&shop);
    let ended = command.env("SHOPLAKE__LIMITS__THREADS", "1").stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let number = said.lines().find_map(|line| line.split_once(before)).map(|(_, rest)| {
        let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        digits.replace(',', "").parse::<u64>()
    });
    match number {
        Some(Ok(number)) if ended.status.success() => Ok(number),
        _ => bail!("valgrind --tool={tool} ended with {} and counted nothing\n{said}", ended.status),
    }
}

fn held(counted: &Value) -> Result<()> {
    let written: Value = serde_json::from_str(&fs_err::read_to_string(workspace::root().join(WRITTEN))?)?;
    for Count { name, .. } in COUNTS {
        let key = name.replace(' ', "_");
        let number = |value: &Value| value.as_f64().with_context(|| format!("{WRITTEN} has no `{key}`"));
        let (now, before) = (number(&counted[&key])?, number(&written["a_row_of_sales"][&key])?);
        let change = now / before - 1.0;
        if change.abs() > TOLERANCE {
            let meant = if change > 0.0 { "if that is the price of something" } else { "to hold what was won" };
            bail!(
                "a row of sales costs {now} {name}, {before} are written down ({:+.0} %)\nhint: {meant}, \
                 `cargo xtask guard --update` and say why in docs/performance.md",
                100.0 * change
            );
        }
    }
    Ok(())
}
