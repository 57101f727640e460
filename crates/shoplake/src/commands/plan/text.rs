//! A plan as people read it, in a terminal and in a pull request.

use shoplake_core::Project;
use shoplake_core::outcome::FileStatus;
use shoplake_pipeline::plan::{
    ColumnChange, ColumnEffect, ContractChange, FileFate, ModelAction, ModelEffect, Numbers, Plan, PlannedModel, Whole,
};

use crate::render::{self, bytes, count, escape, thousands};
use crate::table::{Side, Table, Tone};

/// The most files, and the most days of a model, that are shown; the rest is counted.
const SHOWN: usize = 10;
/// Room before what stands under a heading.
const UNDER: &str = "  ";

/// The plan as text, ending in a line end.
pub(super) fn of(plan: &Plan, project: &Project) -> String {
    let mut text = String::new();
    if plan.changes {
        files(&mut text, plan);
        contracts(&mut text, plan);
        models(&mut text, plan);
    } else {
        text += "nothing would change: no new files, contracts and models as the last run left them\n";
    }
    for api in &plan.apis {
        text += &format!("\n{}: a run asks {} first; a plan does not\n", api.dataset, escape(&api.url));
    }
    if let Some(numbers) = plan.numbers.as_ref().filter(|_| plan.changes) {
        text += &self::numbers(numbers, project);
    } else if plan.changes {
        text += "\n`shoplake plan --numbers` works out the effect on every figure\n";
    }
    text.trim_start_matches('\n').to_owned()
}

fn heading(text: &mut String, words: &str) {
    *text += &format!("\n{words}\n");
}

/// A table under a heading.
fn under(text: &mut String, table: &Table) {
    // Headers are for tables with numbers; what stands here reads as it is.
    for line in table.text().lines().skip(1) {
        *text += &format!("{UNDER}{line}\n");
    }
}

fn files(text: &mut String, plan: &Plan) {
    let loads: Vec<_> = plan.files.iter().filter(|file| file.fate != FileFate::AlreadyLoaded).collect();
    let known = plan.files.len() - loads.len();
    if !loads.is_empty() {
        let size = loads.iter().map(|file| file.size).sum();
        heading(text, &format!("{} to load, {}", count(loads.len() as u64, "file", "files"), bytes(size)));
        let columns = ["", "", "", ""];
        let mut table = Table::new(columns.into_iter().zip([Side::Left, Side::Left, Side::Right, Side::Left]));
        for file in loads.iter().take(SHOWN) {
            let fate = match file.fate {
                FileFate::Waiting => "waits since an earlier run",
                FileFate::JudgedAgain => "was refused, its contract has changed",
                FileFate::New | FileFate::AlreadyLoaded => "",
            };
            table.row([&file.dataset, &file.path, &bytes(file.size), fate].map(|cell| (cell, Tone::Plain)));
        }
        under(text, &table);
        if loads.len() > SHOWN {
            *text += &format!("{UNDER}and {} more\n", loads.len() - SHOWN);
        }
    }
    if known > 0 {
        let words = count(known as u64, "file has", "files have");
        heading(text, &format!("{words} the bytes of one that was loaded before: nothing of it counts twice"));
    }
    for replay in &plan.quarantine {
        let (rows, files) = (count(replay.rows, "row", "rows"), count(replay.files, "file", "files"));
        heading(text, &format!("{}: {rows} in quarantine, of {files}, would be judged again", replay.dataset));
    }
}

fn contracts(text: &mut String, plan: &Plan) {
    for ContractChange { dataset, columns, settings, whole } in &plan.contracts {
        let words = match whole {
            Some(Whole::New) => "is new",
            Some(Whole::Removed) => "is no longer in the project; its table stays as it is",
            None => "has changed",
        };
        heading(text, &format!("contract {dataset} {words}"));
        changes(text, columns.iter().chain(settings));
        if whole.is_none() && columns.is_empty() && settings.is_empty() {
            *text += &format!("{UNDER}an earlier version of Shoplake kept no words of it\n");
        }
    }
    for change in &plan.tables {
        heading(text, &format!("columns of table {} change", change.table));
        changes(text, change.columns.iter());
    }
}

/// One line a column: what it was and what it will be.
fn changes<'c>(text: &mut String, changes: impl Iterator<Item = &'c ColumnChange>) {
    let mut table = Table::new([("", Side::Left), ("", Side::Left), ("", Side::Left)]);
    for ColumnChange { column, before, after } in changes {
        let (sign, tone, words) = match (before, after) {
            (Some(before), Some(after)) => ("~", Tone::Warn, format!("{before} -> {after}")),
            (None, Some(after)) => ("+", Tone::Good, after.clone()),
            (before, None) => ("-", Tone::Bad, before.clone().unwrap_or_default()),
        };
        table.row([(sign, tone), (column, Tone::Plain), (&words, Tone::Plain)]);
    }
    under(text, &table);
}

fn models(text: &mut String, plan: &Plan) {
    if plan.models.is_empty() {
        return;
    }
    heading(text, &format!("{} would be made", count(plan.models.len() as u64, "model", "models")));
    for model in &plan.models {
        let mut table = Table::new([("", Side::Left), ("", Side::Left), ("", Side::Left)]);
        let widest = plan.models.iter().map(|model| model.name.chars().count()).max().unwrap_or(0);
        let name = format!("{:widest$}", model.name);
        table.row([
            (name, Tone::Plain),
            (format!("{:8}", action(model)), Tone::Plain),
            (model.reasons.join(", "), Tone::Plain),
        ]);
        under(text, &table);
        let mut columns = String::new();
        changes(&mut columns, model.columns.iter());
        text.extend(columns.lines().map(|line| format!("{UNDER}{UNDER}{line}\n")));
    }
}

