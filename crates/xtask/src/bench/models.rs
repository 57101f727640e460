//! The part of the benchmark on models: what each costs for one more day against its full refresh, and
//! a project of many models, compiled and planned.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::measure::{Measure, Stopwatch};
use crate::workspace;

/// Models of the project that is compiled and planned, besides the template's.
const MANY: usize = 300;

/// Seconds of each model in several runs: the least, and how its rows were made then.
#[derive(Default)]
pub(crate) struct ModelSeconds(BTreeMap<String, (f64, String)>);

impl ModelSeconds {
    /// Takes the models of one run's JSON.
    pub(crate) fn add(&mut self, measure: &Measure) -> Result<()> {
        let run: Value = serde_json::from_str(&measure.stdout).context("read the run's JSON")?;
        for model in run["models"].as_array().into_iter().flatten().filter(|model| model["status"] == "success") {
            let name = model["name"].as_str().unwrap_or_default().to_owned();
            let seconds = model["seconds"].as_f64().unwrap_or(f64::INFINITY);
            let known = self.0.entry(name).or_insert((f64::INFINITY, String::new()));
            if seconds < known.0 {
                *known = (seconds, model["how"].as_str().unwrap_or_default().to_owned());
            }
        }
        Ok(())
    }
}

/// Each model of `days` beside its full refresh.
pub(crate) fn print(full: &ModelSeconds, days: &ModelSeconds) {
    println!("\n{:<26} {:>12} {:>12}", "model", "in full", "one more day");
    for (name, (seconds, _)) in &full.0 {
        let (day, how) = days.0.get(name).map_or((f64::NAN, "-"), |(day, how)| (*day, how.as_str()));
        println!("{name:<26} {seconds:>10.3} s {day:>10.3} s  {:>4.0} %  {how}", 100.0 * day / seconds);
    }
}

/// Compiles and plans a project of [`MANY`] models in three layers that has run once; prints the minima.
pub(crate) fn many(binary: &Path, stopwatch: &Stopwatch, runs: u8) -> Result<()> {
    let folder = workspace::target().join("bench-models");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    workspace::output(Command::new(binary).arg("init").arg(&folder).args(["--timezone", "UTC", "--sample"]))?;
    fs_err::create_dir_all(folder.join("models/many"))?;
    for number in 0..MANY {
        let third = MANY / 3;
        let sql = match number / third {
            0 => format!(
                "SELECT customer_id, count(*) AS sales, sum(amount) AS revenue, max(transaction_date) AS last\n\
                 FROM {{{{ source('shop', 'sales') }}}}\nWHERE quantity > {number}\nGROUP BY customer_id\n"
            ),
            1 => format!(
                "SELECT sales, count(*) AS customers, sum(revenue) AS revenue\nFROM {{{{ ref('many_{}') }}}}\nGROUP BY sales\n",
                number - third
            ),
            _ => format!(
                "SELECT a.sales, a.customers, b.revenue\nFROM {{{{ ref('many_{}') }}}} AS a\n\
                 INNER JOIN {{{{ ref('many_{}') }}}} AS b ON a.sales = b.sales\n",
                number - third,
                third + (number * 7) % third
            ),
        };
        fs_err::write(folder.join(format!("models/many/many_{number}.sql")), sql)?;
    }
    let command = |words: &[&str]| -> Result<Measure> {
        let words: Vec<&OsStr> = [binary.as_os_str()]
            .into_iter()
            .chain(words.iter().map(OsStr::new))
            .chain([OsStr::new("--project-dir"), folder.as_os_str()])
            .collect();
        stopwatch.time(&words)
    };
    command(&["run", "--quiet"])?;
    println!("\nA project of {MANY} models more, minima of {runs} runs:");
    for words in [&["compile", "--quiet"][..], &["plan", "--fail-if-diff", "--quiet"]] {
        let mut least = f64::INFINITY;
        for _ in 0..runs {
            least = least.min(command(words)?.seconds);
        }
        println!("{:<16} {least:>7.2} s", words[0]);
    }
    Ok(())
}
