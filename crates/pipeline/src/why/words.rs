//! An explanation in words: what each part of a figure is, and what names a row.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Field;
use shoplake_core::Result;
use shoplake_core::planned::{Expression, Source, quoted};

use super::trace::{Fold, Level, Start, Trace};
use super::{Folded, value};

/// What each part is, in words, and what it comes to.
pub(super) fn words(trace: &Trace, folded: &Folded) -> Vec<(String, Option<String>)> {
    let parts = trace.parts.iter().zip(&folded.texts).map(|(part, text)| {
        let value = readable(&part.value, &trace.level);
        let what = match (part.fold, part.value.columns.is_empty()) {
            (Fold::Count, true) => format!("rows of {}", trace.table),
            (Fold::Count, false) => format!("rows of {} with {value}", trace.table),
            (Fold::Sum, _) => format!("sum of {value}"),
            (Fold::Distinct, _) => format!("different values of {value}"),
            (Fold::Min, _) => format!("least {value}"),
            (Fold::Max, _) => format!("greatest {value}"),
            (Fold::Average, _) => format!("mean of {value}"),
            (Fold::Any, true) => "what the rows are grouped by".to_owned(),
            (Fold::Any, false) => value,
        };
        let filter = part.filter.as_ref().map(|filter| format!(" where {}", readable(filter, &trace.level)));
        (what + &filter.unwrap_or_default(), text.clone())
    });
    parts.collect()
}

/// The formula of a figure as its author wrote it, its measures by the names of the other columns.
pub(super) fn formula(start: &Start, column: &str) -> String {
    let mut text = start.expression.sql.clone();
    for named in start.level.select.columns.iter().filter(|named| named.name != column) {
        if named.expression.column().is_some() {
            text = text.replace(&named.expression.sql, &named.name);
        }
    }
    text.replace('"', "")
}

/// `expression` with tables in place of the planner's own names.
fn readable(expression: &Expression, level: &Level) -> String {
    let mut text = expression.sql.clone();
    for column in &expression.columns {
        let relation = level.select.relation(&column.relation).map(|relation| &relation.source);
        let table = match relation {
            Some(Source::Table(table)) => format!("{table}."),
            _ => String::new(),
        };
        let written = format!("{}.{}", quoted(&column.relation), quoted(&column.name));
        text = text.replace(&written, &format!("{table}{}", column.name));
    }
    text
}

/// The named columns of the row as text.
pub(super) fn values_as_text(row: &RecordBatch, names: &[String]) -> Result<Vec<(String, Option<String>)>> {
    let known = names.iter().filter_map(|name| Some((name, row.column_by_name(name)?)));
    known.map(|(name, column)| Ok((name.clone(), value::text(column.as_ref(), 0)?))).collect()
}

/// The columns that say most of a row without a key: the first that are no numbers.
pub(super) fn words_of(rows: &RecordBatch) -> Vec<String> {
    let schema = rows.schema();
    let says = |field: &&Arc<Field>| !field.data_type().is_numeric() && !field.name().starts_with('_');
    schema.fields().iter().filter(says).take(2).map(|field| field.name().clone()).collect()
}

/// For each row, the condition that names it.
pub(super) fn conditions(rows: &RecordBatch, names: &[String]) -> Vec<String> {
    let one = |row: usize| {
        let known = names.iter().filter_map(|name| Some((name, rows.column_by_name(name)?)));
        let parts = known.map(|(name, column)| match value::text(column.as_ref(), row) {
            Ok(Some(text)) if column.data_type().is_numeric() => format!("{name} = {text}"),
            Ok(Some(text)) => format!("{name} = {}", value::quoted_text(&text)),
            _ => format!("{name} IS NULL"),
        });
        parts.collect::<Vec<_>>().join(" AND ")
    };
    (0..rows.num_rows()).map(one).collect()
}
