//! `target/run_results.json` in dbt's shape: how each model and test of the last command ended.

use std::collections::BTreeSet;

use chrono::Utc;
use serde_json::{Value, json};
use shoplake_core::outcome::{ModelStatus, RunOutcome, TestsOutcome};
use shoplake_core::{Fault, Project};

use super::build::is_seed;
use super::choosing::Compiled;

const FILE: &str = "target/run_results.json";
const SCHEMA: &str = "https://schemas.getdbt.com/dbt/run-results/v6.json";

/// What the last command left to do.
pub(super) struct Last {
    pub(super) command: String,
    /// Models and tests to do again.
    pub(super) again: BTreeSet<String>,
}

/// Writes the results of a run or build.
pub(super) fn write(compiled: &Compiled, command: &str, outcome: &RunOutcome) -> Result<(), Fault> {
    let mut results: Vec<Value> = Vec::new();
    for model in &outcome.models {
        let (status, note) = match model.status {
            ModelStatus::Success => ("success", None),
            ModelStatus::Error => ("error", None),
            ModelStatus::Skipped => ("skipped", None),
            ModelStatus::Unchanged => ("success", Some("unchanged")),
        };
        let kind = if is_seed(compiled, &model.name) { "seed" } else { "model" };
        results.push(json!({
            "unique_id": format!("{kind}.{}.{}", compiled.project.name, model.name),
            "name": model.name, "status": status, "execution_time": model.seconds, "failures": null,
            "message": model.error.as_deref().or(note), "adapter_response": {"rows_affected": model.rows},
        }));
    }
    results.extend(tests(compiled, &outcome.tests));
    put(compiled, command, outcome.seconds, outcome.batch.is_some(), Some(&outcome.run_id.to_string()), &results)
}

/// Writes the results of a test.
pub(super) fn write_tests(compiled: &Compiled, outcome: &TestsOutcome) -> Result<(), Fault> {
    let seconds = outcome.results.iter().map(|result| result.milliseconds).sum::<u64>() as f64 / 1_000.0;
    put(compiled, "test", seconds, true, None, &tests(compiled, outcome))
}

fn tests(compiled: &Compiled, outcome: &TestsOutcome) -> Vec<Value> {
    let unit = |name: &str| compiled.models.unit_tests.iter().any(|test| test.name == name);
    let one = |result: &shoplake_core::outcome::TestResult| {
        let kind = if unit(&result.name) { "unit_test" } else { "test" };
        json!({
            "unique_id": format!("{kind}.{}.{}", compiled.project.name, result.name),
            "name": result.name, "status": result.status, "execution_time": result.milliseconds as f64 / 1_000.0,
            "failures": result.rows, "message": result.message, "adapter_response": {},
        })
    };
    outcome.results.iter().map(one).collect()
}

fn put(
    compiled: &Compiled,
    command: &str,
    seconds: f64,
    published: bool,
    run: Option<&str>,
    results: &[Value],
) -> Result<(), Fault> {
    let file = json!({
        "metadata": {
            "dbt_schema_version": SCHEMA, "generated_at": Utc::now(), "invocation_id": run,
            "adapter_type": "shoplake", "shoplake_version": env!("CARGO_PKG_VERSION"),
        },
        "results": results,
        "elapsed_time": seconds,
        "args": {"which": command, "published": published},
    });
    let path = compiled.project.dir.join(FILE);
    fs_err::create_dir_all(compiled.project.dir.join("target"))?;
    let text = serde_json::to_string_pretty(&file).map_err(|error| Fault::internal(error.to_string()))?;
    Ok(fs_err::write(path, text + "\n")?)
}

/// What the last command left to do.
pub(super) fn read(project: &Project) -> Result<Last, Fault> {
    let missing =
        || Fault::usage("there is nothing to retry yet").hint("`shoplake build` or `shoplake run` comes first");
    let text = fs_err::read_to_string(project.dir.join(FILE)).map_err(|_| missing())?;
    let file: Value = serde_json::from_str(&text).map_err(|_| {
        Fault::usage(format!("`{FILE}` cannot be read")).hint("remove it, and run the command itself again")
    })?;
    let command = file["args"]["which"].as_str().unwrap_or("build").to_owned();
    let results = file["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed = |result: &&Value| matches!(result["status"].as_str(), Some("error" | "fail" | "skipped"));
    let name = |result: &Value| result["name"].as_str().map(str::to_owned);
    let mut again: BTreeSet<String> = results.iter().filter(failed).filter_map(name).collect();
    // Nothing of a run that failed was published: what it built has to be built again.
    if !again.is_empty() && file["args"]["published"] == Value::Bool(false) {
        let built = results.iter().filter(|r| r["status"] == "success" && r["message"] != "unchanged");
        again.extend(built.filter_map(name));
    }
    Ok(Last { command, again })
}
