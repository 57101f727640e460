//! `shoplake quarantine show`: rows that were set aside, as they stood in their file, the broken part
//! marked.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use futures::{StreamExt, TryStreamExt};
use shoplake_core::ports::RowStream;
use shoplake_core::{Fault, RowPlace, Violation};
use shoplake_pipeline::{Pipeline, places, source_item};
use unicode_width::UnicodeWidthStr;

use super::{equals, filter, known};
use crate::cli::{Output, QuarantineShowArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::render::escape;
use crate::table::Tone;
use crate::{progress, records, render, wiring};

/// Signs of a row that are shown on either side of its first broken part; JSON has all of it.
const AROUND: usize = 60;
const COLUMNS: &str = "dataset, source_file, source_line, reason, rule, column_name, value, violations, raw, run_id, \
                       quarantined_at";
/// Where the row's place among those of its line stands behind them.
const ITEM: usize = 11;

pub(in crate::commands) fn show(context: &Context, args: &QuarantineShowArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let limit = (args.limit > 0).then_some(args.limit);
    let written = context.block_on(project.limits.threads, async {
        let reader = wiring::reader(&project).await?;
        if !reader.catalog.tables.contains_key("quarantine") {
            return Ok(None);
        }
        let sql = sql(args, limit, source_item(&reader.catalog));
        let rows = reader.engine.query(&reader.catalog, &sql).await?;
        let pipeline = wiring::pipeline(&project, progress::for_printer(printer)).await?;
        let marks = Marks { pipeline, by_file: HashMap::new() };
        if args.json {
            Ok(Some(records::print(with_ranges(rows, marks), Output::Json, limit, None, printer).await?))
        } else {
            let (shown, cut) = blocks(rows, marks, limit, printer).await?;
            Ok(Some(records::Written { rows: shown, cut }))
        }
    })?;
    match written {
        None if args.json => printer.data_text("[]\n")?,
        None => printer.say("nothing is in quarantine"),
        Some(written) if written.cut => {
            let rows = render::count(written.rows as u64, "row", "rows");
            printer.say(format_args!("\n{rows} shown, there are more: `--limit 0` shows all, `--json` in full"));
        }
        Some(written) if written.rows == 0 && !args.json => {
            // Rows of a dataset that the project no longer has are shown; a name that has none is a slip.
            if let Some(name) = &args.dataset {
                known(&project, name)?;
            }
            printer.say("nothing of that is in quarantine");
        }
        Some(_) => {}
    }
    Ok(Exit::Done)
}

/// The latest rows first. One more than the limit is asked for, to know whether there are more.
fn sql(args: &QuarantineShowArgs, limit: Option<usize>, item: &str) -> String {
    let filter = filter(&[
        args.dataset.as_deref().map(|name| equals("dataset", name)),
        args.reason.as_deref().map(|reason| equals("reason", reason)),
    ]);
    let limit = limit.map(|limit| format!("LIMIT {}", limit.saturating_add(1))).unwrap_or_default();
    format!(
        "SELECT {COLUMNS}, {item} AS source_item FROM quarantine {filter} \
         ORDER BY quarantined_at DESC, source_file, source_line, source_item {limit}"
    )
}

/// Finds broken parts; each file's header is read once.
struct Marks {
    pipeline: Pipeline,
    by_file: HashMap<String, Option<shoplake_quality::Marker>>,
}

impl Marks {
    /// The broken parts of a row, one for each violation.
    fn of(&mut self, row: &Row) -> Vec<Option<Range<usize>>> {
        let pipeline = &self.pipeline;
        let marker = self.by_file.entry(row.file.clone()).or_insert_with(|| {
            let dataset = pipeline.project.dataset(&row.dataset)?;
            Some(pipeline.marker(dataset, &row.file))
        });
        let mark = |violation| marker.as_ref()?.broken(&row.raw, violation);
        row.violations.iter().map(mark).collect()
    }
}

/// A row of the quarantine.
struct Row {
    dataset: String,
    file: String,
    place: RowPlace,
    /// What it breaks; the first names it.
    violations: Vec<Violation>,
    raw: String,
}

/// The rows of a batch of [`COLUMNS`].
fn rows(batch: &RecordBatch) -> Result<Vec<Row>, Fault> {
    let broken = |error| Fault::internal("the quarantine has other columns than it was made with").caused_by(error);
    let texts = |at: usize| arrow_cast::cast(batch.column(at), &DataType::Utf8).map_err(broken);
    let [dataset, file, violations, raw] = [texts(0)?, texts(1)?, texts(7)?, texts(8)?];
    let places = places(batch.column(2), batch.column(ITEM))?;
    let text = |column: &ArrayRef, row| column.as_string::<i32>().value(row).to_owned();
    let row = |row| {
        let mut violations: Vec<Violation> = serde_json::from_str(&text(&violations, row)).unwrap_or_default();
        violations.sort_by_key(|violation| violation.reason);
        let place = places[row];
        Row { dataset: text(&dataset, row), file: text(&file, row), place, violations, raw: text(&raw, row) }
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// The rows with `broken_start` and `broken_end`: the bytes of `raw` that break the rule which names the
/// row. Both are the same where something is missing, and null where the place cannot be told.
fn with_ranges(stream: RowStream, mut marks: Marks) -> RowStream {
    let names = ["broken_start", "broken_end"].map(|name| Arc::new(Field::new(name, DataType::Int64, true)));
    let fields = stream.schema.fields().iter().cloned().chain(names);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let wide = Arc::clone(&schema);
    let batches = stream.batches.map(move |batch| {
        let batch = batch?;
        let rows = rows(&batch)?;
        let firsts: Vec<_> = rows.iter().map(|row| marks.of(row).into_iter().next().flatten()).collect();
        let of = |end: fn(&Range<usize>) -> usize| -> ArrayRef {
            Arc::new(firsts.iter().map(|mark| mark.as_ref().map(|mark| end(mark) as i64)).collect::<Int64Array>())
        };
        let columns = batch.columns().iter().cloned().chain([of(|mark| mark.start), of(|mark| mark.end)]);
        RecordBatch::try_new(Arc::clone(&wide), columns.collect())
            .map_err(|error| Fault::internal("rows in quarantine do not fit together").caused_by(error))
    });
    RowStream { schema, batches: Box::pin(batches) }
}

/// Prints each row as a block: where it stands and what it breaks, its text, and a line of carets.
async fn blocks(
    mut stream: RowStream,
    mut marks: Marks,
    limit: Option<usize>,
    printer: &crate::printer::Printer,
) -> Result<(usize, bool), Failure> {
    let mut shown = 0;
    while let Some(batch) = stream.batches.try_next().await? {
        for row in rows(&batch)? {
            if limit.is_some_and(|limit| shown == limit) {
                return Ok((shown, true));
            }
            let ranges: Vec<_> = marks.of(&row).into_iter().flatten().collect();
            let gap = if shown > 0 { "\n" } else { "" };
            printer.data_text(&format!("{gap}{}", block(&row, ranges)))?;
            shown += 1;
        }
    }
    Ok((shown, false))
}

fn block(row: &Row, ranges: Vec<Range<usize>>) -> String {
    let file = row.file.rsplit('/').next().unwrap_or(&row.file);
    let mut text = String::new();
    for (at, violation) in row.violations.iter().enumerate() {
        let place = format!("{} {file}:{}", row.dataset, row.place);
        let place = if at == 0 { place } else { " ".repeat(place.width()) };
        let column = violation.column.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let value = violation.value.as_deref().map(|value| format!(", not `{}`", cut(value))).unwrap_or_default();
        let words = format!("{place}  {}{column}: {}{value}", violation.reason.as_str(), violation.rule);
        text.push_str(&escape(&words));
        text.push('\n');
    }
    let (line, carets) = marked(&row.raw, ranges);
    text.push_str(&format!("    {line}\n"));
    if !carets.is_empty() {
        text.push_str(&format!("    {}\n", Tone::Bad.paint(&carets)));
    }
    text
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(AROUND) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// The text on one line, about its first broken part where it is long, and the line of carets below.
fn marked(raw: &str, mut ranges: Vec<Range<usize>>) -> (String, String) {
    ranges.sort_by_key(|range| (range.start, range.end));
    let first = ranges.first().map_or(0, |range| range.start);
    let before = raw[..first].char_indices().rev().nth(AROUND - 1).map_or(0, |(at, _)| at);
    let after = raw[first..].char_indices().nth(AROUND).map_or(raw.len(), |(at, _)| first + at);
    let mut line = if before > 0 { "…".to_owned() } else { String::new() };
    let mut carets = String::new();
    let mut at = before;
    for range in ranges {
        let (start, end) = (range.start.clamp(at, after), range.end.clamp(at, after));
        if range.start < at || range.start > after {
            continue;
        }
        line.push_str(&escape(&raw[at..start]));
        carets.extend(std::iter::repeat_n(' ', line.width().saturating_sub(carets.width())));
        let part = escape(&raw[start..end]);
        line.push_str(&part);
        // What is missing has no width.
        carets.extend(std::iter::repeat_n('^', part.width().max(1)));
        at = end;
    }
    line.push_str(&escape(&raw[at..after]));
    if after < raw.len() {
        line.push('…');
    }
    (line, carets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given rows with control characters, wide signs, several broken parts, and none, when marked, then
    /// carets stand below what is broken and nothing can drive the terminal.
    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a row with one broken part")]
    fn carets_stand_below() {
        for (raw, ranges, line, carets) in [
            ("a,b,c", vec![2..3], "a,b,c", "  ^"),
            ("a,,c", vec![2..2], "a,,c", "  ^"),
            ("a,b", vec![3..3], "a,b", "   ^"),
            ("日本,x", vec![7..8], "日本,x", "     ^"),
            ("\u{1b}[2J,x\ny", vec![0..4, 5..8], "\\u{1b}[2J,x\\ny", "^^^^^^^^^ ^^^^"),
            ("a,b", vec![], "a,b", ""),
            ("a,b,c", vec![2..5, 4..5], "a,b,c", "  ^^^"),
        ] {
            assert_eq!(marked(raw, ranges), (line.to_owned(), carets.to_owned()), "{raw:?}");
        }
        let long = format!("{}BAD{}", "x".repeat(500), "y".repeat(500));
        let (line, carets) = marked(&long, vec![500..503]);
        assert_eq!(line, format!("…{}BAD{}…", "x".repeat(60), "y".repeat(57)));
        assert_eq!(carets, format!("{}^^^", " ".repeat(61)));
    }
}
