//! What a person reads after a run, in ten seconds: the rows, what failed, why, and what to do.

use std::fmt::Write;

use shoplake_core::outcome::{
    DatasetOutcome, FileOutcome, FileStatus, ModelStatus, RunOutcome, RunStatus, TestFailure, TestsOutcome, TopCause,
};
use shoplake_core::{Counts, Reason};

use crate::render::{self, count, percent, thousands};
use crate::table::{Side, Table, Tone};

/// The most notes of one kind that are printed; the rest is counted.
const SHOWN: usize = 5;
/// Where the words behind a label begin.
const LABEL: usize = 11;
/// A line end, and the room of a label.
const UNDER: &str = "\n           ";

/// The summary of a run, ending in a line end. `currency` is the shop's.
pub(crate) fn text(outcome: &RunOutcome, currency: &str) -> String {
    let files = || outcome.datasets.iter().flat_map(|dataset| &dataset.files);
    let mut text = String::new();
    if files().next().is_none() && outcome.problems.is_empty() {
        text += "no new files: drop exports into inbox/<dataset>/ and run again\n";
    } else if files().next().is_some() {
        text += &rows(&outcome.datasets);
    }
    problems(&mut text, outcome);
    blocks(&mut text, files().filter(|file| is_stuck(file)).map(stuck));
    let known = files().filter(|file| file.status == FileStatus::AlreadyLoaded).count() as u64;
    let words = count(known, "file has", "files have") + " the bytes of one that was loaded before";
    blocks(&mut text, (known > 0).then(|| mark(Tone::Plain, "skipped", &words)));
    for dataset in &outcome.datasets {
        if let Some(cause) = &dataset.top_cause {
            let words = format!("{}: {}", dataset.dataset, cause_words(cause, &dataset.counts, currency));
            blocks(&mut text, [mark(Tone::Warn, "set aside", &words)]);
        }
    }
    let notes = files().flat_map(|file| {
        file.schema_changes.iter().chain(&file.warnings).map(move |note| format!("{}: {note}", file.path))
    });
    blocks(&mut text, notes.map(|note| mark(Tone::Warn, "note", &note)));
    failures(&mut text, outcome);
    blocks(&mut text, restated(outcome).map(|words| mark(Tone::Warn, "restated", &words)));
    text.push('\n');
    text += &models_and_tests(outcome);
    let page = outcome.reports.iter().find(|report| report.ends_with(".html")).or(outcome.reports.first());
    if let Some(report) = page {
        let _ = writeln!(text, "{}", mark(Tone::Plain, "report", report));
    }
    text += &end(outcome);
    text
}

/// The summary of a build: of models and tests alone.
pub(crate) fn built(outcome: &RunOutcome) -> String {
    let mut text = troubles(outcome);
    text.push('\n');
    text += &models_and_tests(outcome);
    text += &end(outcome);
    text.trim_start().to_owned()
}

/// What of a run failed or wants a look, but for its files; empty where nothing does.
pub(crate) fn troubles(outcome: &RunOutcome) -> String {
    let mut text = String::new();
    problems(&mut text, outcome);
    failures(&mut text, outcome);
    text
}

/// What kept a run from going on, or from doing all: the message, then the hint on a line of its own.
fn problems(text: &mut String, outcome: &RunOutcome) {
    let problems = outcome.problems.iter().map(|problem| problem.replacen("; hint: ", "\nhint: ", 1));
    blocks(text, problems.map(|problem| mark(Tone::Warn, "problem", &problem)));
}

/// The summary of tests that ran on their own.
pub(crate) fn tested(outcome: &TestsOutcome) -> String {
    let mut text = String::new();
    blocks(&mut text, outcome.failures.iter().map(failure));
    let skipped = outcome.results.iter().filter(|result| result.status == "skipped");
    blocks(
        &mut text,
        skipped.map(|test| {
            let why = test.message.as_deref().unwrap_or_default();
            mark(Tone::Warn, "skipped", &format!("test {}: {why}", test.name))
        }),
    );
    let words = [(outcome.passed, "passed"), (outcome.warned, "warned"), (outcome.failed, "failed")];
    let words: Vec<String> =
        words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", thousands(*n))).collect();
    let words = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    if !text.is_empty() {
        text.push('\n');
    }
    text + &mark(Tone::Plain, "tests", &words) + "\n"
}

