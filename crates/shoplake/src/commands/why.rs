//! `shoplake why`: a figure, its definition, and the rows behind it with their file and line.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use futures::FutureExt;
use serde_json::{Map, Value};
use shoplake_core::Fault;
use shoplake_core::ports::RowStream;
use shoplake_pipeline::Why;
use shoplake_server::{Explanation, ExplanationPart};

use super::Context;
use crate::cli::{Output, WhyArgs};
use crate::failure::{Exit, Failure};
use crate::render::{self, count, decimal, escape};
use crate::table::{Side, Table, Tone};
use crate::{records, wiring};

/// Rows listed unless the user says otherwise: what fits a screen, and what a program may want.
const TEXT_ROWS: usize = 10;
const JSON_ROWS: usize = 1_000;

pub(super) fn why(context: &Context, args: &WhyArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let models = shoplake_models::load(&project)?;
    let limit = args.limit.unwrap_or(if args.json { JSON_ROWS } else { TEXT_ROWS });
    let (why, object) = context.block_on(project.limits.threads, async {
        let explainer = wiring::explainer(&project, models).await?;
        let why = explainer.why(&args.table, &args.condition, &args.column, limit).await?;
        let object = object(&why)?;
        Ok((why, object))
    })?;
    let printer = &context.printer;
    if args.json {
        let text = serde_json::to_string_pretty(&object)
            .map_err(|error| Fault::internal("the explanation cannot be written as JSON").caused_by(error))?;
        printer.data_text(&format!("{text}\n"))?;
    } else {
        printer.data_text(&text(&why, &object))?;
        printer.say(next(&why, &object));
    }
    let Some(made) = &why.differs else { return Ok(Exit::Done) };
    printer.warn(format_args!(
        "the rows make {made}, but {}.{} says {}: this is a defect, or the model has changed since the last run; \
         `shoplake run`, then `shoplake verify`",
        why.model,
        why.column,
        plain(&object.value),
    ));
    Ok(Exit::DataFailed)
}

/// The explanation as one object.
pub(super) fn object(why: &Why) -> Result<Explanation, Failure> {
    let field = Field::new("value", why.value.data_type().clone(), true);
    let value = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![ArrayRef::clone(&why.value)])
        .map_err(|error| Fault::internal("a value is no column").caused_by(error))?;
    let value = objects(value)?.pop().and_then(|mut row| row.remove("value")).unwrap_or_default();
    let rows = objects(why.rows.clone())?;
    let part = |(what, value): &(String, Option<String>)| ExplanationPart { what: what.clone(), value: value.clone() };
    Ok(Explanation {
        value,
        model: why.model.clone(),
        column: why.column.clone(),
        row: why.row.iter().cloned().collect(),
        description: why.description.clone(),
        sql: why.sql.clone(),
        made_of: why.parts.iter().map(part).collect(),
        formula: why.formula.clone(),
        agrees: why.differs.is_none(),
        made_again: why.differs.clone(),
        table: why.table.clone(),
        row_count: why.row_count,
        rows,
    })
}

/// The rows as JSON objects, in the form of `shoplake query --output json`.
fn objects(batch: RecordBatch) -> Result<Vec<Map<String, Value>>, Failure> {
    let stream = RowStream { schema: batch.schema(), batches: Box::pin(futures::stream::iter([Ok(batch)])) };
    let mut bytes = Vec::new();
    // The rows are at hand: nothing is waited for.
    let written = records::write(stream, Output::Json, None, None, &mut bytes).now_or_never();
    written.ok_or_else(|| Fault::internal("rows at hand were waited for"))??;
    let rows = serde_json::from_slice(&bytes);
    rows.map_err(|error| Fault::internal("rows cannot be written as JSON").caused_by(error).into())
}

