//! The HTTP API against its own OpenAPI document: schemathesis makes requests from the document, right
//! ones and wrong ones, and a real server must answer each as the document says, and never with a 5xx.
//!
//! Not here: what the answers mean (`crates/server/tests`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::serve::Server;
use crate::steps::Steps;
use crate::venv;
use crate::workspace::{self, Profile};

const REQUIREMENTS: &str = include_str!("requirements/openapi.txt");
const SETTINGS: &str = include_str!("requirements/schemathesis.toml");

/// What is held of each answer. Not `positive_data_acceptance`: that `from` lies before `to`, or that an
/// SQL text is SQL, no schema says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,negative_data_rejection,\
                      missing_required_header,unsupported_method,allow_header_conformance";
/// Passed over: a stream without an end, and what would have everybody sign in from then on.
const PASSED_OVER: [&str; 2] = ["get_api_v1_events", "post_api_v1_users"];

/// What `cargo xtask openapi` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// How long to look for answers that break the document.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
}

/// How much is tried.
#[derive(Clone, Copy)]
pub(crate) enum Effort {
    /// The same requests on every run: about a minute.
    Short,
    /// Others each time, for so many minutes.
    Minutes(u32),
}

/// Takes this step alone.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    if let Some(binary) = steps.take("build", || workspace::build_shoplake(Profile::Dev)) {
        self::steps(&mut steps, &binary, Effort::Minutes(options.minutes));
    }
    steps.finish()
}

/// Takes the steps.
pub(crate) fn steps(steps: &mut Steps, binary: &Path, effort: Effort) {
    let python = steps.take("OpenAPI: packages", || venv::ensure("openapi-venv", REQUIREMENTS));
    let Some(python) = python else { return };
    steps.take("OpenAPI: requests made from the document", || requests(&python, binary, effort));
}

fn requests(python: &Path, binary: &Path, effort: Effort) -> Result<()> {
    let server = Server::over_sample(binary, "test-openapi/shop")?;
    let folder = folder(&server)?;
    fs_err::write(folder.join("schemathesis.toml"), SETTINGS)?;
    let program = python.with_file_name("schemathesis");
    let mut command = Command::new(program);
    command.arg("--config-file").arg(folder.join("schemathesis.toml")).arg("run");
    command.arg(format!("{}/api/openapi.json", server.url())).args(["--url", server.url()]);
    command.args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--no-color", "--no-shrink"]);
    for operation in PASSED_OVER {
        command.args(["--exclude-operation-id", operation]);
    }
    match effort {
        Effort::Short => command.args(["--seed", "2024", "--max-examples", "5"]),
        Effort::Minutes(minutes) => command.args(["--max-time", &(minutes * 60).to_string()]),
    };
    let said = workspace::output(command.current_dir(&folder))?;
    let counts = said.lines().filter(|line| line.contains("generated") || line.contains("Tested:"));
    println!("   {}", counts.map(str::trim).collect::<Vec<_>>().join(", "));
    Ok(())
}

/// Where it keeps what it has found, and its settings.
fn folder(server: &Server) -> Result<PathBuf> {
    server.shop().parent().map(Path::to_owned).context("a shop lies in a folder")
}
