//! What has to hold: what the case expects, and what is true of every input whatever it is.
//!
//! Both sides are put into lines, so that a case that fails reads as a difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::case::{Case, EveryFile, ExpectedFile, SetAside};
use super::stage::Taken;
use crate::child::Ended;

/// The lines that a case expects, and the ones that came.
#[derive(Default)]
struct Sides {
    expected: Vec<String>,
    came: Vec<String>,
}

impl Sides {
    #[expect(clippy::needless_pass_by_value, reason = "counts and texts are put as they come")]
    fn put(&mut self, what: &str, expected: impl ToString, came: impl ToString) {
        self.expected.push(format!("{what}: {}", expected.to_string()));
        self.came.push(format!("{what}: {}", came.to_string()));
    }

    /// A part that has to stand in a text.
    fn part(&mut self, what: &str, part: &str, text: &str) {
        self.put(what, part, if text.contains(part) { part } else { text });
    }

    /// A line that must not be there.
    fn offence(&mut self, line: impl Into<String>) {
        self.came.push(line.into());
    }
}

/// Holds what came against the case; the difference, where there is one.
pub(crate) fn judge(case: &Case, taken: &Taken) -> Result<(), String> {
    let mut sides = Sides::default();
    taken.ended.offences().into_iter().for_each(|offence| sides.offence(offence));
    sides.put("exit", case.expect.exit, taken.ended.code.map_or("none".to_owned(), |code| code.to_string()));
    if case.expect.exit == 2 || case.query.is_some() {
        error(&mut sides, case, &taken.ended);
        if let Some(check) = &taken.check {
            sides.put("exit of check", 2, check.code.unwrap_or_default());
            sides.part("check says", check.stderr.trim(), taken.ended.stderr.trim());
        }
    } else {
        match taken.ended.json() {
            Some(outcome) => run(&mut sides, case, taken, &outcome),
            None => sides.offence(format!("no JSON on stdout; stderr: {}", taken.ended.stderr)),
        }
    }
    if sides.expected == sides.came {
        return Ok(());
    }
    let mut lines = vec![format!("  {}", case.what)];
    lines.extend(sides.expected.iter().filter(|line| !sides.came.contains(line)).map(|line| format!("  - {line}")));
    lines.extend(sides.came.iter().filter(|line| !sides.expected.contains(line)).map(|line| format!("  + {line}")));
    Err(lines.join("\n"))
}

/// An error on stderr: it says what is expected, and each one of several has a place and a remedy.
fn error(sides: &mut Sides, case: &Case, ended: &Ended) {
    sides.part("says", case.expect.says.as_deref().unwrap_or_default(), &ended.stderr);
    sides.part("hint", case.expect.hint.as_deref().unwrap_or_default(), &ended.stderr);
    for fault in ended.stderr.split("error: ").skip(1) {
        let (first, rest) = fault.split_once('\n').unwrap_or((fault, ""));
        // What is typed at `query` is its own place.
        let placed = case.query.is_some() || [".yml", ".sql", ".env"].iter().any(|end| first.contains(end));
        if !placed || !rest.contains("hint: ") {
            sides.offence(format!("an error without a place or a hint: {fault}"));
        }
    }
}

fn run(sides: &mut Sides, case: &Case, taken: &Taken, outcome: &Value) {
    let files: Vec<&Value> = list(&outcome["datasets"]).flat_map(|dataset| list(&dataset["files"])).collect();
    for file in &files {
        always(sides, file, &taken.quarantine);
        match (case.expect.files.get(name(file)), case.expect.every_file) {
            (Some(expected), _) => file_as_expected(sides, expected, file),
            (None, Some(EveryFile::KeptOut)) => sides.put(name(file), 0, count(file, "inserted")),
            (None, Some(EveryFile::AccountedFor)) => {}
            (None, None) => sides.offence(format!("file {}: {file}", name(file))),
        }
    }
    for missing in case.expect.files.keys().filter(|wanted| !files.iter().any(|file| name(file) == *wanted)) {
        sides.put(missing, "a file of the run", "not there");
    }
    models(sides, case, outcome);
    let rejected: u64 = files.iter().map(|file| count(file, "rejected")).sum();
    sides.put("rows of quarantine", rejected, taken.quarantine.len());
    if let Some(expected) = &case.expect.set_aside {
        set_aside(sides, expected, &taken.quarantine);
    }
    for (at, row) in case.expect.loaded.iter().flatten().enumerate() {
        let came = taken.rows.get(at).map(|row| Value::Object(row.clone()));
        sides.put(&format!("row {}", at + 1), Value::Object(row.clone()), came.unwrap_or_default());
    }
    if let Some(loaded) = &case.expect.loaded {
        sides.put("rows of the table", loaded.len(), taken.rows.len());
    }
}

