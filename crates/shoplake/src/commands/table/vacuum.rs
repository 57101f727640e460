//! `shoplake table vacuum`: files that nobody needs any more.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::TableVacuumArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::render::{self, count};
use crate::table::{Side, Table, Tone};
use crate::wiring;

pub(in crate::commands) fn vacuum(context: &Context, args: &TableVacuumArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    // A batch under way writes files that no record names yet.
    let _lock = wiring::lock(&project, true, printer)?;
    let swept = context.block_on(1, async {
        let pipeline = wiring::pipeline(&project, crate::progress::for_printer(printer)).await?;
        pipeline.tables.recover().await?;
        Ok(wiring::maintenance(&project)?.vacuum(args.older_than, args.dry_run).await?)
    })?;
    if args.json {
        printer.data_text(&format!("{:#}\n", json!(swept)))?;
    } else {
        let mut tables: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for file in &swept {
            let (files, bytes) = tables.entry(&file.table).or_default();
            (*files, *bytes) = (*files + 1, *bytes + file.bytes);
        }
        let mut table = Table::new([("table", Side::Left), ("files", Side::Right), ("size", Side::Right)]);
        for (name, (files, bytes)) in &tables {
            table.row([(*name).to_owned(), render::thousands(*files), render::bytes(*bytes)].map(|c| (c, Tone::Plain)));
        }
        if !swept.is_empty() {
            printer.data_text(&table.text())?;
        }
    }
    let (files, bytes) = (swept.len() as u64, swept.iter().map(|file| file.bytes).sum());
    let done = if args.dry_run { "would be removed" } else { "removed" };
    printer.say(format_args!(
        "{}, {}, {done}: no version of the last {} days needs them",
        count(files, "file", "files"),
        render::bytes(bytes),
        args.older_than.num_days()
    ));
    Ok(Exit::Done)
}
