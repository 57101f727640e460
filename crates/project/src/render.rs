//! Writes a contract as a source file that [`crate::load`] reads back.

use std::fmt::Write;

use shoplake_core::contract::{Format, OnChange, SchemaChange};
use shoplake_core::{Column, Contract};

/// The source file of a contract: only what differs from the defaults, one column a line. Its files
/// come from `inbox/<dataset>/`.
pub fn render_source(contract: &Contract) -> String {
    let mut lines = vec![format!("name: {}", plain(&contract.dataset)), format!("format: {}", format_word(contract))];
    let options = &contract.options;
    let mut line = |key: &str, value: Option<String>| lines.extend(value.map(|value| format!("{key}: {value}")));
    line("delimiter", (options.delimiter != b',').then(|| quoted(&char::from(options.delimiter).to_string())));
    line("encoding", options.encoding.as_deref().map(plain));
    line("data_selector", options.data_selector.as_deref().map(plain));
    line("explode", options.explode.as_deref().map(plain));
    line("header", options.header.as_ref().map(|names| list(names)));
    line("key", (!contract.key.is_empty()).then(|| list(&contract.key)));
    line("event_time", contract.event_time.as_deref().map(plain));
    line("version", contract.version.as_deref().map(plain));
    line("columns", Some(String::new()));
    let width = contract.columns.iter().map(|column| plain(&column.name).len() + 1).max().unwrap_or(0);
    let mut text = String::new();
    for line in &lines {
        let _ = writeln!(text, "{}", line.trim_end()); // writing to a String cannot fail
    }
    for column in &contract.columns {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - {{ {} }}", column_map(column, width));
    }
    let change = contract.schema_change;
    if change != SchemaChange::default() {
        let (columns, types) = (change_word(change.columns), change_word(change.types));
        let _ = writeln!(text, "schema_change: {{ columns: {columns}, types: {types} }}");
    }
    if contract.reject_limit.to_bits() != 0.5_f64.to_bits() {
        let _ = writeln!(text, "reject_limit: {}", contract.reject_limit);
    }
    if !contract.enrichments.is_empty() {
        text.push_str("enrich:\n");
        for enrichment in &contract.enrichments {
            let _ = writeln!(text, "  {}: {}.{}", plain(&enrichment.column), enrichment.dataset, enrichment.from);
        }
    }
    text
}

fn column_map(column: &Column, width: usize) -> String {
    let name = format!("{},", plain(&column.name));
    let mut map = format!("name: {name:width$} type: {}", plain(&column.column_type.to_string()));
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = write!(map, ", {key}: {value}");
        }
    };
    let quoted_text = |text: &Option<String>| text.as_deref().map(quoted);
    put("header", quoted_text(&column.header));
    put("required", column.required.then(|| "true".to_owned()));
    put("min", column.min.as_deref().map(number));
    put("max", column.max.as_deref().map(number));
    put("pattern", quoted_text(&column.pattern));
    put("accepted_values", (!column.accepted_values.is_empty()).then(|| list(&column.accepted_values)));
    put("relationship", column.relationship.as_ref().map(|to| plain(&format!("{}.{}", to.dataset, to.column))));
    put("formats", (!column.formats.is_empty()).then(|| list(&column.formats)));
    put("decimal_separator", column.number.decimal_separator.map(|c| quoted(&c.to_string())));
    put("thousands_separator", column.number.thousands_separator.map(|c| quoted(&c.to_string())));
    put("currency_sign", quoted_text(&column.number.currency_sign));
    put("description", quoted_text(&column.description));
    map
}

fn format_word(contract: &Contract) -> &'static str {
    match contract.options.format {
        Format::Csv => "csv",
        Format::Json => "json",
        Format::Ndjson => "ndjson",
        Format::Parquet => "parquet",
    }
}

fn change_word(change: OnChange) -> &'static str {
    match change {
        OnChange::Evolve => "evolve",
        OnChange::Freeze => "freeze",
        OnChange::DiscardRow => "discard_row",
        OnChange::DiscardValue => "discard_value",
    }
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| plain(value)).collect::<Vec<_>>().join(", "))
}

/// A number as it was written, anything else in quotes.
fn number(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_number = match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    };
    if is_number { text.to_owned() } else { quoted(text) }
}

/// Text without quotes where no YAML reader could take it for anything else.
fn plain(text: &str) -> String {
    const TAKEN: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !TAKEN.contains(&text.to_lowercase().as_str());
    if safe { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes: what JSON writes, YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
