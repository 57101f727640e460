//! `shoplake quarantine show`: rows that were set aside, as they stood in their file.

use super::{equals, filter};
use crate::cli::{Output, QuarantineShowArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::{records, render, wiring};

/// Characters of a row that a table shows; JSON has all of it.
const RAW_WIDTH: usize = 120;

pub(in crate::commands) fn show(context: &Context, args: &QuarantineShowArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let limit = (args.limit > 0).then_some(args.limit);
    let output = if args.json { Output::Json } else { Output::Table };
    let written = context.block_on(project.limits.threads, async {
        let reader = wiring::reader(&project).await?;
        if !reader.catalog.tables.contains_key("quarantine") {
            return Ok(None);
        }
        let rows = reader.engine.query(&reader.catalog, &sql(args, limit)).await?;
        Ok(Some(records::print(rows, output, limit, Some(RAW_WIDTH), printer).await?))
    })?;
    match written {
        None if args.json => printer.data_text("[]\n")?,
        None => printer.say("nothing is in quarantine"),
        Some(written) if written.cut => {
            let rows = render::count(written.rows as u64, "row", "rows");
            printer.say(format_args!("\n{rows} shown, there are more: `--limit 0` shows all, `--json` in full"));
        }
        Some(_) => {}
    }
    Ok(Exit::Done)
}

/// The latest rows first. One more than the limit is asked for, to know whether there are more.
fn sql(args: &QuarantineShowArgs, limit: Option<usize>) -> String {
    let filter = filter(&[
        args.dataset.as_deref().map(|name| equals("dataset", name)),
        args.reason.as_deref().map(|reason| equals("reason", reason)),
    ]);
    let columns = if args.json {
        "dataset, source_file, source_line, reason, rule, column_name, value, violations, raw, run_id, quarantined_at"
    } else {
        "dataset, regexp_replace(source_file, '^.*/', '') || ':' || CAST(source_line AS VARCHAR) AS place, \
         reason, rule, column_name AS \"column\", value, raw"
    };
    let limit = limit.map(|limit| format!("LIMIT {}", limit.saturating_add(1))).unwrap_or_default();
    format!("SELECT {columns} FROM quarantine {filter} ORDER BY quarantined_at DESC, source_file, source_line {limit}")
}