/// A test that did not pass.
fn failure(test: &TestFailure) -> String {
    let words = match &test.detail {
        Some(rows) => format!("test {}: rows missing (-) or not expected (+)\n{rows}", test.name),
        None => format!("test {}: {}", test.name, count(test.rows, "failing row", "failing rows")),
    };
    if test.blocks { mark(Tone::Bad, "failed", &words) } else { mark(Tone::Warn, "warning", &words) }
}

/// Tests and models that failed.
fn failures(text: &mut String, outcome: &RunOutcome) {
    blocks(text, outcome.tests.failures.iter().map(failure));
    let broken = outcome.models.iter().filter_map(|model| Some((model, model.error.as_ref()?)));
    blocks(text, broken.map(|(model, error)| mark(Tone::Bad, "failed", &format!("model {}: {error}", model.name))));
}

/// What a run restated of days that were published before, and where its values stand.
pub(crate) fn restated(outcome: &RunOutcome) -> Option<String> {
    let models = outcome.restated.iter().map(|restated| {
        let figures = count(restated.figures, "figure", "figures");
        let days = count(restated.days, "day", "days");
        format!("{figures} of {days} in {} ({})", restated.model, restated.causes.join(", "))
    });
    let models = models.collect::<Vec<_>>().join("; ");
    let query = format!("shoplake query \"SELECT * FROM restatements WHERE run_id = '{}'\"", outcome.run_id);
    (!models.is_empty()).then(|| format!("{models}\n{query}"))
}

/// One line a dataset; only what is not zero stands out.
fn rows(datasets: &[DatasetOutcome]) -> String {
    let left = ("dataset", Side::Left);
    let words = ["read", "inserted", "updated", "duplicate", "rejected", "orphans"];
    let mut table = Table::new([left].into_iter().chain(words.map(|word| (word, Side::Right))));
    for DatasetOutcome { dataset, counts, .. } in datasets {
        let cell = |number: u64, tone| (thousands(number), if number == 0 { Tone::Dim } else { tone });
        table.row([
            (dataset.clone(), Tone::Plain),
            cell(counts.rows_read, Tone::Plain),
            cell(counts.inserted, Tone::Good),
            cell(counts.updated, Tone::Good),
            cell(counts.duplicate, Tone::Plain),
            cell(counts.rejected, Tone::Warn),
            cell(counts.orphans, Tone::Warn),
        ]);
    }
    table.text()
}

fn is_stuck(file: &FileOutcome) -> bool {
    matches!(file.status, FileStatus::Failed | FileStatus::Held)
}

/// Why a file failed or is held: the message, then the hint on a line of its own.
pub(crate) fn reason(file: &FileOutcome) -> String {
    let error = file.error.as_deref().unwrap_or("no reason was kept");
    // The path stands before the reason already.
    let own = error.strip_prefix(file.path.as_str()).and_then(|rest| rest.strip_prefix(": "));
    own.unwrap_or(error).replacen("; hint: ", "\nhint: ", 1)
}

/// A file that waits in landing, why, and the first of what was wrong in it.
fn stuck(file: &FileOutcome) -> String {
    let (tone, word) = if file.status == FileStatus::Failed { (Tone::Bad, "failed") } else { (Tone::Warn, "held") };
    let mut text = mark(tone, word, &format!("{}: {}", file.path, reason(file)));
    if let Some(offenders) = &file.offenders {
        for offender in offenders.first.iter().take(3) {
            let column = offender.violation.column.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default();
            let value = offender.violation.value.as_deref().map(|value| format!(": {value}")).unwrap_or_default();
            let words = format!("line {}:{column} {}{value}", offender.line, offender.violation.rule);
            text = text + UNDER + &render::escape(&words);
        }
    }
    text
}

