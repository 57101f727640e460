//! What watches Shoplake from outside, beside the real thing: promtool over `/metrics` and the rules of
//! `docs/monitoring`, a receiver of OTLP, a mail server and a webhook, and PostgreSQL under two processes.
//!
//! Not here: what the receivers expect; that stands in `python/`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::serving::Serving;
use crate::steps::Steps;
use crate::{postgres, venv, workspace};

const REQUIREMENTS: &str = include_str!("requirements/watch.txt");
const ALERTS: &str = include_str!("python/alerts.py");
const OTLP: &str = include_str!("python/otlp.py");

/// Takes every step.
pub(crate) fn run(steps: &mut Steps, binary: &Path) {
    match promtool() {
        Ok(()) => drop(steps.take("metrics and rules by promtool", || metrics(binary))),
        Err(why) => steps.skip("metrics and rules by promtool", &format!("{why:#}")),
    }
    postgres::steps(steps, 1);
    let Some(python) = steps.take("Python packages of receivers", || venv::ensure("watch-venv", REQUIREMENTS)) else {
        return;
    };
    steps.take("traces and metrics over OTLP", || script(&python, OTLP, binary, "test-otlp"));
    if cfg!(target_os = "linux") {
        let step = || script(&python, ALERTS, binary, "test-alerts");
        steps.take("every alert fires and recovers: SMTP with STARTTLS, signed webhook", step);
    } else {
        steps.skip("every alert fires and recovers", "its simulated clock needs Linux");
    }
}

fn script(python: &Path, text: &str, binary: &Path, shop: &str) -> Result<()> {
    let mut command = Command::new(python);
    let said = workspace::output(command.args(["-c", text]).arg(binary).arg(workspace::target().join(shop)))?;
    println!("{}", said.trim_end());
    Ok(())
}

/// Makes sure of promtool, from Debian's package where we may install one; else says why not.
fn promtool() -> Result<()> {
    if !workspace::has("promtool", "--version") {
        workspace::install("prometheus").context("promtool is missing")?;
    }
    Ok(())
}

/// `/metrics` of a shop that ran and was asked, the rules, and the names that the dashboard asks for.
fn metrics(binary: &Path) -> Result<()> {
    let folder = workspace::root().join("docs/monitoring");
    for arguments in [["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]] {
        workspace::output(Command::new("promtool").args(arguments).current_dir(&folder))?;
    }
    let shop = shop(binary)?;
    workspace::output(Command::new(binary).args(["run", "--quiet", "--project-dir"]).arg(&shop))?;
    let server = Serving::start(binary, &shop, &["--no-schedule"])?;
    for _ in 0..5 {
        server.query("SELECT count(*) AS n FROM sales")?;
    }
    let text = server.get("/metrics")?;
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn()?;
    check.stdin.take().context("promtool takes no input")?.write_all(text.as_bytes())?;
    let said = check.wait_with_output()?;
    ensure!(said.status.success(), "promtool check metrics: {}", String::from_utf8_lossy(&said.stderr));

    let named = |line: &str| line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let known: BTreeSet<String> = text.lines().filter_map(named).collect();
    let mut asked = BTreeSet::new();
    for file in ["rules.yml", "dashboard.json", "../always-on.md"] {
        asked.extend(names(&fs_err::read_to_string(folder.join(file))?));
    }
    let base = |name: &str| {
        let suffix = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
        suffix.filter(|base| known.contains(*base)).unwrap_or(name).to_owned()
    };
    let missing: Vec<&String> = asked.iter().filter(|name| !known.contains(&base(name))).collect();
    ensure!(missing.is_empty(), "rules, dashboard or docs name metrics that are not there: {missing:?}");
    let documented = names(&fs_err::read_to_string(folder.join("../always-on.md"))?);
    let silent: Vec<&String> =
        known.iter().filter(|name| name.starts_with("shoplake_") && !documented.contains(*name)).collect();
    ensure!(silent.is_empty(), "docs/always-on.md does not name {silent:?}");
    println!("   {} metrics, {} of them in rules, dashboard and docs", known.len(), asked.len());
    Ok(())
}

/// The words of a text that are names of metrics.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    words
        .filter(|word| word.starts_with("shoplake_") || *word == "process_resident_memory_bytes")
        .map(str::to_owned)
        .collect()
}

fn shop(binary: &Path) -> Result<PathBuf> {
    let shop = workspace::target().join("test-metrics");
    if shop.exists() {
        fs_err::remove_dir_all(&shop)?;
    }
    let init = ["init", "--timezone", "UTC", "--sample", "--quiet"];
    workspace::output(Command::new(binary).args(init).arg(&shop))?;
    Ok(shop)
}