/// What is true of every file: no row is lost, no reject is without its reason, no refusal without
/// its place and its remedy.
fn always(sides: &mut Sides, file: &Value, quarantine: &[Map<String, Value>]) {
    let parts: u64 = ["inserted", "updated", "duplicate", "rejected"].iter().map(|key| count(file, key)).sum();
    sides.put(&format!("{} adds up", name(file)), count(file, "rows_read"), parts);
    let key = file["key"].as_str().unwrap_or_default();
    let of_file: Vec<_> = quarantine.iter().filter(|row| row["source_file"] == key).collect();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for row in &of_file {
        *reasons.entry(row["reason"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        if row["source_line"].as_u64().is_none_or(|line| line == 0) || row["rule"].as_str().is_none_or(str::is_empty) {
            sides.offence(format!("a row of quarantine without line or rule: {row:?}"));
        }
    }
    sides.put(&format!("{} in quarantine", name(file)), &file["rejects"], serde_json::json!(reasons));
    if file["status"] == "failed" {
        let error = file["error"].as_str().unwrap_or_default();
        let placed = file["path"].as_str().is_some_and(|path| error.starts_with(path));
        if !placed || !error.contains("; hint: ") {
            sides.offence(format!("a refusal without a place or a hint: {error}"));
        }
    }
}

fn file_as_expected(sides: &mut Sides, expected: &ExpectedFile, file: &Value) {
    let name = name(file);
    sides.put(name, expected.status.as_deref().unwrap_or("loaded"), file["status"].as_str().unwrap_or_default());
    let rejected: u64 = expected.rejects.values().sum();
    let counts = [
        ("rows_read", expected.rows_read.unwrap_or(0)),
        ("inserted", expected.inserted),
        ("updated", expected.updated),
        ("duplicate", expected.duplicate),
        ("rejected", rejected),
        ("orphans", expected.orphans),
    ];
    for (key, wanted) in counts {
        sides.put(&format!("{name} {key}"), wanted, count(file, key));
    }
    sides.put(&format!("{name} rejects"), serde_json::json!(expected.rejects), &file["rejects"]);
    let notes = list(&file["schema_changes"]).chain(list(&file["warnings"]));
    let warnings: Vec<&str> = notes.filter_map(Value::as_str).collect();
    sides.put(&format!("{name} warnings"), serde_json::json!(expected.warnings), serde_json::json!(warnings));
    let error = file["error"].as_str().unwrap_or_default();
    for (what, part) in [("says", &expected.says), ("hint", &expected.hint)] {
        if let Some(part) = part {
            sides.part(&format!("{name} {what}"), part, error);
        }
    }
}

fn models(sides: &mut Sides, case: &Case, outcome: &Value) {
    for model in list(&outcome["models"]).filter(|model| !model["error"].is_null()) {
        let (name, error) = (model["name"].as_str().unwrap_or_default(), model["error"].as_str().unwrap_or_default());
        match case.expect.models.get(name) {
            Some(said) => {
                sides.part(&format!("model {name} says"), &said.says, error);
                sides.part(&format!("model {name} hint"), &said.hint, error);
            }
            None => sides.offence(format!("model {name}: {error}")),
        }
    }
    for name in case.expect.models.keys() {
        let failed = list(&outcome["models"]).any(|model| model["name"] == *name && !model["error"].is_null());
        sides.put(&format!("model {name}"), "failed", if failed { "failed" } else { "built" });
    }
}

/// The rejected rows, one line each.
fn set_aside(sides: &mut Sides, expected: &[SetAside], quarantine: &[Map<String, Value>]) {
    let text = |row: &Map<String, Value>, key: &str| row[key].as_str().map(str::to_owned);
    let line = |file: Option<&str>, line: u64, rule: &str, column: Option<&str>, value: Option<&str>| {
        let value = value.map(|value| format!(" {value:?}")).unwrap_or_default();
        format!("{} line {line}: {rule} {}{value}", file.unwrap_or_default(), column.unwrap_or_default())
    };
    for (at, row) in quarantine.iter().enumerate() {
        // What a case does not state of a row is not compared.
        let stated = expected.get(at);
        let file = text(row, "source_file").and_then(|key| key.rsplit('/').next().map(str::to_owned));
        let (rule, value) = (text(row, "rule").unwrap_or_default(), text(row, "value"));
        let file = file.filter(|_| stated.is_some_and(|row| row.file.is_some()));
        let value = value.filter(|_| stated.is_some_and(|row| row.value.is_some()));
        let number = row["source_line"].as_u64().unwrap_or_default();
        let column = text(row, "column_name");
        sides.came.push(line(file.as_deref(), number, &rule, column.as_deref(), value.as_deref()));
    }
    sides.expected.extend(
        expected
            .iter()
            .map(|row| line(row.file.as_deref(), row.line, &row.rule, row.column.as_deref(), row.value.as_deref())),
    );
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn count(file: &Value, key: &str) -> u64 {
    file[key].as_u64().unwrap_or_default()
}

/// The name of a file of the run.
fn name(file: &Value) -> &str {
    file["path"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}