/// `6,650 of 19,632 rows (33.9 %) have no customer_id, 88,433.41 USD at stake: set …`
pub(crate) fn cause_words(cause: &TopCause, counts: &Counts, currency: &str) -> String {
    let column = cause.column.as_deref();
    let what = match (cause.reason, column) {
        (Reason::Missing, Some(column)) => format!("have no `{column}`"),
        (_, Some(column)) => format!("have a `{column}` that breaks `{}`", cause.rule),
        (_, None) => format!("break `{}`", cause.rule),
    };
    let of = thousands(counts.rows_read);
    let mut words = format!("{} of {of} rows ({}) {what}", thousands(cause.rows), percent(cause.share));
    if let Some(example) = cause.example.as_ref().filter(|_| cause.reason != Reason::Missing) {
        let _ = write!(words, " (for example {example})");
    }
    if let Some(money) = &cause.money {
        let _ = write!(words, ", {} {currency} at stake", render::money(money));
    }
    if let Some(hint) = &cause.hint {
        let _ = write!(words, "\n{hint}");
    }
    words
}

/// What was built and what was tested, a line each.
fn models_and_tests(outcome: &RunOutcome) -> String {
    let with = |status| outcome.models.iter().filter(|model| model.status == status).count() as u64;
    let models = [
        (with(ModelStatus::Success), "built", Tone::Good),
        (with(ModelStatus::Unchanged), "unchanged", Tone::Plain),
        (with(ModelStatus::Skipped), "skipped", Tone::Warn),
        (with(ModelStatus::Error), "failed", Tone::Bad),
    ];
    let TestsOutcome { passed, warned, failed, .. } = outcome.tests;
    let tests = [(passed, "passed", Tone::Good), (warned, "warned", Tone::Warn), (failed, "failed", Tone::Bad)];
    let line = |word, counts: &[_]| label(Tone::Plain, word, &tally(counts)) + "\n";
    line("models", &models) + &line("tests", &tests)
}

fn tally(counts: &[(u64, &str, Tone)]) -> String {
    let some: Vec<String> = counts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, word, tone)| tone.paint(&format!("{} {word}", thousands(*number))))
        .collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

/// `done in 3.2 s: 20,632 rows, 6,447 rows/s`
fn end(outcome: &RunOutcome) -> String {
    let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.counts.rows_read).sum();
    let (tone, word) = match outcome.status {
        RunStatus::Success => (Tone::Good, "done"),
        RunStatus::Warning => (Tone::Warn, "done, with warnings,"),
        RunStatus::Error => (Tone::Bad, "done, but not all of it,"),
    };
    let rate = if rows > 0 { format!(": {}", render::rows_a_second(rows, outcome.seconds)) } else { String::new() };
    format!("{} in {}{rate}\n", tone.paint(word), render::seconds(outcome.seconds))
}

/// A block that begins with a word that says what it is; further lines are indented under it.
fn mark(tone: Tone, word: &str, words: &str) -> String {
    let safe: Vec<String> = words.lines().map(render::escape).collect();
    label(tone, word, &safe.join(UNDER))
}

/// Words behind a label.
fn label(tone: Tone, word: &str, words: &str) -> String {
    format!("{}{}{words}", tone.paint(word), " ".repeat(LABEL.saturating_sub(word.len())))
}

