//! `shoplake table compact`: small files joined.

use std::sync::Arc;

use serde_json::json;

use crate::cli::TableCompactArgs;
use crate::commands::Context;
use crate::commands::usage::{Reading, metered};
use crate::failure::{Exit, Failure};
use crate::render::thousands;
use crate::table::{Side, Table, Tone};
use crate::{progress, wiring};

pub(in crate::commands) fn compact(context: &Context, args: &TableCompactArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let _lock = wiring::lock(&project, true, printer)?;
    let reading = Reading::new(progress::for_printer(printer));
    let (outcome, compacted) = context.block_on(project.limits.threads, async {
        let pipeline = wiring::pipeline(&project, Arc::clone(&reading) as _).await?;
        Ok(metered(&project, &reading, pipeline.compact(args.table.as_deref())).await?)
    })?;
    if args.json {
        printer.data_text(&format!("{:#}\n", json!(compacted)))?;
    } else if outcome.batch.is_some() {
        let headers = ["rows", "files before", "files now"].map(|name| (name, Side::Right));
        let mut table = Table::new([("table", Side::Left)].into_iter().chain(headers));
        for done in compacted.iter().filter(|done| done.before != done.after) {
            let numbers = [done.rows, done.before, done.after].map(thousands);
            table.row(std::iter::once(done.table.clone()).chain(numbers).map(|cell| (cell, Tone::Plain)));
        }
        printer.data_text(&table.text())?;
    }
    match outcome.batch {
        Some(batch) => printer.say(format_args!(
            "batch {}: no row has changed; the files before stay for readers and `table restore`, `table vacuum` removes them in time",
            batch.0
        )),
        None => printer.say("nothing to join: no partition has two small files"),
    }
    Ok(Exit::Done)
}
