//! `shoplake source freshness`: how old the newest row of each source is, against what its .yml allows.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde_json::{Value, json};
use shoplake_core::Fault;
use shoplake_models::{Resource, SourceTable};

use super::Context;
use crate::cli::FreshnessArgs;
use crate::failure::{Exit, Failure};
use crate::table::{Side, Table, Tone};
use crate::wiring::{self, Reader};

/// The column that says when a row was loaded, unless the source names another.
const LOADED_AT: &str = "_loaded_at";

pub(super) fn freshness(context: &Context, args: &FreshnessArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    let graph = compiled.graph(&args.select)?;
    let chosen = graph.names(&compiled.chosen(&graph, &args.select)?, &[Resource::Source]);
    let asked =
        compiled.models.sources.iter().filter(|table| table.freshness.is_some() && chosen.contains(&table.dataset));
    let asked: Vec<&SourceTable> = asked.collect();
    if asked.is_empty() {
        context.printer.say("no source states `freshness:` in a .yml of models/");
        return Ok(Exit::Done);
    }
    let now = Utc::now();
    let found = context.block_on(compiled.project.limits.threads, async {
        let reader = wiring::reader(&compiled.project).await?;
        let mut found = Vec::new();
        for table in &asked {
            found.push(newest(&reader, table).await?);
        }
        Ok(found)
    })?;
    let mut table =
        Table::new([("source", Side::Left), ("newest row", Side::Left), ("age", Side::Right), ("status", Side::Left)]);
    let mut results: Vec<Value> = Vec::new();
    let mut failed = false;
    for (source, newest) in asked.iter().zip(found) {
        let age = newest.map(|newest| (now - newest).num_seconds());
        let status = status(source, age);
        failed |= status == "error";
        let tone = match status {
            "pass" => Tone::Good,
            "warn" => Tone::Warn,
            _ => Tone::Bad,
        };
        let shown =
            |seconds: i64| format!("{} d {:02} h {:02} min", seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        table.row([
            (format!("{}.{}", source.source, source.name), Tone::Plain),
            (newest.map_or("none".into(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()), Tone::Plain),
            (age.map_or(String::new(), shown), Tone::Plain),
            (status.to_owned(), tone),
        ]);
        results.push(json!({
            "unique_id": format!("source.{}.{}.{}", compiled.project.name, source.source, source.name),
            "max_loaded_at": newest, "snapshotted_at": now, "max_loaded_at_time_ago_in_s": age, "status": status,
        }));
    }
    let folder = compiled.project.dir.join("target");
    fs_err::create_dir_all(&folder).map_err(Fault::from)?;
    let file = json!({"metadata": {"generated_at": now}, "results": results});
    let pretty = |value: &Value| serde_json::to_string_pretty(value).map_err(|e| Fault::internal(e.to_string()));
    fs_err::write(folder.join("sources.json"), pretty(&file)? + "\n").map_err(Fault::from)?;
    if args.json {
        context.printer.data_text(&(pretty(&Value::Array(results))? + "\n"))?;
    } else {
        context.printer.data_text(&table.text())?;
    }
    Ok(if failed { Exit::DataFailed } else { Exit::Done })
}

/// `pass`, `warn` or `error`; a table without rows is as old as can be.
fn status(source: &SourceTable, age: Option<i64>) -> &'static str {
    let Some(freshness) = source.freshness else { return "pass" };
    let over =
        |limit: Option<shoplake_models::Age>| limit.is_some_and(|limit| age.is_none_or(|age| age > limit.seconds()));
    if over(freshness.error_after) {
        "error"
    } else if over(freshness.warn_after) {
        "warn"
    } else {
        "pass"
    }
}

/// When the newest row was loaded.
async fn newest(reader: &Reader, source: &SourceTable) -> Result<Option<DateTime<Utc>>, Fault> {
    if !reader.catalog.tables.contains_key(&source.dataset) {
        return Ok(None);
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let column = quoted(source.loaded_at_field.as_deref().unwrap_or(LOADED_AT));
    let sql = format!(
        "SELECT arrow_cast(max({column}), 'Timestamp(Microsecond, Some(\"UTC\"))') AS newest FROM {}",
        quoted(&source.dataset)
    );
    let place = |fault: Fault| fault.at(&source.path, Some(source.line), None);
    let rows = reader.engine.query(&reader.catalog, &sql).await.map_err(place)?;
    let batches: Vec<_> = rows.batches.try_collect().await.map_err(place)?;
    let cell = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| batch.column(0).clone());
    let micros = cell.and_then(|cell| {
        let cell = cell.as_primitive_opt::<TimestampMicrosecondType>()?.clone();
        arrow_array::Array::is_valid(&cell, 0).then(|| cell.value(0))
    });
    Ok(micros.and_then(DateTime::from_timestamp_micros))
}