/// Adds the blocks under a blank line, the first few of them in full.
fn blocks(text: &mut String, blocks: impl IntoIterator<Item = String>) {
    let mut left = 0;
    for (index, block) in blocks.into_iter().enumerate() {
        if index == 0 {
            text.push('\n');
        }
        if index < SHOWN {
            let _ = writeln!(text, "{block}");
        } else {
            left += 1;
        }
    }
    if left > 0 {
        let _ = writeln!(text, "and {} more: see `shoplake status --json`", thousands(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(json: &str) -> RunOutcome {
        serde_json::from_str(json).unwrap()
    }

    fn plain(outcome: &RunOutcome) -> String {
        anstream::adapter::strip_str(&text(outcome, "USD")).to_string()
    }

    /// Given a run with rejects, a failed file, a held test and orphans, then each is named with what to do.
    #[test]
    fn a_run_that_wants_a_look() {
        let run = outcome(
            r#"{"run_id": "r1", "status": "error", "seconds": 3.2, "started_at": "2024-03-15T10:30:00Z", "batch": 3,
            "datasets": [
              {"dataset": "sales", "rows_read": 19632, "inserted": 12000, "updated": 82, "duplicate": 900, "rejected": 6650,
               "orphans": 14, "rejects": {"missing": 6650},
               "files": [{"path": "inbox/sales/bad.csv", "key": "sales/ab/bad.csv", "sha256": "ab", "size": 10, "status": "failed",
                 "error": "312 of 400 rows break the contract\nset `delimiter: \";\"` in sources/sales.yml",
                 "offenders": {"rows_read": 400, "rejects": {"malformed": 312}, "first":
                   [{"line": 2, "reason": "malformed", "rule": "type: integer", "column": "quantity", "value": "tw\u001bo"}]},
                 "rows_read": 0, "inserted": 0, "updated": 0, "duplicate": 0, "rejected": 0, "orphans": 0, "rejects": {}}],
               "top_cause": {"reason": "missing", "rule": "required", "column": "customer_id", "rows": 6650, "share": 0.3387,
                 "money": "88433.41", "example": null,
                 "hint": "guests? set `required: false` at sources/sales.yml:9, then `shoplake run`"}},
              {"dataset": "products", "files": [], "rows_read": 0, "inserted": 0, "updated": 0, "duplicate": 0, "rejected": 0,
               "orphans": 0, "rejects": {}}],
            "models": [{"name": "daily_sales_summary", "status": "success", "rows": 90, "seconds": 0.2},
                       {"name": "top_products", "status": "error", "rows": 0, "seconds": 0.1, "error": "no column `nam`"}],
            "tests": {"passed": 13, "warned": 0, "failed": 1, "failures":
              [{"name": "unique(top_products.product_id)", "rows": 2, "blocks": true}]},
            "reports": ["lake/reports/daily/2024-03-14/report.html"]}"#,
        );
        insta::assert_snapshot!(plain(&run), @r#"
        dataset     read  inserted  updated  duplicate  rejected  orphans
        sales     19,632    12,000       82        900     6,650       14
        products       0         0        0          0         0        0

        failed     inbox/sales/bad.csv: 312 of 400 rows break the contract
                   set `delimiter: ";"` in sources/sales.yml
                   line 2: `quantity` type: integer: tw\u{1b}o

        set aside  sales: 6,650 of 19,632 rows (33.9 %) have no `customer_id`, 88,433.41 USD at stake
                   guests? set `required: false` at sources/sales.yml:9, then `shoplake run`

        failed     test unique(top_products.product_id): 2 failing rows

        failed     model top_products: no column `nam`

        models     1 built, 1 failed
        tests      13 passed, 1 failed
        report     lake/reports/daily/2024-03-14/report.html
        done, but not all of it, in 3.20 s: 19,632 rows, 6,135 rows/s
        "#);
    }

    /// Given a run without files, then it says where files go.
    #[test]
    fn a_run_without_files() {
        let run = outcome(
            r#"{"run_id": "r1", "status": "success", "seconds": 0.2, "started_at": "2024-03-15T10:30:00Z", "batch": null,
            "datasets": [], "models": [], "tests": {"passed": 0, "warned": 0, "failed": 0}, "reports": []}"#,
        );
        insta::assert_snapshot!(plain(&run), @r"
        no new files: drop exports into inbox/<dataset>/ and run again

        models     none
        tests      none
        done in 0.20 s
        ");
    }
}
