//! `shoplake table history`: every version of a table.

use serde_json::json;

use crate::cli::TableHistoryArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::render::{self, thousands};
use crate::table::{Side, Table, Tone};
use crate::wiring;

pub(in crate::commands) fn history(context: &Context, args: &TableHistoryArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let versions = context.block_on(1, async { Ok(wiring::maintenance(&project)?.history(&args.table).await?) })?;
    if args.json {
        context.printer.data_text(&format!("{:#}\n", json!(versions)))?;
        return Ok(Exit::Done);
    }
    let numbers = ["version", "batch", "rows", "files", "size"].map(|name| (name, Side::Right));
    let words = [("made", Side::Left), ("by", Side::Left)];
    let mut table = Table::new(numbers.into_iter().chain(words));
    for version in versions.iter().rev() {
        let by = match version.restored {
            Some(restored) => format!("restore of version {restored}"),
            None => format!("run {}", version.run_id),
        };
        let cells = [
            version.version.to_string(),
            version.batch.0.to_string(),
            thousands(version.rows),
            thousands(version.files),
            render::bytes(version.bytes),
            render::moment(version.at, project.time_zone),
            by,
        ];
        table.row(cells.map(|cell| (cell, Tone::Plain)));
    }
    context.printer.data_text(&table.text())?;
    Ok(Exit::Done)
}