fn action(model: &PlannedModel) -> &'static str {
    match model.action {
        ModelAction::Create => "new",
        ModelAction::Rebuild => "in full",
        ModelAction::Days => "by day",
        ModelAction::Redefine => "view",
        ModelAction::Leave => "left",
    }
}

fn numbers(numbers: &Numbers, project: &Project) -> String {
    let mut text = String::new();
    rows(&mut text, numbers);
    for (dataset, days) in &numbers.days {
        let words = if days.days == 1 {
            format!("{} of {dataset} changes", days.first)
        } else {
            format!("{} days of {dataset} change, {} to {}", thousands(days.days), days.first, days.last)
        };
        heading(&mut text, &words);
    }
    for effect in &numbers.models {
        self::effect(&mut text, effect);
    }
    if numbers.models.is_empty() && numbers.broken.is_empty() {
        heading(&mut text, "no figure of any model changes");
    }
    for (model, why) in &numbers.broken {
        heading(&mut text, &format!("{} model {model}: {}", Tone::Bad.paint("failed"), escape(why)));
    }
    for test in &numbers.failures {
        let word = if test.blocks { Tone::Bad.paint("failed") } else { Tone::Warn.paint("warning") };
        let rows = count(test.rows, "failing row", "failing rows");
        heading(&mut text, &format!("{word} test {}: {rows}", escape(&test.name)));
    }
    heading(
        &mut text,
        &match numbers.kept {
            Some(_) => format!(
                "worked out and kept: the next `shoplake run` publishes just this if files, contracts, models and tables \
             stay as they are\n(money in {})",
                project.currency
            ),
            None => "a run would publish nothing of this: files would be held until the data or the test is corrected"
                .into(),
        },
    );
    text
}

/// The rows that the files come to.
fn rows(text: &mut String, numbers: &Numbers) {
    let read = |dataset: &&shoplake_core::outcome::DatasetOutcome| {
        dataset.files.iter().any(|file| file.status != FileStatus::AlreadyLoaded)
    };
    let datasets: Vec<_> = numbers.datasets.iter().filter(read).collect();
    if datasets.is_empty() {
        return;
    }
    let heads = ["read", "inserted", "updated", "duplicate", "rejected", "orphans"].map(|head| (head, Side::Right));
    let mut table = Table::new([("rows", Side::Left)].into_iter().chain(heads));
    for dataset in datasets {
        let counts = &dataset.counts;
        let numbers =
            [counts.rows_read, counts.inserted, counts.updated, counts.duplicate, counts.rejected, counts.orphans];
        let cells = numbers.map(|number| (thousands(number), if number == 0 { Tone::Dim } else { Tone::Plain }));
        table.row([(dataset.dataset.clone(), Tone::Plain)].into_iter().chain(cells));
        for file in dataset.files.iter().filter(|file| file.status == FileStatus::Failed) {
            let why = file.error.as_deref().unwrap_or_default();
            *text += &format!("\n{} {}: {}\n", Tone::Bad.paint("refused"), escape(&file.path), escape(why));
        }
    }
    *text += &format!("\n{}", table.text());
}

/// A model: its rows, its totals, its days.
fn effect(text: &mut String, effect: &ModelEffect) {
    let counts = [("added", effect.added), ("removed", effect.removed), ("changed", effect.changed)];
    let counts = counts.iter().filter(|(_, rows)| *rows > 0).map(|(word, rows)| format!("{} {word}", thousands(*rows)));
    let counts: Vec<String> = counts.collect();
    let (before, after) = (thousands(effect.rows_before), thousands(effect.rows_after));
    heading(text, &format!("{}: {} of {before} -> {after} rows", effect.model, counts.join(", ")));
    let mut table = Table::new([
        ("", Side::Left),
        ("", Side::Left),
        ("published", Side::Right),
        ("planned", Side::Right),
        ("difference", Side::Right),
    ]);
    let mut lines = 0;
    for figure in effect.totals.iter().filter(|figure| differs(figure)) {
        table.row(cells("total", figure));
        lines += 1;
    }
    let from = effect.days.len().saturating_sub(SHOWN);
    for day in &effect.days[from..] {
        let mut label = day.day.as_str();
        for figure in day.figures.iter().filter(|figure| differs(figure)) {
            table.row(cells(label, figure));
            label = "";
            lines += 1;
        }
    }
    if lines == 0 {
        return;
    }
    for line in table.text().lines() {
        *text += &format!("{UNDER}{line}\n");
    }
    let shown = (effect.days.len() - from) as u64;
    if effect.days_changed > shown {
        let more = count(effect.days_changed - shown, "earlier day differs", "earlier days differ");
        *text += &format!("{UNDER}{more}: `shoplake plan --numbers --json`\n");
    }
}

fn differs(figure: &ColumnEffect) -> bool {
    figure.before != figure.after
}

fn cells(label: &str, figure: &ColumnEffect) -> [(String, Tone); 5] {
    let side = |side: &Option<String>| side.as_deref().map_or_else(|| "-".to_owned(), render::decimal);
    let less = render::decimal(figure.difference.trim_start_matches('-'));
    let (sign, tone) = if figure.difference.starts_with('-') { ("-", Tone::Bad) } else { ("+", Tone::Good) };
    [
        (label.to_owned(), Tone::Plain),
        (figure.column.clone(), Tone::Plain),
        (side(&figure.before), Tone::Plain),
        (side(&figure.after), Tone::Plain),
        (format!("{sign}{less}"), tone),
    ]
}
