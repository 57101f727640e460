//! `shoplake query`: one SELECT over the tables as the last run left them.

use std::io::Read;
use std::time::Instant;

use shoplake_core::Fault;

use super::{Context, usage};
use crate::cli::{Output, QueryArgs};
use crate::failure::{Exit, Failure};
use crate::{records, render, wiring};

/// Rows of a table on stdout unless the user says otherwise.
const TABLE_ROWS: usize = 1_000;
/// Characters of a cell on a terminal.
const CELL_WIDTH: usize = 80;

pub(super) fn query(context: &Context, args: &QueryArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let sql = if args.sql == "-" { read_stdin()? } else { args.sql.clone() };
    let limit = match (args.limit, args.output) {
        (Some(0), _) => None,
        (None, Output::Table) => Some(TABLE_ROWS),
        (limit, _) => limit,
    };
    let cell_width = context.printer.data_is_terminal().then_some(CELL_WIDTH);
    let written = context.block_on(project.limits.threads, async {
        let reader = wiring::reader(&project).await?;
        let began = Instant::now();
        let rows = reader.engine.query(&reader.catalog, &sql).await?;
        let written = records::print(rows, args.output, limit, cell_width, &context.printer).await?;
        usage::of_query(&project, &reader.catalog, &sql, began.elapsed()).await;
        Ok(written)
    })?;
    if written.cut && args.limit.is_none() {
        let rows = render::thousands(written.rows as u64);
        context.printer.warn(format_args!("these are the first {rows} rows; `--limit 0` prints all"));
    }
    Ok(Exit::Done)
}

fn read_stdin() -> Result<String, Fault> {
    let mut sql = String::new();
    std::io::stdin().read_to_string(&mut sql).map_err(|error| {
        Fault::usage("the query on stdin cannot be read").hint("it must be UTF-8 text").caused_by(error)
    })?;
    Ok(sql)
}