/// What people read.
fn text(why: &Why, object: &Explanation) -> String {
    let row: Vec<String> = why
        .row
        .iter()
        .map(|(name, value)| format!("{name} = {}", value.as_deref().map_or_else(|| "NULL".into(), escape)))
        .collect();
    let of = if row.is_empty() { String::new() } else { format!(" of {}", row.join(", ")) };
    let mut text = format!("{}{of}\n\n", Tone::Dim.paint(&format!("{}.{}", why.model, why.column)));
    let _ = writeln!(text, "  {}", Tone::Good.paint(&number(&object.value)));
    if let Some(description) = &why.description {
        let _ = writeln!(text, "\n{}", escape(description));
    }
    text.push('\n');
    if let Some(formula) = &why.formula {
        let _ = writeln!(text, "how     {}", escape(formula));
    }
    for (at, (words, value)) in why.parts.iter().enumerate() {
        let label = if at == 0 { if why.formula.is_some() { "where" } else { "how" } } else { "" };
        let equals = value.as_deref().map(|value| format!(" = {}", grouped(value))).unwrap_or_default();
        let equals = if why.formula.is_some() { equals } else { String::new() };
        let _ = writeln!(text, "{label:<7} {}{equals}", escape(words));
    }
    let listed = why.rows.num_rows() as u64;
    let some = if listed < why.row_count { format!(", the first {}:", render::thousands(listed)) } else { ":".into() };
    let rows = count(why.row_count, "row", "rows");
    let _ = writeln!(text, "rows    {rows} of {}{some}\n", why.table);
    text + &table(why, object)
}

fn table(why: &Why, object: &Explanation) -> String {
    let schema = why.rows.schema();
    let keys: Vec<&str> =
        schema.fields().iter().map(|field| field.name().as_str()).take_while(|name| *name != "contribution").collect();
    let mut columns: Vec<(&str, Side)> = keys.iter().map(|key| (*key, Side::Left)).collect();
    columns.extend([("contributes", Side::Right), ("file:line", Side::Left)]);
    let mut table = Table::new(columns);
    let rows: Vec<Value> = object.rows.iter().cloned().map(Value::Object).collect();
    for row in &rows {
        let mut cells: Vec<(String, Tone)> = keys.iter().map(|key| (plain(&row[*key]), Tone::Plain)).collect();
        cells.push((number(&row["contribution"]), Tone::Plain));
        let file = row["_source_file"].as_str().unwrap_or_default();
        let name = file.rsplit('/').next().unwrap_or(file);
        let place = if name.is_empty() { String::new() } else { format!("{name}:{}", plain(&row["_source_line"])) };
        cells.push((place, Tone::Dim));
        table.row(cells);
    }
    let mut text = table.text();
    if let Some(raw) = rows.first().and_then(|row| row["raw"].as_str()) {
        let _ = writeln!(text, "\n{}", Tone::Dim.paint("as it stands in the file:"));
        for line in raw.lines() {
            text.extend(["  ", &escape(line), "\n"]);
        }
    }
    text
}

/// What to ask next.
fn next(why: &Why, object: &Explanation) -> String {
    let first = object.rows.first().cloned().map(Value::Object).unwrap_or_default();
    let key = why.rows.schema().fields().first().map(|field| field.name().clone()).filter(|key| key != "contribution");
    match key {
        Some(key) if why.model != why.table => {
            let value = plain(&first[&key]).replace('\'', "''");
            let column = if why.parts.len() == 1 { column_of(why) } else { None };
            let column = column.unwrap_or_else(|| key.clone());
            format!("\nnext: shoplake why {} --where \"{key} = '{value}'\" --column {column}", why.table)
        }
        _ => format!("\nnext: shoplake lineage {}.{}", why.model, why.column),
    }
}

/// The column of the rows' table that the figure is made of, where it is one.
fn column_of(why: &Why) -> Option<String> {
    let (words, _) = why.parts.first()?;
    let name = words.rsplit_once(&format!("{}.", why.table))?.1;
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value with its thousands set apart, where it is a number.
fn number(value: &Value) -> String {
    match value {
        Value::String(text) => grouped(text),
        Value::Number(number) => grouped(&number.to_string()),
        other => plain(other),
    }
}

fn grouped(text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.chars().all(|c| c.is_ascii_digit() || c == '.') && digits.matches('.').count() <= 1;
    // A key of digits alone may be a text: only what has a point, or came as a number, is grouped.
    if is_number && !digits.is_empty() && digits.contains(|c: char| c.is_ascii_digit()) {
        decimal(text)
    } else {
        text.to_owned()
    }
}
