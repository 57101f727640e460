//! `shoplake quarantine ls`: how many rows were set aside, why, and what they are worth.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::{StreamExt, TryStreamExt, stream};
use shoplake_core::Fault;
use shoplake_core::ports::RowStream;

use super::{equals, filter};
use crate::cli::{Output, QuarantineLsArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::table::{Side, Table, Tone};
use crate::{records, render, wiring};

pub(in crate::commands) fn ls(context: &Context, args: &QuarantineLsArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    context.block_on(project.limits.threads, async {
        let reader = wiring::reader(&project).await?;
        let groups = if reader.catalog.tables.contains_key("quarantine") {
            reader.engine.query(&reader.catalog, &sql(args.dataset.as_deref())).await?
        } else {
            RowStream { schema: arrow_schema::Schema::empty().into(), batches: stream::empty().boxed() }
        };
        if args.json {
            records::print(groups, Output::Json, None, None, printer).await?;
            return Ok(());
        }
        let groups: Vec<RecordBatch> = groups.batches.try_collect().await?;
        let text = text(&groups, &project.currency)?;
        printer.data_text(&text)?;
        if text.is_empty() {
            printer.say("nothing is in quarantine");
        } else {
            printer.say("\n`shoplake quarantine show --dataset NAME --reason REASON` shows the rows");
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// The groups, largest first. The example is the first row of the first file, as `file:line` and value.
fn sql(dataset: Option<&str>) -> String {
    let filter = filter(&[dataset.map(|name| equals("dataset", name))]);
    format!(
        "SELECT dataset, reason, rule, column_name, \"rows\", money, \
                regexp_replace(split_part(\"first\", chr(31), 1), ':0+', ':') AS example, \
                nullif(split_part(\"first\", chr(31), 2), '') AS example_value \
         FROM (SELECT dataset, reason, rule, column_name, count(*) AS \"rows\", \
                      sum(TRY_CAST(money AS DECIMAL(38, 10))) AS money, \
                      min(source_file || ':' || lpad(CAST(source_line AS VARCHAR), 12, '0') || chr(31) \
                          || coalesce(value, '')) AS \"first\" \
               FROM quarantine {filter} GROUP BY dataset, reason, rule, column_name) \
         ORDER BY \"rows\" DESC, dataset, reason, rule, column_name"
    )
}

/// The groups as a table for people; empty where there are none.
fn text(groups: &[RecordBatch], currency: &str) -> Result<String, Fault> {
    if groups.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(String::new());
    }
    let heads = [("dataset", Side::Left), ("reason", Side::Left), ("rule", Side::Left), ("column", Side::Left)];
    let tail = [("rows".to_owned(), Side::Right), (format!("{currency} at stake"), Side::Right)];
    let heads = heads.map(|(name, side)| (name.to_owned(), side)).into_iter().chain(tail);
    let mut table = Table::new(heads.chain([("example".to_owned(), Side::Left)]));
    for batch in groups {
        for row in 0..batch.num_rows() {
            table.row(group(batch, row)?.map(|cell| (cell, Tone::Plain)));
        }
    }
    Ok(table.text())
}

fn group(batch: &RecordBatch, row: usize) -> Result<[String; 7], Fault> {
    let cell = |name: &str| -> Result<String, Fault> {
        let Some(column) = batch.column_by_name(name) else { return Ok(String::new()) };
        arrow_cast::display::array_value_to_string(column, row)
            .map_err(|error| Fault::internal("a group of the quarantine cannot be shown").caused_by(error))
    };
    let rows = batch.column_by_name("rows").and_then(|column| column.as_primitive_opt::<Int64Type>());
    let rows = rows.map_or(0, |rows| rows.value(row));
    // The object's key begins with folders of the landing zone; people know the file by its name.
    let place = cell("example")?;
    let place = place.rsplit('/').next().unwrap_or(&place);
    let value = cell("example_value")?;
    let example = if value.is_empty() { place.to_owned() } else { format!("{value} ({place})") };
    Ok([
        cell("dataset")?,
        cell("reason")?,
        cell("rule")?,
        cell("column_name")?,
        render::thousands(rows.unsigned_abs()),
        render::money(&cell("money")?),
        example,
    ])
}
