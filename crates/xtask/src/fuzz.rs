//! `cargo xtask fuzz`: looks for bytes that break a property of `crates/fuzz`, led by the code that they
//! reach (libFuzzer).
//!
//! Coverage comes from flags of the stable compiler, given to our own crates only: this very binary
//! stands before rustc ([`stand_before_rustc`]), so that dependencies are shared with every other build.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::workspace;

/// The targets, and the folders that their seeds come from: below the repository, then below the shared
/// data, which not every machine has.
const TARGETS: [(&str, &[&str], &[&str]); 3] = [
    (
        "csv",
        &["tests/inputs/csv", "tests/inputs/encoding", "crates/fuzz/found/csv"],
        &["csv-spectrum/csvs", "csvlint-fixtures", "papaparse", "rust-csv-examples", "naughty-strings"],
    ),
    ("json", &["tests/inputs/json", "crates/fuzz/found/json"], &["json-test-suite/test_parsing", "naughty-strings"]),
    ("project", &["tests/inputs/project", "crates/project/template", "crates/fuzz/found/project"], &[]),
];

/// Larger seeds slow the search down and teach it nothing.
const SEED_BYTES: u64 = 16 << 10;
/// What has a compiler instrument a crate for libFuzzer.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Set for the compiler, so that this binary knows that it stands before rustc.
const BEFORE_RUSTC: &str = "SHOPLAKE_XTASK_BEFORE_RUSTC";

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// `csv`, `json` or `project` [default: one after another]
    #[arg(value_parser = ["csv", "json", "project"])]
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 1200)]
    seconds: u32,
}

/// Builds the targets and searches.
pub(crate) fn run(options: &Options) -> Result<()> {
    search(options.target.as_deref(), options.seconds)
}

/// Searches for so many seconds a target; an error if something was found.
pub(crate) fn search(only: Option<&str>, seconds: u32) -> Result<()> {
    let targets = TARGETS.iter().filter(|(name, ..)| only.is_none_or(|only| only == *name));
    let targets: Vec<_> = targets.collect();
    build(&targets.iter().map(|(name, ..)| *name).collect::<Vec<_>>())?;
    let mut broken = Vec::new();
    for (name, own, shared) in targets {
        if !search_one(name, own, shared, seconds)? {
            broken.push(*name);
        }
    }
    ensure!(broken.is_empty(), "bytes were found that break a property of {}", broken.join(", "));
    Ok(())
}

/// As examples of the whole workspace, for then cargo chooses the dependencies' features as the tests do.
fn build(names: &[&str]) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["build", "--workspace", "--features", "shoplake-fuzz/fuzz"]);
    for name in names {
        command.args(["--example", &format!("fuzz_{name}")]);
    }
    // A copy stands there: the build may put a new xtask in this one's place while it runs.
    let folder = workspace::target().join("fuzz");
    fs_err::create_dir_all(&folder)?;
    let wrapper = folder.join("before-rustc");
    fs_err::copy("/proc/self/exe", &wrapper)?;
    command.env("RUSTC_WORKSPACE_WRAPPER", &wrapper).env(BEFORE_RUSTC, "1");
    workspace::succeed(&mut command)
}

fn search_one(name: &str, own: &[&str], shared: &[&str], seconds: u32) -> Result<bool> {
    let folder = workspace::target().join("fuzz").join(name);
    let (corpus, found) = (folder.join("corpus"), folder.join("found"));
    fs_err::create_dir_all(&corpus)?;
    fs_err::create_dir_all(&found)?;
    let root = workspace::root();
    let data = root.join("../shared/data");
    let folders = own.iter().map(|own| root.join(own)).chain(shared.iter().map(|shared| data.join(shared)));
    let seeds = sow(name, folders, &corpus)?;
    let binary = workspace::target().join("debug/examples").join(format!("fuzz_{name}"));
    let output = Command::new(&binary)
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", found.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=16384", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start `{}`", binary.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    fs_err::write(folder.join("log"), &*said)?;
    let figure = |name: &str| said.lines().rev().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
    let covered = said.lines().rev().find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next());
    println!(
        "   {name:<8} {} executions in {seconds} s from {seeds} seeds, {} edges covered, {} inputs kept",
        figure("stat::number_of_executed_units:"),
        covered.unwrap_or("?"),
        figure("stat::new_units_added:"),
    );
    if output.status.success() {
        return Ok(true);
    }
    let told = said.lines().filter(|line| line.contains("panicked at") || line.starts_with("SUMMARY"));
    println!("   {}", told.collect::<Vec<_>>().join("\n   "));
    println!("   the bytes lie in `{}`, the whole log beside it; `crates/fuzz/README.md` says on", found.display());
    Ok(false)
}

/// Copies seeds into the corpus; gives how many.
fn sow(target: &str, folders: impl Iterator<Item = PathBuf>, corpus: &Path) -> Result<u64> {
    let (mut folders, mut seeds): (Vec<PathBuf>, u64) = (folders.filter(|folder| folder.is_dir()).collect(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if fs_err::metadata(&path)?.len() > SEED_BYTES || path.ends_with("case.yml") {
                continue;
            }
            let mut bytes = fs_err::read(&path)?;
            if target == "project" && !folder.ends_with("found/project") {
                // Its first byte says which file it is.
                let which = ["items.yml", "shoplake.yml", "sales.yml"].iter().position(|name| path.ends_with(name));
                bytes.insert(0, which.unwrap_or(0) as u8);
            }
            fs_err::write(corpus.join(format!("seed-{seeds}")), bytes)?;
            seeds += 1;
        }
    }
    Ok(seeds)
}

/// Where cargo has this binary stand before rustc, it runs rustc with what instruments our own crates.
pub(crate) fn stand_before_rustc() -> Option<ExitCode> {
    std::env::var_os(BEFORE_RUSTC)?;
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments.next()?;
    let arguments: Vec<_> = arguments.collect();
    let named = arguments.windows(2).find(|pair| pair[0] == "--crate-name").map(|pair| pair[1].to_string_lossy());
    // A build script runs here and is linked without libFuzzer; a look at the compiler names no crate.
    let ours = named.is_some_and(|name| name != "build_script_build");
    let mut command = Command::new(rustc);
    command.args(arguments).env_remove(BEFORE_RUSTC);
    if ours {
        command.args(FLAGS);
    }
    Some(match command.status() {
        Ok(status) => ExitCode::from(status.code().unwrap_or(1) as u8),
        Err(_) => ExitCode::FAILURE,
    })
}
