//! `cargo xtask test`: installs what the tests need, then runs all of them, as CI does.
//!
//! A failed step does not hide the next one; the last line counts the steps.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::steps::Steps;
use crate::workspace::{self, Profile};
use crate::{blackbox, chaos, fuzz, guard, openapi, s3, schemas, soak, venv, watching, web};

/// The Python packages of the tests; `generate.py` needs some of them, too.
pub(crate) const REQUIREMENTS: &str = include_str!("requirements/test.txt");
const READERS: &str = include_str!("python/readers.py");
const DBT_REQUIREMENTS: &str = include_str!("requirements/dbt.txt");
const MODELS: &str = include_str!("python/models.py");
const OPENLINEAGE: &str = include_str!("python/openlineage.py");

/// The files of the short chaos are the same each time; where its kills strike is not.
const CHAOS_SEED: u64 = 2024;

/// What `cargo xtask test` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Only what needs no Python, no browser and no server: format, lints, dependencies, generated files, Rust tests.
    #[arg(long)]
    quick: bool,
}

/// Runs every step; an error if one failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    steps.take("format", || workspace::succeed(workspace::cargo().args(["fmt", "--all", "--check"])));
    // Before the lints: the first build is the longest step, and what it finds matters most.
    let binary = steps.take("build", || workspace::build_shoplake(Profile::Dev));
    steps.take("generated files", schemas::check);
    steps.take("Rust tests", rust_tests);
    steps.take("lints", || {
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        workspace::succeed(workspace::cargo().args(clippy))
    });
    if workspace::has("cargo-deny", "--version") {
        let deny = ["deny", "check", "licenses", "bans", "sources"];
        steps.take("dependencies", || workspace::succeed(workspace::cargo().args(deny)));
    } else {
        steps.skip("dependencies", "cargo-deny is not installed; the Rust tests hold the same licences and versions");
    }
    if let Some(binary) = &binary {
        steps.take("chaos: 30 rounds", || chaos::rounds(binary, 30, CHAOS_SEED, None));
    }
    if let Some(binary) = &binary {
        match guard::missing() {
            None => drop(steps.take("what a row costs", || guard::hold(binary))),
            Some(reason) => steps.skip("what a row costs", &reason),
        }
    }
    steps.take("fuzz: 15 s a target", || fuzz::search(None, 15));
    if !options.quick {
        web::steps(&mut steps, binary.as_deref(), false);
        if let Some(binary) = &binary {
            openapi::steps(&mut steps, binary, openapi::Effort::Short);
        }
        outside(&mut steps, binary.as_deref());
    }
    steps.finish()
}

fn rust_tests() -> Result<()> {
    let mut command = workspace::cargo();
    if workspace::has("cargo-nextest", "--version") {
        command.args(["nextest", "run", "--workspace", "--no-tests", "fail"]);
    } else {
        command.args([
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
            "--",
            "--skip",
            "s3::",
            "--skip",
            "postgres::",
        ]);
    }
    workspace::succeed(&mut command)
}

/// What looks at the product from outside: it needs Python and the built binary.
fn outside(steps: &mut Steps, binary: Option<&Path>) {
    let python = steps.take("Python packages", || venv::ensure("test-venv", REQUIREMENTS));
    let (Some(python), Some(binary)) = (python, binary) else {
        steps.skip("checks from outside", "they need the binary and the Python packages");
        return;
    };
    on_s3(steps, binary);
    watching::run(steps, binary);
    steps.take("soak: 2 minutes", || soak::soak(binary, 120));
    blackbox::run(steps, &python, binary);
    steps.take("other Delta readers", || other_readers(&python, binary));
    steps.take("OpenLineage events", || openlineage(&python, binary));
    let Some(dbt) = steps.take("dbt", || venv::ensure("dbt-venv", DBT_REQUIREMENTS)) else { return };
    steps.take("models against plain Python and dbt: generated data", || models(&dbt, binary, "Europe/Lisbon", None));
    match workspace::shared("data/online-retail-slice/seed-format") {
        Some(data) => {
            let step = || models(&dbt, binary, "America/New_York", Some(&data));
            steps.take("models against plain Python and dbt: online-retail-slice data", step);
        }
        None => steps.skip("models on real data", "there is no ../shared beside this repository"),
    }
}

/// Holds the template's models against a calculation of their own, and against real dbt.
fn models(python: &Path, binary: &Path, zone: &str, data: Option<&Path>) -> Result<()> {
    let shop = workspace::target().join("test-models");
    let mut command = Command::new(python);
    command.args(["-c", MODELS]).arg(binary).arg(&shop).arg(zone).args(data);
    // What dbt tells its makers is nobody's business.
    let said = workspace::output(command.env("DO_NOT_TRACK", "1"))?;
    println!("{}", said.trim_end());
    Ok(())
}

/// The lake on a real S3 server.
fn on_s3(steps: &mut Steps, binary: &Path) {
    let Some(server) = steps.take("S3 server", || s3::Server::start(binary)) else { return };
    steps.take("S3 tests", || {
        let mut command = workspace::cargo();
        if workspace::has("cargo-nextest", "--version") {
            // The whole workspace: a package alone has cargo choose other features, and build DataFusion again.
            command.args(["nextest", "run", "--workspace", "--profile", "s3", "--no-tests", "fail"]);
        } else {
            command.args(["test", "--workspace", "--test", "it", "s3::"]);
        }
        workspace::succeed(command.envs(server.variables()))
    });
    let lake = chaos::Elsewhere {
        lake: "s3://shoplake/chaos".to_owned(),
        variables: server.variables().map(|(name, value)| (name, value.to_owned())).into(),
    };
    steps.take("chaos on S3: 10 rounds", || chaos::rounds(binary, 10, CHAOS_SEED, Some(&lake)));
}

/// Runs a shop that writes OpenLineage events, and builds each of them again from openlineage-python's types.
fn openlineage(python: &Path, binary: &Path) -> Result<()> {
    let shop = workspace::target().join("test-openlineage");
    if shop.exists() {
        fs_err::remove_dir_all(&shop)?;
    }
    let quiet = ["--timezone", "UTC", "--sample", "--quiet"];
    workspace::output(Command::new(binary).arg("init").arg(&shop).args(quiet))?;
    let events = Command::new(binary)
        .args(["run", "--quiet", "--project-dir"])
        .arg(&shop)
        .env("SHOPLAKE__OPENLINEAGE__TRANSPORT", "file")
        .output()?;
    anyhow::ensure!(events.status.success(), "{}", String::from_utf8_lossy(&events.stderr));
    let said =
        workspace::output(Command::new(python).args(["-c", OPENLINEAGE]).arg(shop.join(".shoplake/openlineage")))?;
    println!("{}", said.trim_end());
    Ok(())
}

/// Reads each table of a shop that ran twice with deltalake and DuckDB, and compares with `query`.
fn other_readers(python: &Path, binary: &Path) -> Result<()> {
    let shop = workspace::target().join("test-readers");
    if shop.exists() {
        fs_err::remove_dir_all(&shop)?;
    }
    let said = workspace::output(Command::new(python).args(["-c", READERS]).arg(binary).arg(&shop))?;
    println!("{}", said.trim_end());
    Ok(())
}
